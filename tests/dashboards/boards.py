"""What each dashboard shows, as rows: a title, its queries with their legends, a unit, and what it tells. Drawn by ``draw.py``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Look(Enum):
    """How a panel looks: one number, or lines over time."""

    NUMBER = "stat"
    LINES = "timeseries"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; ``unit`` is Grafana's name of a base unit, ``good`` the bound of a target: at least it, or with ``is_most`` at most it."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str
    tells: str
    look: Look = Look.LINES
    good: float | None = None
    is_most: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; its uid never changes, so that links to it stay."""

    uid: str
    title: str
    tells: str
    panels: tuple[Panel, ...]


def number(title: str, query: str, unit: str, tells: str) -> Panel:
    """Return a panel of one number without a target."""
    return Panel(title, ((query, ""),), unit, tells, Look.NUMBER)


def lines(title: str, query: str, legend: str, unit: str, tells: str) -> Panel:
    """Return a panel of the lines of one query."""
    return Panel(title, ((query, legend),), unit, tells)


def aim(title: str, query: str, unit: str, tells: str, good: tuple[float, bool]) -> Panel:
    """Return a panel of one number with its target: the bound, and whether it is an upper one."""
    return Panel(title, ((query, ""),), unit, tells, Look.NUMBER, good[0], good[1])


def _p(share: float, metric: str, window: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[{window}])))"


_SUCCESS = (
    'sum(increase(healstream_recoveries_total{outcome="healed"}[1d])) / '
    '(sum(increase(healstream_recoveries_total{outcome=~"healed|rolled_back|rollback_failed"}[1d])) > 0)'
)
_VERIFIED = (
    'sum(increase(healstream_verifications_total{outcome="passed"}[1d])) / '
    '(sum(increase(healstream_recoveries_total{outcome="healed"}[1d])) > 0)'
)

TARGETS = Board(
    "healstream-targets",
    "healstream: targets",
    "What was promised, over the last day.",
    (
        aim("Healed without a person", "healstream:recoveries:healed_ratio1d", "percentunit", "Of what had a strategy", (0.9, False)),
        aim("Recoveries that hold", _SUCCESS, "percentunit", "Healed, of those that ran", (0.9, False)),
        aim("Mean time to recovery", "healstream:time_to_recover_seconds:mean1d", "s", "From the failure's own time", (300, True)),
        aim("Recovery, p99", "healstream:time_to_recover_seconds:p99_1d", "s", "From the failure's own time", (300, True)),
        aim("Mean time to detection", "healstream:detection_latency_seconds:mean1h", "s", "Over the last hour", (120, True)),
        aim("Detection, p99", "healstream:detection_latency_seconds:p99_10m", "s", "Over ten minutes", (120, True)),
        aim("Looks that agree, each recovery", _VERIFIED, "short", "At least two are needed", (2, False)),
        aim("Rollback, p99", _p(0.99, "healstream_rollback_duration_seconds", "1d"), "s", "To the last undo", (60, True)),
        aim(
            "Right names",
            'max(healstream_model_accuracy_ratio{model="champion",window="100"})',
            "percentunit",
            "Of the acting model, in its last 100 lessons",
            (0.95, False),
        ),
        number("Processor", "sum(rate(healstream_self_cpu_seconds_total[5m]))", "short", "Cores that healstream itself uses"),
    ),
)

FLOW = Board(
    "healstream-flow",
    "healstream: flow",
    "What comes in, what is seen in it, and where it waits.",
    (
        lines("Events in", "healstream:events:rate5m", "{{source}} {{kind}}", "cps", "By topic and record"),
        lines("Detections", "sum by (detector) (rate(healstream_detections_total[5m]))", "{{detector}}", "cps", "By detector"),
        lines("Kinds seen", "sum by (kind) (rate(healstream_detections_total[5m]))", "{{kind}}", "cps", "What is wrong"),
        Panel(
            "Time to detection",
            (
                (_p(0.5, "healstream_detection_latency_seconds", "10m"), "p50"),
                (_p(0.99, "healstream_detection_latency_seconds", "10m"), "p99"),
            ),
            "s",
            "From the failure's own time",
        ),
        lines(
            "Not taken in",
            "sum by (source, reason) (rate(healstream_events_rejected_total[5m]))",
            "{{source}} {{reason}}",
            "cps",
            "Dead letters, and what was late, repeated or from the future",
        ),
        lines("Dead letters", "healstream:dead_letters:increase10m", "{{source}} {{reason}}", "short", "Within ten minutes"),
        lines("Lag", "max by (topic) (healstream_consumer_lag_messages)", "{{topic}}", "short", "Messages not read yet"),
        lines(
            "Decisions", "sum by (decision, reason) (rate(healstream_decisions_total[5m]))", "{{decision}} {{reason}}", "cps", "By verdict"
        ),
    ),
)

