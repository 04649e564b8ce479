"""The tab of learning: how well failures are recognised, what drifted, champion against challenger, and a person's promotion."""

from __future__ import annotations

import sqlite3

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from console.home import SHAPE
from console.model_words import ModelShelf, shelf_of
from console.promoting import promote
from console.site import views
from console.site.entrance import ChangerHere, SiteHere, Visitor, VisitorHere
from console.site.frame import whole
from console.site.lessons import DRIFT, accuracy_rows, kind_rows, lesson_rows, verdicts_in
from console.site.looks import draw
from console.site.place import Site
from console.site.rights import may_do
from schemas.oversight import ModelRecord
from schemas.people import Right

LEARNING = APIRouter()
_NEWEST_MODELS = 1000


@LEARNING.get("/learning", include_in_schema=False)
def tab(visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return the tab."""
    return whole("learning", site, visitor, _values(site, visitor))


@LEARNING.get("/learning/now", include_in_schema=False)
def now_part(visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return what the tab shows as it is now."""
    return HTMLResponse(draw("lessons.html", **_values(site, visitor)))


@LEARNING.get("/api/v1/accuracy")
def list_accuracy(_visitor: VisitorHere, site: SiteHere) -> dict[str, object]:
    """Show which share of the judged incidents was recognised rightly, by who judged it, by time and by kind."""
    with site.base() as base:
        verdicts = verdicts_in(base)
    return {"version": SHAPE, "items": accuracy_rows(verdicts, site.now()), "kinds": kind_rows(verdicts, site.now()), "next": ""}


@LEARNING.get("/api/v1/drift")
def list_drift(_visitor: VisitorHere, site: SiteHere) -> dict[str, object]:
    """Show the newest drifts that the audit tells of, the newest first."""
    with site.base() as base:
        return {"version": SHAPE, "items": lesson_rows(base, (DRIFT,)), "next": ""}


@LEARNING.post("/api/v1/models/{version}/promote")
def say_promotion(version: str, changer: ChangerHere, site: SiteHere) -> dict[str, object]:
    """Let a proposed version, or one that acted before, act; learn judges the word by the same rule."""
    with site.base() as base:
        return {"version": SHAPE, "said": promote(site.home, changer.name, lambda: _shelf(base, site), version, site.say)}


def _shelf(base: sqlite3.Connection, site: Site) -> ModelShelf:
    records = [record for _, record in reversed(views.newest(base, ModelRecord.RECORD, _NEWEST_MODELS))]
    return shelf_of([record for record in records if isinstance(record, ModelRecord)], site.people())


def _values(site: Site, visitor: Visitor) -> dict[str, object]:
    with site.base() as base:
        verdicts, shelf = verdicts_in(base), _shelf(base, site)
        told = lesson_rows(base)
    return {
        "accuracy": accuracy_rows(verdicts, site.now()),
        "by_kind": kind_rows(verdicts, site.now())[:12],
        "drifts": [row for row in told if row["action"] == DRIFT],
        "told": [row for row in told if row["action"] != DRIFT],
        "models": shelf.rows(),
        "me": visitor.name,
        "may_promote": may_do(visitor.session, site.people(), Right.PROMOTE_MODEL),
    }
