"""The shape of one probe, wherever it stands in ``services.yaml``."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from console.shape import Name, Seconds, Shape
from schemas.probes import Comparison, MetricTest, ProbeKind, ProbeSpec

# A name and label matchers, no function, operator or range: only such a selector has samples with times of their own.
_SELECTOR = re.compile(r'(?=.)([a-zA-Z_:][a-zA-Z0-9_:]*)?(\{([^"{}]|"([^"\\]|\\.)*")*\})?')
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


class ProbeRow(Shape):
    """One probe of a service."""

    name: Name
    kind: ProbeKind
    address: str = ""
    every_s: Seconds = 10.0
    timeout_s: Seconds = 2.0
    statuses: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(max_length=20)] = ()
    metric: MetricRow | None = None

    @model_validator(mode="after")
    def _metric_fits(self) -> Self:
        if (self.kind is ProbeKind.PROMETHEUS) != (self.metric is not None):
            raise ValueError(f"the probe {self.name} needs kind prometheus and a metric together, or neither")
        return self

    def record(self) -> ProbeSpec:
        """Return the record."""
        metric = self.metric.record() if self.metric else None
        return ProbeSpec(self.name, self.kind, self.address, self.every_s, self.timeout_s, self.statuses, metric)
