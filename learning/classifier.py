"""An online classifier over hashed features (softmax regression, river's optimizer and loss); its snapshot is data with a checksum.

It ranks competing evidence for ``classification.py``; ``training.py`` makes the shipped one, ``challenger.py`` a successor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from math import exp
from typing import TYPE_CHECKING, NotRequired, TypedDict

from learning.features import FEATURE_SPACE
from learning.labelled_example import Example
from learning.learned_guess import NEVER, Naming
from schemas.vocabulary import Group, Kind, group_of

if TYPE_CHECKING:
    from learning.softmax import SoftmaxStep

SNAPSHOT_VERSION = 1
KINDS: tuple[Kind, ...] = tuple(kind for kind in Kind if group_of(kind) in {Group.INFRA, Group.CODE})
_DIGITS = 4
_SMALLEST = 0.02
# A snapshot of so many weights fits one record with room to spare; of more, the largest are kept.
MAX_WEIGHTS = 100_000
_NO_WEIGHTS = (0.0,) * len(KINDS)


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
    """Learns one example at a time and says how likely each kind is; every feature has one row of weights, in the order of ``KINDS``."""

    def __init__(self) -> None:
        """Start with every kind equally likely."""
        self._rows: dict[int, tuple[float, ...]] = {}
        self._step: SoftmaxStep | None = None
        self.learned = 0
        self.naming: Naming | None = None
        self._by_feature: dict[int, tuple[tuple[int, float], ...]] = {}

    def predict(self, features: Mapping[int, float]) -> dict[Kind, float]:
        """Return the probability of every kind: the softmax of its weights' products with the features.

        Most features have a weight for few kinds, so these are remembered by feature until the feature is learned again.
        """
        scores = [0.0] * len(KINDS)
        for index, value in features.items():
            for place, weight in self._weights_of(index):
                scores[place] += weight * value
        return _shares_of(dict(zip(KINDS, scores, strict=True)))

    def _weights_of(self, index: int) -> tuple[tuple[int, float], ...]:
        """Return the weights of a feature that are any, each with its kind's place in ``KINDS``."""
        known = self._by_feature.get(index)
        if known is None:
            known = tuple((place, weight) for place, weight in enumerate(self._rows.get(index, ())) if weight)
            if len(self._by_feature) < FEATURE_SPACE // 8:
                self._by_feature[index] = known
        return known

    def learn(self, features: Mapping[int, float], kind: Kind, weight: float = 1.0) -> None:
        """Learn one labelled example; ``weight`` scales the step, kinds outside the taxonomy of logs are ignored."""
        if kind not in KINDS or weight <= 0.0:
            return
        if self._step is None:
            # Here and not above: river with what it needs is a second and 90 MiB, which most processes are better without.
            from learning.softmax import SoftmaxStep  # noqa: PLC0415

            self._step = SoftmaxStep()
        rows = [self.weights_at(index) for index in features]
        # What is learned next was learned just before, so nothing is remembered by feature here.
        scores = [0.0] * len(KINDS)
        for value, row in zip(features.values(), rows, strict=True):
            scores = [score + part * value for score, part in zip(scores, row, strict=True)]
        example = Example(tuple(features.values()), kind, _shares_of(dict(zip(KINDS, scores, strict=True))), weight)
        moved = self._step.move(rows, example)
        for index, row in zip(features, moved, strict=True):
            self.put_weights(index, row)
        self.learned += 1

    def familiarity(self, features: Mapping[int, float]) -> float:
        """Return the part (0..1) of the features, by the squares of their weights, that says anything to the model."""
        whole = sum(value * value for value in features.values())
        known = sum(
            value * value for index, value in features.items() if any(abs(weight) >= _SMALLEST for _, weight in self._weights_of(index))
        )
        return round(known / whole, 4) if whole else 0.0

    def weights_at(self, index: int) -> tuple[float, ...]:
        """Return the weights of one feature, in the order of ``KINDS``."""
        return self._rows.get(index, _NO_WEIGHTS)

    def round_weights(self, indexes: Iterable[int]) -> None:
        """Round the weights of these features as a snapshot does, so that learning goes on from what a restart would find."""
        for index in indexes:
            if index in self._rows:
                self.put_weights(index, [round(weight, _DIGITS) for weight in self._rows[index]])

    def put_weights(self, index: int, weights: Sequence[float]) -> None:
        """Replace the weights of one feature; ``weights`` in the order of ``KINDS``."""
        self._rows[index] = tuple(weights)
        self._by_feature.pop(index, None)

    def snapshot(self) -> Snapshot:
        """Return the state as data; weights too small to matter are left out, and the smallest beyond ``MAX_WEIGHTS``."""
        least = _least_kept(self._rows.values())
        rows = sorted(self._rows.items())
        weights = {
            kind.value: {str(index): round(row[column], _DIGITS) for index, row in rows if abs(row[column]) >= least}
            for column, kind in sorted(enumerate(KINDS), key=lambda pair: pair[1].value)
        }
        if self.naming is None:
            return Snapshot(version=SNAPSHOT_VERSION, learned=self.learned, weights=weights, checksum=_checksum(self.learned, weights))
        naming = NamingPlain(knots=[list(knot) for knot in self.naming.knots], code=self.naming.code, infra=self.naming.infra)
        checksum = _checksum(self.learned, weights, naming)
        return Snapshot(version=SNAPSHOT_VERSION, learned=self.learned, weights=weights, naming=naming, checksum=checksum)

    def copy(self) -> Classifier:
        """Return a model that says the same and learns by itself."""
        other = Classifier()
        other._rows = dict(self._rows)
        other.learned, other.naming = self.learned, self.naming
        return other

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
        columns = {kind.value: column for column, kind in enumerate(KINDS)}
        rows: dict[int, list[float]] = {}
        for label, found in weights.items():
            if label not in columns:
                message = f"{label} is not a kind that logs can have"
                raise SnapshotError(message)
            for index, weight in found.items():
                rows.setdefault(_index(index), list(_NO_WEIGHTS))[columns[label]] = float(weight)
        classifier = cls()
        classifier._rows = {index: tuple(row) for index, row in rows.items()}
        classifier.learned = snapshot["learned"]
        classifier.naming = _naming(naming) if naming else None
        return classifier


def _shares_of(scores: Mapping[Kind, float]) -> dict[Kind, float]:
    highest = max(scores.values())
    shares = {kind: exp(score - highest) for kind, score in scores.items()}
    whole = sum(shares.values())
    return {kind: share / whole for kind, share in shares.items()}


def _least_kept(rows: Iterable[Sequence[float]]) -> float:
    sizes = sorted((abs(weight) for row in rows for weight in row if weight), reverse=True)
    return max(_SMALLEST, sizes[MAX_WEIGHTS]) if len(sizes) > MAX_WEIGHTS else _SMALLEST


def _index(text: str) -> int:
    index = int(text)
    if not 0 <= index < FEATURE_SPACE:
        message = f"feature {index} is outside the hashed space"
        raise SnapshotError(message)
    return index


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
