"""N9 and N6: the invariants hold while the network is slow, cut, deaf and gone, and when the disks of state and broker are full.

One run for all tests. Every fault begins in the middle of a recovery, with failures on their way; the broker's own word to itself goes
through the same network. After the last one everything becomes quiet, and the checkers read topics, audit chain and ledgers. Where
mounting a disk is not allowed the network alone is bad, and the tests of the disks say that they were skipped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.broker.install import cache_folder, install
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from tests.support.broken_network import Weather
from tests.support.chaos_scenario import POLICY, QUIET_S, Scenario, timed
from tests.support.chaos_targets import DRIFTED, LIAR, Targets
from tests.support.fleet import FEW, Fleet
from tests.support.invariants import INVARIANTS
from tests.support.machine_faults import break_network, fill_broker_disk, fill_state_disk
from tests.support.small_disk import needs_disks, small_disks

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
Property = Callable[[str, object], None]
# Half of the half second on each way; deaf for longer than an executor's session.
WEATHERS = (
    (Weather(is_parted=True), 5.0),
    (Weather(delay_s=0.25), 5.0),
    (Weather(reset_share=0.2), 5.0),
    (Weather(is_deaf=True), 7.0),
)


@dataclass(slots=True)
class Bad:
    """The one run, judged; ``without_room`` is how the recovery ended that could keep no copy, None without disks of our own."""

    scenario: Scenario
    without_room: RecoveryOutcome | None = None


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Iterator[Bad]:
    """Yield the run."""
    sys.stdout.write(f"HEALSTREAM_SEED={seed}\n")
    folder = tmp_path_factory.mktemp("fleet")
    with small_disks({folder / "broker": "160m", folder / "state": "8m"}) as has_disks:
        fleet = Fleet(folder, install(cache_folder(os.environ)), seed, Targets, is_between=True)
        bad = Bad(Scenario(fleet))
        try:
            timed("start", lambda: fleet.start(POLICY, FEW))
            for (weather, seconds), stack in zip(WEATHERS, fleet.targets.stacks, strict=True):
                timed(str(weather), lambda: break_network(bad.scenario, weather, seconds, stack))  # noqa: B023 - called at once
            if has_disks:
                bad.without_room = timed("full state", lambda: fill_state_disk(bad.scenario))
                timed("full broker", lambda: fill_broker_disk(bad.scenario, fleet.targets.stacks[0]))
            timed("settle", lambda: bad.scenario.settle(*fleet.targets.stacks, seconds=QUIET_S))
            timed("conclude", bad.scenario.conclude)
            yield bad
        finally:
            fleet.close()


def test_n9_each_weather_met_what_was_said(run: Bad) -> None:
    network = run.scenario.fleet.network
    assert network is not None
    met = {"parted": network.held_bytes, "slow": network.slow_chunks, "reset": network.resets, "deaf": network.lost_bytes}
    assert all(met.values()), met


def test_n6_a_recovery_that_can_keep_no_copy_overwrites_nothing_and_says_so(run: Bad) -> None:
    needs_disks(run.without_room is not None)
    assert run.without_room is not None
    assert run.without_room.status is OutcomeStatus.ROLLED_BACK, run.without_room
    assert "No space left on device" in run.without_room.reason
    # Nothing was done, so nothing was taken back, and the file is what the hand made it.
    assert run.without_room.rollback == ()
    assert Path(run.scenario.fleet.targets.catalogue.configs[0].path).read_text(encoding="utf-8") == DRIFTED
    assert [effect for effect in run.scenario.history.effects if effect.target == f"config:{LIAR}"] == []


@pytest.mark.parametrize("name", [*INVARIANTS, "I14"])
def test_an_invariant_holds_on_a_bad_machine(run: Bad, name: str, record_property: Property) -> None:
    assert len(run.scenario.expected) >= 40
    assert len(run.scenario.history.commands) >= len(WEATHERS)
    record_property("violations", len(run.scenario.found[name]))
    assert run.scenario.found[name] == []


def test_i13_nothing_is_unread_or_in_flight_soon_after_the_machine_is_well(run: Bad, record_property: Property) -> None:
    record_property("seconds", run.scenario.quiet_s)
    assert run.scenario.quiet_s < QUIET_S
