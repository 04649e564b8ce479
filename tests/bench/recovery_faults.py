"""The faults of the recovery measure as a table: which are drawn, with what numbers, and how each is put on a flow in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from random import Random

from schemas.attempts import StepResult
from schemas.oversight import Control, KillSwitch, SwitchMode
from schemas.signing import sign
from streams.binding import Letter
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_troubles import HANG_S, TroubledExecutor, TroubledTopics, lie, lose_answer, misbehaving, mixing, refuse, troubled
from tests.support.story import KEYS

NOT_DRAWN = "N6 (a full disk under us) and N9 (a broken network) have no place in memory; N4 is to a stage what N2 is"
STAGES = ("detect-runs", "detect-targets", "classify", "decide", "admit", "learn", "notary")
# Detect asks the events' own times, so a wrong clock is felt behind it.
CLOCKED = ("classify", "decide", "admit", "executor")
HOUR_S = 3600.0
POISONED = ("ci.logs", "ci.events", "infra.health")


class Fault(StrEnum):
    """One fault of the list, by its id there."""

    EXECUTOR_DIES = "N1 executor dies at a boundary"
    STAGE_DIES = "N1 a stage begins again from its state"
    OUTAGE = "N2 the broker is away"
    SLEEPS = "N3 executor sleeps at a boundary"
    COPIES = "N5 events come several times"
    LATE = "N5 events come late, those of CI out of order"
    CLOCK = "N7 a clock steps by an hour"
    POISON = "N8 bytes that are no records"
    REBALANCE = "N10 everything begins again, again and again"
    HANGS = "N11 the target hangs"
    FAILS = "N11 the target fails n times"
    LOSES = "N11 the target loses the answer"
    LIES = "N11 the target lies once"
    SWITCH = "N13 kill switch pulled and released"


@dataclass(frozen=True, slots=True)
class Harm:
    """One drawn fault: the second after the failure, for how many seconds, how much (a boundary, copies, times), and on whom."""

    fault: Fault
    at_s: float
    for_s: float = 0.0
    much: int = 1
    on: str = ""

    @property
    def over_s(self) -> float:
        """Return the second at which it is over."""
        return self.at_s + self.for_s


def draw_harm(random: Random) -> Harm:
    """Draw one fault and its numbers: first its id in the list of faults, each as likely, then which of that id's it is."""
    ids = sorted({fault.value.split()[0] for fault in Fault})
    wanted = random.choice(ids)
    fault = random.choice([one for one in Fault if one.value.split()[0] == wanted])
    return DRAWS[fault](random, fault)


def _at_boundary(random: Random, fault: Fault) -> Harm:
    return Harm(fault, 0.0, random.choice((1.0, 3.0, 10.0)), random.randint(1, 16))


def _of_target(random: Random, fault: Fault) -> Harm:
    return Harm(fault, 0.0, much=1 if fault is Fault.LIES else random.randint(1, 3))


def _of_events(random: Random, fault: Fault) -> Harm:
    return Harm(fault, 0.0, random.choice((5.0, 30.0)), random.randint(2, 5) if fault is Fault.COPIES else 1)


def _begins(random: Random) -> float:
    return round(random.uniform(0.0, 12.0), 1)


DRAWS: Mapping[Fault, Callable[[Random, Fault], Harm]] = {
    Fault.EXECUTOR_DIES: _at_boundary,
    Fault.STAGE_DIES: lambda random, fault: Harm(fault, _begins(random), on=random.choice(STAGES)),
    Fault.OUTAGE: lambda random, fault: Harm(fault, _begins(random), random.choice((2.0, 5.0, 15.0))),
    Fault.SLEEPS: _at_boundary,
    Fault.COPIES: _of_events,
    Fault.LATE: _of_events,
    Fault.CLOCK: lambda random, fault: Harm(
        fault, _begins(random), random.choice((3.0, 10.0)), random.choice((-1, 1)), random.choice(CLOCKED)
    ),
    Fault.POISON: lambda random, fault: Harm(fault, _begins(random), much=random.randint(1, 40)),
    Fault.REBALANCE: lambda random, fault: Harm(fault, _begins(random), 20.0, 5),
    Fault.HANGS: _of_target,
    Fault.FAILS: _of_target,
    Fault.LOSES: _of_target,
    Fault.LIES: _of_target,
    Fault.SWITCH: lambda random, fault: Harm(fault, _begins(random), random.choice((2.0, 8.0, 20.0))),
}


