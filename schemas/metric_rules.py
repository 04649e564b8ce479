"""Rules on metrics: what of a series is measured and when that is a detection; asked by ``streams/detectors/metric_threshold.py``.

Own ones stand in ``services.yaml``; one that bears the name of a shipped rule stands in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from schemas.probes import Comparison
from schemas.vocabulary import Kind

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


class Measure(StrEnum):
    """What of a series is compared with the bound."""

    VALUE = "value"
    RATE = "rate"
    Z_SCORE = "z_score"
    # How often the value has changed within the window.
    CHANGES = "changes"
    # How fast an error budget is used up, against what is too fast; the bound is 1.
    BURN = "burn"
    # How far a value lies from what its own past foretells, in deviations.
    ANOMALY = "anomaly"
    # The value at the horizon, foretold as cautiously as the window's points allow.
    FORECAST = "forecast"
    # For how many seconds there has been no sample.
    ABSENCE = "absence"


# What a rule may say; what a code or a job does wrong no metric tells.
RULE_KINDS = frozenset(
    {
        Kind.METRIC_ANOMALY,
        Kind.SLO_BURN,
        Kind.HEARTBEAT_MISSING,
        Kind.SERVICE_DEGRADED,
        Kind.DISK_FULL,
        Kind.OUT_OF_MEMORY,
        Kind.TLS_CERTIFICATE,
    }
)


@dataclass(frozen=True, slots=True)
class MetricRule:
    """Fires when the measure of ``metric`` has stood to ``bound`` as ``compare`` says for ``for_s`` s of event time; ends likewise.

    ``targets`` are shell patterns of typed names, none: all. ``window_s`` is how far a measure looks back, ``horizon_s`` how far a forecast
    looks ahead; ``season_s`` is the length of what repeats itself (0: nothing does). ``objective`` is the share that may not fail of what
    a budget's burn is measured by.
    """

    name: str
    metric: str
    bound: float
    for_s: float
    measure: Measure = Measure.VALUE
    compare: Comparison = Comparison.ABOVE
    kind: Kind = Kind.METRIC_ANOMALY
    severity: str = "warning"
    targets: tuple[str, ...] = ()
    window_s: float = HOUR_S
    horizon_s: float = 4 * HOUR_S
    season_s: float = 0.0
    objective: float = 0.999

    def is_on(self, target: str) -> bool:
        """Tell whether it speaks of a target."""
        return not self.targets or any(fnmatchcase(target, pattern) for pattern in self.targets)


METRIC_RULES: tuple[MetricRule, ...] = (
    # Tools start to fail in odd ways before a disk is full to the last block.
    MetricRule("disk_nearly_full", "disk_used_ratio", bound=0.95, for_s=60.0, severity="critical"),
    MetricRule("errors_high", "error_ratio", bound=0.05, for_s=60.0),
    MetricRule("latency_unusual", "request_duration_seconds", bound=6.0, for_s=30.0, measure=Measure.Z_SCORE),
    MetricRule("error_budget_burns", "error_ratio", bound=1.0, for_s=0.0, measure=Measure.BURN, kind=Kind.SLO_BURN),
    # What the prober measures: 1 is what the catalogue calls full, and only disks that may be cleaned early are told of.
    MetricRule("disk_fills_up", "probe_disk_fill_ratio", bound=1.0, for_s=60.0, measure=Measure.FORECAST, kind=Kind.DISK_FULL),
    MetricRule(
        "certificate_expires",
        "probe_certificate_left_seconds",
        bound=14 * DAY_S,
        for_s=0.0,
        compare=Comparison.BELOW,
        kind=Kind.TLS_CERTIFICATE,
    ),
)


def rules_in_force(shipped: Iterable[MetricRule], own: Iterable[MetricRule]) -> tuple[MetricRule, ...]:
    """Return the shipped rules and one's own; of two of one name one's own counts."""
    return tuple({rule.name: rule for rule in (*shipped, *own)}.values())
