"""Plays a plan in virtual time until all is quiet, and returns what it left behind; the faults end first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial

from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.recoveries import RecoveryOutcome
from tests.sim.plan import FAULTS_END_S, Plan
from tests.sim.services import LOOK_S
from tests.sim.troubles import prepare
from tests.sim.world import World

STEP_S = 0.4
BEGIN_S = 3.0
# I13: once the faults are over and the last event has come, all is quiet within this; incidents may wait for people and windows.
QUIET_S = 120.0
CALM_S = 3.0
# How often the main thread looks whether the course is over; each look costs a change of threads.
LOOK_AT_S = 5.0


@dataclass
class Played:
    """A world after its run, and the second at which it was quiet (infinite: never)."""

    world: World
    quiet_s: float


def play(plan: Plan) -> Played:
    """Play a plan."""
    world = World(plan)
    try:
        for failure in plan.failures:
            world.timeline.at(BEGIN_S + failure.at, partial(world.targets.fail, failure))
        prepare(world)
        return Played(world, _run(world))
    finally:
        world.timeline.close()


class Course:
    """The steps of a run, each some calls of the timeline, until all has been calm for a while or the time is over."""

    def __init__(self, world: World) -> None:
        self._world = world
        failures = [BEGIN_S + one.at + 1.0 for one in world.plan.failures]
        self._last = max([BEGIN_S + FAULTS_END_S * bool(world.plan.faults), *failures])
        self._number = 0
        self._calm_s = 0.0
        self.quiet_s: float | None = None

    def begin_step(self) -> None:
        """Let the probes look, then the rest of the step happen."""
        timeline = self._world.timeline
        self._number += 1
        if int(self._number * STEP_S / LOOK_S) != int((self._number - 1) * STEP_S / LOOK_S):
            self._world.targets.look()
        timeline.at(timeline.now_s, self._step)

    def _step(self) -> None:
        world, second = self._world, self._world.timeline.now_s
        owners = list(world.owners)
        world.random.shuffle(owners)
        for owner in owners:
            owner.step(second)
        world.people.look()
        world.executors.step()
        if world.on_the_way:
            # A re-run's events come as late as those of the failure: what is not here yet is nobody's lag, and has its time from then.
            self._last = max(self._last, second)
        is_calm = second > self._last and not _is_busy(world)
        self._calm_s = self._calm_s + STEP_S if is_calm else 0.0
        if self._calm_s >= CALM_S:
            self.quiet_s = second - self._calm_s
        elif second > self._last + QUIET_S:
            self.quiet_s = float("inf")
        else:
            world.timeline.at((self._number + 1) * STEP_S, self.begin_step)


def _run(world: World) -> float:
    course = Course(world)
    world.timeline.at(STEP_S, course.begin_step)
    second = 0.0
    while course.quiet_s is None:
        second += LOOK_AT_S
        world.timeline.run_until(second)
    return course.quiet_s


def _is_busy(world: World) -> bool:
    """Tell whether a record is unread, a run goes on, or an incident has not ended."""
    if world.on_the_way or world.log.is_away or world.executors.is_behind() or any(owner.is_behind() for owner in world.owners):
        return True
    if _awaits_logs(world):
        return True
    news = world.log.known("heal.incidents")[world.heard :]
    world.heard += len(news)
    world.opened |= {id_of(one) for one in news if isinstance(one, Incident)}
    ended = {one.incident_id for one in world.log.known("recovery.outcomes") if isinstance(one, RecoveryOutcome) and one.final}
    return bool(world.opened - ended)


def _awaits_logs(world: World) -> bool:
    """Tell whether a job has failed whose log is not whole: it is told when it was waited for long enough."""
    tables = (table for (topic, _), table in world.log.tables.items() if topic == "heal.state.detect-runs")
    runs = (text for table in tables for name, text in table.items() if name.startswith("run/"))
    return any(json.loads(text)["end"] for text in runs)
