"""Many repositories whose jobs rest on one package index, for the flow in memory: while the index is down every job fails alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from typing_extensions import override

from console.audit_stored import SPOKEN
from infra.kafka import Located
from schemas.attempts import CiJob, RunnerState, StepResult, StepStatus
from schemas.catalogue import CARDS
from schemas.configuration import Configuration
from schemas.events import JobFinished, LogChunk
from schemas.incidents import Incident
from schemas.oversight import RolloutLevel
from schemas.policy import Budget, Policy, StrategyPolicy
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services, UpstreamSpec
from schemas.signing import public_text
from schemas.vocabulary import Result
from tests.support.fakes import OK, START
from tests.support.history import Effect, History
from tests.support.memory_flow import CHECKPOINT_EVERY, NOTARY_KEY, MemoryFlow, shipped_rules
from tests.support.memory_world import PROTECTED, MemoryWorld
from tests.support.story import PEOPLE

TIMED_OUT = (
    "Collecting six\n"
    "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='{host}', port=443): Max retries exceeded with "
    "url: /simple/six/ (Caused by ReadTimeoutError(\"HTTPSConnectionPool(host='{host}', port=443): Read timed out. "
    '(read timeout=15)"))\n\n##[error]Process completed with exit code 1.\n'
)
RATE_LIMITED = (
    "Collecting six\nERROR: HTTP error 429 while getting https://{host}/simple/six/\n"
    "ERROR: Could not install requirement six because of HTTP error 429 Client Error: Too Many Requests for url: "
    "https://{host}/simple/six/\n\n##[error]Process completed with exit code 1.\n"
)
PASSED = "Collecting six\nSuccessfully installed six-1.17.0\n"
INDEX = UpstreamSpec(
    "index",
    ("index.example",),
    (ProbeSpec("index-page", ProbeKind.HTTP, "index"), ProbeSpec("index-port", ProbeKind.TCP, "index")),
)
STRATEGIES = ("rerun_job", "await_upstream", "service_restart")
WIDE = Budget(limit=1000, window_s=3600.0)
POLICY = Policy(
    strategies=tuple(StrategyPolicy(name, RolloutLevel.AUTOMATIC) for name in STRATEGIES),
    strategy_budget=WIDE,
    fleet_budget=WIDE,
    storm_repositories=4,
    storm_release=Budget(limit=2, window_s=10.0),
    decision_valid_s=900.0,
    storm_hold_s=900.0,
)


@dataclass
class ManyJobs:
    """A CI server of many runs, each by its target; fits ``CiPort``. ``attempt`` lets a new attempt of a target happen."""

    attempt: Callable[[str, int], bool] = lambda _target, _number: True
    ended: dict[str, list[bool]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def latest_attempt(self, target: str) -> int | None:
        return len(self.ended[target]) if target in self.ended else None

    def job(self, target: str, attempt: int) -> CiJob | None:
        ends = self.ended.get(target, [])
        known = 1 <= attempt <= len(ends)
        return CiJob(100 + attempt, attempt, "success" if ends[attempt - 1] else "failure") if known else None

    def durations(self, target: str, most: int) -> tuple[float, ...] | None:
        return () if target in self.ended and most else None

    def rerun(self, target: str, job_id: int) -> StepResult:
        if target not in self.ended:
            return StepResult(StepStatus.FAILED, f"no such job {job_id}")
        self.asked.append(target)
        self.begin(target)
        return OK

    def log(self, target: str, job_id: int) -> bytes | None:
        ends = self.ended.get(target, [])
        return (PASSED if ends[job_id - 101] else TIMED_OUT.format(host="index.example")).encode() if ends else None

    def runner(self, target: str, name: str) -> RunnerState | None:
        return RunnerState(exists=False) if target in self.ended and name else None

    def set_labels(self, target: str, runner_id: int, labels: tuple[str, ...]) -> StepResult:
        return StepResult(StepStatus.FAILED, f"{target} has no runner {runner_id} for {labels}")

    def begin(self, target: str) -> None:
        """Let the next attempt of a job happen."""
        number = len(self.ended.setdefault(target, [])) + 1
        self.ended[target].append(False)
        self.ended[target][-1] = self.attempt(target, number)


@dataclass
class StormWorld(MemoryWorld):
    """The package index is up while ``index`` is alive; ``host`` is what the jobs' logs name."""

    jobs: ManyJobs = field(default_factory=ManyJobs)
    services: Services = Services(upstreams=(INDEX,))
    host: str = "index.example"
    log: str = TIMED_OUT
    now: Callable[[], datetime] = lambda: START
    # When somebody asked the page while its budget was 0.
    told_to_wait: list[datetime] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    later: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self.jobs.attempt = self._attempt
        self.ci = self.jobs  # type: ignore[assignment] # another server of the same port

    def after(self, seconds: float, happens: Callable[[], object]) -> None:
        """Let something happen so many seconds from now, whoever waits then."""
        self.later.append((self.now() + timedelta(seconds=seconds), happens))

    @override
    def look(self, now: datetime) -> None:
        due = [row for row in self.later if row[0] <= now]
        self.later = [row for row in self.later if row[0] > now]
        for _, happens in due:
            happens()

    @property
    def is_up(self) -> bool:
        """Whether the package index answers, and not that it has been asked too often."""
        return "index" in self.processes.alive and "index-page" not in self.health.silent

    def take_down(self) -> None:
        """Let the package index fall."""
        self.processes.alive.discard("index")

    def bring_back(self) -> None:
        """Let the package index answer again."""
        self.processes.alive.add("index")

    def limit(self, reset_s: float = 0.0) -> None:
        """Let the package index live and answer 429, and tell in how many seconds its budget is full again if it says so."""
        until = self.now() + timedelta(seconds=reset_s)

        def left() -> float:
            seconds = max((until - self.now()).total_seconds(), 0.0)
            self.told_to_wait += [self.now()] if seconds else []
            return seconds

        self.health.resets_in["index-page"] = left
        self.log = RATE_LIMITED
        self.health.silent.add("index-page")

    def lift(self) -> None:
        """Let it be the time of the limit's reset."""
        self.health.silent.discard("index-page")

    def push(self, repository: str, run: str = "1") -> str:
        """Let a job of the repository run for the first time; return it as a target."""
        target = f"job:github/acme/{repository}/{run}/build"
        self.jobs.begin(target)
        return target

    def _attempt(self, target: str, number: int) -> bool:
        _, owner, repository, run, _ = target.split("/") if target.startswith("job:") else ("", "", "", "", "")
        place = ("github", f"{owner}/{repository}", run, number)
        log = PASSED if self.is_up else self.log.format(host=self.host)
        result = Result.SUCCESS if self.is_up else Result.FAILURE
        if number > 1:
            self.effects.append(Effect(target, "rerun", "", self.now()))
        self.emit(LogChunk(*place, "build", 0, log, True, self.now(), provenance=PROTECTED))
        commit = f"{repository:c<40}"[:40]
        ended = JobFinished(*place, "ci", "build", commit, "main", "push", Result.UNKNOWN, self.now(), provenance=PROTECTED)
        self.emit(replace(ended, result=result, log_chunks=1))
        return self.is_up


