"""May a step start now? Judged from what was last heard of admit, the switches and the stop file; pure. Called by the worker's hands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.control_words import switch_covers
from schemas.decisions import HealingCommand
from schemas.oversight import Lease, SwitchMode
from schemas.recoveries import Direction

# records.md: both must hold; monotonic time guards against a stepped clock, wall time against a lease that was stuck on its way.
LEASE_FRESH_S = 1.5
CLOCK_SKEW_S = 2.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What this worker last heard: the lease and the monotonic second of its receipt, and the switches that are on, by scope."""

    lease: Lease | None = None
    received_s: float = 0.0
    switches: tuple[tuple[str, SwitchMode], ...] = ()
    stop_file: bool = False


def why_not(heard: Heard, command: HealingCommand, direction: Direction, now: datetime, monotonic_s: float) -> str | None:
    """Return why a step may not start, None when it may; undo steps need no lease but heed every halt."""
    if heard.stop_file:
        return "stop_file"
    if any(mode is SwitchMode.HALT and covers(scope, command) for scope, mode in heard.switches):
        return "halted"
    return None if direction is Direction.UNDO else why_no_lease(heard, command, now, monotonic_s)


def why_no_lease(heard: Heard, command: HealingCommand, now: datetime, monotonic_s: float) -> str | None:
    """Return what is wrong with the lease for this command, None when it is valid."""
    lease = heard.lease
    if lease is None:
        return "no_lease"
    if any(covers(scope, command) for scope in lease.halted):
        return "halted"
    if not 0 <= monotonic_s - heard.received_s < LEASE_FRESH_S:
        return "lease_old"
    if abs((now - lease.at).total_seconds()) >= CLOCK_SKEW_S:
        return "clock_skew"
    # The epoch rises with each owner of admit: a command from a later owner than the lease's waits for that owner's lease.
    return "epoch" if command.epoch > lease.epoch else None


def covers(scope: str, command: HealingCommand) -> bool:
    """Tell whether a switch reaches a command, in the words by which admit judges it too."""
    return switch_covers(scope, command.scope, command.target, command.strategy)
