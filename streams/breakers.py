"""Circuit breakers per way of failing, strategy and target: what keeps failing stops being tried; used by ``streams/admit.py``.

An open breaker lets nothing through. Once its time is over it is half open: one single command tries it, and only that command's success
closes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

from schemas.decisions import Decision
from schemas.outputs import Gauge
from schemas.policy import Policy
from streams.rows import Rows

CIRCUIT_PREFIX = "circuit/"
MAX_ROWS = 50_000
TARGET, STRATEGY, PATTERN = "target", "strategy", "pattern"


class Circuit(IntEnum):
    """The value of ``healstream_circuit_state``."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed recoveries in a row, when the last of them ended, and the command that tries a half-open breaker just now."""

    count: int
    last_at: datetime
    probe: str = ""


def circuits_of(decision: Decision) -> tuple[str, ...]:
    """Return the breakers that a command goes through: its target's, its strategy's, and that of the way in which it failed."""
    pattern = f"{PATTERN}/{decision.kind}/{decision.fingerprint}"
    return (f"{TARGET}/{decision.target}", f"{STRATEGY}/{decision.strategy}", pattern)


def circuit_state(name: str, row: Failures | None, policy: Policy, now: datetime) -> Circuit:
    """Return how a breaker stands: by its row alone, so that people who read the row see what admit sees."""
    needed = policy.breaker_failures if name.startswith(f"{TARGET}/") else policy.breaker_wide_failures
    if row is None or row.count < needed:
        return Circuit.CLOSED
    return Circuit.HALF_OPEN if now >= row.last_at + timedelta(seconds=policy.breaker_open_s) else Circuit.OPEN


class Breakers:
    """Judges and remembers; its rows survive in admit's state, the command in flight included."""

    def __init__(self, entries: Mapping[str, str], policy: Policy) -> None:
        """Begin again from a snapshot."""
        self.rows = Rows(CIRCUIT_PREFIX, Failures, MAX_ROWS)
        self.rows.load(entries)
        self._policy = policy

    def state(self, name: str, now: datetime) -> Circuit:
        """Return the breaker's state."""
        return circuit_state(name, self.rows.get(name), self._policy, now)

    def why_closed_to(self, decision: Decision, now: datetime) -> str | None:
        """Return the first breaker that keeps a decision from going, None when none does."""
        for name in circuits_of(decision):
            state, row = self.state(name, now), self.rows.get(name)
            if state is Circuit.OPEN:
                return f"the breaker of {name} is open"
            if state is Circuit.HALF_OPEN and row is not None and row.probe:
                return f"the breaker of {name} is tried by another command"
        return None

    def begin(self, command: str, decision: Decision, now: datetime) -> None:
        """Note that a command which changes something is what tries each half-open breaker that it goes through."""
        for name in circuits_of(decision):
            row = self.rows.get(name)
            if row is not None and not decision.dry_run and self.state(name, now) is Circuit.HALF_OPEN:
                self.rows.put(name, replace(row, probe=command))

    def record(self, command: str, circuits: tuple[str, ...], has_healed: bool | None, now: datetime) -> None:
        """Take a command's end in; None says nothing of the strategy, and lets another command try what this one tried."""
        for name in circuits:
            row = self.rows.get(name)
            if has_healed is False:
                self.rows.put(name, _after_failure(row, command, now))
            elif row is not None and row.probe == command:
                self._settle(name, row, is_well=has_healed is True)
            elif has_healed and self.state(name, now) is Circuit.CLOSED:
                self.rows.drop(name)

    def shift(self, step: timedelta) -> None:
        """Move with the clock, which was set by ``step``: no breaker is open for longer or shorter by it."""
        for name, row in self.rows.items():
            self.rows.put(name, replace(row, last_at=row.last_at + step))

    def reset(self, name: str) -> bool:
        """Close a breaker by a person's word; tell whether there was anything to close."""
        is_known = self.rows.get(name) is not None
        self.rows.drop(name)
        return is_known

    def gauges(self, circuits: tuple[str, ...], now: datetime) -> tuple[Gauge, ...]:
        """Return these breakers as measures; no label holds a run or a fingerprint, of what shares one the worst is shown."""
        wanted = {_label(name): Circuit.CLOSED for name in circuits}
        for name, row in self.rows.items():
            label = _label(name)
            if label in wanted:
                wanted[label] = max(wanted[label], circuit_state(name, row, self._policy, now))
        return tuple(Gauge("healstream_circuit_state", state, (("circuit", kind), ("name", of))) for (kind, of), state in wanted.items())

    def _settle(self, name: str, row: Failures, *, is_well: bool) -> None:
        if is_well:
            self.rows.drop(name)
        else:
            self.rows.put(name, replace(row, probe=""))


def _label(name: str) -> tuple[str, str]:
    circuit, _, rest = name.partition("/")
    is_counted_whole = circuit == STRATEGY or (circuit == TARGET and not rest.startswith("job:"))
    return (circuit, rest if is_counted_whole else rest.partition("/")[0].partition(":")[0])


def _after_failure(row: Failures | None, command: str, now: datetime) -> Failures:
    """Return a breaker's row after one more failure; another command that still tries it goes on doing so."""
    if row is None:
        return Failures(1, now)
    return Failures(row.count + 1, now, "" if row.probe == command else row.probe)
