"""One simulated system, put together from a plan: stages, executors, targets, people, and the log between them; moved by ``play.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from random import Random
from typing import cast

from learning.classifier import Classifier
from schemas.configuration import Configuration, Keys
from schemas.ids import Record
from schemas.outputs import StageLogic
from schemas.policy import Budget, Policy
from schemas.signing import public_text
from streams.binding import Letter, letter_of
from streams.contest_entries import body_of
from streams.doors import Door, IngestDoor, PlainDoor
from streams.flow import FLOW, Loop, Stage
from streams.ingest import Ingest
from streams.rules import FaustRules
from tests.sim.executors import Executors, Worker
from tests.sim.log import Log
from tests.sim.owners import FaustOwner, FencedOwner, Owner, Points
from tests.sim.people import PEOPLE, People
from tests.sim.plan import Plan, Trouble
from tests.sim.services import SERVICES
from tests.sim.targets import Targets
from tests.sim.timeline import Timeline
from tests.support.memory_flow import ADMIT_KEY, NOTARY_KEY, secret_hints, shipped_rules, stage_of
from tests.support.memory_topics import CODEC
from tests.support.story import AUTOMATIC

LITERAL = "correct-horse-battery-staple"


@cache
def light_rules() -> FaustRules:
    """Return the shipped rules with a model that knows nothing: reading the shipped one takes longer than a whole run."""
    rules = shipped_rules()
    return replace(rules, learn=replace(rules.learn, champion=body_of(Classifier().snapshot())))


class FoldedDoor(IngestDoor):
    """The door of the In zone for topics with fewer partitions than the table of topics says."""

    def __init__(self, policy: Policy, topics: tuple[str, ...], partitions: int) -> None:
        super().__init__(CODEC, lambda: policy, topics, secret_hints())
        self._ingest = Ingest(CODEC, lambda: policy, dict.fromkeys(topics, partitions), secret_hints())


def policy_of(plan: Plan) -> Policy:
    """Return the policy that a plan is played under: the shipped one with waits that fit into two virtual minutes."""
    brakes = plan.brakes
    policy = Policy(
        strategies=AUTOMATIC,
        target_budget=Budget(brakes.target, brakes.window_s),
        strategy_budget=Budget(brakes.strategy, brakes.window_s),
        fleet_budget=Budget(brakes.fleet, brakes.window_s),
        breaker_failures=brakes.breaker,
        breaker_wide_failures=1000,
        breaker_open_s=brakes.breaker_s,
        team_budget=Budget(1000, brakes.window_s),
        # Three service groups are a small fleet: half of it is no brake that a run of two minutes could wait for.
        change_least=1000,
        # What is tried first follows from the failure alone, so that twins end alike.
        exploration_share=0.0,
        loop_limit=brakes.loop_limit,
        decision_valid_s=60.0,
        incomplete_wait_s=90.0,
        aftermath_s=5.0,
        next_attempt_wait_s=60.0,
        secrets=(LITERAL,),
    )
    return replace(policy, medium_from=1.0, high_from=2.0) if plan.asks_people else policy


class World:
    """Everything of one run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = Random(plan.seed)
        self.timeline = Timeline()
        self.log = Log(partitions=plan.partitions)
        self.has_stop_file = False
        self.on_the_way = 0
        self.opened: set[str] = set()
        self.heard = 0
        self.kept: list[Letter] = []
        self.stop_files: list[tuple[datetime, datetime]] = []
        rules = light_rules()
        self.policy = policy_of(plan)
        keys = Keys(public_text(ADMIT_KEY), public_text(NOTARY_KEY))
        self.configuration = Configuration(policy=self.policy, services=SERVICES, people=PEOPLE, version="v1", keys=keys)
        self.executors = Executors(self.log, self.timeline, self.configuration, lambda: self.has_stop_file)
        self.targets = Targets(rules.detect.matcher, self.executors, lambda: self.timeline.now, self.produce, self._later)
        self.targets.is_forgetful = plan.is_forgetful
        self.executors.recipes = self.targets.recipes()
        self.executors.workers = list(self._workers())
        self.owners = list(self._owners(rules))
        self.people = People(self, plan.people_say)

    def _workers(self) -> Iterator[Worker]:
        for number in range(self.plan.workers):
            own = [fault for fault in self.plan.faults if fault.on == str(number)]
            deadly = {int(fault.at): fault.for_s for fault in own if fault.trouble is Trouble.CRASH_EXECUTOR}
            sleepy = {int(fault.at): fault.for_s for fault in own if fault.trouble is Trouble.PAUSE_EXECUTOR}
            yield Worker(f"executor-{number}", deadly, sleepy)

    def _owners(self, rules: FaustRules) -> Iterator[Owner]:
        for stage in FLOW:
            if stage.name == "execute":
                continue
            count = min(self.log.partitions_of(topic) for topic in stage.reads)
            for partition in range(count):
                points = Points({int(fault.at): fault.for_s for fault in self.plan.faults if self._kills(fault.trouble, fault.on, stage)})
                yield self._owner(stage, partition, points, rules)

    def _kills(self, trouble: Trouble, on: str, stage: Stage) -> bool:
        return trouble is Trouble.CRASH_STAGE and on == stage.name

    def _owner(self, stage: Stage, partition: int, points: Points, rules: FaustRules) -> Owner:
        def build(entries: Mapping[str, str], epoch: int) -> StageLogic[Record]:
            return cast("StageLogic[Record]", stage_of(stage.name, rules, self.configuration, epoch)(entries))

        if stage.loop is Loop.FENCED:
            first = ("heal.control",) if stage.name == "admit" else ()
            return FencedOwner(stage, partition, self.log, build, points, read_first=first)
        is_first = stage.name.startswith("detect-")
        door: Door = FoldedDoor(self.policy, stage.reads, self.plan.partitions) if is_first else PlainDoor(CODEC)
        return FaustOwner(stage, partition, self.log, build, points, door=door)

    def owners_of(self, name: str) -> list[Owner]:
        """Return the owners of a stage."""
        return [owner for owner in self.owners if owner.stage.name == name]

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self.timeline.at(self.timeline.now_s + seconds, call)

    def produce(self, record: Record) -> None:
        """Produce an event as often and as late as the plan has it; health checks of a target keep their order."""
        letter = letter_of(record, "", CODEC)
        is_ci = letter.topic.startswith("ci.")
        for number in range(self.plan.copies):
            late = self.random.uniform(0.0, self.plan.late_s) if is_ci else (0.0 if number == 0 else self.random.uniform(0.0, 2.0))
            self.on_the_way += is_ci
            self._later(late, partial(self._deliver, letter, is_ci))

    def _deliver(self, letter: Letter, is_ci: int) -> None:
        self.on_the_way -= is_ci
        self.put(letter)

    def put(self, letter: Letter) -> None:
        """Append a letter of a producer, which keeps it, in its order, while the broker is away."""
        if self.log.is_away:
            self.kept.append(letter)
        else:
            self.log.send(letter, self.timeline.now)

    def come_back(self) -> None:
        """End an outage: first comes what producers kept."""
        self.log.is_away = False
        kept, self.kept = self.kept, []
        for letter in kept:
            self.put(letter)
