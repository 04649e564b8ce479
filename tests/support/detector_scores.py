"""How well detectors find labelled faults: precision and recall by kind of fault; asked by the tests and by ``tests.bench``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.metric_rules import Measure, MetricRule
from tests.support.labelled_series import SEASON_S, STEP_S, Fault, make_series
from tests.support.metric_stage import feed, firing, stage_with

_ANOMALY = MetricRule("unusual", "m", bound=6.0, for_s=0.0, measure=Measure.ANOMALY)
RULES: Mapping[Fault, MetricRule] = {
    Fault.LEVEL_SHIFT: _ANOMALY,
    Fault.SPIKE: _ANOMALY,
    Fault.DRIFT: _ANOMALY,
    Fault.SEASON: MetricRule("unseasonal", "m", bound=6.0, for_s=0.0, measure=Measure.ANOMALY, season_s=SEASON_S),
    Fault.DROPOUT: MetricRule("silent", "m", bound=5 * STEP_S, for_s=0.0, measure=Measure.ABSENCE),
}
# How long after its begin a fault may be found; a slow one shows late.
_GRACE_S: Mapping[Fault, float] = {Fault.DRIFT: 200 * STEP_S, Fault.DROPOUT: 60 * STEP_S}


@dataclass(frozen=True, slots=True)
class Score:
    """What was found, what was said of nothing, and what was missed."""

    found: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Return the share of what was said that was so."""
        return self.found / (self.found + self.false) if self.found + self.false else 0.0

    @property
    def recall(self) -> float:
        """Return the share of faults that was found."""
        return self.found / (self.found + self.missed)


def score_fault(fault: Fault, series: int) -> Score:
    """Return the score over so many series with the fault and as many without."""
    found = false = missed = 0
    for seed in range(series):
        for has_fault in (True, False):
            labelled = make_series(fault, has_fault, seed)
            times = firing(feed(stage_with(RULES[fault]), labelled.points))
            if labelled.begins_s is None:
                false += len(times)
                continue
            until = labelled.begins_s + _GRACE_S.get(fault, 5 * STEP_S)
            is_found = any(labelled.begins_s <= at <= until for at in times)
            found, missed = found + is_found, missed + (not is_found)
            # What still is wrong may be said again; what is said before it begins, or long after it, is false.
            over = max(until, labelled.ends_s or 0.0) + 5 * STEP_S
            false += sum(not labelled.begins_s <= at <= over for at in times)
    return Score(found, false, missed)
