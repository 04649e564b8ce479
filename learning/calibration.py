"""From named factors of a verdict to the probability that it is right: a logistic map, shipped as ``catalogue/calibration.json``.

``classification.py`` asks it; ``write_calibration.py`` fits it on logs whose cause is known. Every factor is 0..1 and can only raise
the probability, so that more evidence never makes a verdict less sure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from math import exp

VERSION = 1
_DIGITS = 4
_ROUNDS = 1500
_STEP = 1.0
# Pulls every weight to zero a little, so that few rows claim no certainty.
_RIDGE = 0.002
_START = 0.5
# What costs at least this much of the logit is worth a word.
_NOTED = 0.3
_MOST, _LEAST = 0.99, 0.01


class Factor(StrEnum):
    """What speaks for a verdict; 1 where nothing of the kind is missing."""

    SCORE = "score"
    UNRIVALLED = "unrivalled"
    AGREED = "agreed"
    STATED = "stated"
    UNDISPUTED = "undisputed"
    SUPPORTED = "supported"


_MISSING: Mapping[Factor, str] = {
    Factor.SCORE: "the pattern is weak or far from the end",
    Factor.UNRIVALLED: "another kind is likely too",
    Factor.AGREED: "the classifier expects another kind",
    Factor.STATED: "nothing states that the job failed",
    Factor.UNDISPUTED: "the code may be at fault",
    Factor.SUPPORTED: "one pattern alone speaks for it",
}


class CalibrationError(ValueError):
    """A calibration is of another version, was changed after it was made, or holds what none can hold; fit it again."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """``bias`` and ``weights`` of the logit (weights >= 0, in the order of ``Factor``); at or above ``act_threshold`` a verdict may act."""

    bias: float
    weights: tuple[float, ...]
    act_threshold: float

    def confidence(self, factors: Mapping[Factor, float]) -> float:
        """Return the probability, 0.01..0.99, that a verdict with these factors is right."""
        return round(min(max(_share(self.bias, self.weights, _row(factors)), _LEAST), _MOST), _DIGITS)

    def reason(self, factors: Mapping[Factor, float]) -> str:
        """Say the probability and what lowers it, in words."""
        costs = [(weight * (1.0 - factors[factor]), factor) for factor, weight in zip(Factor, self.weights, strict=True)]
        noted = [_MISSING[factor] for cost, factor in sorted(costs, key=lambda pair: (-pair[0], pair[1])) if cost >= _NOTED][:2]
        said = f"of verdicts with such evidence {self.confidence(factors):.0%} are right"
        return f"{said}; less sure because {' and '.join(noted)}" if noted else said


@dataclass(frozen=True, slots=True)
class Example:
    """One verdict on a log whose cause is known; ``weight`` is how much it counts."""

    factors: Mapping[Factor, float]
    is_right: bool
    weight: float = 1.0


def fit(examples: Sequence[Example], act_threshold: float) -> Calibration:
    """Return the calibration that fits best; raises CalibrationError when there is nothing to learn from.

    Plain gradient descent with weights held at or above zero: the same numbers on every machine.
    """
    if not examples:
        message = "there are no verdicts to fit a calibration on"
        raise CalibrationError(message)
    rows = _grouped(examples)
    whole = sum(n for _, n, _ in rows)
    bias, weights = 0.0, [_START] * len(Factor)
    for _ in range(_ROUNDS):
        slopes = [_RIDGE * weight for weight in weights]
        slope = 0.0
        for row, n, right in rows:
            error = (n * _share(bias, weights, row) - right) / whole
            slope += error
            slopes = [one + error * value for one, value in zip(slopes, row, strict=True)]
        bias -= _STEP * slope
        weights = [max(weight - _STEP * one, 0.0) for weight, one in zip(weights, slopes, strict=True)]
    return Calibration(round(bias, _DIGITS), tuple(round(weight, _DIGITS) for weight in weights), act_threshold)


def calibration_text(calibration: Calibration) -> str:
    """Return the text of ``catalogue/calibration.json``."""
    plain = {
        "version": VERSION,
        "bias": calibration.bias,
        "weights": dict(zip(Factor, calibration.weights, strict=True)),
        "act_threshold": calibration.act_threshold,
    }
    return json.dumps({**plain, "checksum": _checksum(plain)}, indent=1) + "\n"


def load_calibration(text: str) -> Calibration:
    """Return the calibration in a text; raises CalibrationError when it is not exactly what ``calibration_text`` made."""
    try:
        plain = json.loads(text)
        stated = plain.pop("checksum")
        weights = tuple(float(plain["weights"][factor]) for factor in Factor)
        calibration = Calibration(float(plain["bias"]), weights, float(plain["act_threshold"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"no calibration: {error!r}; fit it again with `make calibration`"
        raise CalibrationError(message) from error
    if plain.get("version") != VERSION or stated != _checksum(plain):
        message = f"its version is not {VERSION} or its checksum does not fit; fit it again with `make calibration`"
        raise CalibrationError(message)
    if min(weights) < 0.0 or not 0.0 < calibration.act_threshold <= 1.0:
        message = "a weight is below zero or the threshold outside 0..1; fit it again with `make calibration`"
        raise CalibrationError(message)
    return calibration


def _row(factors: Mapping[Factor, float]) -> tuple[float, ...]:
    return tuple(factors[factor] for factor in Factor)


def _grouped(examples: Sequence[Example]) -> list[tuple[tuple[float, ...], float, float]]:
    """Return (factors, weight of all, weight of the right ones); rows that are nearly the same are one, which fits many times faster."""
    found: dict[tuple[float, ...], tuple[float, float]] = {}
    for example in examples:
        key = tuple(round(value, 2) for value in _row(example.factors))
        n, right = found.get(key, (0.0, 0.0))
        found[key] = (n + example.weight, right + example.weight * example.is_right)
    return [(key, n, right) for key, (n, right) in sorted(found.items())]


def _share(bias: float, weights: Sequence[float], row: Sequence[float]) -> float:
    logit = bias + sum(weight * value for weight, value in zip(weights, row, strict=True))
    return 1.0 / (1.0 + exp(-max(min(logit, 30.0), -30.0)))


def _checksum(plain: Mapping[str, object]) -> str:
    return sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
