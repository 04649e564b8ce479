"""The pattern audit on small runs: each finding is made where it should be and not where it should not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.pattern_audit import AuditRules, Finding, PatternAudit, PatternCare, RunSeen, Word, audit_patterns, find_overlaps, wilson
from learning.patterns.model import Pattern
from schemas.vocabulary import Kind
from tests.support.own_pattern import OWN_ROW

RULES = AuditRules()
RELATED = {(Kind.DISK_FULL, Kind.COMPILE_ERROR)}


def pattern(name: str, kind: Kind = Kind.DISK_FULL) -> Pattern:
    return Pattern.model_validate({**OWN_ROW, "id": name, "kind": kind})


def run(number: int, kind: Kind, **lines: Sequence[int]) -> RunSeen:
    return RunSeen(str(number), kind, {name: frozenset(found) for name, found in lines.items()})


def is_related(one: Kind, other: Kind) -> bool:
    return one is other or (one, other) in RELATED or (other, one) in RELATED


def audited(*runs: RunSeen, words: Sequence[Word] = (), names: Sequence[str] = ("a",), demoted: Sequence[str] = ()) -> PatternAudit:
    return audit_patterns([pattern(name) for name in names], runs, words, is_related, RULES, frozenset(demoted))


def row_of(report: PatternAudit, name: str = "a") -> PatternCare:
    [found] = [row for row in report.rows if row.pattern == name]
    return found


def test_a_pattern_that_hit_nothing_is_dead_and_one_that_hit_is_not() -> None:
    report = audited(run(1, Kind.DISK_FULL, a=[3]), names=("a", "b"))
    assert (row_of(report).findings, row_of(report, "b").findings) == ((), (Finding.DEAD,))


def test_a_pattern_that_hits_many_green_runs_is_over_broad() -> None:
    quiet = [run(number, Kind.SUCCESS) for number in range(20)]
    green = [run(100 + number, Kind.SUCCESS, a=[0]) for number in range(3)]
    red = [run(200 + number, Kind.DISK_FULL, a=[1]) for number in range(9)]
    assert row_of(audited(*quiet, *green, *red)).findings == (Finding.GREEN,)
    assert row_of(audited(*quiet, *green[:2], *red)).findings == ()
    assert row_of(audited(*quiet, *quiet, *green, *red)).findings == ()
    assert row_of(audited(*quiet, *quiet, *green, red[0])).findings == (Finding.GREEN,)


def test_kinds_that_explain_each_other_are_no_breadth_and_three_foreign_ones_are() -> None:
    own = [run(1, Kind.DISK_FULL, a=[1]), run(2, Kind.COMPILE_ERROR, a=[1]), run(3, Kind.UNKNOWN, a=[1])]
    two = [run(4, Kind.TIMEOUT, a=[1]), run(5, Kind.RATE_LIMITED, a=[1])]
    assert row_of(audited(*own, *two)).findings == ()
    broad = row_of(audited(*own, *two, run(6, Kind.DNS_RESOLUTION, a=[1])))
    assert (broad.findings, broad.foreign) == ((Finding.BROAD,), (Kind.DNS_RESOLUTION, Kind.RATE_LIMITED, Kind.TIMEOUT))


def test_two_patterns_on_the_same_lines_are_told_on_both_sides() -> None:
    report = audited(run(1, Kind.DISK_FULL, a=range(1, 7), b=range(1, 7)), names=("a", "b"))
    assert [(pair.narrow, pair.wide, pair.shared, pair.is_same) for pair in report.overlaps] == [("a", "b", 6, True)]
    assert {row.pattern: (row.findings, row.overlaps) for row in report.rows} == {
        "a": ((Finding.SAME,), ("b",)),
        "b": ((Finding.SAME,), ("a",)),
    }


def test_a_pattern_inside_another_is_told_on_the_narrow_side_only() -> None:
    report = audited(run(1, Kind.DISK_FULL, a=range(1, 7), b=range(1, 20)), names=("a", "b"))
    assert (row_of(report).findings, row_of(report, "b").findings) == ((Finding.INSIDE,), ())


def test_a_pattern_on_the_lines_of_a_hint_repeats_nothing_and_two_hints_may() -> None:
    runs = [run(number, Kind.DISK_FULL, a=[3], b=[3]) for number in range(9)]
    patterns = [pattern("a"), pattern("b")]
    beside, both = (audit_patterns(patterns, runs, (), is_related, AuditRules(hints=frozenset(hints))) for hints in ({"b"}, {"a", "b"}))
    assert (row_of(beside).findings, row_of(beside, "b").findings, beside.overlaps) == ((), (), ())
    assert row_of(both).findings == (Finding.SAME,)


def test_few_lines_and_lines_that_nobody_knows_are_no_overlap() -> None:
    few = run(1, Kind.DISK_FULL, a=range(1, 5), b=range(1, 5))
    unknown = [run(number, Kind.SUCCESS, a=[0], b=[0]) for number in range(2, 20)]
    assert list(find_overlaps([few, *unknown], RULES)) == []


def test_precision_counts_words_and_healing_counts_ends_of_their_own() -> None:
    words = [Word("a", is_right=True), Word("a", is_right=False), Word("a", is_healed=True), Word("b", is_right=False)]
    row = row_of(audited(run(1, Kind.DISK_FULL, a=[1]), words=words))
    assert ((row.precision.yes, row.precision.n), (row.healed.yes, row.healed.n)) == ((1, 2), (1, 1))


def test_a_pattern_is_imprecise_when_even_the_upper_bound_is_too_low() -> None:
    seen = run(1, Kind.DISK_FULL, a=[1])
    assert row_of(audited(seen, words=[Word("a", is_right=False)] * 2)).findings == ()
    assert row_of(audited(seen, words=[Word("a", is_right=False)] * 3)).findings == (Finding.IMPRECISE,)
    assert row_of(audited(seen, words=[Word("a", number % 4 != 0) for number in range(20)])).findings == ()


def test_a_demoted_pattern_is_told() -> None:
    assert row_of(audited(run(1, Kind.DISK_FULL, a=[1]), demoted=["a"])).findings == (Finding.DEMOTED,)


@pytest.mark.parametrize(
    ("yes", "n", "low", "high"), [(0, 0, 0.0, 1.0), (8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775)]
)
def test_the_interval_is_wilsons(yes: int, n: int, low: float, high: float) -> None:
    share = wilson(yes, n)
    assert [share.low, share.high] == pytest.approx([low, high], abs=1e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_within_bounds(counts: tuple[int, int]) -> None:
    yes, n = counts
    share = wilson(yes, n)
    assert 0.0 <= share.low <= yes / n + 1e-4
    assert yes / n - 1e-4 <= share.high <= 1.0
