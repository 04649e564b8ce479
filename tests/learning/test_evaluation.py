"""Intervals by resampling: they hold their value, follow from their seed, and narrow with more values."""

from __future__ import annotations

from learning.evaluation import mean_interval, quantile_interval

VALUES = [float(number) for number in range(1, 101)]


def test_an_interval_holds_its_value_and_follows_from_its_seed() -> None:
    for held in (quantile_interval(VALUES, 0.5, 3), mean_interval(VALUES, 3)):
        assert held.low < held.value < held.high
    assert quantile_interval(VALUES, 0.5, 3) == quantile_interval(VALUES, 0.5, 3)
    assert mean_interval(VALUES, 3) == mean_interval(VALUES, 3)


def test_more_values_narrow_an_interval_and_one_value_has_none() -> None:
    for few, many in (
        (quantile_interval(VALUES[::10], 0.5, 3), quantile_interval(VALUES, 0.5, 3)),
        (mean_interval(VALUES[::10], 3), mean_interval(VALUES, 3)),
    ):
        assert few.high - few.low > many.high - many.low
    assert quantile_interval([2.0, 2.0], 0.99, 1) == quantile_interval([2.0], 0.99, 1)
    assert mean_interval([2.0], 1).low == mean_interval([2.0], 1).high == 2.0
