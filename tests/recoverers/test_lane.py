"""A partition's lane: one changing command a scope, and nobody waits for a held scope longer than they may, or once the lane is lost."""

from __future__ import annotations

from typing import cast

import pytest

from infra.journal_log import JournalWriter
from infra.metrics import Metrics
from recoverers import worker
from recoverers.worker import Lane
from schemas.errors import FencedError


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> Lane:
    monkeypatch.setattr(worker, "ASK_SCOPE_S", 0.01)
    return Lane(0, cast("JournalWriter", None), Metrics())


def test_a_scope_is_held_by_one_and_another_scope_is_free(lane: Lane) -> None:
    with lane.scope("toys", lambda: True) as first, lane.scope("toys", lambda: True) as second, lane.scope("disks", lambda: True) as other:
        assert (first, second, other) == (True, False, True)
    with lane.scope("toys", lambda: True) as again:
        assert again


def test_who_waits_for_a_scope_asks_until_it_may_not_any_more(lane: Lane) -> None:
    answers = iter([False, False, True])
    with lane.scope("toys", lambda: True), lane.scope("toys", lambda: next(answers)) as held:
        assert not held
    assert next(answers, None) is None


def test_who_waits_for_a_scope_of_a_lost_partition_stops(lane: Lane) -> None:
    def lose() -> bool:
        lane.lost.set()
        return False

    with lane.scope("toys", lambda: True), pytest.raises(FencedError), lane.scope("toys", lose):
        raise AssertionError("it may not be held")
