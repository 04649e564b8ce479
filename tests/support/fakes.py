"""Fake targets with ledgers of their own, and fake hands that crash on order; the same checks run against the real adapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from infra.adapters.in_sync import Replicas, judge_replicas
from recoverers.crew import AtOnce, Crew
from recoverers.ports import Attempt
from schemas.attempts import CORDONED, Asked, CiJob, RunnerState, Sight, StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.ids import Record
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import Condition, Direction, JournalKind, JournalRecord
from schemas.services import ConfigSpec, ServiceSpec

T = TypeVar("T")
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OK = StepResult(StepStatus.OK)


class CrashedError(Exception):
    """The worker died here."""


@dataclass
class FakeProcesses:
    alive: set[str] = field(default_factory=set)
    ledger: list[tuple[str, str, str]] = field(default_factory=list)
    lying: bool = False
    reload_fails: bool = False
    # What a living service keeps from answering: it takes a port, a lock, or all connections.
    smothers: dict[str, str] = field(default_factory=dict)

    def is_smothered(self, name: str) -> bool:
        return any(victim == name and culprit in self.alive for culprit, victim in self.smothers.items())

    def is_alive(self, service: ServiceSpec) -> bool:
        return service.name in self.alive

    def start(self, service: ServiceSpec, key: str) -> StepResult:
        if not self.has_started(service, key):
            self.ledger.append(("start", service.name, key))
            self.alive.add(service.name)
        return OK

    def has_started(self, service: ServiceSpec, key: str) -> bool:
        return ("start", service.name, key) in self.ledger

    def stop_started(self, service: ServiceSpec, key: str) -> StepResult:
        if self.has_started(service, key) and service.name in self.alive:
            self.ledger.append(("stop", service.name, key))
            self.alive.discard(service.name)
        return OK

    def reload(self, service: ServiceSpec) -> StepResult:
        return StepResult(StepStatus.FAILED, f"{service.name} does not listen") if self.reload_fails else OK


@dataclass
class FakeHealth:
    processes: FakeProcesses
    owner: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    # What the next looks of a probe see, before it is as the world is.
    script: dict[str, list[bool]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    # The members of a cluster by its address; each of them holds all of its data.
    clusters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # For how long a probe's other side wants to be left alone while it does not pass.
    resets_in: dict[str, Callable[[], float]] = field(default_factory=dict)

    def ask(self, probe: ProbeSpec) -> Asked:
        passed = self.passes(probe)
        return Asked(passed, 0.0 if passed else self.resets_in.get(probe.name, float)())

    def passes(self, probe: ProbeSpec) -> bool:
        self.asked.append(probe.address)
        if self.script.get(probe.name):
            return self.script[probe.name].pop(0)
        if probe.kind is ProbeKind.IN_SYNC:
            return self._can_spare_one(self.clusters.get(probe.address, ()))
        name = self.owner.get(probe.address, probe.address)
        return probe.name not in self.silent and name in self.processes.alive and not self.processes.is_smothered(name)

    def _can_spare_one(self, members: tuple[str, ...]) -> bool:
        alive = tuple(number for number, name in enumerate(members) if name in self.processes.alive)
        return bool(alive) and not judge_replicas(alive, [Replicas("orders/0", tuple(range(len(members))), alive)])


@dataclass
class FakeSurroundings:
    """Neighbours and metrics as ``sees``, ``unreadable`` and ``metrics`` tell; each look at a target is kept."""

    sees: Callable[[str], bool] = lambda _: True
    unreadable: set[str] = field(default_factory=set)
    metrics: dict[str, Sight] = field(default_factory=dict)
    looked: list[tuple[str, ...]] = field(default_factory=list)

    def ask(self, probe: ProbeSpec) -> Sight:
        return self.metrics.get(probe.name, Sight(probe.name, Condition.UNREADABLE, "there is no sample"))

    def look(self, targets: Sequence[str]) -> Sequence[Sight]:
        self.looked.append(tuple(targets))
        return [Sight(name, self._condition(name), "" if self.sees(name) else f"{name} is silent") for name in targets]

    def _condition(self, name: str) -> Condition:
        if name in self.unreadable:
            return Condition.UNREADABLE
        return Condition.WELL if self.sees(name) else Condition.ILL


@dataclass
class FakeFiles:
    live: dict[str, bytes] = field(default_factory=dict)
    pinned: dict[str, bytes] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    ledger: list[tuple[str, str]] = field(default_factory=list)
    lying: bool = False

    def pinned_hash(self, config: ConfigSpec, max_bytes: int) -> str:
        content = self.pinned.get(config.name, b"")
        return sha256(content).hexdigest() if content and len(content) <= max_bytes else ""

    def live_hash(self, config: ConfigSpec) -> str:
        return sha256(self.live[config.name]).hexdigest() if config.name in self.live else ""

    def restore(self, config: ConfigSpec, expected: str, key: str) -> StepResult:
        if self.live_hash(config) != expected:
            same = self.live[config.name] == self.pinned[config.name]
            return OK if same else StepResult(StepStatus.FAILED, "the file changed between diagnosis and act")
        self.kept[key] = self.live[config.name]
        if not self.lying:
            self.live[config.name] = self.pinned[config.name]
            self.ledger.append(("restore", key))
        return OK

    def put_back(self, config: ConfigSpec, expected: str, key: str) -> StepResult:
        if self.live_hash(config) != expected:
            self.live[config.name] = self.kept[key]
            self.ledger.append(("put_back", key))
        return OK


def _runner(runner_id: int) -> RunnerState:
    return RunnerState(True, runner_id, online=True, labels=("docker", "large"))


@dataclass
class FakeCi:
    conclusions: list[str] = field(default_factory=lambda: ["failure"])
    next_conclusion: str = "success"
    log_text: bytes = b"all good"
    # What single jobs printed, where it is not that.
    logs: dict[int, bytes] = field(default_factory=dict)
    asked: int = 0
    # The commit of each attempt; the last one goes on for ever.
    commits: tuple[str, ...] = ("c" * 40,)
    # Runners by name; each attempt goes to the first that is online and in the pool, and the first attempt was on the first of all.
    runners: dict[str, RunnerState] = field(default_factory=lambda: {"build-1": _runner(1), "build-2": _runner(2)})
    ran_on: list[str] = field(default_factory=lambda: ["build-1"])
    labelled: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    # How long single attempts took, where it is not a minute, and the passing runs before; none: the server does not say.
    took_s: dict[int, float] = field(default_factory=dict)
    history: tuple[float, ...] | None = (58.0, 63.0, 60.0, 57.0, 61.0, 62.0)
    # How the job ended on other commits than that of its run.
    checks: dict[str, str] = field(default_factory=dict)

    def latest_attempt(self, target: str) -> int | None:
        return len(self.conclusions) if _names_job(target) else None

    def job(self, target: str, attempt: int) -> CiJob | None:
        known = _names_job(target) and 1 <= attempt <= len(self.conclusions)
        if not known:
            return None
        # Of an attempt that no test gave a runner nothing is known but that it was not on one of the pool's.
        runner = self.ran_on[attempt - 1] if attempt <= len(self.ran_on) else f"hosted-{attempt}"
        commit = self.commits[min(attempt, len(self.commits)) - 1]
        conclusion = self.conclusions[attempt - 1]
        return CiJob(100 + attempt, attempt, conclusion, commit, runner, self.took_s.get(attempt, 60.0) if conclusion else None)

    def durations(self, target: str, most: int) -> tuple[float, ...] | None:
        return self.history[-most:] if _names_job(target) and self.history is not None else None

    def conclusion_on(self, target: str, commit: str) -> str | None:
        return self.checks.get(commit, "") if _names_job(target) else None

    def rerun(self, target: str, job_id: int) -> StepResult:
        if not _names_job(target) or job_id <= 100:
            return StepResult(StepStatus.FAILED, "no such job")
        self.asked += 1
        self.conclusions.append(self.next_conclusion)
        pool = (name for name, row in self.runners.items() if row.online and row.labels != (CORDONED,))
        self.ran_on.append(next(pool, f"hosted-{len(self.conclusions)}"))
        return OK

    def runner(self, target: str, name: str) -> RunnerState | None:
        return self.runners.get(name, RunnerState(exists=False)) if _names_job(target) else None

    def set_labels(self, target: str, runner_id: int, labels: tuple[str, ...]) -> StepResult:
        for name, row in self.runners.items():
            if row.runner_id == runner_id and _names_job(target):
                self.runners[name] = replace(row, labels=labels)
                self.labelled.append((runner_id, labels))
                return OK
        return StepResult(StepStatus.FAILED, "no such runner")

    def log(self, target: str, job_id: int) -> bytes | None:
        return self.logs.get(job_id, self.log_text) if target and job_id > 100 else None


def _names_job(target: str) -> bool:
    words = target.removeprefix("job:").split("/")
    return target.startswith("job:") and len(words) > 3 and ".." not in words


@dataclass
class FakeHands:
    """Keeps the journal in a list; ``crash_at`` counts appends, before (even) and after (odd) each."""

    clock: datetime = START
    journal: list[JournalRecord] = field(default_factory=list)
    others: list[Record] = field(default_factory=list)
    crash_at: int = -1
    boundary: int = 0
    cancelled: bool = False
    halts: dict[Direction, float] = field(default_factory=dict)
    permits: list[Direction] = field(default_factory=list)
    crew: Crew = AtOnce()
    # By how much the wall clock was set.
    set_s: float = 0.0

    def now(self) -> datetime:
        self.clock += timedelta(milliseconds=1)
        return self.clock + timedelta(seconds=self.set_s)

    def steady(self) -> datetime:
        return self.now() - timedelta(seconds=self.set_s)

    def _reach(self) -> None:
        here = self.boundary
        self.boundary += 1
        if here == self.crash_at:
            raise CrashedError

    def append(self, journal: Sequence[JournalRecord], others: Sequence[Record] = ()) -> None:
        self._reach()
        self.journal.extend(journal)
        self.others.extend(others)
        self._reach()

    def permit(self, command: HealingCommand, direction: Direction) -> float:
        assert command.scope
        self.permits.append(direction)
        waited = self.halts.pop(direction, 0.0)
        self.clock += timedelta(seconds=waited)
        return waited

    def is_cancelled(self, command: HealingCommand) -> bool:
        assert command.target
        return self.cancelled

    def start(self, work: Callable[[], T]) -> Attempt[T]:
        return self.crew.start(work)

    def rest(self, attempts: Sequence[Attempt[object]], seconds: float) -> None:
        self.crew.rest(attempts, seconds, self.wait)

    def wait(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)

    def kinds(self) -> list[JournalKind]:
        return [record.kind for record in self.journal]
