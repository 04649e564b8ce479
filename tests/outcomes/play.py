"""Plays a plan for real: a broker, every worker, a shop that is healed, and two equal shops that are not; all is gone at the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from tests.outcomes.plan import Failure, Fault, Plan
from tests.outcomes.records import HEALED, NOBODY, PERSON, Begun, Played
from tests.outcomes.shop import Shop
from tests.outcomes.troubles import CALM, cause
from tests.outcomes.watching import Watcher
from tests.support.chaos_scenario import POLICY as CHAOS_POLICY
from tests.support.fleet import Fleet
from tests.support.history import history_from
from tests.support.invariants import violations
from tests.support.lags import unread

# What is tried first follows from the failure alone, so that the same seed is the same run.
POLICY = replace(CHAOS_POLICY, exploration_share=0.0)
END_S = 240.0


class Stage:
    """The stage of one run; ``say`` tells how far it is."""

    def __init__(self, plan: Plan, person_s: float, folder: Path, jars: tuple[Path, ...], say: Callable[[str], None]) -> None:
        """Make everything; nothing runs yet."""
        self.plan = plan
        self.say = say
        self.person_s = person_s
        self.fleet: Fleet[Shop] = Fleet(folder, jars, plan.seed, Shop)
        self.fleet.copies = CALM
        others = {name: Shop(folder / f"shop-{number}", lambda _: None) for number, name in enumerate((NOBODY, PERSON))}
        self.watchers = (
            Watcher(HEALED, self.fleet.targets, person_s, self._was_rolled_back),
            Watcher(NOBODY, others[NOBODY], None, lambda _: False),
            Watcher(PERSON, others[PERSON], person_s, lambda _: False),
        )
        self._others = tuple(others.values())
        # A broker that it starts again ends with its thread.
        self._causing = ThreadPoolExecutor(1)

    def play(self) -> Played:
        """Play it whole."""
        self.fleet.start(POLICY)
        for shop in self._others:
            shop.start()
        for watcher in self.watchers:
            watcher.start()
        self.say("all workers are ready; it begins")
        self._let_time_pass()
        for watcher in self.watchers:
            watcher.stop()
        return self._conclude()

    def close(self) -> None:
        """End everything, services first: executors would start them again only while they live."""
        self.fleet.close()
        for shop in self._others:
            shop.close()
        self._causing.shutdown()

    def _let_time_pass(self) -> None:
        began = time.monotonic()
        causing: list[Future[None]] = []
        for at_s, act in self._acts(lambda fault: causing.append(self._causing.submit(self._cause, fault))):
            time.sleep(max(0.0, began + at_s - time.monotonic()))
            for one in causing:
                if one.done():
                    one.result()
            act()
        time.sleep(max(0.0, began + self.plan.minutes * 60 - time.monotonic()))
        for one in causing:
            one.result()

    def _acts(self, submit: Callable[[Fault], None]) -> list[tuple[float, Callable[[], None]]]:
        acts: list[tuple[float, Callable[[], None]]] = []
        for failure in self.plan.failures:
            acts.append((failure.at_s, partial(self._fail, failure)))
            if failure.returns_s:
                acts.append((failure.at_s + failure.returns_s, partial(self._return, failure)))
        acts += [(fault.at_s, partial(submit, fault)) for fault in self.plan.faults]
        return sorted(acts, key=lambda row: row[0])

    def _fail(self, failure: Failure) -> None:
        for watcher in self.watchers:
            watcher.begin(failure)
        self.say(f"{failure.at_s:6.1f} s  {failure.way}{f': {failure.service}' if failure.service else ''}")

    def _return(self, failure: Failure) -> None:
        for watcher in self.watchers:
            watcher.shop.start_by_hand(failure.service)

    def _cause(self, fault: Fault) -> None:
        self.say(f"{fault.at_s:6.1f} s  FAULT {fault.trouble} {' '.join(fault.on)}")
        cause(self.fleet, fault)

    def _was_rolled_back(self, begun: Begun) -> bool:
        outcomes = self.fleet.heard.of(RecoveryOutcome)
        return any(
            one.target == begun.target and one.status is OutcomeStatus.ROLLED_BACK and one.detected_at >= begun.at for one in outcomes
        )

    def _conclude(self) -> Played:
        fleet, ended = self.fleet, time.monotonic()
        self.say("the time is over; waiting until every incident has ended")
        fleet.until("the end of every incident", self._has_ended, END_S)
        fleet.signal("prober", signal.SIGSTOP)
        fleet.until("lag 0", lambda: True if not unread(fleet.address) else None, END_S)
        quiet_s = time.monotonic() - ended
        starts = fleet.starts()
        fleet.rest()
        effects = fleet.targets.effects(fleet.folder / "state" / "quarantine", self.plan.failures)
        # No pre-images: hands have changed the files since; whether a rollback put them back was seen when it had ended.
        history = history_from(fleet.address, fleet.notary_key, effects, {})
        return Played(
            plan=self.plan,
            person_s=self.person_s,
            shops=tuple(watcher.seen for watcher in self.watchers),
            incidents=tuple(history.incidents.values()),
            outcomes=tuple({id_of(one): one for one in history.outcomes}.values()),
            found=violations(history),
            quiet_s=quiet_s,
            starts=starts,
            faults=self.plan.faults,
            journal_records=len(history.journal),
        )

    def _has_ended(self) -> bool | None:
        heard = self.fleet.heard
        ends = {one.incident_id for one in heard.of(RecoveryOutcome) if one.final}
        return True if {id_of(one) for one in heard.of(Incident)} <= ends else None
