"""The tab of patterns: try a log, answer proposals, find a pattern and try it on the recorded logs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from console.proposals import WAITING
from console.site.entrance import SiteHere, Visitor, VisitorHere
from console.site.frame import whole
from console.site.judging import Judge, JudgeHere, pattern_rows, proposals_in, report_row
from console.site.known import known_of
from console.site.login import FormHere
from console.site.looks import draw
from console.site.marked import pieces_of
from console.site.pattern_api import MAX_TRIED_CHARS
from console.site.place import Site
from console.site.rights import may_do
from schemas.pattern_review import PatternState
from schemas.people import Right
from schemas.vocabulary import Group, Kind, group_of

PATTERNS = APIRouter(prefix="/patterns", include_in_schema=False)
MAX_SHOWN = 50
_KINDS = [one.value for one in Kind if group_of(one) in {Group.INFRA, Group.CODE}]
Find = Annotated[str, Query(max_length=200)]


@PATTERNS.get("")
def tab(visitor: VisitorHere, site: SiteHere, find: Find = "", state: Find = "") -> HTMLResponse:
    """Return the tab."""
    values = {**_found(site, find, state), **_proposals(site, visitor), "most": MAX_TRIED_CHARS, "tried": None, "lines": []}
    return whole("patterns", site, visitor, values)


@PATTERNS.get("/found")
def found(_visitor: VisitorHere, site: SiteHere, find: Find = "", state: Find = "") -> HTMLResponse:
    """Return the patterns that hold the words."""
    return HTMLResponse(draw("found.html", **_found(site, find, state)))


@PATTERNS.get("/proposals")
def proposals(visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return the proposals that wait."""
    return HTMLResponse(draw("proposals.html", **_proposals(site, visitor), kinds=_KINDS))


@PATTERNS.get("/one/{name}")
def one(name: str, visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return one pattern in full."""
    known, people = known_of(site), site.people()
    pattern = known.shelf.named(name)
    author = known.shelf.author_of(name)
    waits = known.states[name] == PatternState.SHADOW and known.shelf.shipped.get(name) != pattern
    may_accept = waits and author not in {"", visitor.name} and may_do(visitor.session, people, Right.PROMOTE_MODEL)
    may_refuse = waits and may_do(visitor.session, people, Right.EDIT_PATTERN)
    values = {"pattern": pattern, "state": known.states[name], "author": author, "may_accept": may_accept, "may_refuse": may_refuse}
    return HTMLResponse(draw("pattern.html", **values))


@PATTERNS.post("/one/{name}/backtest")
def backtest(name: str, judge: JudgeHere) -> HTMLResponse:
    """Try one pattern on the recorded logs and return the report."""
    return HTMLResponse(draw("report.html", report=report_row(judge.try_pattern(name))))


@PATTERNS.post("/try")
def try_pasted(judge: JudgeHere, form: FormHere) -> HTMLResponse:
    """Return what the patterns see in a pasted log."""
    return HTMLResponse(draw("tried.html", **_tried(judge, form.get("text", ""))))


def _tried(judge: Judge, text: str) -> dict[str, object]:
    if not text.strip():
        return {"tried": None, "lines": []}
    told = judge.try_text(text)
    return {"tried": told, "lines": [(line, pieces_of(line.text, line.expressions)) for line in told.lines]}


def _found(site: Site, find: str, state: str) -> dict[str, object]:
    rows, count = pattern_rows(site, find, state, MAX_SHOWN)
    return {"patterns": rows, "count": count, "find": find, "goes": state, "states": [one.value for one in PatternState], "kinds": _KINDS}


def _proposals(site: Site, visitor: Visitor) -> dict[str, object]:
    people = site.people()
    waiting = [view for view in proposals_in(site) if view.standing in WAITING]
    may = {right.value: may_do(visitor.session, people, right) for right in (Right.PROMOTE_MODEL, Right.EDIT_PATTERN)}
    return {"proposals": [view.full() for view in waiting], "may_answer": may}
