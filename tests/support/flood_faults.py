"""What befalls a fleet in a flood: clocks that are set (N7), the flood itself (N12), and the kill switch while workers die in it (N13).

Told to a ``Scenario`` by ``tests/chaos/test_invariants_in_a_flood.py``.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.adapters.launch import ledger_rows
from infra.adapters.processes import LEDGER
from schemas.oversight import Control, KillSwitch, SwitchMode
from schemas.recoveries import JournalKind, JournalRecord, RecoveryOutcome
from schemas.signing import sign
from tests.support.chaos_scenario import QUIET_S, Scenario, owner_pid
from tests.support.fleet import FEW
from tests.support.flood import Flood
from tests.support.invariants import violations
from tests.support.largest import largest
from tests.support.machine_faults import begin_work
from tests.support.true_times import true_times

HOUR_S = 3600
STEPPED_S = 8.0
# Two at a time; without a name it is the executor that has the run in its hands.
STEPPED = (("gatekeeper", "detect-1"), ("", "middle"), ("prober", "gatekeeper"))
STOP_WITHIN = timedelta(seconds=2)
BEGINS = frozenset({JournalKind.INTENT, JournalKind.UNDO_INTENT})


@dataclass
class Stopped:
    """A halt: its stack in the middle of a recovery, the other that died under it; when it was said, and when it was taken back."""

    begun: str
    waiting: str
    at: datetime
    over_at: datetime

    def covers(self, at: datetime) -> bool:
        """Tell whether nothing may begin at this time."""
        return self.at + STOP_WITHIN < at < self.over_at


@dataclass
class Flooded:
    """What was seen of the run: steps of clocks, floods, largest memory by worker, and seconds from a death in a flood to its healing."""

    scenario: Scenario
    keys: Mapping[str, Ed25519PrivateKey]
    steps: list[tuple[str, int]] = field(default_factory=list)
    floods: list[Flood] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)
    healed_s: dict[str, float] = field(default_factory=dict)
    stopped: Stopped | None = None

    def step_clocks(self) -> None:
        """N7: the clock of each kind of worker is set by an hour in the middle of a recovery, forth or back, and set right again."""
        fleet = self.scenario.fleet
        assert fleet.clocks is not None
        for stack, names in zip(fleet.targets.stacks, STEPPED, strict=False):
            doing = begin_work(self.scenario, stack)
            for name in names:
                ahead_s = fleet.random.choice((-HOUR_S, HOUR_S))
                self.steps.append((name or fleet.name_of(owner_pid(doing)) or "executor-1", ahead_s))
                fleet.clocks.set(*self.steps[-1])
            self.scenario.burst()
            self._let_pass(STEPPED_S)
            for name, _ in self.steps[-len(names) :]:
                fleet.clocks.set(name, 0)
            self.scenario.settle(stack, seconds=QUIET_S)
        fleet.go_on_by_true_time(FEW)

    def flood(self) -> None:
        """N12: the flood comes, and a stack dies in the middle of it."""
        fleet, stack = self.scenario.fleet, self.scenario.fleet.targets.stacks[0]
        with largest(fleet.pids) as most:
            flood = Flood(self.scenario, "6")
            self.floods.append(flood)
            self._let_pass(3.0)
            self._see_healed(stack)
            flood.join()
            self.scenario.calm_since = time.monotonic()
            self.scenario.settle(stack, seconds=QUIET_S)
        self.memory = most

    def stop_in_a_flood(self) -> None:
        """N13: everything is halted in the middle of a recovery, in a flood, while each worker dies; a second person lets it go on."""
        fleet = self.scenario.fleet
        _, begun, waiting, _ = fleet.targets.stacks
        flood = Flood(self.scenario, "7")
        self.floods.append(flood)
        self._begin_by_the_hosts_word(begun)
        self._say("ada", SwitchMode.HALT)
        halted_at = datetime.now(UTC)
        starts = fleet.starts()
        victims = list(starts)
        fleet.random.shuffle(victims)
        for victim in victims:
            fleet.signal(victim, signal.SIGKILL)
        fleet.targets.kill_stack(waiting)
        fleet.until("every worker again", lambda: True if self._are_back(starts) else None, QUIET_S)
        flood.join()
        self.stopped = Stopped(begun, waiting, halted_at, datetime.now(UTC))
        self._say("bob", SwitchMode.OFF)
        self.scenario.calm_since = time.monotonic()
        self.scenario.settle(begun, waiting, seconds=QUIET_S)

    def judge(self) -> None:
        """Judge by right times; the chain by what was written, since its digests hold the wrong ones."""
        self.scenario.conclude()
        found, history = self.scenario.found, self.scenario.history
        self.scenario.history = true_times(history, datetime.now(UTC))
        self.scenario.found = found | {name: words for name, words in violations(self.scenario.history).items() if name != "I7"}

    def begun_while_stopped(self) -> list[str]:
        """Return each step that the journal, and each effect that a target, says to have begun under the halt, 2 s left out."""
        assert self.stopped is not None
        history = self.scenario.history
        steps = [f"{one.kind} {one.step} at {one.at}" for one in history.journal if one.kind in BEGINS and self.stopped.covers(one.at)]
        return steps + [f"{one.act} on {one.target} at {one.at}" for one in history.effects if self.stopped.covers(one.at)]

    def begun_after(self, stack: str, at: datetime) -> list[JournalRecord]:
        """Return the steps of a stack's recovery that begin later than this."""
        rows = self.scenario.history.journal
        return [one for one in rows if one.scope == f"group:{stack}" and one.kind is JournalKind.INTENT and one.at > at]

    def _begin_by_the_hosts_word(self, stack: str) -> None:
        """Let a stack die, and wait until the first of its services is started again, which Kafka would tell too late in a flood."""
        fleet = self.scenario.fleet
        first = next(row for row in fleet.targets.catalogue.services if row.group == stack)
        ledger = Path(first.cwd) / LEDGER
        before = len(ledger_rows(ledger))
        fleet.targets.kill_stack(stack)
        self.scenario.burst()
        fleet.until(f"{first.name} started", lambda: True if len(ledger_rows(ledger)) > before else None, QUIET_S)

    def _see_healed(self, stack: str) -> None:
        before = len(self._ends(stack))
        began = time.monotonic()
        begin_work(self.scenario, stack)
        self.scenario.fleet.until(f"{stack} healed", lambda: self._ends(stack)[before:] or None, QUIET_S)
        self.healed_s[stack] = time.monotonic() - began

    def _ends(self, stack: str) -> list[RecoveryOutcome]:
        return [one for one in self.scenario.fleet.heard.of(RecoveryOutcome) if one.target == f"service:{stack}-web" and one.final]

    def _are_back(self, starts: Mapping[str, int]) -> bool:
        fleet = self.scenario.fleet
        again = all(fleet.starts()[name] > count for name, count in starts.items())
        return again and not any(supervisor.not_ready() for supervisor in fleet.supervisors)

    def _say(self, by: str, mode: SwitchMode) -> None:
        word = Control("killswitch/fleet", by, datetime.now(UTC), killswitch=KillSwitch(mode, "too much at once"))
        # Once: a copy of the word that comes after its opposite would undo it.
        self.scenario.fleet.emit_once(sign(word, self.keys[by]))

    def _let_pass(self, seconds: float) -> None:
        over_at = time.monotonic() + seconds
        self.scenario.fleet.until("the end of it", lambda: True if time.monotonic() >= over_at else None, seconds + 60)
