"""How far people let a strategy go: down at once by anybody who may stop things, up by another than who lowered it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.authorization import DEFAULT_RULES
from schemas.decisions import Oversight
from schemas.oversight import Control, Rollout, RolloutLevel
from schemas.people import People, Person, Role
from schemas.rollouts import LADDER, RolloutRow, lower_of, rollout_after, rung_below

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OBSERVE, SHADOW, APPROVE, CANARY, AUTOMATIC = LADDER
STOPS_ONLY = DEFAULT_RULES + 'forbid (principal == Person::"amir", action == Action::"release_switch", resource);'
PEOPLE = People(tuple(Person(name, frozenset({Role.OPERATOR}), "k") for name in ("olga", "amir", "vera")))


def word(by: str, level: RolloutLevel, seconds: float = 0) -> Control:
    return Control("rollout/rerun_job", by, NOW + timedelta(seconds=seconds), rollout=Rollout(level))


def after(*words: Control, people: People = PEOPLE, oversight: Oversight = Oversight.TWO_PERSON) -> RolloutRow | str:
    row: RolloutRow | str | None = None
    for each in words:
        row = rollout_after(row if isinstance(row, RolloutRow) else None, each, people, oversight)
    assert row is not None
    return row


def test_who_lowered_does_not_raise_and_another_does() -> None:
    lowered = word("olga", SHADOW)

    assert after(lowered) == RolloutRow(SHADOW, "olga", NOW, "olga")
    assert "takes another person" in str(after(lowered, word("olga", CANARY)))
    assert after(lowered, word("amir", CANARY)) == RolloutRow(CANARY, "amir", NOW, "olga")
    assert "olga has lowered it" in str(after(lowered, word("amir", APPROVE), word("olga", AUTOMATIC)))
    assert after(lowered, word("amir", APPROVE), word("vera", AUTOMATIC)) == RolloutRow(AUTOMATIC, "vera", NOW, "olga")
    assert after(lowered, word("amir", OBSERVE), word("olga", APPROVE)) == RolloutRow(APPROVE, "olga", NOW, "amir")


def test_saying_the_same_level_again_makes_nobody_the_one_who_lowered() -> None:
    assert after(word("olga", SHADOW), word("amir", SHADOW)) == RolloutRow(SHADOW, "amir", NOW, "olga")
    assert after(word("olga", AUTOMATIC)) == RolloutRow(AUTOMATIC, "olga", NOW)


def test_going_up_takes_the_right_to_release() -> None:
    stops = People(PEOPLE.persons, STOPS_ONLY)

    assert "no right to release_switch" in str(after(word("olga", SHADOW), word("amir", APPROVE), people=stops))
    assert after(word("olga", SHADOW), word("amir", OBSERVE), people=stops) == RolloutRow(OBSERVE, "amir", NOW, "amir")


def test_a_single_operators_raise_waits_and_a_lowering_in_between_ends_it() -> None:
    row = after(word("olga", SHADOW), word("olga", AUTOMATIC), oversight=Oversight.SINGLE_OPERATOR)
    assert isinstance(row, RolloutRow)
    assert row.level_at(NOW + timedelta(seconds=59)) is SHADOW
    assert row.level_at(NOW + timedelta(seconds=60)) is AUTOMATIC

    ended = after(word("olga", SHADOW), word("olga", AUTOMATIC), word("olga", OBSERVE, 30), oversight=Oversight.SINGLE_OPERATOR)
    assert isinstance(ended, RolloutRow)
    assert ended.level_at(NOW + timedelta(hours=1)) is OBSERVE


@pytest.mark.parametrize(("level", "below"), [*zip(LADDER, (OBSERVE, *LADDER), strict=False)])
def test_the_rung_below_is_the_next_that_goes_less_far(level: RolloutLevel, below: RolloutLevel) -> None:
    assert rung_below(level) is below
    assert lower_of(level, below, AUTOMATIC) is below


@given(st.lists(st.tuples(st.sampled_from(["olga", "amir", "vera"]), st.sampled_from(LADDER)), min_size=1, max_size=12))
@settings(deadline=None)
def test_no_row_of_words_lets_who_lowered_last_raise_it(said: list[tuple[str, RolloutLevel]]) -> None:
    row: RolloutRow | None = None
    for by, level in said:
        found = rollout_after(row, word(by, level), PEOPLE, Oversight.TWO_PERSON)
        before = row.level if row else AUTOMATIC
        is_raise = LADDER.index(level) > LADDER.index(before)
        assert isinstance(found, str) == (is_raise and row is not None and row.lowered_by == by)
        row = found if isinstance(found, RolloutRow) else row
