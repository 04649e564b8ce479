"""The shape of one probe, wherever it stands in ``services.yaml``."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from console.shape import Name, Seconds, Shape
from schemas.probes import AlertTest, Comparison, MetricTest, ProbeKind, ProbeSpec

# A name and label matchers, no function, operator or range: only such a selector has samples with times of their own.
_SELECTOR = re.compile(r'(?=.)([a-zA-Z_:][a-zA-Z0-9_:]*)?(\{([^"{}]|"([^"\\]|\\.)*")*\})?')
Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=100)]
Expression = Annotated[str, Field(pattern=r"^[^\x00-\x1f]*$", max_length=2000)]


class MetricRow(Shape):
    """What a metric must show; ``series`` may be left out where the query is a plain selector."""

    query: Annotated[Expression, Field(min_length=1)]
    compare: Comparison
    threshold: Annotated[float, Field(allow_inf_nan=False)]
    series: Expression = ""
    unit: Annotated[str, Field(max_length=40)] = ""
    max_age_s: Seconds = 60.0

    @model_validator(mode="after")
    def _has_samples(self) -> Self:
        if not _SELECTOR.fullmatch(self.series or self.query):
            what = "series is" if self.series else "the query is an expression, and without series its age is unknown: series must be"
            raise ValueError(f'{what} a plain selector, as http_requests_total{{job="web"}}')
        return self

    def record(self) -> MetricTest:
        """Return the record."""
        return MetricTest(self.query, self.compare, self.threshold, self.series or self.query, self.unit, self.max_age_s)


class AlertRow(Shape):
    """An alerting rule that must not fire."""

    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f]+$", max_length=200)]
    labels: Annotated[dict[Label, Annotated[str, Field(max_length=200)]], Field(max_length=20)] = Field(default_factory=dict)
    max_age_s: Seconds = 120.0

    def record(self) -> AlertTest:
        """Return the record."""
        return AlertTest(self.name, tuple(sorted(self.labels.items())), self.max_age_s)


# What each of these kinds asks stands in a field of its own.
_FIELDS = {ProbeKind.PROMETHEUS: "metric", ProbeKind.ALERT: "alert", ProbeKind.COMMAND: "argv"}


class ProbeRow(Shape):
    """One probe of a service."""

    name: Name
    kind: ProbeKind
    address: str = ""
    every_s: Seconds = 10.0
    timeout_s: Seconds = 2.0
    statuses: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(max_length=20)] = ()
    metric: MetricRow | None = None
    alert: AlertRow | None = None
    argv: Annotated[tuple[Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=500)], ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _fields_fit(self) -> Self:
        for kind, field in _FIELDS.items():
            if (self.kind is kind) != bool(getattr(self, field)):
                raise ValueError(f"the probe {self.name} needs kind {kind} and {field} together, or neither")
        if self.argv and not self.argv[0].startswith("/"):
            raise ValueError(f"the probe {self.name} names a program without its folder: write argv as [/usr/bin/..., word, word]")
        return self

    def record(self) -> ProbeSpec:
        """Return the record."""
        metric = self.metric.record() if self.metric else None
        alert = self.alert.record() if self.alert else None
        return ProbeSpec(self.name, self.kind, self.address, self.every_s, self.timeout_s, self.statuses, metric, alert, self.argv)
