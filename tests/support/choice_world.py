"""A thousand installations at once, each with two strategies of planted success rates: the choice as ``learning`` makes it, in arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learning.off_policy import MEMORY, Floats
from learning.strategy_choice import best_chances, next_leaders, propensities_of, weights_of
from schemas.policy import Policy
from schemas.strategy_card import Prior

SEEDS = 1000
CASES_A_DAY = 10
CELLS = 200
# Chances are made anew every so many cases, as if so many were under way at once.
UNDER_WAY = 10

Rates = Callable[[int], tuple[float, float]]
Leads = npt.NDArray[np.bool_]


@dataclass
class Evidence:
    """Per installation and strategy: cases, their weights, the weights of the good ones, and the squares, as ``Tally`` keeps them."""

    cases: Floats
    weight: Floats
    good: Floats
    squares: Floats

    @classmethod
    def none(cls) -> Evidence:
        return cls(*(np.zeros((SEEDS, 2)) for _ in range(4)))

    def fade(self, factor: Floats) -> None:
        self.cases *= factor
        self.weight *= factor
        self.good *= factor
        self.squares *= factor * factor

    def add(self, chosen: Leads, weights: Floats, healed: Leads) -> None:
        own = np.where(chosen, np.minimum(1.0, (MEMORY - 1.0) / np.maximum(self.cases, 1.0)), 1.0)
        self.fade(own)
        self.cases += chosen
        self.weight += chosen * weights
        self.good += chosen * weights * healed[:, None]
        self.squares += chosen * weights * weights

    def worth(self) -> tuple[Floats, Floats]:
        """Return the good and the bad cases that the evidence is worth."""
        effective = np.minimum(self.weight**2 / np.maximum(self.squares, 1e-12), self.cases)
        good: Floats = effective * self.good / np.maximum(self.weight, 1e-12)
        return good, effective - good


def play(rates: Rates, cases: int, policy: Policy, seed: int = 1) -> tuple[Leads, Floats]:
    """Return, by case and installation, whether the challenger leads after it, and by case the share that was healed."""
    rng, prior, evidence = np.random.default_rng(seed), Prior(), Evidence.none()
    leaders, led, healed_share = np.zeros(SEEDS, dtype=np.int64), np.zeros((cases, SEEDS), dtype=np.bool_), np.zeros(cases)
    fading = np.array(0.5 ** (24 * 3600 / CASES_A_DAY / policy.choice_half_life_s))
    chances = np.full((SEEDS, 2), 0.5)
    good, bad = evidence.worth()
    for number in range(cases):
        if number % UNDER_WAY == 0:
            chances = best_chances(prior.good + good, prior.bad + bad, CELLS)
        leads = leaders[:, None] == np.arange(2)
        propensities = propensities_of(chances, leads, policy.exploration_share)
        second = rng.random(SEEDS) >= propensities[:, 0]
        healed = rng.random(SEEDS) < np.where(second, rates(number)[1], rates(number)[0])
        evidence.fade(fading)
        evidence.add(np.stack([~second, second], axis=-1), weights_of(propensities, leads, policy.exploration_share), healed)
        good, bad = evidence.worth()
        leaders = next_leaders(leaders, good, bad, (prior.good + good) / (prior.good + prior.bad + good + bad))
        led[number], healed_share[number] = leaders == 1, healed.mean()
    return led, healed_share
