"""The learning half of ``classifier.py``: river's softmax regression over weights that are there already.

Apart from it, because river brings numpy and scipy: a process that only classifies needs neither their second nor their memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from river.linear_model import SoftmaxRegression
from river.optim import SGD
from river.optim.schedulers import Constant

LEARNING_RATE = 0.5
# However much one example counts, it moves no weight further.
_MOST = 2.0


class SoftmaxLearner:
    """Takes one step for each example; ``weights[label][index]`` are what it goes on from, and what it changes."""

    def __init__(self, weights: Mapping[str, Mapping[int, float]]) -> None:
        """Start from these weights; every label that there may be is in them."""
        self._optimizer = SGD(LEARNING_RATE)
        self._model = SoftmaxRegression(optimizer=self._optimizer)
        self.weights: Mapping[str, dict[int, float]] = self._model.weights
        for label, found in weights.items():
            self._model.weights[label].update(found)

    def learn(self, features: Mapping[int, float], label: str, weight: float) -> None:
        """Take one step; ``weight`` scales it."""
        rate = Constant(LEARNING_RATE * min(weight, _MOST))
        for optimizer in (self._optimizer, *self._model.optimizers.values()):
            optimizer.lr = rate
        self._model.learn_one(dict(features), label)  # type: ignore[no-untyped-call]
