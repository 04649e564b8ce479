"""Thompson sampling over the strategies that policy allows: what leads, with which chance each is chosen, and the choice by a given draw.

Used by ``streams/strategy_choice.py``. The first strategy of the catalogue, the incumbent, leads until another one is surely better; the
others share a small part of the cases. All is computed from values that a decision keeps, so that it can be made again from its record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learning.off_policy import Bools, Floats, Worth, is_surely_above

Places = npt.NDArray[np.int64]

# One time in twenty, over all looks and all challengers together, a challenger may lead that is no better.
RISK = 0.05
# Cells of the grid on which posteriors stand; a thousand give chances right to about a millionth.
CELLS = 1000
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Arm:
    """One strategy: its prior, as cases that ended well and badly, and what its verified cases are worth."""

    strategy: str
    prior_good: float
    prior_bad: float
    worth: Worth = Worth()

    def posterior(self) -> tuple[float, float]:
        """Return the two parameters of the Beta posterior."""
        good = self.worth.cases * self.worth.rate
        return self.prior_good + good, self.prior_bad + self.worth.cases - good

    def mean(self) -> float:
        """Return the posterior's mean."""
        good, bad = self.posterior()
        return good / (good + bad)


def interval_of(arm: Arm) -> tuple[float, float]:
    """Return the ends between which the arm's success rate lies by its posterior, 19 times in 20."""
    good, bad = arm.posterior()
    below = np.cumsum(_masses(np.array(good), np.array(bad), CELLS))
    return float(np.searchsorted(below, 0.025) / CELLS), float((np.searchsorted(below, 0.975) + 1) / CELLS)


def best_chances(good: Floats, bad: Floats, cells: int = CELLS) -> Floats:
    """Return the chance of each arm (last axis) to be the best, exact for the posteriors on a grid of ``cells``."""
    mass = _masses(good, bad, cells)
    # Of two in one cell either may be the better one.
    below = np.cumsum(mass, axis=-1) - 0.5 * mass
    arms = range(good.shape[-1])
    won = [np.prod(np.delete(below, arm, axis=-2), axis=-2) for arm in arms]
    chances = np.stack([(mass[..., arm, :] * won[arm]).sum(axis=-1) for arm in arms], axis=-1)
    scaled: Floats = chances / chances.sum(axis=-1, keepdims=True)
    return scaled


def _masses(good: Floats, bad: Floats, cells: int) -> Floats:
    places = (np.arange(cells) + 0.5) / cells
    density = (good[..., None] - 1.0) * np.log(places) + (bad[..., None] - 1.0) * np.log1p(-places)
    mass: Floats = np.exp(density - density.max(axis=-1, keepdims=True))
    mass /= mass.sum(axis=-1, keepdims=True)
    return mass


def propensities_of(chances: Floats, leads: Bools, share: float) -> Floats:
    """Return the chance of each arm to be chosen: of the share, half goes evenly to those that do not lead, half by their chances."""
    others = max(chances.shape[-1] - 1, 1)
    explored = np.where(leads, 0.0, share * (0.5 / others + 0.5 * chances))
    found: Floats = np.where(leads, 1.0 - explored.sum(axis=-1, keepdims=True), explored)
    return found


def weights_of(propensities: Floats, leads: Bools, share: float) -> Floats:
    """Return the stabilised weight of a case of each arm: the part that its role gets on the whole over the chance that it had.

    A role's part does not change with the lead, so that what a leader does now weighs as much as what it did when it was tried.
    """
    others = max(propensities.shape[-1] - 1, 1)
    parts = np.where(leads, 1.0 - share, share / others)
    found: Floats = np.where(propensities > 0.0, parts / np.maximum(propensities, 1e-12), 0.0)
    return found


def next_leaders(leaders: Places, good: Floats, bad: Floats, means: Floats) -> Places:
    """Return which arm leads by the evidence (last axis: arms, the incumbent first).

    A challenger leads only while its lower bound is above the incumbent's mean, and comes before another one only when it is above that
    one's mean too; so the incumbent takes the lead back as soon as the evidence is no longer there.
    """
    level = RISK / max(good.shape[-1] - 1, 1)
    of_leader = np.take_along_axis(means, leaders[..., None], axis=-1)
    beats, beats_leader = is_surely_above(good, bad, (means[..., :1], of_leader), level)
    is_kept = np.take_along_axis(beats, leaders[..., None], axis=-1)
    kept = np.where(is_kept[..., 0], leaders, 0)
    ahead = beats & (beats_leader | ~is_kept)
    ahead[..., 0] = False
    best = np.argmax(np.where(ahead, means, -1.0), axis=-1)
    found: Places = np.where(ahead.any(axis=-1), best, kept).astype(np.int64)
    return found


def lead_among(arms: Sequence[Arm], leader: str) -> str:
    """Return the name of the arm that leads now, the incumbent standing first; ``leader`` is who led until now."""
    names = [arm.strategy for arm in arms]
    good = np.array([arm.worth.cases * arm.worth.rate for arm in arms])
    bad = np.array([arm.worth.cases for arm in arms]) - good
    before = np.array(names.index(leader) if leader in names else 0)
    return names[int(next_leaders(before, good, bad, np.array([arm.mean() for arm in arms])))]


@dataclass(frozen=True, slots=True)
class Chance:
    """The chance with which a strategy is chosen."""

    strategy: str
    propensity: float


def chances_of(arms: Sequence[Arm], leader: str, share: float) -> tuple[Chance, ...]:
    """Return each arm's chance, to six digits; the leader's is what the others leave."""
    if len(arms) == 1 or share <= 0.0:
        return tuple(Chance(arm.strategy, float(arm.strategy == leader)) for arm in arms)
    posteriors = np.array([arm.posterior() for arm in arms])
    leads = np.array([arm.strategy == leader for arm in arms])
    raw = propensities_of(best_chances(posteriors[:, 0], posteriors[:, 1]), leads, share)
    found = np.where(leads, 0.0, np.round(raw, _DIGITS))
    found = np.where(leads, np.round(1.0 - found.sum(), _DIGITS), found)
    return tuple(Chance(arm.strategy, float(found[n])) for n, arm in enumerate(arms))


def weight_among(chances: Sequence[Chance], chosen: str, leader: str, share: float) -> float:
    """Return what a case of the chosen strategy weighs."""
    names = [chance.strategy for chance in chances]
    weights = weights_of(np.array([chance.propensity for chance in chances]), np.array([name == leader for name in names]), share)
    return float(weights[names.index(chosen)])


def pick(chances: Sequence[Chance], draw: float) -> Chance:
    """Return the strategy on which a draw from 0 to 1 falls."""
    passed = 0.0
    for chance in chances:
        passed += chance.propensity
        if draw < passed:
            return chance
    return max(chances, key=lambda chance: chance.propensity)
