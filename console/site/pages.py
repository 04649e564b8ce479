"""The page and its parts as HTML: whole at the first look, part by part when something changes; every change goes to ``/api/v1``."""

from __future__ import annotations

from mimetypes import guess_type
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from console.site import views
from console.site.asked import Asked, AskedHere
from console.site.entrance import SiteHere, VisitorHere
from console.site.frame import head_values, whole
from console.site.looks import asset_body, digest_of, draw
from console.site.place import Site
from console.site.seven import seven_targets
from console.site.ticks import ticks_in
from schemas.errors import NotFoundError
from schemas.lifecycle import Life
from schemas.vocabulary import Kind

PAGES = APIRouter(include_in_schema=False)
STATIC = ("site.css", "site.js", "htmx.min.js", "uPlot.iife.min.js", "uPlot.min.css")
_PARTS = frozenset({"head", "targets", "needs", "now", "day"})


@PAGES.get("/")
def page(visitor: VisitorHere, site: SiteHere, asked: AskedHere) -> HTMLResponse:
    """Return the whole page, with the history that the address asks for."""
    return whole("overview", site, visitor, {**_summary(site), **_history(site, asked)})


@PAGES.get("/parts/{part}")
def part(part: str, visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return one part as it is now."""
    if part not in _PARTS:
        raise NotFoundError(f"part {part[:40]}", "the page has no such part", "Load the page again")
    with site.base() as base:
        head = head_values(site, visitor, base)
    return HTMLResponse(draw("parts.html", part=part, **head, **_summary(site)))


@PAGES.get("/history")
def history(_visitor: VisitorHere, site: SiteHere, asked: AskedHere) -> HTMLResponse:
    """Return the history's rows for the filters."""
    return HTMLResponse(draw("history.html", **_history(site, asked)))


@PAGES.get("/static/{name}")
def static(name: str, v: str = "") -> Response:
    """Return one of the page's own files; ``v`` names the content that the page was made for."""
    if name not in STATIC:
        raise NotFoundError(f"file {name[:40]}", "the page has no such file", "Load the page again")
    kept = "private, max-age=31536000, immutable" if v == digest_of(name) else "no-cache"
    return Response(asset_body(name), media_type=guess_type(name)[0] or "application/octet-stream", headers={"cache-control": kept})


def _summary(site: Site) -> dict[str, object]:
    now, people = site.now(), site.people()
    with site.base() as base:
        waiting, bars = views.pending(base, now), views.bars(base, now)
        return {
            "targets": seven_targets(base, now),
            "waiting": [(row, row.given(people, now), row.decision.expires_at - now) for row in waiting],
            "going": views.recoveries(base, 20, going=True).items,
            "bars": bars,
            "ticks": ticks_in(base, people, now),
            "ends": sorted({state for row in bars for state in _ends(row)}),
        }


def _ends(row: views.Row) -> list[str]:
    found = row["ends"]
    return list(found) if isinstance(found, dict) else []


def _history(site: Site, asked: Asked) -> dict[str, object]:
    with site.base() as base:
        found = views.incidents(base, asked.filters(), asked.limit, asked.after)
    said = {name: value for name, value in asked.model_dump(mode="json", exclude_defaults=True).items() if value}
    following = urlencode({**said, "after": found.next}) if found.next else ""
    known = {"states": [one.value for one in Life], "kinds": [one.value for one in Kind]}
    return {**known, "rows": found.items, "asked": asked, "following": following}
