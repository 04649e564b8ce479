"""What happens in one run, drawn from its seed as plain data: failures and faults. ``play.py`` plays it, ``shrink.py`` cuts it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random

from tests.sim.failures import Failure, draw_crowd, draw_failures

# Faults begin no later than this, and whatever lasts is over by then; after it the system must become quiet.
FAULTS_END_S = 36.0
OWNERS = ("detect-runs", "detect-targets", "classify", "decide", "admit", "learn", "notary")


class Trouble(StrEnum):
    """What is done to the system. ``at`` is a second, or the count of a boundary for what happens at one."""

    CRASH_STAGE = "crash_stage"
    CRASH_EXECUTOR = "crash_executor"
    PAUSE_EXECUTOR = "pause_executor"
    PAUSE_OWNER = "pause_owner"
    OUTAGE = "outage"
    CLOCK = "clock"
    HALT = "halt"
    DRAIN = "drain"
    STOP_FILE = "stop_file"
    POISON = "poison"
    FORGED = "forged"
    FLOOD = "flood"
    REBALANCE = "rebalance"


@dataclass(frozen=True, slots=True)
class Fault:
    """One trouble: on whom, when (see ``Trouble``), for how many seconds, and how much of it."""

    trouble: Trouble
    on: str = ""
    at: float = 0.0
    for_s: float = 0.0
    much: int = 0


@dataclass(frozen=True, slots=True)
class Budgets:
    """The brakes of one run: commands per target, strategy and fleet in ``window_s``, and failures until a breaker opens."""

    target: int = 1000
    strategy: int = 1000
    fleet: int = 1000
    window_s: float = 20.0
    breaker: int = 1000
    breaker_s: float = 20.0
    loop_limit: int = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. ``copies`` is how often each event comes, ``late_s`` how far events of one run may change places.

    So many of its failures as ``crowd`` says are mere load.

    ``people_say`` is what every plan that is shown is answered with (see ``people.py``); empty: drawn for each.
    """

    seed: int
    partitions: int = 4
    workers: int = 2
    copies: int = 1
    late_s: float = 0.0
    crowd: int = 0
    asks_people: bool = False
    people_say: str = ""
    is_forgetful: bool = False
    brakes: Budgets = field(default_factory=Budgets)
    failures: tuple[Failure, ...] = ()
    faults: tuple[Fault, ...] = ()

    def has(self, *troubles: Trouble) -> bool:
        """Tell whether one of these is among the faults."""
        return any(fault.trouble in troubles for fault in self.faults)

    def without_faults(self) -> Plan:
        """Return the same failures on one worker and one partition, each event once, and nothing else wrong: the twin of I14."""
        return replace(self, partitions=1, workers=1, copies=1, faults=())


def draw_plan(seed: int, crowd: int = 0) -> Plan:
    """Return the plan of a seed; ``crowd`` jobs more fail in it."""
    random = Random(seed)
    asks_people = random.random() < 0.2
    brakes = _draw_brakes(random) if random.random() < 0.3 else Budgets()
    plan = Plan(
        seed=seed,
        partitions=random.choice((1, 2, 4)),
        workers=random.choice((1, 2, 3)),
        copies=random.choice((1, 1, 2, 3, 5)),
        late_s=random.choice((0.0, 0.0, 5.0, 60.0)),
        asks_people=asks_people,
        brakes=brakes,
        failures=draw_failures(random),
    )
    kinds = random.sample(list(DRAWS), k=random.choice((1, 2, 2, 3, 4)))
    plan = replace(plan, faults=tuple(fault for kind in kinds for fault in DRAWS[kind](random, plan)))
    plan = replace(plan, crowd=crowd, failures=(*plan.failures, *draw_crowd(random, crowd)))
    # A worker that wakes between permission and act cannot be fenced: there the target's memory of keys is what keeps effects single.
    return replace(plan, is_forgetful=not plan.has(Trouble.PAUSE_EXECUTOR))


