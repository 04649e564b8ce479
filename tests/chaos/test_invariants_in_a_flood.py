"""N7, N12 and N13: the invariants hold while clocks are set by an hour, in a flood, and while everything is halted and killed in one.

One run for all tests. First the clock of each kind of worker is set in the middle of a recovery; then ten times the ordinary flow comes
for 15 s (``HEALSTREAM_FLOOD_S`` for longer), and a service dies in it; then it comes once more, everything is halted in the middle of a
recovery, every worker is killed, another service dies, and a second person lets all go on. After that everything becomes quiet, and the
checkers read topics, audit chain and ledgers. Without the library that sets clocks N7 is left out, and its test says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.broker.install import cache_folder, install
from schemas.oversight import DeadLetter
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from tests.support.chaos_scenario import POLICY, QUIET_S, Scenario, timed
from tests.support.chaos_targets import Targets
from tests.support.fleet import FEW, Fleet
from tests.support.flood import FLOOD_S, ORDINARY_RATE, TIMES
from tests.support.flood_faults import STEPPED, Flooded
from tests.support.invariants import INVARIANTS
from tests.support.stepped_clocks import SteppedClocks, library, needs_clocks
from tests.support.two_people import ROLES, two_people

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]
Property = Callable[[str, object], None]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Iterator[Flooded]:
    """Yield the one run, judged."""
    sys.stdout.write(f"HEALSTREAM_SEED={seed}\n")
    folder, found = tmp_path_factory.mktemp("fleet"), library()
    clocks = SteppedClocks(folder / "clocks", found) if found else None
    fleet = Fleet(folder, install(cache_folder(os.environ)), seed, Targets, clocks=clocks)
    keys = {name: Ed25519PrivateKey.generate() for name in ROLES}
    fleet.people = two_people(keys)
    flooded = Flooded(Scenario(fleet), keys)
    try:
        timed("start", lambda: fleet.start(POLICY, FEW))
        if clocks:
            timed("step_clocks", flooded.step_clocks)
        timed("flood", flooded.flood)
        timed("stop_in_a_flood", flooded.stop_in_a_flood)
        timed("judge", flooded.judge)
        yield flooded
    finally:
        fleet.close()


def test_n12_ten_times_the_ordinary_flow_comes_whole_and_no_worker_grows_beyond_its_bound(run: Flooded) -> None:
    seconds = [round(flood.took_s, 1) for flood in run.floods]
    sys.stdout.write(f"{run.memory} bytes at most, {seconds} s for {run.floods[0].events} events, healed in {run.healed_s} s\n")
    assert [flood.events for flood in run.floods] >= [int(ORDINARY_RATE * TIMES * FLOOD_S * 0.9)] * 2
    assert run.memory.keys() == FEW.keys()
    limits = {name: (200 if name.startswith("executor") else 300) * MIB for name in FEW}
    assert {name: size for name, size in run.memory.items() if size > limits[name]} == {}


def test_n12_what_is_grave_is_healed_in_the_flood_and_nothing_of_it_is_put_aside(run: Flooded) -> None:
    assert run.healed_s
    assert [one for one in run.scenario.history.records if isinstance(one, DeadLetter)] == []


def test_n13_nothing_begins_later_than_two_seconds_after_a_halt_while_workers_die_in_a_flood(run: Flooded) -> None:
    assert run.stopped is not None
    assert run.begun_while_stopped() == []
    # It went on where it was stopped, and what died under the halt was healed after it.
    assert run.begun_after(run.stopped.begun, run.stopped.over_at)
    assert run.begun_after(run.stopped.waiting, run.stopped.over_at)
    assert all(count > 1 for count in run.scenario.starts.values()), run.scenario.starts


def test_n7_each_recovery_ends_while_a_clock_is_an_hour_off(run: Flooded) -> None:
    needs_clocks(library())
    assert len(run.steps) == 2 * len(STEPPED)
    ends = [one for one in run.scenario.history.records if isinstance(one, RecoveryOutcome) and one.final]
    assert {one.status for one in ends if one.target.startswith("service:")} == {OutcomeStatus.HEALED}


@pytest.mark.parametrize("name", [*INVARIANTS, "I14"])
def test_an_invariant_holds_with_clocks_set_in_a_flood_and_under_the_kill_switch(
    run: Flooded, name: str, record_property: Property
) -> None:
    # Without the library the failures under set clocks are missing.
    assert len(run.scenario.expected) >= (100 if run.steps else 80)
    record_property("violations", len(run.scenario.found[name]))
    assert run.scenario.found[name] == []


def test_i13_nothing_is_unread_or_in_flight_soon_after_the_flood(run: Flooded, record_property: Property) -> None:
    record_property("seconds", run.scenario.quiet_s)
    assert run.scenario.quiet_s < QUIET_S
