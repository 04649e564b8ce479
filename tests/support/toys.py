"""A toy recipe whose acts are counted and are not idempotent, and workflows over it: what happens twice shows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from typing_extensions import override

from recoverers.execute import drive
from recoverers.journal import RunState, fold, replay
from recoverers.perform import accept
from recoverers.ports import Answer, Attempt, Call, Facts, Found, Traits
from recoverers.recipes.workflow import WorkflowRecipe
from recoverers.terms import Around, Terms
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand, Mode, Parameters, plan_hash_of
from schemas.ids import id_of
from schemas.recoveries import RecoveryOutcome
from schemas.strategy_card import Reversibility, StrategyCard
from schemas.vocabulary import Kind
from schemas.workflow_cards import card_of
from schemas.workflows import Chain, Fork, Given, Input, Join, Node, Use, ValueType, Workflow
from tests.support.fakes import START, CrashedError, FakeHands

Act = Callable[[Call], StepResult]
OK = StepResult(StepStatus.OK)

TOY = StrategyCard(
    name="toy",
    recipe_version=1,
    title="Add one to a counter",
    heals=frozenset({Kind.SERVICE_DOWN}),
    targets=frozenset({"toy"}),
    parameters=(),
    bounds=(("most", 9), ("share", 0.5)),
    base_risk=5.0,
    reversibility=Reversibility.FULL,
    factors=("counted", "seen"),
    max_attempts=1,
    deadline_s=60.0,
    minimum_confidence=0.9,
    outputs=(("size", 0), ("colour", "")),
)


@dataclass
class Toy:
    """``acts`` replaces the act of a target's step, ``broken`` the methods that raise; the ledger has what truly happened."""

    acts: dict[str, Act] = field(default_factory=dict)
    broken: dict[str, BaseException] = field(default_factory=dict)
    healthy: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    counters: dict[str, int] = field(default_factory=dict)
    ledger: list[tuple[str, str]] = field(default_factory=list)
    at_once: list[int] = field(default_factory=list)
    traits: Traits = Traits("toy", 1, 3.0)

    def _raise(self, method: str) -> None:
        if method in self.broken:
            raise self.broken[method]

    def gather(self, command: HealingCommand) -> Facts:
        self._raise("gather")
        if command.target.endswith("unknown"):
            return Facts(refusal="target_unknown")
        return Facts(command.target in self.healthy, values=(("size", "7"), ("most", str(dict(command.bounds)["most"]))))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        self._raise("plan")
        name = command.target.partition(":")[2]
        return (f"one:{name}", f"two:{name}") if facts.value("size") else None

    def pre_image(self, call: Call) -> str:
        self._raise("pre_image")
        return json.dumps({"count": self.counters.get(call.step, 0)})

    def act(self, call: Call) -> StepResult:
        self._raise("act")
        return self.acts[call.step](call) if call.step in self.acts else self.do(call)

    def do(self, call: Call) -> StepResult:
        self.ledger.append(("do", call.step))
        self.counters[call.step] = self.counters.get(call.step, 0) + 1
        return StepResult(StepStatus.OK, "counted", outputs=(("colour", "red"),))

    def probe(self, call: Call) -> Found:
        self._raise("probe")
        if call.step in self.unsure:
            return Found.UNCLEAR
        return Found.DONE if self.counters.get(call.step, 0) else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        self._raise("undo")
        before = json.loads(call.pre_image)["count"]
        if self.counters.get(call.step, 0) != before:
            self.ledger.append(("undo", call.step))
            self.counters[call.step] = before
        return OK

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        self._raise("check")
        assert facts.value("size")
        return Answer(command.target not in self.wrong, factor, command.target)


def use(name: str, **changes: object) -> Use:
    target = changes.pop("on", None)
    return Use(name, "toy", Given("target", f"toy:{target or name}"), **changes)  # type: ignore[arg-type]