def _draw_brakes(random: Random) -> Budgets:
    return Budgets(
        target=random.choice((1, 2, 3)),
        strategy=random.choice((1, 2, 5)),
        fleet=random.choice((1, 2, 3, 6)),
        window_s=random.choice((5.0, 10.0, 20.0)),
        breaker=random.choice((1, 2, 1000)),
        breaker_s=random.choice((5.0, 20.0)),
        loop_limit=random.choice((1, 3, 1000)),
    )


def _crash_stages(random: Random, plan: Plan) -> list[Fault]:
    del plan
    on = random.choice(OWNERS)
    times = random.randint(1, 4)
    return [Fault(Trouble.CRASH_STAGE, on, random.randint(1, 40), random.choice((0.5, 3.0, 8.0))) for _ in range(times)]


def _crash_everything(random: Random, plan: Plan) -> list[Fault]:
    del plan
    return [Fault(Trouble.CRASH_STAGE, on, random.randint(1, 25), random.choice((0.5, 2.0))) for on in OWNERS]


def _crash_executors(random: Random, plan: Plan) -> list[Fault]:
    return [
        Fault(Trouble.CRASH_EXECUTOR, str(random.randrange(plan.workers)), random.randint(1, 30), random.choice((0.5, 3.0, 8.0)))
        for _ in range(random.randint(1, 4))
    ]


def _pause_executors(random: Random, plan: Plan) -> list[Fault]:
    return [
        Fault(Trouble.PAUSE_EXECUTOR, str(random.randrange(plan.workers)), random.randint(1, 20), random.choice((1.0, 8.0, 15.0)))
        for _ in range(random.randint(1, 2))
    ]


def _pause_owners(random: Random, plan: Plan) -> list[Fault]:
    del plan
    return [Fault(Trouble.PAUSE_OWNER, random.choice(("admit", "notary")), random.uniform(1, 25), random.choice((2.0, 10.0)))]


def _outage(random: Random, plan: Plan) -> list[Fault]:
    del plan
    return [Fault(Trouble.OUTAGE, "", random.uniform(1, 20), random.choice((2.0, 5.0, 15.0)))]


def _clock(random: Random, plan: Plan) -> list[Fault]:
    on = random.choice((*OWNERS[:5], *(f"executor-{number}" for number in range(plan.workers))))
    return [Fault(Trouble.CLOCK, on, random.uniform(1, 25), random.choice((3.0, 10.0)), random.choice((-3600, 3600)))]


def _switch(random: Random, plan: Plan) -> list[Fault]:
    del plan
    trouble = random.choice((Trouble.HALT, Trouble.HALT, Trouble.DRAIN, Trouble.STOP_FILE))
    scope = random.choice(("fleet", "fleet", "group:shop"))
    return [Fault(trouble, scope, random.uniform(0, 20), random.choice((1.0, 4.0, 12.0)))]


def _poison(random: Random, plan: Plan) -> list[Fault]:
    del plan
    return [Fault(Trouble.POISON, "", random.uniform(0, 25), 0.0, random.randint(1, 9))]


def _forged(random: Random, plan: Plan) -> list[Fault]:
    del plan
    return [Fault(Trouble.FORGED, random.choice(("command", "approval", "switch")), random.uniform(2, 20))]


def _flood(random: Random, plan: Plan) -> list[Fault]:
    del plan
    return [Fault(Trouble.FLOOD, "", random.uniform(2, 12), random.choice((1.0, 5.0)), random.choice((30, 80)))]


def _rebalance(random: Random, plan: Plan) -> list[Fault]:
    del plan
    return [Fault(Trouble.REBALANCE, "", random.uniform(1, 25)) for _ in range(random.randint(1, 4))]


DRAWS = {
    "crash_stages": _crash_stages,
    "crash_everything": _crash_everything,
    "crash_executors": _crash_executors,
    "crash_executors_more": _crash_executors,
    "pause_executors": _pause_executors,
    "pause_owners": _pause_owners,
    "outage": _outage,
    "clock": _clock,
    "switch": _switch,
    "poison": _poison,
    "forged": _forged,
    "flood": _flood,
    "rebalance": _rebalance,
}
