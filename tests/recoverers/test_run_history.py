"""How long a job usually takes and whether it takes longer and longer, by few numbers and by many drawn ones."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from recoverers.run_history import FEWEST_RUNS, MOST_RUNS, is_rising, longest_usual_s
from tests.support.chance import seeded

STEADY = (58.0, 63.0, 60.0, 57.0, 61.0, 62.0)


@dataclass
class Runs:
    """Draws the times of runs by chance."""

    seed: int

    def __post_init__(self) -> None:
        self.random = seeded(self.seed)

    def draw(self, count: int, growth: float = 1.0) -> list[float]:
        """Return the times of so many runs, each so many times as long as the one before but for chance."""
        return [300.0 * growth**number * self.random.lognormvariate(0.0, 0.15) for number in range(count)]


def test_of_too_few_runs_no_limit_is_said() -> None:
    assert longest_usual_s(STEADY[: FEWEST_RUNS - 1]) is None
    assert longest_usual_s(()) is None


def test_the_limit_of_steady_runs_lies_a_little_above_the_longest_of_them() -> None:
    limit = longest_usual_s(STEADY)
    assert limit is not None
    assert max(STEADY) < limit < 1.3 * max(STEADY)


def test_what_always_took_the_same_may_take_some_seconds_longer() -> None:
    limit = longest_usual_s([60.0] * 20)
    assert limit is not None
    assert 63.0 < limit < 70.0
    assert longest_usual_s([0.0] * 20) is not None, "what takes no whole second has a limit too"


@pytest.mark.parametrize("count", [FEWEST_RUNS, 10, MOST_RUNS])
def test_hardly_one_of_a_hundred_further_runs_is_above_the_limit(count: int) -> None:
    runs = Runs(7)
    cases = 4000
    above = 0
    for _ in range(cases):
        limit = longest_usual_s(runs.draw(count))
        above += limit is not None and runs.draw(1)[0] > limit
    assert 0.004 < above / cases < 0.018


def test_a_rise_is_told_and_chance_is_not() -> None:
    runs = Runs(11)
    rising = sum(is_rising(runs.draw(MOST_RUNS, growth=1.05)) for _ in range(200))
    steady = sum(is_rising(runs.draw(MOST_RUNS)) for _ in range(1000))
    falling = sum(is_rising(runs.draw(MOST_RUNS, growth=0.95)) for _ in range(200))
    assert (rising >= 190, steady <= 20, falling) == (True, True, 0)


def test_a_rise_that_nobody_would_notice_and_a_handful_of_runs_are_none() -> None:
    assert not is_rising([300.0 + number for number in range(20)])
    assert is_rising([300.0 + 5 * number for number in range(20)])
    assert not is_rising([300.0 + 50 * number for number in range(9)])
