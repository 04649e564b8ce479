"""Trend, burn rate and what is usual: the figures behind the rules on metrics."""

from __future__ import annotations

import subprocess
import sys
from random import Random  # noqa: TID251 - seeded, so that every run sees the same

import pytest
from scipy.stats import theilslopes

from learning.anomaly import Usual, score
from learning.burn_rate import PACES, Burn, add, fastest
from learning.trend import steady_trend_of, trend_of

HOUR = 3600.0


def noisy_line(slope: float, n: int = 40, seed: int = 1) -> list[tuple[float, float]]:
    chance = Random(seed)
    return [(60.0 * number, 50.0 + slope * 60.0 * number + chance.gauss(0, 1)) for number in range(n)]


def burnt(ratio_until: list[tuple[float, float]]) -> Burn:
    """Return the state after samples each 30 s of these ratios, each until its hour."""
    burn, at = Burn(), 0.0
    for ratio, until_h in ratio_until:
        while at <= until_h * HOUR:
            burn, at = add(burn, at, ratio), at + 30.0
    return burn


@pytest.mark.parametrize("slope", [0.0, 0.01, -0.02])
def test_a_trend_is_what_scipy_says_of_the_same_points(slope: float) -> None:
    points = noisy_line(slope)
    found = trend_of(points)
    wanted = theilslopes([value for _, value in points], [at for at, _ in points], alpha=0.99)
    assert found is not None
    assert found.slope == pytest.approx(wanted.slope)
    # The ends lie a rank apart at most.
    assert found.low == pytest.approx(wanted.low_slope, abs=2e-4)
    assert found.high == pytest.approx(wanted.high_slope, abs=2e-4)
    assert found.low <= slope <= found.high


def test_a_third_of_wild_points_does_not_turn_a_trend_and_too_few_points_have_none() -> None:
    points = [(at, 900.0 if number % 4 == 3 else value) for number, (at, value) in enumerate(noisy_line(0.01))]
    found = trend_of(points)
    assert found is not None
    assert found.slope == pytest.approx(0.01, abs=0.003)
    assert trend_of(points[:11]) is None


@pytest.mark.parametrize(
    "points",
    [
        [(at, 90.0 if at > 1200 else 50.0) for at, _ in noisy_line(0)],
        [(at, 50.0 + at % 600 / 30) for at, _ in noisy_line(0)],
        [(at, min(value, 74.0)) for at, value in noisy_line(0.02)],
        noisy_line(0.0),
    ],
    ids=["a step", "a saw", "a slope that has ended", "noise"],
)
def test_what_only_looks_like_a_trend_is_not_sure(points: list[tuple[float, float]]) -> None:
    found = steady_trend_of(points)
    assert found is not None
    assert found.sure == pytest.approx(0.0, abs=1e-3)


def test_each_pace_fires_at_its_factor_and_not_a_little_below_it() -> None:
    objective = 0.99
    for pace in PACES:
        hours = pace.long_s / HOUR + 1
        just, not_quite = (fastest(burnt([(pace.factor * factor * (1 - objective), hours)]), objective) for factor in (1.05, 0.95))
        assert just[0] > 1.0
        # A slower pace may be too fast already; of this one it is not.
        assert not_quite[0] < 1.0 or not_quite[1].factor < pace.factor


def test_a_burst_that_is_over_no_longer_burns_and_one_that_just_began_is_no_full_window() -> None:
    assert fastest(burnt([(0.0, 2.0), (1.0, 2.3)]), 0.99)[0] > 1.0
    assert fastest(burnt([(0.0, 2.0), (1.0, 2.3), (0.0, 2.7)]), 0.99)[0] < 1.0
    assert fastest(burnt([(0.02, 0.05)]), 0.99)[0] < 1.0


def test_a_budgets_state_stays_small_over_a_month() -> None:
    burn = Burn()
    for number in range(2 * 24 * 30 * 2):
        burn = add(burn, number * 900.0, 0.01)
    assert len(burn.fine) + len(burn.coarse) < 220


def test_an_outlier_does_not_teach_and_a_new_level_becomes_usual_in_time() -> None:
    chance, usual = Random(1), Usual()
    for _ in range(200):
        usual, _unusual = score(usual, chance.gauss(100, 1), 0)
    after, unusual = score(usual, 1000.0, 0)
    assert unusual is not None
    assert unusual > 100
    assert abs(after.level - usual.level) < 1
    for _ in range(600):
        after, unusual = score(after, chance.gauss(110, 1), 0)
    assert unusual is not None
    assert unusual < 6


def test_nothing_is_said_before_enough_is_known_and_a_still_series_is_well() -> None:
    usual = Usual()
    for number in range(60):
        usual, unusual = score(usual, 5.0, 0)
        assert unusual is None if number < 30 else unusual == pytest.approx(0.0)


def test_a_worker_starts_without_the_libraries_that_only_the_unusual_needs() -> None:
    asked = (
        "import sys\nimport streams.app\nheavy = {'river', 'scipy', 'pandas'}\nprint(heavy & set(sys.modules))\n"
        "from learning.anomaly import Usual, score\nscore(Usual(seen=40, deviation=1.0), 1.0, 0)\nprint('river' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[:2] == ["set()", "True"]
