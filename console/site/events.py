"""``/events``: each change of the read model as a server-sent event with its number, so that a client goes on where it was cut off.

An event says what changed and its id, never a stranger's text: who hears it asks the interface for the rest.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from console.site import views
from console.site.entrance import DoorsHere, SiteHere, VisitorHere, lasts
from console.site.place import Site
from schemas.errors import TooManyError, UsageError

EVENTS = APIRouter()
_AGAIN_MS, _PING_S = 2000, 15
Change = tuple[int, str, str]


@dataclass(slots=True)
class Streams:
    """How many streams are open."""

    open: int = field(default=0)


@EVENTS.get("/events", response_class=EventSourceResponse)
async def stream(request: Request, visitor: VisitorHere, site: SiteHere, doors: DoorsHere) -> EventSourceResponse:
    """Tell every change from ``Last-Event-ID`` on, from now on without one; ``reset``: look at everything anew."""
    last = await run_sync(_begin, site, request.headers.get("last-event-id", ""))
    streams = request.app.state.streams
    if streams.open >= site.settings.limits.streams:
        raise TooManyError("events", f"{streams.open} streams are open", "Close a page, then try again", 5)
    streams.open += 1

    async def told() -> AsyncIterator[ServerSentEvent]:
        try:
            async for event in changes_from(site, last, lambda: lasts(visitor, site, doors)):
                yield event
        finally:
            streams.open -= 1

    return EventSourceResponse(told(), ping=_PING_S)


def _begin(site: Site, said: str) -> int:
    if said and not (said.isdecimal() and len(said) < 19):
        raise UsageError("Last-Event-ID", "it is no number of an event", "Leave it out, or send the id of the last event")
    with site.base() as base:
        return int(said) if said else views.last_change(base)


async def changes_from(site: Site, last: int, lives: Callable[[], bool]) -> AsyncIterator[ServerSentEvent]:
    """Yield the changes after a number, until the session ends."""
    yield ServerSentEvent(event="hello", id=str(last), data="{}", retry=_AGAIN_MS)
    while lives():
        is_gap, found, newest = await run_sync(_look, site, last)
        if is_gap:
            last = newest
            yield ServerSentEvent(event="reset", id=str(last), data="{}")
        for number, what, name in found:
            last = number
            yield ServerSentEvent(event=what, id=str(number), data=json.dumps({"id": name}))
        if not found:
            await anyio.sleep(site.settings.poll_s)
    yield ServerSentEvent(event="ended", data="{}")


def _look(site: Site, last: int) -> tuple[bool, list[Change], int]:
    with site.base() as base:
        if views.has_gap(base, last):
            return True, [], views.last_change(base)
        return False, views.changes_after(base, last), last
