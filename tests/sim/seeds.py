"""One seed from its plan to its verdict, and many of them side by side; called by ``__main__.py``, the tests and the mutants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

from tests.sim.failures import Behaviour, Failure
from tests.sim.judge import judge
from tests.sim.plan import Fault, Plan, Trouble, draw_plan
from tests.sim.play import play
from tests.sim.traces_checks import ends_of, is_exact
from tests.sim.witness import Witness, witness_of
from tests.support.run_invariants import begun_steps, doubled_effects

# Each so many seeds the same failures are played a second time on one worker and one partition, each event once (I14).
TWIN_EVERY = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a seed: its violations, and what happened in it."""

    seed: int
    found: tuple[str, ...]
    incidents: int = 0
    records: int = 0
    effects: int = 0
    chaotic_steps: int = 0
    doubled: int = 0


def verdict_of(plan: Plan) -> Verdict:
    """Play one plan and judge it."""
    witness = witness_of(play(plan))
    found = [*judge(witness), *_twin(plan, witness)]
    history = witness.history
    steps = begun_steps(history) if plan.faults else 0
    counted = (len(history.incidents), len(history.journal), len(history.effects), steps, doubled_effects(history))
    return Verdict(plan.seed, tuple(found), *counted)


def verdict_of_seed(seed: int, crowd: int = 0) -> Verdict:
    """Play and judge the plan of a seed; whatever breaks is a violation too."""
    plan = draw_plan(seed, crowd)
    try:
        return verdict_of(plan)
    except Exception as error:  # noqa: BLE001 - a seed on which the product raises is a finding, not the end of the search
        return Verdict(seed, (f"raised {type(error).__name__}: {error}",))


def verdict_of_death(boundary: int) -> Verdict:
    """Let the one executor die at a boundary of its run: the run ends as it would have, and the target was asked once."""
    fault = Fault(Trouble.CRASH_EXECUTOR, "0", boundary, 3.0)
    plan = Plan(boundary, partitions=1, workers=1, failures=(Failure("service:pay", 1.0),), faults=(fault,), is_forgetful=True)
    verdict = verdict_of(plan)
    return verdict if verdict.effects == 1 else replace(verdict, found=(*verdict.found, f"I2: {verdict.effects} starts instead of one"))


def verdicts(seeds: Iterable[int], processes: int = 1, crowd: int = 0) -> Iterator[Verdict]:
    """Yield the verdicts in the order of the seeds."""
    judged = partial(verdict_of_seed, crowd=crowd)
    if processes == 1:
        yield from map(judged, seeds)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(judged, seeds, chunksize=4)


def _twin(plan: Plan, witness: Witness) -> list[str]:
    """Compare with the twin when nothing but partitions, workers and copies is different: I14 in its own words."""
    # Whether a service that comes back by itself is healed first is a race, and either end is right.
    is_race = any(one.behaviour is Behaviour.RISES for one in plan.failures)
    if plan.seed % TWIN_EVERY or is_race or not is_exact(plan):
        return []
    calm = replace(plan, faults=(), late_s=0.0)
    mine = ends_of(witness.history) if calm == plan else ends_of(witness_of(play(calm)).history)
    other = ends_of(witness_of(play(calm.without_faults())).history)
    return [] if mine == other else [f"I14: {dict(mine - other)} instead of {dict(other - mine)} on one partition and one worker"]
