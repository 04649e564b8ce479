"""An online classifier over hashed features (softmax regression, river's optimizer and loss); its snapshot is data with a checksum.

It ranks competing evidence for ``classification.py``; ``training.py`` makes the shipped one, ``challenger.py`` a successor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from math import exp
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray
from river.optim import SGD
from river.optim.losses import CrossEntropy
from river.optim.schedulers import Constant

from learning.features import FEATURE_SPACE
from learning.learned_guess import NEVER, Naming
from schemas.vocabulary import Group, Kind, group_of

SNAPSHOT_VERSION = 1
LEARNING_RATE = 0.5
KINDS: tuple[Kind, ...] = tuple(kind for kind in Kind if group_of(kind) in {Group.INFRA, Group.CODE})
_DIGITS = 4
_SMALLEST = 0.02
_FIRST_ROWS = 1024
# A snapshot of so many weights fits one record with room to spare; of more, the largest are kept.
MAX_WEIGHTS = 100_000


class NamingPlain(TypedDict):
    """A ``Naming`` as data."""

    knots: list[list[float]]
    code: float
    infra: float


class Snapshot(TypedDict):
    """The whole state: ``weights[kind][index]``; ``checksum`` is the sha256 of the rest as canonical JSON."""

    version: int
    learned: int
    weights: dict[str, dict[str, float]]
    naming: NotRequired[NamingPlain]
    checksum: str


class SnapshotError(ValueError):
    """A snapshot is of another version, was changed after it was made, or holds what a model cannot hold."""


class Classifier:
    """Learns one example at a time and says how likely each kind is.

    Every feature has one row of weights, a column a kind, so that a step is taken over all kinds at once.
    """

    def __init__(self) -> None:
        """Start with every kind equally likely."""
        self._optimizer = SGD(LEARNING_RATE)
        self._loss = CrossEntropy()
        self.learned = 0
        self.naming: Naming | None = None
        self._places: dict[int, int] = {}
        self._rows = np.zeros((_FIRST_ROWS, len(KINDS)))

    def predict(self, features: Mapping[int, float]) -> dict[Kind, float]:
        """Return the probability of every kind: the softmax of its weights' products with the features."""
        places, values = self._known(features)
        # Summed row after row, and not by a product of matrices, whose order of summing differs between machines.
        scores = np.add.reduce(self._rows[places] * np.array(values)[:, None], axis=0).tolist() if places else [0.0] * len(KINDS)
        highest = max(scores)
        shares = [exp(score - highest) for score in scores]
        whole = sum(shares)
        return {kind: share / whole for kind, share in zip(KINDS, shares, strict=True)}

    def _known(self, features: Mapping[int, float]) -> tuple[list[int], list[float]]:
        """Return the places of the rows that there are, and the features' values there."""
        found = [(place, value) for index, value in features.items() if (place := self._places.get(index)) is not None]
        return [place for place, _ in found], [value for _, value in found]

    def _place(self, index: int) -> int:
        """Return the place of a feature's row; it is made when there is none."""
        place = self._places.setdefault(index, len(self._places))
        if place == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        return place

    def learn(self, features: Mapping[int, float], kind: Kind, weight: float = 1.0) -> None:
        """Learn one labelled example; ``weight`` scales the step, kinds outside the taxonomy of logs are ignored."""
        if kind not in KINDS or weight <= 0.0:
            return
        losses = self._loss.gradient(y_true=kind, y_pred=self.predict(features))
        places = [self._place(index) for index in features]
        self._optimizer.lr = Constant(LEARNING_RATE * min(weight, 2.0))
        gradient = np.outer(list(features.values()), [losses[kind] for kind in KINDS])
        self._rows[places] = np.asarray(self._optimizer.step(w=self._rows[places], g=gradient))
        self.learned += 1

    def familiarity(self, features: Mapping[int, float]) -> float:
        """Return the part (0..1) of the features, by the squares of their weights, that says anything to the model."""
        whole = sum(value * value for value in features.values())
        places, values = self._known(features)
        says = np.any(np.abs(self._rows[places]) >= _SMALLEST, axis=1).tolist() if places else []
        known = sum(value * value for value, is_said in zip(values, says, strict=True) if is_said)
        return round(known / whole, 4) if whole else 0.0

    def weights_at(self, index: int) -> tuple[float, ...]:
        """Return the weights of one feature, in the order of ``KINDS``."""
        place = self._places.get(index)
        return (0.0,) * len(KINDS) if place is None else tuple(self._rows[place].tolist())

    def round_weights(self, indexes: Iterable[int]) -> None:
        """Round the weights of these features as a snapshot does, so that learning goes on from what a restart would find."""
        places = [self._places[index] for index in indexes if index in self._places]
        self._rows[places] = np.round(self._rows[places], _DIGITS)

    def put_weights(self, index: int, weights: Sequence[float]) -> None:
        """Replace the weights of one feature; ``weights`` in the order of ``KINDS``."""
        # The place first: making it may replace the rows.
        place = self._place(index)
        self._rows[place] = weights

    def snapshot(self) -> Snapshot:
        """Return the state as data; weights too small to matter are left out, and the smallest beyond ``MAX_WEIGHTS``."""
        indexes = sorted(self._places)
        rows = self._rows[[self._places[index] for index in indexes]] if indexes else self._rows[:0]
        kept = np.abs(rows) >= _least_kept(rows)
        weights = {
            kind.value: {
                str(indexes[row]): round(value, _DIGITS)
                for row, value in zip(np.flatnonzero(kept[:, column]).tolist(), rows[kept[:, column], column].tolist(), strict=True)
            }
            for column, kind in sorted(enumerate(KINDS), key=lambda pair: pair[1].value)
        }
        if self.naming is None:
            return Snapshot(version=SNAPSHOT_VERSION, learned=self.learned, weights=weights, checksum=_checksum(self.learned, weights))
        naming = NamingPlain(knots=[list(knot) for knot in self.naming.knots], code=self.naming.code, infra=self.naming.infra)
        checksum = _checksum(self.learned, weights, naming)
        return Snapshot(version=SNAPSHOT_VERSION, learned=self.learned, weights=weights, naming=naming, checksum=checksum)

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot) -> Classifier:
        """Build a classifier from a snapshot; raises SnapshotError when it is not exactly what ``snapshot`` made."""
        if snapshot.get("version") != SNAPSHOT_VERSION:
            message = f"snapshot version {snapshot.get('version')} is not {SNAPSHOT_VERSION}"
            raise SnapshotError(message)
        weights, naming = snapshot["weights"], snapshot.get("naming")
        if _checksum(snapshot["learned"], weights, naming) != snapshot["checksum"]:
            message = "the checksum does not fit the weights"
            raise SnapshotError(message)
        foreign = next((label for label in weights if label not in set(KINDS)), None)
        if foreign is not None:
            message = f"{foreign} is not a kind that logs can have"
            raise SnapshotError(message)
        classifier = cls()
        indexes = sorted({int(index) for found in weights.values() for index in found})
        _check_bounds(indexes)
        classifier._places = {index: place for place, index in enumerate(indexes)}
        classifier._rows = np.zeros((max(_FIRST_ROWS, len(indexes)), len(KINDS)))
        for label, found in weights.items():
            classifier._rows[[classifier._places[int(index)] for index in found], KINDS.index(Kind(label))] = list(found.values())
        classifier.learned = snapshot["learned"]
        classifier.naming = _naming(naming) if naming else None
        return classifier


