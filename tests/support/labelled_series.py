"""Series of a metric with one fault of a known kind at a known time, or with none: what detectors are scored on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

STEP_S = 60.0
SAMPLES = 1000
SEASON_S = 120 * STEP_S
# A multiple of every season, so that a sample's place in it is plain.
BEGIN_S = 1_767_312_000.0


class Fault(StrEnum):
    """What goes wrong in a series."""

    LEVEL_SHIFT = "level_shift"
    SPIKE = "spike"
    DRIFT = "drift"
    # Values that are usual at another hour.
    SEASON = "season"
    DROPOUT = "dropout"


@dataclass(frozen=True, slots=True)
class Labelled:
    """Points (s, value) and when the fault begins and is over (None: there is none)."""

    points: tuple[tuple[float, float], ...]
    begins_s: float | None
    ends_s: float | None


def _shifted(chance: Random) -> Callable[[int], float]:
    height = chance.choice((-1, 1)) * chance.uniform(6.0, 12.0)
    return lambda _since: height


def _drifted(chance: Random) -> Callable[[int], float]:
    slope = chance.choice((-1, 1)) * chance.uniform(0.02, 0.2)
    return lambda since: slope * since


# By how many deviations a value is off, so many samples after the begin; and for how many samples it is.
_SHAPES: Mapping[Fault, tuple[Callable[[Random], Callable[[int], float]], int]] = {
    Fault.LEVEL_SHIFT: (_shifted, SAMPLES),
    Fault.SPIKE: (_shifted, 2),
    Fault.DRIFT: (_drifted, SAMPLES),
}


def make_series(fault: Fault, has_fault: bool, seed: int) -> Labelled:
    """Return one series: noise of one deviation around a level, for a season around a wave of ten."""
    chance = Random(f"{fault}-{has_fault}-{seed}")
    deviation, level, begin = chance.uniform(0.5, 20.0), chance.uniform(100.0, 1000.0), chance.randrange(600, 800)
    wave = 10.0 if fault is Fault.SEASON else 0.0
    values = [level + deviation * (chance.gauss(0, 1) + wave * _wave(number)) for number in range(SAMPLES)]
    off: Callable[[int], float] = _nothing
    missing, length = frozenset[int](), 0
    if has_fault and fault in _SHAPES:
        make, length = _SHAPES[fault]
        shape = make(chance)
        off = lambda number: shape(number - begin)  # noqa: E731 - three ways to be off
    elif has_fault and fault is Fault.SEASON:
        # Where the wave is at one end the values of the other end come.
        begin, length, off = 5 * 120 + 30, 5, lambda number: -2 * wave * _wave(number)
    elif has_fault:
        length = chance.randrange(10, 40)
        missing = frozenset(range(begin, begin + length))
    values = [value + (deviation * off(number) if begin <= number < begin + length else 0.0) for number, value in enumerate(values)]
    points = tuple((BEGIN_S + number * STEP_S, value) for number, value in enumerate(values) if number not in missing)
    ends = min(begin + length, SAMPLES)
    return Labelled(points, BEGIN_S + begin * STEP_S, BEGIN_S + ends * STEP_S) if has_fault else Labelled(points, None, None)


def _nothing(_number: int) -> float:
    return 0.0


def _wave(number: int) -> float:
    return math.sin(2 * math.pi * number * STEP_S / SEASON_S)
