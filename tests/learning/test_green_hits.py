"""What hits a successful run is told by pattern and count, bounded, and what only shadows is told apart."""

from __future__ import annotations

from learning.green_hits import MAX_NAMED, SHADOW, from_signals, has_log, to_signals
from schemas.incidents import HitSeen
from schemas.vocabulary import Kind


def seen(pattern: str, line: int = 1, *, shadow: bool = False) -> HitSeen:
    return HitSeen(pattern, Kind.DISK_FULL, line, "a secret text", shadow=shadow)


def test_counts_come_back_as_they_were_told() -> None:
    signals = to_signals([seen("a", 1), seen("a", 2), seen("b"), seen("c", shadow=True)])
    assert from_signals(dict(signals)) == {"a": 2, "b": 1}
    assert from_signals(dict(signals), SHADOW) == {"c": 1}
    assert "secret" not in str(signals)
    assert has_log(dict(signals))


def test_other_signals_are_no_counts() -> None:
    assert from_signals({"tail": "x", "hits/a": "3"}) == {"a": 3}
    assert not has_log({"tail": "x", "hits/a": "3"})


def test_of_very_many_patterns_those_with_the_most_hits_are_named() -> None:
    signals = to_signals([*(seen(f"p{number}") for number in range(2 * MAX_NAMED)), seen("p99"), seen("p99", 2)])
    assert len(signals) == MAX_NAMED + 1
    assert dict(signals)["hits/p99"] == "3"
