"""The targets of the simulation: processes, a file, CI jobs, each with a ledger of its own and a behaviour that the plan names.

What a recipe asks of them passes ``Gate.reach`` before and after the act, so that a worker can die or fall asleep on either side of it.
A forgetful target takes no keys: asked twice, it acts twice, so only the executor's own care keeps effects single.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from recoverers.ports import Recipe
from recoverers.recipes.table import World, recipes_for
from schemas.attempts import Asked, CiJob, RunnerState, StepResult, StepStatus
from schemas.events import HealthCheck, HealthStatus, JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.ids import Record
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import ConfigSpec, ServiceSpec
from schemas.vocabulary import Kind, Result, result_from_word
from schemas.watches import Watch, watches_of
from streams.detectors.run_evidence import LogMatcher
from tests.sim.failures import Behaviour, Failure
from tests.sim.services import CONFIGURED, SERVICES, STACKS
from tests.support.fake_caches import FakeCaches
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_containers import FakeContainers
from tests.support.fake_disks import FakeDisks
from tests.support.fake_indexes import FakeIndexes
from tests.support.fake_limits import FakeLimits
from tests.support.fake_lockfiles import FakePackages, FakeProposals
from tests.support.fake_pushes import FakePushes
from tests.support.fake_trunks import FakeQuarantines, FakeTrunks
from tests.support.history import Effect

PROTECTED = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
LOCAL = Provenance(Origin.LOCAL, Trust.SAME_REPOSITORY, "prober")
PINNED, DRIFTED = b"limit = 10\n", b"limit = 500\n"
COMMIT = "c" * 40
HANG_S, RISE_S, JOB_S = 3.0, 2.5, 2.0
OK, UNCERTAIN = StepResult(StepStatus.OK), StepResult(StepStatus.UNCERTAIN, "the answer was lost")
WATCHES = watches_of(SERVICES)


class Gate(Protocol):
    """What stands around an act: points at which its worker may die or sleep, and time that passes for it alone."""

    def reach(self, point: str) -> None:
        """Pass a point."""
        ...

    def wait(self, seconds: float) -> None:
        """Let the act take its time."""
        ...


@dataclass
class Targets:
    """Everything that can fail; fits the process, file, health and CI ports of the recipes."""

    matcher: LogMatcher
    gate: Gate
    now: Callable[[], datetime]
    emit: Callable[[Record], None]
    later: Callable[[float, Callable[[], None]], None]
    alive: set[str] = field(default_factory=lambda: {row.name for row in SERVICES.services})
    live: bytes = PINNED
    kept: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    is_forgetful: bool = False

    def recipes(self) -> Mapping[str, Recipe]:
        """Return every recipe over these targets."""
        # No plan fails what these hold, so nothing is ever asked of them.
        never_asked = (
            *(FakeContainers(), FakeDisks(), FakeCaches(), FakePackages(), FakeProposals()),
            *(FakeLimits(), FakeIndexes(), FakeCluster(), FakeTrunks(), FakeQuarantines(), FakePushes()),
        )
        return recipes_for(World(SERVICES, self, Files(self), Health(self), Ci(self), self._kinds_in, *never_asked))

    def _kinds_in(self, text: bytes) -> frozenset[Kind]:
        return frozenset(hit.kind for hit in self.matcher.read(text).hits)

    def fail(self, failure: Failure) -> None:
        """Let a failure begin."""
        kind, _, name = failure.target.partition(":")
        self.failures[failure.target] = failure
        self.left[failure.target] = failure.times
        if kind == "service":
            whole = STACKS[name] if failure.behaviour in {Behaviour.HANGS, Behaviour.LOSES} else ()
            self.failures.update({f"service:{row}": failure for row in whole})
            self.left.update({f"service:{row}": failure.times for row in whole})
            self.alive -= set(STACKS[name])
            if failure.behaviour is Behaviour.RISES:
                self.later(RISE_S, lambda: self.alive.update(STACKS[name]))
        elif kind == "config":
            self.live = DRIFTED
        else:
            self._attempt(failure)

    def act(self, target: str, what: str, key: str, effect: Callable[[], None]) -> StepResult:
        """Carry out an act as the target's behaviour has it."""
        self.gate.reach(f"before-act:{what}")
        if key and not self.is_forgetful and any((one.target, one.act, one.key) == (target, what, key) for one in self.effects):
            return OK
        behaviour = self._next_behaviour(target)
        if behaviour is Behaviour.FAILS:
            self.gate.wait(HANG_S)
            return StepResult(StepStatus.FAILED, "the target refuses")
        if behaviour is not Behaviour.LIES:
            self.effects.append(Effect(target, what, key, self.now()))
            effect()
        if behaviour is Behaviour.HANGS:
            self.gate.wait(HANG_S)
        self.gate.reach(f"after-act:{what}")
        return UNCERTAIN if behaviour is Behaviour.LOSES else OK

    def _next_behaviour(self, target: str) -> Behaviour:
        failure = self.failures.get(target)
        if failure is None or self.left[target] == 0:
            return Behaviour.WELL
        self.left[target] -= 1
        return failure.behaviour

    def look(self) -> None:
        """Let every probe look once."""
        for watch in WATCHES:
            status = HealthStatus.PASS if self._is_well(watch) else HealthStatus.FAIL
            self.emit(HealthCheck(watch.target, watch.probe.name, status, self.now(), provenance=LOCAL))

    def _is_well(self, watch: Watch) -> bool:
        return self.live == PINNED if watch.probe.kind is ProbeKind.FILE_HASH else watch.probe.address in self.alive

    def _attempt(self, failure: Failure) -> None:
        """Begin the job's next attempt; it ends a moment later."""
        ends = self.jobs.setdefault(failure.target, [])
        ends.append("")
        number = len(ends)
        log, said = failure.logs[min(number, len(failure.logs)) - 1]
        # The first one fails when the plan says so, the next ones take their time.
        self.later(JOB_S if number > 1 else 0.0, lambda: self._end(failure, number, log, said))

    def _end(self, failure: Failure, attempt: int, log: str, said: str) -> None:
        self.jobs[failure.target][attempt - 1] = said
        project, run_id, name = _parts(failure.target)
        place = ("github", project, run_id, attempt)
        self.emit(LogChunk(*place, name, 0, log, True, self.now(), provenance=PROTECTED))
        ended = JobFinished(*place, "ci", name, COMMIT, "main", "push", Result.UNKNOWN, self.now(), provenance=PROTECTED)
        self.emit(replace(ended, result=result_from_word(said), log_chunks=1))

    # The process port.

    def is_alive(self, service: ServiceSpec) -> bool:
        """Tell whether the service lives."""
        return service.name in self.alive

    def start(self, service: ServiceSpec, key: str) -> StepResult:
        """Start it, however often."""
        return self.act(f"service:{service.name}", "start", key, lambda: self.alive.add(service.name))

    def has_started(self, service: ServiceSpec, key: str) -> bool:
        """Tell whether it was started under this key."""
        return any(one.key == key and one.act == "start" and one.target == f"service:{service.name}" for one in self.effects)

    def stop_started(self, service: ServiceSpec, key: str) -> StepResult:
        """Stop what was started under this key."""
        if not (self.has_started(service, key) and service.name in self.alive):
            return OK
        return self.act(f"service:{service.name}", "stop", key, lambda: self.alive.discard(service.name))

    def reload(self, service: ServiceSpec) -> StepResult:
        """Let it read its file again; it keeps no record of that."""
        del service
        return OK


