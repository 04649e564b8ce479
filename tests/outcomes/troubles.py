"""What is done to the healing system while it heals, on real processes; called by ``play.py`` from a thread that may wait."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from random import Random

from tests.outcomes.plan import Fault, Trouble
from tests.outcomes.shop import Shop
from tests.support.fleet import Fleet

CALM, MANY = (1,), (2, 3, 4, 5)
Cause = Callable[[Fleet[Shop], Fault], None]


def cause(fleet: Fleet[Shop], fault: Fault) -> None:
    """Cause a trouble, and end what lasts."""
    CAUSES[fault.trouble](fleet, fault)


def _kill(fleet: Fleet[Shop], fault: Fault) -> None:
    for name in fault.on:
        fleet.signal(name, signal.SIGKILL)


def _crash_broker(fleet: Fleet[Shop], fault: Fault) -> None:
    fleet.crash_broker(fault.for_s)


def _sleep(fleet: Fleet[Shop], fault: Fault) -> None:
    pids = [fleet.signal(name, signal.SIGSTOP) for name in fault.on]
    time.sleep(fault.for_s)
    _wake(*pids)


def _freeze_broker(fleet: Fleet[Shop], fault: Fault) -> None:
    pid = fleet.broker.pid
    if pid is None:
        raise ProcessLookupError("the broker does not run")
    os.kill(pid, signal.SIGSTOP)
    time.sleep(fault.for_s)
    _wake(pid)


def _wake(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def _copy(fleet: Fleet[Shop], fault: Fault) -> None:
    fleet.copies = MANY
    time.sleep(fault.for_s)
    fleet.copies = CALM


def _poison(fleet: Fleet[Shop], fault: Fault) -> None:
    random = Random(fault.much)
    for topic in ("ci.logs", "ci.events", "infra.health"):
        fleet.emit_raw(topic, [b"\xc3\x01" + random.randbytes(60) for _ in range(fault.much)])


def _rebalance(fleet: Fleet[Shop], fault: Fault) -> None:
    for name in fault.on:
        fleet.signal(name, signal.SIGTERM)
        time.sleep(fault.for_s)


CAUSES: Mapping[Trouble, Cause] = {
    Trouble.KILL: _kill,
    Trouble.BROKER: _crash_broker,
    Trouble.SLEEP: _sleep,
    Trouble.FREEZE: _freeze_broker,
    Trouble.COPIES: _copy,
    Trouble.POISON: _poison,
    Trouble.REBALANCE: _rebalance,
}
