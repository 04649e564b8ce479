"""The shapes of ``metric_rules`` and ``metric_queries`` in ``services.yaml``; each is turned into its record of ``schemas``."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from console.probe_shape import Expression
from console.shape import Name, Shape
from schemas.metric_queries import MetricQuery
from schemas.metric_rules import DAY_S, HOUR_S, RULE_KINDS, Measure, MetricRule
from schemas.probes import Comparison
from schemas.vocabulary import Kind

MetricName = Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:.]{0,199}$")]
Figure = Annotated[float, Field(allow_inf_nan=False)]


def _check_kind(kind: Kind) -> Kind:
    if kind not in RULE_KINDS:
        raise ValueError(f"a metric cannot tell of {kind}: write one of {', '.join(sorted(RULE_KINDS))}")
    return kind


def _check_target(text: str) -> str:
    if re.search(r"[{}]", re.sub(r"\{[a-zA-Z_][a-zA-Z0-9_]*\}", "", text)):
        raise ValueError("its braces hold no label of a series: write {label} with letters, digits and _ only")
    return text


class MetricRuleRow(Shape):
    """One rule on metrics; what a measure does not look at may not be given."""

    name: Name
    metric: MetricName
    measure: Measure = Measure.VALUE
    compare: Comparison = Comparison.ABOVE
    bound: Figure = 1.0
    for_s: Annotated[float, Field(ge=0, le=7 * DAY_S)] = 0.0
    kind: Annotated[Kind, AfterValidator(_check_kind)] = Kind.METRIC_ANOMALY
    severity: Literal["info", "warning", "critical"] = "warning"
    targets: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=300)], ...], Field(max_length=100)] = ()
    window_s: Annotated[float, Field(ge=60, le=7 * DAY_S)] = HOUR_S
    horizon_s: Annotated[float, Field(ge=60, le=30 * DAY_S)] = 4 * HOUR_S
    season_s: Annotated[float, Field(ge=0, le=7 * DAY_S)] = 0.0
    objective: Annotated[float, Field(gt=0, lt=1)] = 0.999

    @model_validator(mode="after")
    def _fields_are_asked(self) -> Self:
        given = self.model_fields_set & _ASKED_BY.keys()
        wrong = next((name for name in sorted(given) if self.measure not in _ASKED_BY[name]), None)
        if wrong:
            raise ValueError(f"{wrong} says nothing of the measure {self.measure}: leave it out, or write {' or '.join(_ASKED_BY[wrong])}")
        if self.measure is not Measure.BURN and "bound" not in self.model_fields_set:
            raise ValueError(f"the measure {self.measure} needs a bound")
        if self.measure is Measure.FORECAST and self.horizon_s > 24 * self.window_s:
            raise ValueError("a forecast looks ahead at most 24 times its window: write a larger window_s or a smaller horizon_s")
        return self

    def record(self) -> MetricRule:
        """Return the record."""
        return MetricRule(**{name: getattr(self, name) for name in type(self).model_fields})


_ASKED_BY = {
    "window_s": (Measure.CHANGES, Measure.FORECAST),
    "horizon_s": (Measure.FORECAST,),
    "season_s": (Measure.ANOMALY,),
    "objective": (Measure.BURN,),
}


class MetricQueryRow(Shape):
    """One query to a Prometheus whose answers become metrics of targets."""

    name: Name
    server: Name
    query: Annotated[Expression, Field(min_length=1)]
    metric: MetricName
    target: Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_check_target)]
    unit: Annotated[str, Field(max_length=40)] = ""
    every_s: Annotated[float, Field(ge=1, le=3600)] = 30.0
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0

    def record(self) -> MetricQuery:
        """Return the record."""
        return MetricQuery(**{name: getattr(self, name) for name in type(self).model_fields})
