"""One labelled example as a step of learning sees it: made by ``classifier.py``, used by ``softmax.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.vocabulary import Kind


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled example: the values of its features, its kind, how likely each kind was held to be, and how much it counts."""

    values: tuple[float, ...]
    kind: Kind
    shares: Mapping[Kind, float]
    weight: float