RECOVERIES = Board(
    "healstream-recoveries",
    "healstream: recoveries",
    "What was done, how long it took, and what held.",
    (
        lines(
            "Ended",
            "sum by (strategy, outcome) (increase(healstream_recoveries_total[1h])) > 0",
            "{{strategy}} {{outcome}}",
            "short",
            "Within an hour",
        ),
        lines(
            "Success by strategy",
            'sum by (strategy) (increase(healstream_recoveries_total{outcome="healed"}[1d])) / '
            '(sum by (strategy) (increase(healstream_recoveries_total{outcome=~"healed|rolled_back|rollback_failed"}[1d])) > 0)',
            "{{strategy}}",
            "percentunit",
            "Healed, of those that ran within a day",
        ),
        lines(
            "Duration, p90",
            "histogram_quantile(0.9, sum by (le, strategy) (rate(healstream_recovery_duration_seconds_bucket[1h])))",
            "{{strategy}}",
            "s",
            "From the command to the outcome",
        ),
        Panel(
            "Time to recovery",
            (
                (_p(0.5, "healstream_time_to_recover_seconds", "1h"), "p50"),
                (_p(0.99, "healstream_time_to_recover_seconds", "1h"), "p99"),
            ),
            "s",
            "From the failure's own time",
        ),
        lines(
            "Checks after recoveries",
            "sum by (factor, outcome) (healstream_verifications_total)",
            "{{factor}} {{outcome}}",
            "short",
            "Since each executor's start",
        ),
        lines(
            "Checks that say no",
            "healstream:verifications:failed_ratio1h",
            "share",
            "percentunit",
            "Of all within an hour",
        ),
        lines(
            "Rollbacks",
            "sum by (reason, outcome) (increase(healstream_rollbacks_total[1d]))",
            "{{reason}} {{outcome}}",
            "short",
            "Within a day",
        ),
        lines("Rollback, p99", _p(0.99, "healstream_rollback_duration_seconds", "1h"), "p99", "s", "Promised within a minute"),
    ),
)

SAFETY = Board(
    "healstream-safety",
    "healstream: safety",
    "What holds healing back, and whether it may act at all.",
    (
        aim("Kill switch", "max(healstream_kill_switch_engaged)", "short", "1 while a switch is on", (0, True)),
        aim("Waits for people", "max(healstream_approvals_pending)", "short", "Plans that need a yes", (0, True)),
        aim("Age of the lease", "max(time() - healstream_lease_timestamp_seconds)", "s", "Without a fresh one nothing begins", (10, True)),
        aim(
            "Failed rollbacks",
            'sum(increase(healstream_rollbacks_total{outcome="rollback_failed"}[1d]))',
            "short",
            "Within a day",
            (0, True),
        ),
        lines(
            "Circuits",
            "max by (circuit, name) (healstream_circuit_state)",
            "{{circuit}} {{name}}",
            "short",
            "0 closed, 1 half open, 2 open",
        ),
        lines("Verdicts", "sum by (decision) (healstream_decisions_total)", "{{decision}}", "short", "Since the start of the worker"),
        lines(
            "Refused and escalated",
            'sum by (strategy, outcome) (healstream_recoveries_total{outcome=~"refused|escalated|expired|observed"}) > 0',
            "{{strategy}} {{outcome}}",
            "short",
            "What was left to people",
        ),
        lines("Approvals waiting", "max(healstream_approvals_pending)", "plans", "short", "Over time"),
    ),
)

LEARNING = Board(
    "healstream-learning",
    "healstream: learning",
    "How right the names are, and what no longer holds.",
    (
        lines("Accuracy", "max by (model, window) (healstream_model_accuracy_ratio)", "{{model}} {{window}}", "percentunit", "By lessons"),
        lines(
            "Challenger ahead by",
            'max(healstream_model_accuracy_ratio{model="challenger",window="100"}) '
            '- max(healstream_model_accuracy_ratio{model="champion",window="100"})',
            "difference",
            "percentunit",
            "Above zero it names better than the one that acts",
        ),
        Panel(
            "Confidence",
            (
                (_p(0.1, "healstream_classification_confidence", "1h"), "p10"),
                (_p(0.5, "healstream_classification_confidence", "1h"), "p50"),
            ),
            "percentunit",
            "How sure classifications are; a fall is a first sign of drift",
        ),
        lines(
            "Drifts",
            "sum by (model) (healstream_drift_detected_total)",
            "{{model}}",
            "short",
            "Also patterns that hit runs which did not fail",
        ),
        lines(
            "Nothing explains it",
            'sum(rate(healstream_detections_total{kind="unknown"}[1h])) / sum(rate(healstream_detections_total{detector="job_log"}[1h]))',
            "share",
            "percentunit",
            "Failures of jobs whose kind is unknown: where the next pattern is to be written",
        ),
    ),
)

SELF = Board(
    "healstream-self",
    "healstream: self",
    "healstream's own processes.",
    (
        lines("Up", 'up{job="healstream"}', "{{process}}", "short", "1 answers, 0 does not"),
        lines("Processor", "rate(healstream_self_cpu_seconds_total[5m])", "{{process}}", "short", "Cores in use"),
        lines("Lag by process", "sum by (process) (healstream_consumer_lag_messages)", "{{process}}", "short", "Messages not read yet"),
        number(
            "Disk free",
            "min(healstream_state_disk_free_bytes / healstream_state_disk_size_bytes)",
            "percentunit",
            "Of the disk with the state and the broker's data",
        ),
        number("Processes", 'sum(up{job="healstream"})', "short", "That answer"),
        lines("Builds", "count by (version) (healstream_build_info)", "{{version}}", "short", "More than one only during an upgrade"),
        lines("Scrape", 'scrape_duration_seconds{job="healstream"}', "{{process}}", "s", "How long a process takes to answer"),
    ),
)

BOARDS: tuple[Board, ...] = (TARGETS, FLOW, RECOVERIES, SAFETY, LEARNING, SELF)
