"""What the detectors say while a recovery is verified: a failure that fires again is not healed, and a stream not heard is not silent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from infra.detection_watch import kinds_fired
from schemas.attempts import Sight
from schemas.incidents import Detection, DetectionStatus, HitSeen
from schemas.recoveries import Condition, OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from tests.support.fakes import START, FakeHands
from tests.support.runs import BOX, JOB, Sandbox, command


@dataclass
class Heard:
    """A stream on which one failure fires at set moments; ``deaf``: nobody can say what it tells."""

    hands: FakeHands
    target: str = BOX
    kind: Kind | None = None
    every: timedelta | None = None
    at: list[datetime] = field(default_factory=list)
    deaf: bool = False
    asked: list[tuple[str, Kind]] = field(default_factory=list)

    def fired(self, target: str, kind: Kind, since: datetime) -> Sight:
        self.asked.append((target, kind))
        if self.deaf:
            return Sight(target, Condition.UNREADABLE, "nothing was heard")
        if self.every and (not self.at or self.hands.clock - self.at[-1] >= self.every):
            self.at.append(self.hands.clock)
        loud = target == self.target and self.kind in {None, kind} and any(since <= at for at in self.at)
        return Sight(target, Condition.ILL if loud else Condition.WELL, "it fired" if loud else "")


def heal(stream: Heard, strategy: str = "container_restart", target: str = BOX) -> RecoveryOutcome:
    sandbox = Sandbox.for_recipe(strategy)
    sandbox.stream = stream
    return sandbox.run(command(strategy, target), stream.hands)


def said(outcome: RecoveryOutcome) -> tuple[str, bool, str]:
    [row] = [row for row in outcome.verification if row.factor == "log_silence"]
    return row.source, row.passed, row.detail


def test_silence_is_said_with_the_moment_since_when() -> None:
    outcome = heal(Heard(FakeHands()))
    assert outcome.status is OutcomeStatus.HEALED
    assert outcome.recovered_at
    assert said(outcome) == ("stream", True, f"no {outcome.kind} since {outcome.recovered_at.isoformat(timespec='milliseconds')}")


def test_silence_alone_is_no_source_that_verifies_anything() -> None:
    stream = Heard(FakeHands())
    sandbox = Sandbox.for_recipe("container_restart")
    sandbox.stream, sandbox.silent = stream, {"box-tcp"}
    assert sandbox.run(command("container_restart", BOX), stream.hands).status is OutcomeStatus.ROLLED_BACK
    assert stream.asked == []


def test_a_failure_that_fires_again_and_again_is_not_healed_and_is_taken_back() -> None:
    outcome = heal(Heard(FakeHands(), every=timedelta(seconds=0.5)))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "verification failed")
    assert said(outcome) == ("stream", False, f"{BOX}: it fired")


def test_one_late_word_is_waited_out_and_the_stabilisation_begins_anew() -> None:
    stream = Heard(FakeHands())
    calm = heal(Heard(FakeHands()))
    assert calm.recovered_at
    stream.at = [calm.recovered_at + timedelta(seconds=0.5)]
    outcome = heal(stream)
    assert outcome.status is OutcomeStatus.HEALED
    assert outcome.recovered_at
    assert outcome.verified_at
    assert outcome.recovered_at > stream.at[0]
    assert outcome.verified_at - outcome.recovered_at >= timedelta(seconds=1)


def test_another_failure_and_another_target_are_not_held_against_it() -> None:
    every = timedelta(seconds=0.5)
    assert heal(Heard(FakeHands(), target="service:web", every=every)).status is OutcomeStatus.HEALED
    assert heal(Heard(FakeHands(), kind=Kind.CRASH_LOOP, every=every)).status is OutcomeStatus.HEALED


def test_a_stream_that_is_not_heard_is_not_silent() -> None:
    outcome = heal(Heard(FakeHands(), deaf=True))
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert said(outcome) == ("stream", False, f"{BOX}: nothing was heard")


def test_a_rerun_is_heard_too_beside_its_conclusion_and_its_log() -> None:
    stream = Heard(FakeHands(), target=JOB)
    assert heal(stream, "rerun_job", JOB).status is OutcomeStatus.HEALED
    assert set(stream.asked) == {(JOB, Kind.NETWORK_CONNECTIVITY)}


def test_only_what_fires_counts_and_no_pattern_in_shadow() -> None:
    hits = (HitSeen("a", Kind.DISK_FULL, 1, "x"), HitSeen("b", Kind.CRASH_LOOP, 2, "x", shadow=True))
    firing = Detection(DetectionStatus.FIRING, JOB, "s", "d", True, START, START, "high", (), hits, signals=(("kind", "service_down"),))
    assert kinds_fired(firing, JOB) == {Kind.DISK_FULL, Kind.SERVICE_DOWN}
    assert kinds_fired(firing, BOX) == frozenset()
    resolved = Detection(DetectionStatus.RESOLVED, JOB, "s", "d", True, START, START, "high", (), hits, signals=(("kind", "nonsense"),))
    assert kinds_fired(resolved, JOB) == frozenset()
