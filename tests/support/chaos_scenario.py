"""The story of one chaos run: which failures flow, which workers die or sleep meanwhile, and when all of it is over.

Told to a ``Fleet`` by ``tests/chaos/test_invariants_on_kafka.py``; every fault meets work in flight, seen on the topics first.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from schemas.decisions import Decision
from schemas.events import JobFinished, JobStarted, LogChunk, Origin, Provenance, Trust
from schemas.ids import Record, id_of
from schemas.incidents import Detection, DetectionStatus, Incident
from schemas.oversight import RolloutLevel
from schemas.policy import Budget, Policy, StrategyPolicy
from schemas.recoveries import JournalKind, JournalRecord, RecoveryOutcome
from schemas.vocabulary import Result
from tests.support.chaos_targets import Targets
from tests.support.fleet import SPARE, Fleet
from tests.support.history import History, history_from
from tests.support.invariants import violations
from tests.support.lags import unread
from tests.support.record_invariants import check_i14

SHARED = ("healstream-detect", "healstream-executor")
R = TypeVar("R", bound=Record)
T = TypeVar("T")
TRUSTED = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
OUTAGE_S = float(os.environ.get("HEALSTREAM_OUTAGE_S", "5"))
QUIET_S = 120.0
BURST = 12
LOGS = {
    "refused": "collected 3 items\ntests/test_cart.py .F.\n>       assert total([1, 2]) == 4\nE       assert 3 == 4\n"
    "FAILED tests/test_cart.py::test_total - assert 3 == 4\n=========== 1 failed, 2 passed in 0.04s ============\n",
    "escalated": "stage nine begins\nflux regulator says 0x17 and stops\n",
}
PLENTY = Budget(10_000, 3600.0)
POLICY = Policy(
    strategies=tuple(StrategyPolicy(name, RolloutLevel.AUTOMATIC) for name in ("service_restart", "config_restore", "rerun_job")),
    target_budget=PLENTY,
    strategy_budget=PLENTY,
    fleet_budget=PLENTY,
    breaker_failures=1000,
    breaker_wide_failures=1000,
    change_least=1000,
    loop_limit=1000,
    gather_s=0.5,
    stabilise_s=0.5,
)


@dataclass
class Scenario:
    """What is done to a fleet, and what it is expected to make of it."""

    fleet: Fleet[Targets]
    expected: dict[str, str] = field(default_factory=dict)
    shares: dict[str, list[int]] = field(default_factory=dict)
    taken_over: tuple[JournalRecord, int] | None = None
    starts: dict[str, int] = field(default_factory=dict)
    history: History = History()
    found: dict[str, list[str]] = field(default_factory=dict)
    calm_since: float = 0.0
    quiet_s: float = 0.0

    @property
    def late_words(self) -> list[JournalRecord]:
        """Return what the executor that slept wrote of its run after somebody else had finished it."""
        assert self.taken_over is not None
        taken, sleeper = self.taken_over
        own = [one for one in self.history.records if isinstance(one, JournalRecord) and one.command_id == taken.command_id]
        return [one for one in own[own.index(taken) :] if owner_pid(one) == sleeper]

    def burst(self) -> list[str]:
        """Let a dozen jobs fail, each with its log in pieces; one more comes from the future and counts for nothing."""
        records: list[Record] = []
        begun = len(self.expected)
        for number in range(begun, begun + BURST):
            ending = self.fleet.random.choice(sorted(LOGS))
            records += self._failed_run(f"4{number:03}", LOGS[ending], datetime.now(UTC))
            self.expected[f"job:github/acme/cart/4{number:03}/build"] = ending
        records += self._failed_run(f"5{begun:03}", LOGS["refused"], datetime.now(UTC) + timedelta(days=1))
        self.fleet.emit(records)
        return list(self.expected)[begun:]

    def _failed_run(self, run_id: str, text: str, at: datetime) -> list[Record]:
        return failed_run(run_id, text, at, at - timedelta(hours=self.fleet.random.choice((0, 0, 1))))

    def first(self, wanted: type[R], which: Callable[[R], bool], seconds: float = 60) -> R:
        """Wait for a record and return it."""
        return self.fleet.until(
            f"a {wanted.RECORD}", lambda: next((one for one in self.fleet.heard.of(wanted) if which(one)), None), seconds
        )

    def intent_on(self, group: str, after: int, seconds: float = 60) -> JournalRecord:
        """Wait until a run is in the middle of a new recovery of this stack."""
        scope = f"group:{group}"
        return self.fleet.until(
            f"an intent in {scope}",
            lambda: next(iter([one for one in self.intents(scope) if one.step.startswith("validate:")][after:]), None),
            seconds,
        )

    def intents(self, scope: str) -> list[JournalRecord]:
        """Return the intents in a scope up to now."""
        return [one for one in self.fleet.heard.of(JournalRecord) if one.scope == scope and one.kind is JournalKind.INTENT]

    def share(self) -> None:
        """TR-1.3: see that two workers of a kind share the partitions as they are started."""
        self.fleet.until("two owners of each kind", lambda: True if all(len(self._shared(name)) == 2 for name in SHARED) else None)

    def _shared(self, group: str) -> list[int]:
        self.shares[group] = [count for count in self.fleet.shares(group) if count]
        return self.shares[group]

    def kill_every_kind(self) -> None:
        """N1 under N5 and N11: each kind of worker dies while it has work in its hands."""
        fleet, (first, second, third, _) = self.fleet, self.fleet.targets.stacks
        for number in range(2):
            self.expected[fleet.targets.push(number)] = "healed"
        fleet.targets.drift()
        self.expected[f"config:oracle-conf:{fleet.targets.folder}/oracle.conf"] = "rolled_back"
        fleet.targets.kill_stack(first)
        doing = self.intent_on(first, 0)
        runs = self.burst()
        self.first(Detection, lambda one: one.target in runs)
        victims = [fleet.random.choice(("detect-1", "detect-2")), "middle", "prober", fleet.name_of(owner_pid(doing)) or "executor-1"]
        fleet.random.shuffle(victims)
        fleet.targets.kill_stack(second)
        for victim in victims:
            fleet.signal(victim, signal.SIGKILL)
        runs = self.burst()
        self.first(Decision, lambda one: one.target in runs)
        fleet.targets.kill_stack(third)
        fleet.signal("gatekeeper", signal.SIGKILL)
        self.settle(first, second, third)

    def pause_owners(self) -> None:
        """N3: the executor in the middle of a run and the gatekeeper sleep for longer than their sessions; others take over."""
        fleet, stack = self.fleet, self.fleet.targets.stacks[3]
        fleet.targets.kill_stack(stack)
        sleeper = fleet.name_of(owner_pid(self.intent_on(stack, 0)))
        assert sleeper is not None
        asleep = {name: fleet.signal(name, signal.SIGSTOP) for name in (sleeper, "gatekeeper")}
        spare = fleet.supervise(SPARE)
        self.expected[fleet.targets.push(2)] = "healed"
        self.burst()
        spare.wait_ready()
        taken = self.first(
            JournalRecord,
            lambda one: one.scope == f"group:{stack}" and one.kind is JournalKind.CONCLUDED and owner_pid(one) != asleep[sleeper],
        )
        for name in asleep:
            fleet.signal(name, signal.SIGCONT)
        self.settle(stack)
        self.taken_over = (taken, asleep[sleeper])

    def crash_broker(self) -> None:
        """N2: the broker dies while a run is in flight and failures flow, and is away for 5 s, or as long as the environment says."""
        fleet, stack = self.fleet, self.fleet.targets.stacks[0]
        before = len([one for one in self.intents(f"group:{stack}") if one.step.startswith("validate:")])
        fleet.targets.kill_stack(stack)
        self.burst()
        self.intent_on(stack, before)
        fleet.crash_broker(OUTAGE_S)
        self.calm_since = time.monotonic()
        self.settle(stack, seconds=QUIET_S)

    def settle(self, *stacks: str, seconds: float = 90) -> None:
        """Wait until these stacks live, each incident has ended and all that is expected has happened."""

        def look() -> bool | None:
            heard = self.fleet.heard
            whole = all(self.fleet.targets.is_whole(stack) for stack in stacks)
            ends = {one.incident_id for one in heard.of(RecoveryOutcome) if one.final}
            opened = {id_of(one) for one in heard.of(Incident)}
            targets = {one.target for one in heard.of(RecoveryOutcome) if one.final}
            firing = {one.target for one in latest_by_sign(heard.of(Detection)) if one.status is DetectionStatus.FIRING}
            well = not firing & {f"service:{stack}-web" for stack in stacks}
            return True if whole and well and opened <= ends and self.expected.keys() <= targets else None

        self.fleet.until("the end of every incident", look, seconds)

    def conclude(self) -> None:
        """Stop probing, wait until nothing is unread, and judge."""
        fleet = self.fleet
        fleet.signal("prober", signal.SIGSTOP)
        fleet.until("lag 0", lambda: True if not unread(fleet.address) else None, QUIET_S)
        self.quiet_s = time.monotonic() - self.calm_since
        self.starts = fleet.starts()
        fleet.rest()
        effects = fleet.targets.effects(fleet.folder / "state" / "quarantine")
        self.history = history_from(fleet.address, fleet.notary_key, effects, fleet.targets.images())
        self.found = violations(self.history) | {"I14": check_i14(self.history, self.expected)}


def timed(name: str, step: Callable[[], T]) -> T:
    """Do a step of a run, and print how long it took."""
    began = time.monotonic()
    found = step()
    sys.stdout.write(f"{name}: {time.monotonic() - began:.1f} s\n")
    return found


def failed_run(run_id: str, text: str, at: datetime, ended_at: datetime) -> list[Record]:
    """Return what is said of a job that failed with this log, a line a chunk."""
    place = ("github", "acme/cart", run_id, 1)
    lines = text.splitlines(keepends=True)
    chunks = [LogChunk(*place, "build", seq, line, seq == len(lines) - 1, at, provenance=TRUSTED) for seq, line in enumerate(lines)]
    rest = ("ci", "build", "c" * 40, "main", "push")
    started = JobStarted(*place, *rest, at, provenance=TRUSTED)
    return [started, *chunks, JobFinished(*place, *rest, Result.FAILURE, ended_at, log_chunks=len(chunks), provenance=TRUSTED)]


def owner_pid(record: JournalRecord) -> int:
    return int(record.owner.rpartition("/")[2])


def latest_by_sign(detections: list[Detection]) -> list[Detection]:
    return list({(one.target, dict(one.signals).get("probe")): one for one in detections if one.run is None}.values())