def workflow(*steps: Node, inputs: tuple[Input, ...] = (), **changes: object) -> Workflow:
    fields: dict[str, object] = {"deadline_s": 60.0, **changes}
    return Workflow("flow", 1, "A flow", TOY.heals, TOY.targets, Chain(steps), inputs, **fields)  # type: ignore[arg-type]


FORKED = workflow(
    use("a"),
    Fork((Chain((use("b"), use("c"))), use("d"), use("e"))),
    use("f", when="steps.d.done && inputs.deep"),
    inputs=(Input("deep", ValueType.BOOL, default=True),),
)
RACE = workflow(Fork((use("a"), Chain((use("b"), use("c")))), Join.ANY), use("d"))


def order(flow: Workflow, **changes: object) -> HealingCommand:
    card = card_of(flow, (TOY,))
    parameters: Parameters = changes.pop("parameters", card.parameters)  # type: ignore[assignment]
    fields: dict[str, object] = {
        "mode": Mode.RUN,
        "incident_id": "incident",
        "decision_id": "decision",
        "attempt": 1,
        "max_attempts": 1,
        "kind": Kind.SERVICE_DOWN,
        "opened_at": START - timedelta(seconds=5),
        "detected_at": START - timedelta(seconds=4),
        "target": "toy:all",
        "scope": "toys",
        "strategy": flow.name,
        "recipe_version": flow.version,
        "plan_hash": plan_hash_of(flow.name, flow.version, "toy:all", parameters, card.bounds),
        "epoch": 1,
        "issued_at": START,
        "not_after": START + timedelta(seconds=120),
        "deadline_s": card.deadline_s,
        "parameters": parameters,
        "bounds": card.bounds,
        **changes,
    }
    return HealingCommand(**fields)  # type: ignore[arg-type]


def terms_of(flow: Workflow, toy: Toy) -> Terms:
    recipe = WorkflowRecipe(flow, {"toy": toy})
    return Terms(recipe, card_of(flow, (TOY,)), 1.0, "worker-1", 0, flow, (TOY,), lambda target: target.partition(":")[0])


def play(
    flow: Workflow, toy: Toy, hands: FakeHands, command: HealingCommand | None = None, around: Around | None = None
) -> RecoveryOutcome:
    """Carry the workflow out to its end, over again after each crash."""
    command = command or order(flow)
    terms = replace(terms_of(flow, toy), around=around)
    while True:
        try:
            run = replay(hands.journal).get(id_of(command))
            if run is None:
                accepted = accept(RunState(command), terms, hands)
                hands.append([accepted])
                run = fold(RunState(command), accepted)
            drive(run, terms, hands)
        except CrashedError:
            continue
        (outcome,) = {id_of(one): one for one in hands.others if isinstance(one, RecoveryOutcome)}.values()
        return outcome


@dataclass
class ThreadHands(FakeHands):
    """Fake hands whose recipes run in real threads: time passes only when everybody has had a moment."""

    moment_s: float = 0.002

    @override
    def rest(self, attempts: Sequence[Attempt[object]], seconds: float) -> None:
        self.crew.rest(attempts, self.moment_s, lambda _: None)
        if all(attempt.outcome() is None for attempt in attempts):
            self.clock += timedelta(seconds=seconds)


@dataclass
class Gate:
    """Lets a toy's act wait for the test, or for its cancel signal."""

    opened: threading.Event = field(default_factory=threading.Event)
    inside: threading.Event = field(default_factory=threading.Event)
    told: list[str] = field(default_factory=list)

    def hang(self, call: Call) -> StepResult:
        """Heed nothing until the test opens the gate."""
        self.opened.wait(20.0)
        return StepResult(StepStatus.FAILED, f"{call.step} let go")

    def heed(self, call: Call) -> StepResult:
        """Go on until told to end, then say so."""
        self.inside.set()
        if call.cancel.wait(20.0):
            self.told.append(call.step)
        return StepResult(StepStatus.FAILED, "ended as told")


def counts(ledger: Sequence[tuple[str, str]]) -> Mapping[str, int]:
    """Return how often each step was truly made."""
    made = [step for word, step in ledger if word == "do"]
    return {step: made.count(step) for step in made}