def _least_kept(rows: NDArray[np.float64]) -> float:
    sizes = np.abs(rows).ravel()
    return max(_SMALLEST, float(-np.partition(-sizes, MAX_WEIGHTS)[MAX_WEIGHTS])) if sizes.size > MAX_WEIGHTS else _SMALLEST


def _check_bounds(rising: Sequence[int]) -> None:
    if rising and not 0 <= rising[0] <= rising[-1] < FEATURE_SPACE:
        message = f"feature {rising[0] if rising[0] < 0 else rising[-1]} is outside the hashed space"
        raise SnapshotError(message)


def _naming(plain: NamingPlain) -> Naming:
    knots = tuple((float(share), float(right)) for share, right in plain["knots"])
    values = [value for knot in knots for value in knot]
    is_sound = bool(knots) and list(knots) == sorted(knots) and all(0.0 <= value <= 1.0 for value in values)
    if not is_sound or not all(0.0 <= value <= NEVER for value in (plain["code"], plain["infra"])):
        message = "the naming's knots are not rising shares between 0 and 1"
        raise SnapshotError(message)
    return Naming(knots, float(plain["code"]), float(plain["infra"]))


def _checksum(learned: int, weights: Mapping[str, Mapping[str, float]], naming: NamingPlain | None = None) -> str:
    # A snapshot without a naming keeps the sum that it had before there were namings.
    parts = [SNAPSHOT_VERSION, learned, weights, *([naming] if naming else [])]
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()
