"""The page and its parts as HTML: whole at the first look, part by part when something changes; every change goes to ``/api/v1``."""

from __future__ import annotations

from mimetypes import guess_type
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from console.casefile import case_json
from console.site import views
from console.site.asked import Asked, AskedHere
from console.site.entrance import SiteHere, Visitor, VisitorHere
from console.site.looks import asset_body, digest_of, draw
from console.site.place import Site
from console.site.rights import may_table
from console.site.seven import seven_targets
from console.site.timeline import sentence, timeline
from console.switching import switch_rows
from schemas.errors import NotFoundError
from schemas.ids import Record, id_of
from schemas.lifecycle import Life
from schemas.oversight import ModelChange, ModelRecord
from schemas.vocabulary import Kind

PAGES = APIRouter(include_in_schema=False)
STATIC = ("site.css", "site.js", "htmx.min.js", "uPlot.iife.min.js", "uPlot.min.css")
_PARTS = frozenset({"head", "targets", "needs", "now", "day"})


@PAGES.get("/")
def page(visitor: VisitorHere, site: SiteHere, asked: AskedHere) -> HTMLResponse:
    """Return the whole page, with the history that the address asks for."""
    values = {**_summary(site, visitor), **_history(site, asked), "csrf": visitor.session.csrf}
    return HTMLResponse(draw("page.html", **values))


@PAGES.get("/parts/{part}")
def part(part: str, visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return one part as it is now."""
    if part not in _PARTS:
        raise NotFoundError(f"part {part[:40]}", "the page has no such part", "Load the page again")
    return HTMLResponse(draw("parts.html", part=part, **_summary(site, visitor)))


@PAGES.get("/history")
def history(_visitor: VisitorHere, site: SiteHere, asked: AskedHere) -> HTMLResponse:
    """Return the history's rows for the filters."""
    return HTMLResponse(draw("history.html", **_history(site, asked)))


@PAGES.get("/incidents/{incident}")
def drawer(incident: str, _visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return everything about one incident, for the drawer."""
    with site.base() as base:
        name, view = views.incident_named(base, incident)
    decision = view.decisions[-1] if view.decisions else None
    values = {"name": name, "view": view, "state": view.life().value, "decision": decision, "final": view.final()}
    values["decision_id"] = id_of(decision) if decision else ""
    return HTMLResponse(draw("drawer.html", sentence=sentence(view), moments=timeline(view), raw=case_json(name, view), **values))


@PAGES.get("/static/{name}")
def static(name: str, v: str = "") -> Response:
    """Return one of the page's own files; ``v`` names the content that the page was made for."""
    if name not in STATIC:
        raise NotFoundError(f"file {name[:40]}", "the page has no such file", "Load the page again")
    kept = "private, max-age=31536000, immutable" if v == digest_of(name) else "no-cache"
    return Response(asset_body(name), media_type=guess_type(name)[0] or "application/octet-stream", headers={"cache-control": kept})


def _summary(site: Site, visitor: Visitor) -> dict[str, object]:
    now, people = site.now(), site.people()
    with site.base() as base:
        waiting, bars = views.pending(base, now), views.bars(base, now)
        values: dict[str, object] = {
            "targets": seven_targets(base, now),
            "waiting": [(row, row.decision.expires_at - now) for row in waiting],
            "going": views.recoveries(base, 20, going=True).items,
            "bars": bars,
            "ends": sorted({state for row in bars for state in _ends(row)}),
            "model": _model([row for _, row in views.newest(base, ModelRecord.RECORD, 200)]),
        }
    may = may_table(visitor.session, people)
    switches = switch_rows(site.home, site.switches())
    return {**values, "who": visitor.name, "may": may, "switches": switches, "processes": site.processes(), "now": now}


def _ends(row: views.Row) -> list[str]:
    found = row["ends"]
    return list(found) if isinstance(found, dict) else []


def _model(newest_first: list[Record]) -> str:
    acting = (row.version for row in newest_first if isinstance(row, ModelRecord) and row.change is ModelChange.ACTING)
    return next(acting, "shipped")


def _history(site: Site, asked: Asked) -> dict[str, object]:
    with site.base() as base:
        found = views.incidents(base, asked.filters(), asked.limit, asked.after)
    said = {name: value for name, value in asked.model_dump(mode="json", exclude_defaults=True).items() if value}
    following = urlencode({**said, "after": found.next}) if found.next else ""
    known = {"states": [one.value for one in Life], "kinds": [one.value for one in Kind]}
    return {**known, "rows": found.items, "asked": asked, "following": following}
