"""The event stream: each change once and in order, from where a client was cut off, and never past its session's end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sse_starlette import ServerSentEvent

from console.site import views
from console.site.events import changes_from
from console.site.sessions import Limits
from schemas.ids import id_of
from tests.support.many_incidents import incident_of, whole_story
from tests.support.site_world import SiteWorld

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
Told = tuple[str | None, str | None, str]


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    return SiteWorld(tmp_path, NOW)


def last_number(world: SiteWorld) -> int:
    with world.site().base() as base:
        return views.last_change(base)


def lives(looks: int) -> Callable[[], bool]:
    """Return a session that lives for so many looks."""
    left = iter([True] * looks)
    return lambda: next(left, False)


async def told_after(world: SiteWorld, number: int) -> list[Told]:
    """Return what a client hears that has heard everything up to a number, in one look."""
    heard: list[ServerSentEvent] = [event async for event in changes_from(world.site(), number, lives(1))]
    return [(event.event, event.id, str(event.data)) for event in heard]


async def test_a_client_that_was_cut_off_hears_what_it_missed_and_nothing_twice(world: SiteWorld) -> None:
    world.tell(incident_of(1, NOW))
    first = last_number(world)
    world.tell(incident_of(2, NOW))
    world.tell(*whole_story(3, NOW))

    heard = await told_after(world, first)

    assert [name for name, _, _ in heard] == ["hello", "incident", "incident", "ended"]
    assert [json.loads(text)["id"] for name, _, text in heard if name == "incident"] == [id_of(incident_of(n, NOW)) for n in (2, 3)]
    assert [number for name, number, _ in heard if name == "incident"] == [str(first + 1), str(first + 2)]
    assert [name for name, _, _ in await told_after(world, first + 2)] == ["hello", "ended"]


async def test_after_a_gap_or_a_rebuilt_read_model_a_client_looks_at_everything_anew(world: SiteWorld) -> None:
    world.tell(incident_of(1, NOW), incident_of(2, NOW))
    heard = await told_after(world, 1_000)
    assert [name for name, _, _ in heard] == ["hello", "reset", "ended"]
    assert heard[1][1] == str(last_number(world))


async def test_a_stream_ends_with_its_session(world: SiteWorld) -> None:
    heard = [event.event async for event in changes_from(world.site(), 0, lives(0))]
    assert heard == ["hello", "ended"]


def test_a_wrong_last_event_id_and_too_many_streams_are_refused(world: SiteWorld) -> None:
    browser = world.browser().log_in("vic")
    assert browser.client.get("/events", headers={"last-event-id": "x"}).status_code == 400
    world.allow(Limits(streams=0))
    full = world.browser().log_in("vic").client.get("/events")
    assert (full.status_code, "retry-after" in full.headers) == (429, True)