@dataclass
class Files:
    """The file port."""

    targets: Targets

    def pinned_hash(self, config: ConfigSpec, max_bytes: int) -> str:
        """Return the hash of what the file should be."""
        return sha256(PINNED).hexdigest() if config.name == CONFIGURED and len(PINNED) <= max_bytes else ""

    def live_hash(self, config: ConfigSpec) -> str:
        """Return the hash of what it is."""
        return sha256(self.targets.live).hexdigest() if config.name == CONFIGURED else ""

    def restore(self, config: ConfigSpec, expected: str, key: str) -> StepResult:
        """Write what it should be when it is still as expected."""
        if self.live_hash(config) != expected:
            same = self.targets.live == PINNED
            return OK if same else StepResult(StepStatus.FAILED, "the file changed between diagnosis and act")
        self.targets.kept[key] = self.targets.live
        return self.targets.act(f"config:{config.name}", "write", key, lambda: setattr(self.targets, "live", PINNED))

    def put_back(self, config: ConfigSpec, expected: str, key: str) -> StepResult:
        """Write the copy that was kept."""
        if self.live_hash(config) == expected:
            return OK
        return self.targets.act(f"config:{config.name}", "put_back", key, lambda: setattr(self.targets, "live", self.targets.kept[key]))


@dataclass
class Health:
    """The health port."""

    targets: Targets

    def passes(self, probe: ProbeSpec) -> bool:
        """Tell whether the service behind a probe answers."""
        return probe.address in self.targets.alive

    def ask(self, probe: ProbeSpec) -> Asked:
        """Tell the same; nothing of these asks to be left alone."""
        return Asked(self.passes(probe))


@dataclass
class Ci:
    """The CI port."""

    targets: Targets

    def latest_attempt(self, target: str) -> int | None:
        """Return the number of the newest attempt."""
        return len(self.targets.jobs.get(target, ())) or None

    def job(self, target: str, attempt: int) -> CiJob | None:
        """Return an attempt and how it ended."""
        ends = self.targets.jobs.get(target, [])
        return CiJob(100 + attempt, attempt, ends[attempt - 1]) if 1 <= attempt <= len(ends) else None

    def conclusion_on(self, target: str, commit: str) -> str | None:
        """Return that nothing is known of other commits than those of the runs."""
        return "" if target in self.targets.jobs and commit else None

    def durations(self, target: str, most: int) -> tuple[float, ...] | None:
        """Return that no run has passed yet."""
        return () if target in self.targets.jobs and most else None

    def rerun(self, target: str, job_id: int) -> StepResult:
        """Begin a new attempt; a server refuses it for a job that is not of the newest one."""
        if job_id - 100 != len(self.targets.jobs[target]):
            return StepResult(StepStatus.FAILED, "a newer attempt exists")
        return self.targets.act(target, "rerun", "", lambda: self.targets._attempt(self.targets.failures[target]))

    def log(self, target: str, job_id: int) -> bytes | None:
        """Return an attempt's log."""
        failure = self.targets.failures.get(target)
        return failure.logs[min(job_id - 100, len(failure.logs)) - 1][0].encode() if failure else None

    def runner(self, target: str, name: str) -> RunnerState | None:
        """Return that the jobs' runners are nobody's once they have ended."""
        return RunnerState(exists=False) if target in self.targets.jobs and name else None

    def set_labels(self, target: str, runner_id: int, labels: tuple[str, ...]) -> StepResult:
        """Refuse: there is no runner to take out of a pool."""
        return StepResult(StepStatus.FAILED, f"{target} has no runner {runner_id} for {labels}")


def _parts(target: str) -> tuple[str, str, str]:
    _, owner, name, run_id, job = target.split("/")
    return f"{owner}/{name}", run_id, job