@dataclass(slots=True)
class Place:
    """Where a fault is put on: the flow and what was exchanged in it for things that can go wrong."""

    flow: MemoryFlow
    executor: TroubledExecutor
    topics: TroubledTopics
    random: Random

    def at(self, second: float, call: Callable[[], None]) -> None:
        """Let something happen so many seconds from now."""
        self.executor.at(self.flow.now + timedelta(seconds=second), call)


def put_on(flow: MemoryFlow, harm: Harm, random: Random) -> None:
    """Let a fault happen to a flow in which nothing has failed yet."""
    executor, topics = troubled(flow)
    FAULTS[harm.fault](Place(flow, executor, topics, random), harm)


def _executor_dies(place: Place, harm: Harm) -> None:
    place.executor.deadly[harm.much] = harm.for_s


def _sleeps(place: Place, harm: Harm) -> None:
    place.executor.sleepy[harm.much] = harm.for_s


def _stage_dies(place: Place, harm: Harm) -> None:
    place.at(harm.at_s, partial(place.flow.restart, harm.on))


def _outage(place: Place, harm: Harm) -> None:
    place.at(harm.at_s, partial(setattr, place.topics, "is_away", True))
    place.at(harm.over_s, place.topics.come_back)


def _mixed(place: Place, harm: Harm) -> None:
    place.topics.mix = mixing(place.executor, place.topics, place.random, harm.much, harm.for_s)


def _clock(place: Place, harm: Harm) -> None:
    def step(seconds: float) -> None:
        place.executor.skew_s = seconds if harm.on == "executor" else 0.0
        for owner in place.flow.owners:
            if owner.stage.name == harm.on:
                owner.skew_s = seconds

    place.at(harm.at_s, partial(step, harm.much * HOUR_S))
    place.at(harm.over_s, partial(step, 0.0))


def _poison(place: Place, harm: Harm) -> None:
    def send() -> None:
        for number in range(harm.much):
            topic = POISONED[number % len(POISONED)]
            place.topics.put(Letter(topic, 0, b"poison", b"\xc3\x01" + place.random.randbytes(40), ()), place.flow.now)

    place.at(harm.at_s, send)


def _rebalance(place: Place, harm: Harm) -> None:
    def everything(*names: str) -> None:
        for name in names:
            place.flow.restart(name)

    # To read its model again takes learn longer than all the others together, so it begins again once.
    place.at(harm.at_s, partial(place.flow.restart, "learn"))
    for number in range(harm.much):
        place.at(harm.at_s + harm.for_s * number / harm.much, partial(everything, *(name for name in STAGES if name != "learn")))


def _misbehaves(place: Place, harm: Harm) -> None:
    def hang(act: Callable[[], StepResult]) -> StepResult:
        place.executor.wait(HANG_S)
        return act()

    hows = {Fault.HANGS: hang, Fault.FAILS: refuse, Fault.LOSES: lose_answer, Fault.LIES: lie}
    place.executor.recipes = misbehaving(place.executor.recipes, harm.much, hows[harm.fault])


def _switch(place: Place, harm: Harm) -> None:
    def say(by: str, mode: SwitchMode) -> None:
        word = Control("killswitch/fleet", by, place.flow.now, killswitch=KillSwitch(mode, "drill"))
        place.flow.send(sign(word, KEYS[by]))

    place.at(harm.at_s, partial(say, "olga", SwitchMode.HALT))
    place.at(harm.over_s, partial(say, "anton", SwitchMode.OFF))


FAULTS: Mapping[Fault, Callable[[Place, Harm], None]] = {
    Fault.EXECUTOR_DIES: _executor_dies,
    Fault.STAGE_DIES: _stage_dies,
    Fault.OUTAGE: _outage,
    Fault.SLEEPS: _sleeps,
    Fault.COPIES: _mixed,
    Fault.LATE: _mixed,
    Fault.CLOCK: _clock,
    Fault.POISON: _poison,
    Fault.REBALANCE: _rebalance,
    Fault.HANGS: _misbehaves,
    Fault.FAILS: _misbehaves,
    Fault.LOSES: _misbehaves,
    Fault.LIES: _misbehaves,
    Fault.SWITCH: _switch,
}
