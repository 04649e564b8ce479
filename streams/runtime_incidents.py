"""Detections of services and hosts: one open incident a scope, the deepest failing target first; used by ``streams/classify.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.configuration import Configuration
from schemas.ids import id_of
from schemas.incidents import FLAP, Detection, UpdateCause
from schemas.outputs import Emit, Output
from schemas.policy import Policy
from schemas.services import Services
from streams.depth import beneath, deepest
from streams.incident_book import MAX_ROWS, BookRow, IncidentBook, sign_of
from streams.opening import Stamp, enter_incident, open_incident, outlast_holdout, update_of
from streams.rows import Rows
from streams.runtime_kinds import EXACT_KINDS, classify_runtime
from streams.steady_time import SteadyTime
from streams.storms import Storms


@dataclass(frozen=True, slots=True)
class GatherRow:
    """Detections of one scope that wait until ``due`` for a deeper one."""

    due: datetime
    detections: tuple[Detection, ...]


class RuntimeIncidents:
    """What fires on targets, gathered by scope until its cause can be named."""

    def __init__(self, entries: Mapping[str, str], book: IncidentBook, storms: Storms, configuration: Configuration) -> None:
        """Begin again from a snapshot's entries."""
        self._book = book
        self._storms = storms
        self._services = configuration.services
        self._policy = configuration.policy
        self.gathered = Rows("gather/", GatherRow, MAX_ROWS)
        self.gathered.load(entries)
        # A clock that is set back, and put right again, ends no wait and makes none longer.
        self._time = SteadyTime()

    def on_failed(self, detection: Detection, stamp: Stamp) -> Sequence[Output]:
        """Let a firing detection join what is known of its scope, wait for a deeper one, or open an incident."""
        found = self._book.newest_in(detection.scope)
        # What was held out is left alone with all that fires in its scope, else the measure would be of something else.
        if found and found[1].is_followed():
            self._book.note(found[0], detection)
            return [Emit(update_of(found[0], UpdateCause.EVIDENCE, detection))]
        # What happened before the command's end was its own doing.
        if found and _was_caused(found[1], detection):
            return [Emit(update_of(found[0], UpdateCause.EVIDENCE, detection))]
        return self._wait_or_open(detection, stamp)

    def on_outlived(self, detection: Detection, stamp: Stamp) -> Sequence[Output]:
        """Take a detection that fires beyond the end of its incident; the first opens the next one, the others join it."""
        found = self._book.newest_in(detection.scope)
        return self.on_failed(detection, stamp) if found and found[1].is_open else self._wait_or_open(detection, stamp)

    def _wait_or_open(self, detection: Detection, stamp: Stamp) -> Sequence[Output]:
        waiting = self.gathered.get(detection.scope)
        gathered = (*(waiting.detections if waiting else ()), detection)
        if not beneath(detection.target, self._services) and not _may_be_named_better(detection, self._services):
            return self._open(detection.scope, gathered, stamp)
        soon = self._time.after(stamp.now) + timedelta(seconds=self._policy.gather_s)
        self.gathered.put(detection.scope, GatherRow(min(waiting.due, soon) if waiting else soon, gathered))
        return ()

    def expect_end(self, remaining: Sequence[Detection], now: datetime) -> None:
        """Let what failed with a cause that is healed now end by itself; what does not opens the next incident of its scope.

        Its failure counts from now: until now it was explained.
        """
        if remaining:
            waits = (_aftermath_s(detection.target, self._services, self._policy) for detection in remaining)
            due = self._time.after(now) + timedelta(seconds=max(waits))
            anew = tuple(replace(detection, first_at=max(detection.first_at, now)) for detection in remaining)
            self.gathered.put(remaining[0].scope, GatherRow(due, anew))

    def on_resolved(self, detection: Detection, stamp: Stamp) -> Sequence[Output]:
        """Take a detection out of the waiting ones, or tell its scope's open incident."""
        said = self._end_waiting(detection, stamp)
        found = self._book.newest_in(detection.scope)
        if found is None or not found[1].is_followed():
            return said
        over = self._book.note(found[0], detection) and detection.target == found[1].incident.target
        if over and found[1].is_left_alone:
            # What else failed in its scope was left alone with it, and has had its time.
            self.expect_end(self._book.left_alone.end(found[0]), stamp.now)
        return [*said, Emit(update_of(found[0], UpdateCause.RESOLVED if over else UpdateCause.EVIDENCE, detection))]

    def _end_waiting(self, detection: Detection, stamp: Stamp) -> Sequence[Output]:
        waiting = self.gathered.get(detection.scope)
        if waiting is None:
            return ()
        if any(_was_failure(row, detection) for row in waiting.detections):
            return self._open(detection.scope, waiting.detections, stamp)
        rest = tuple(row for row in waiting.detections if sign_of(row) != sign_of(detection))
        self.gathered.drop(detection.scope)
        if rest:
            self.gathered.put(detection.scope, GatherRow(waiting.due, rest))
        return ()

    def open_due(self, stamp: Stamp) -> Sequence[Output]:
        """Open the scopes whose gathering is over."""
        now = self._time.after(stamp.now)
        # No wait is that long: such a row was written, in an earlier life, by a clock that has been set back since.
        targets = {detection.target for _, row in self.gathered.items() for detection in row.detections}
        aftermaths = (_aftermath_s(target, self._services, self._policy) for target in targets)
        longest = timedelta(seconds=max([self._policy.gather_s, *aftermaths]) + 1.0)
        rows = ((scope, row) for scope, row in self.gathered.items() if row.due <= now or row.due > now + longest)
        due = [(scope, row.detections) for scope, row in rows]
        anew = self._open_left_alone(stamp)
        return [*anew, *(output for scope, detections in due for output in self._open(scope, detections, stamp))]

    def _open_left_alone(self, stamp: Stamp) -> Sequence[Output]:
        """End the watch over what was held out long enough; a target that still fails is an incident again, now to be healed."""
        outputs: list[Output] = []
        for name, row in self._book.left_alone.since_before(stamp.now - timedelta(seconds=self._policy.decision_valid_s)):
            still = tuple(sign for sign in row.firing if sign.endswith(f"@{row.incident.target}"))
            successor = outlast_holdout(row.incident, stamp)
            if row.incident.run is None and still:
                outputs += enter_incident(self._book, successor, (), stamp)
            self.expect_end(self._book.left_alone.end(name, id_of(successor)), stamp.now)
        return outputs

    def _open(self, scope: str, detections: Sequence[Detection], stamp: Stamp) -> Sequence[Output]:
        self.gathered.drop(scope)
        ordered = tuple(sorted(detections, key=lambda detection: (detection.first_at, detection.target, detection.detector)))
        target = deepest([detection.target for detection in ordered], self._services)
        classified = classify_runtime([detection for detection in ordered if detection.target == target], self._services)
        opened = open_incident(ordered, classified, target, stamp)
        incident, parent = (opened, None) if self._book.rows.get(id_of(opened)) else self._storms.join(opened, "", stamp.now)
        above = enter_incident(self._book, parent, (), stamp) if parent else ()
        rest = [detection for detection in ordered if detection.target != target]
        outputs = list(enter_incident(self._book, incident, ordered, stamp))
        for detection in rest:
            self._book.note(id_of(incident), detection)
        return [*above, *outputs, *(Emit(update_of(id_of(incident), UpdateCause.EVIDENCE, detection)) for detection in rest)]


def _may_be_named_better(detection: Detection, services: Services) -> bool:
    """Tell whether the target has a look that names its cause exactly, and this was another one: both come within a moment."""
    exact = {name for name, kind in services.probe_kinds(detection.target).items() if kind in EXACT_KINDS}
    return bool(exact) and dict(detection.signals).get("probe") not in exact


def _was_failure(row: Detection, end: Detection) -> bool:
    """Tell whether what ends here was a failure by its own times, though its begin was heard of just now: the words came late."""
    # What counts from a later time than it fired was explained before, and is expected to end.
    is_first_heard = row.first_at <= row.last_at
    return sign_of(row) == sign_of(end) and is_first_heard and end.last_at - row.last_at > FLAP


def _was_caused(row: BookRow, detection: Detection) -> bool:
    return bool(row.commands) and row.settled_at is not None and detection.last_at <= row.settled_at


def _aftermath_s(target: str, services: Services, policy: Policy) -> float:
    spec = services.service(target.partition(":")[2]) or services.spec_of(target)
    # A probe that looks seldom sees the end late.
    slowest_s = max((probe.every_s for probe in spec.probes), default=0.0) if spec else 0.0
    return max(policy.aftermath_s, slowest_s * (policy.pass_after + 1))
