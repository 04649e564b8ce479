"""Patterns that hit successful runs demote themselves: every worker puts them into shadow, and only a person's later word lifts that.

Kept by classify, which alone sees every run and alone turns hits into kinds: what it demotes counts no more from the next detection on,
and ``heal.demotions`` tells all workers, who take it up within seconds (``rules_in_force.py``). Times are the events' own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from learning.green_evidence import MAX_OWNERS, GreenRow, GreenRun, with_hit
from learning.green_hits import from_signals, has_log
from schemas.configuration import Configuration
from schemas.incidents import Detection
from schemas.outputs import Count, Emit, Output
from schemas.oversight import AuditEntry
from schemas.pattern_review import PatternDemotion, counted_reviews, held_back
from schemas.vocabulary import Result
from streams.rows import Rows
from streams.storms import is_vouched_for, owner_of

MAX_PATTERNS = 2_000
# An owner without a successful run among so many is no reason to wait for others.
_LATE = 200
_MARK = "runs"


@dataclass(frozen=True, slots=True)
class OwnerSeen:
    """An owner of repositories and the number of their last successful run."""

    owner: str
    number: int


@dataclass(frozen=True, slots=True)
class GreenMark:
    """How many successful runs there were, and whose the latest ones were."""

    runs: int = 0
    owners: tuple[OwnerSeen, ...] = ()

    def after(self, owner: str) -> GreenMark:
        """Return it with one more run."""
        number = self.runs + 1
        kept = [seen for seen in self.owners if seen.owner != owner and number - seen.number <= _LATE]
        return GreenMark(number, (*kept, OwnerSeen(owner, number))[-MAX_OWNERS:])


class GreenWatch:
    """Rows by pattern of what hits successful runs, and of what was demoted for it."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration) -> None:
        """Begin again from a snapshot's entries; what a person has let act again since is not held back."""
        self._share = configuration.policy.live_green_share
        self._mark = Rows("green-mark/", GreenMark, 1)
        self._rows = Rows("green/", GreenRow, MAX_PATTERNS)
        self._demoted = Rows("demoted/", PatternDemotion, MAX_PATTERNS)
        for rows in (self._mark, self._rows, self._demoted):
            rows.load(entries)
        self._reviews = counted_reviews(configuration.reviews, configuration.people)
        self.held_back = held_back(self._demoted.values(), self._reviews)

    def on_passed(self, detection: Detection) -> Sequence[Output]:
        """Count one run that succeeded; return what is to be said of patterns that hit too many of them."""
        run = detection.run
        signals = dict(detection.signals)
        has_passed = run is not None and detection.result is Result.SUCCESS and has_log(signals)
        if run is None or not has_passed or not is_vouched_for(detection.provenance):
            return ()
        owner = owner_of(f"{run.source}/{run.project}")
        mark = (self._mark.get(_MARK) or GreenMark()).after(owner)
        self._mark.put(_MARK, mark)
        outputs: list[Output] = []
        for pattern in from_signals(signals):
            # A worker that has not heard of it yet still tells its hits.
            if pattern not in self.held_back:
                outputs += self._count(pattern, GreenRun(mark.runs, owner, len(mark.owners)), detection.last_at)
        return outputs

    def shadowed(self, detection: Detection) -> Detection:
        """Return the detection in which the hits of what is held back decide nothing."""
        if not any(hit.pattern in self.held_back for hit in detection.hits):
            return detection
        hits = tuple(replace(hit, shadow=True) if hit.pattern in self.held_back else hit for hit in detection.hits)
        return replace(detection, hits=hits)

    def _count(self, pattern: str, run: GreenRun, at: datetime) -> Sequence[Output]:
        row, is_too_much = with_hit(self._rows.get(pattern) or GreenRow(), run, self._share)
        if not is_too_much:
            self._rows.put(pattern, row)
            return ()
        self._rows.drop(pattern)
        seen = run.number - row.first + 1
        why = f"it hit {row.hits} of the last {seen} successful runs, {self._share:.0%} are borne"
        demotion = PatternDemotion(pattern, at, row.hits, seen, why)
        self._demoted.put(pattern, demotion)
        self.held_back = held_back(self._demoted.values(), self._reviews)
        lifts = f"narrow it, or let it act again: `healstream pattern accept {pattern}`"
        details = (("green", str(row.hits)), ("lifts", lifts), ("runs", str(seen)), ("why", why))
        return [
            Emit(demotion),
            Emit(AuditEntry("classify", "pattern.demoted", pattern, at, details)),
            Count("healstream_drift_detected_total", (("model", f"pattern/{pattern}"),)),
        ]

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries changed since the last call."""
        return {**self._mark.take_changes(), **self._rows.take_changes(), **self._demoted.take_changes()}

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        return {**self._mark.snapshot(), **self._rows.snapshot(), **self._demoted.snapshot()}