def begin_storm(policy: Policy = POLICY, services: Services | None = None, wait_s: float = 600.0) -> tuple[MemoryFlow, StormWorld]:
    """Return a flow over the world of many repositories, whose index is well; ``wait_s`` is the longest that it is waited for."""
    world = StormWorld(shipped_rules().detect.matcher, services=services or Services(upstreams=(INDEX,)))
    world.bring_back()
    cards = tuple(replace(card, deadline_s=wait_s) if card.name == "await_upstream" else card for card in CARDS)
    configuration = Configuration(policy=policy, services=world.services, people=PEOPLE, cards=cards, version="v1")
    flow = MemoryFlow(configuration, world)
    world.now = lambda: flow.now
    flow.pass_time(1)
    return flow, world


def storms_of(flow: MemoryFlow) -> list[Incident]:
    """Return the parents."""
    return [row for row in flow.of(Incident, "heal.incidents") if row.is_storm()]


def history_of(flow: MemoryFlow, world: StormWorld) -> History:
    """Return what the invariant checkers judge."""
    topics = (*SPOKEN, "heal.deadletter", "heal.audit")
    places = ((topic, partition, row) for (topic, partition), row in sorted(flow.topics.rows.items()) if topic == "ci.events")
    events = [
        Located(record, topic, partition, number)
        for topic, partition, row in places
        for number, record in enumerate(flow.topics.decoded(row))
    ]
    return History(
        records=tuple(record for topic in topics for record in flow.topics.records(topic)),
        events=tuple(events),
        effects=tuple(world.effects),
        notary_key=public_text(NOTARY_KEY),
        checkpoint_every=CHECKPOINT_EVERY,
    )
