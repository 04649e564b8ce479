"""What befalls everything at once: a bad network (N9) and full disks (N6), each begun in the middle of a recovery and under failures.

Told to a ``Scenario`` by ``tests/chaos/test_invariants_on_a_bad_machine.py``.
"""

from __future__ import annotations

import time

from schemas.recoveries import JournalRecord, RecoveryOutcome
from tests.support.broken_network import Weather
from tests.support.chaos_scenario import QUIET_S, Scenario
from tests.support.fleet import READY_S
from tests.support.small_disk import fill, free


def begin_work(scenario: Scenario, stack: str) -> JournalRecord:
    """Let a stack die and a dozen jobs fail, and wait until the stack's recovery is under way; return its step."""
    before = len([one for one in scenario.intents(f"group:{stack}") if one.step.startswith("validate:")])
    scenario.fleet.targets.kill_stack(stack)
    scenario.burst()
    return scenario.intent_on(stack, before, QUIET_S)


def break_network(scenario: Scenario, weather: Weather, seconds: float, stack: str) -> None:
    """N9: the network is bad for so long."""
    fleet = scenario.fleet
    assert fleet.network is not None
    begin_work(scenario, stack)
    with fleet.network.weather(weather):
        over_at = time.monotonic() + seconds
        fleet.until("the end of the weather", lambda: True if time.monotonic() >= over_at else None)
    scenario.calm_since = time.monotonic()


def fill_state_disk(scenario: Scenario) -> RecoveryOutcome:
    """N6: there is no room for a copy of what would be overwritten; return how the recovery that needs it ended."""
    fleet = scenario.fleet
    target = f"config:oracle-conf:{fleet.targets.folder}/oracle.conf"
    fill(fleet.folder / "state")
    fleet.targets.drift()
    ended = scenario.first(RecoveryOutcome, lambda one: one.target == target and one.final, QUIET_S)
    free(fleet.folder / "state")
    scenario.expected[target] = "rolled_back"
    return ended


def fill_broker_disk(scenario: Scenario, stack: str) -> None:
    """N6: the broker's disk fills up; the broker ends, and is started again once there is room."""
    fleet = scenario.fleet
    begin_work(scenario, stack)
    fill(fleet.folder / "broker")
    fleet.until("the broker's end", lambda: True if fleet.broker.pid is None else None, QUIET_S)
    free(fleet.folder / "broker")
    fleet.broker.start()
    fleet.broker.wait_ready(READY_S)
    scenario.calm_since = time.monotonic()
