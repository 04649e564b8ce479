"""The learning half of ``classifier.py``: one step of softmax regression over all kinds at once, by river's optimizer and loss.

Apart from it, because river brings numpy and scipy: a process that only classifies needs neither their second nor their memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from river.optim import SGD
from river.optim.losses import CrossEntropy
from river.optim.schedulers import Constant

from learning.labelled_example import Example

LEARNING_RATE = 0.5
# However much one example counts, it moves no weight further.
_MOST = 2.0


class SoftmaxStep:
    """Moves the weights of an example's features against the gradient of its cross entropy."""

    def __init__(self) -> None:
        """Make the optimizer and the loss; neither remembers an example."""
        self._optimizer = SGD(LEARNING_RATE)
        self._loss = CrossEntropy()

    def move(self, rows: Sequence[Sequence[float]], example: Example) -> list[tuple[float, ...]]:
        """Return the rows after the step, a row a feature of the example, each in the order of its shares."""
        losses = self._loss.gradient(y_true=example.kind, y_pred=example.shares)
        self._optimizer.lr = Constant(LEARNING_RATE * min(example.weight, _MOST))
        gradient = np.outer(example.values, [losses[kind] for kind in example.shares])
        moved = np.asarray(self._optimizer.step(w=np.array(rows), g=gradient))
        return [tuple(row) for row in moved.tolist()]
