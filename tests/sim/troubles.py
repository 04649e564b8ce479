"""Each trouble of a plan as calls at moments of a ``World``; what happens at boundaries was given to the owners when they were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from schemas.decisions import HealingCommand, Mode, Oversight, Tier
from schemas.events import HealthCheck, HealthStatus, JobFinished, LogChunk
from schemas.oversight import Approval, Control, KillSwitch, SwitchMode
from schemas.signing import sign
from schemas.topics import BY_NAME
from schemas.vocabulary import Kind, Result
from streams.binding import Letter, letter_of
from tests.sim.executors import Worker
from tests.sim.failures import SECRET
from tests.sim.owners import Owner
from tests.sim.people import KEYS
from tests.sim.plan import Fault, Trouble
from tests.sim.targets import COMMIT, LOCAL, PROTECTED
from tests.sim.timeline import moment
from tests.sim.world import LITERAL, World
from tests.support.memory_topics import CODEC

IN_TOPICS = ("ci.logs", "ci.events", "infra.health", "infra.alerts", "heal.control", "recovery.commands")


def prepare(world: World) -> None:
    """Put every fault of the plan on the timeline."""
    for fault in world.plan.faults:
        begin = BEGINS.get(fault.trouble)
        if begin is not None:
            world.timeline.at(fault.at, partial(begin, world, fault))


def _outage(world: World, fault: Fault) -> None:
    world.log.is_away = True
    world.timeline.at(fault.at + fault.for_s, world.come_back)


def _clock(world: World, fault: Fault) -> None:
    skewed: list[Owner | Worker] = [*world.owners_of(fault.on), *(one for one in world.executors.workers if one.name == fault.on)]
    for one in skewed:
        one.skew_s = float(fault.much)
        world.timeline.at(fault.at + fault.for_s, partial(setattr, one, "skew_s", 0.0))


def _pause(world: World, fault: Fault) -> None:
    """Let the one owner sleep; beyond its session another one begins, and the sleeper wakes to find itself fenced."""
    [owner] = world.owners_of(fault.on)
    if owner.logic is None or fault.for_s < 6.0:
        owner.asleep_until = fault.at + fault.for_s
        return
    sleeper = replace(owner)
    sleeper.asleep_until = fault.at + fault.for_s
    owner.logic, owner.up_at = None, fault.at + 6.0
    world.timeline.at(fault.at + fault.for_s, partial(sleeper.step, fault.at + fault.for_s))


def _switch(world: World, fault: Fault, mode: SwitchMode) -> None:
    world.people.switch(fault.on, mode, "olga")
    # Who engaged it may not release it.
    world.timeline.at(fault.at + fault.for_s / 2, partial(world.people.switch, fault.on, SwitchMode.OFF, "olga"))
    world.timeline.at(fault.at + fault.for_s, partial(world.people.switch, fault.on, SwitchMode.OFF, "anton"))


def _stop_file(world: World, fault: Fault) -> None:
    world.has_stop_file = True
    world.stop_files.append((moment(fault.at), moment(fault.at + fault.for_s)))
    world.timeline.at(fault.at + fault.for_s, partial(setattr, world, "has_stop_file", False))


def _poison(world: World, fault: Fault) -> None:
    good = CODEC.encode(_chunk("all good\n"))
    shapes = (
        world.random.randbytes(64),
        good[: len(good) // 2],
        good[:2] + b"\0" * 8 + good[10:],
        b"",
        b"\0" * 300,
        b'{"a":' * 400,
        "\x1b[2J\u202e bad".encode() + b"\xff\xfe",
        good + b"trailing",
        b"\0\0\0\0\x07" + good[5:],
    )
    for number in range(fault.much):
        topic = IN_TOPICS[number % len(IN_TOPICS)]
        partition = world.random.randrange(world.log.partitions_of(topic))
        world.put(Letter(topic, partition, b"nobody", shapes[number % len(shapes)]))
    for text in ("x" * 100_000 + "\n", "\x1b[31m\0red\n", "a" * 3000 + "!\n" * 50):
        world.put(letter_of(_chunk(text), "", CODEC))


def _chunk(text: str) -> LogChunk:
    return LogChunk("github", "acme/odd", "990", 1, "odd", 0, text, True, moment(0), provenance=PROTECTED)


def _forged(world: World, fault: Fault) -> None:
    now = world.timeline.now
    if fault.on == "command":
        world.put(letter_of(_order(world), "", CODEC))
    elif fault.on == "switch":
        said = Control("killswitch/fleet", "olga", now, killswitch=KillSwitch(SwitchMode.HALT, "forged"))
        world.people.send(said, KEYS["mallory"])
    else:
        yes = Approval("f" * 32, True, moment(10_000), "nonce")
        world.people.send(Control("approval/none/anton", "anton", now, approval=yes), KEYS["mallory"])


def _order(world: World) -> HealingCommand:
    now = world.timeline.now
    plain = HealingCommand(
        mode=Mode.RUN,
        incident_id="forged",
        decision_id="forged",
        attempt=1,
        max_attempts=1,
        kind=Kind.SERVICE_DOWN,
        opened_at=now,
        detected_at=now,
        target="service:pay",
        scope="group:pay",
        strategy="service_restart",
        recipe_version=1,
        plan_hash="f" * 32,
        epoch=1,
        issued_at=now,
        not_after=moment(10_000),
        deadline_s=60.0,
        oversight=Oversight.TWO_PERSON,
        tier=Tier.LOW,
    )
    return sign(plain, KEYS["mallory"])


def _flood(world: World, fault: Fault) -> None:
    """Send jobs that end well, old and future checks: much to read and nothing to do."""
    for number in range(fault.much):
        at = world.timeline.now_s + fault.for_s * number / fault.much
        place = ("github", f"acme/busy-{number % 5}", f"8{number}", 1)
        ended = JobFinished(*place, "ci", "build", COMMIT, "main", "push", Result.SUCCESS, moment(at), log_chunks=1, provenance=PROTECTED)
        log = LogChunk(*place, "build", 0, f"fine, password={SECRET} and {LITERAL}\n", True, moment(at), provenance=PROTECTED)
        world.timeline.at(at, partial(world.produce, log))
        world.timeline.at(at, partial(world.produce, ended))
    for shift in (-3600, 86_400):
        check = HealthCheck("service:pay", "pay-http", HealthStatus.FAIL, moment(fault.at + shift), provenance=LOCAL)
        world.put(letter_of(check, "", CODEC))


def _rebalance(world: World, fault: Fault) -> None:
    del fault
    world.executors.shift += 1


BEGINS: Mapping[Trouble, Callable[[World, Fault], None]] = {
    Trouble.OUTAGE: _outage,
    Trouble.CLOCK: _clock,
    Trouble.PAUSE_OWNER: _pause,
    Trouble.HALT: partial(_switch, mode=SwitchMode.HALT),
    Trouble.DRAIN: partial(_switch, mode=SwitchMode.DRAIN),
    Trouble.STOP_FILE: _stop_file,
    Trouble.POISON: _poison,
    Trouble.FORGED: _forged,
    Trouble.FLOOD: _flood,
    Trouble.REBALANCE: _rebalance,
}
assert set(IN_TOPICS) <= set(BY_NAME)
