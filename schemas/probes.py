"""How a target is looked at: the kinds of probes and one probe's data; run by ``streams/prober.py`` and asked by recipes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class ProbeKind(StrEnum):
    """How a probe looks at its target."""

    PROCESS = "process"
    TCP = "tcp"
    HTTP = "http"
    FILE_HASH = "file_hash"
    DISK_USAGE = "disk_usage"
    CONTAINER_RUNNING = "container_running"
    CONTAINER_MEMORY = "container_memory"
    CONTAINER_IMAGE = "container_image"
    CACHE_DIGEST = "cache_digest"
    LOCKFILE = "lockfile"
    UNIT = "unit"
    IN_SYNC = "in_sync"
    LIMIT_USE = "limit_use"
    DEPLOYMENT_CRASHES = "deployment_crashes"
    DEPLOYMENT_IMAGE = "deployment_image"
    DEPLOYMENT_PODS = "deployment_pods"
    DEPLOYMENT_SCALE = "deployment_scale"
    NODE_CONDITION = "node_condition"
    PROMETHEUS = "prometheus"
    ALERT = "alert"
    CERTIFICATE = "certificate"
    COMMAND = "command"


# What a server says of a target, which is not the target itself: its silence is no failure of the target.
ASKS_PROMETHEUS = frozenset({ProbeKind.PROMETHEUS, ProbeKind.ALERT})


class Comparison(StrEnum):
    """How a measured value must stand to its threshold."""

    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="
    EQUAL = "=="

    def holds(self, value: float, threshold: float) -> bool:
        """Tell whether it does; a value that is no number stands in no relation."""
        return _HOLDS[self](value, threshold)


_HOLDS: Mapping[Comparison, Callable[[float, float], bool]] = {
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.EQUAL: operator.eq,
}


@dataclass(frozen=True, slots=True)
class MetricTest:
    """What a metric must show: each value of ``query`` compared with ``threshold`` in ``unit``.

    ``series`` is a plain selector of the samples that the query rests on: the oldest may be at most ``max_age_s`` seconds old. The value
    of an expression always bears the time of the asking, so it does not tell that nothing has been measured for long.
    """

    query: str
    compare: Comparison
    threshold: float
    series: str
    unit: str = ""
    max_age_s: float = 60.0


@dataclass(frozen=True, slots=True)
class AlertTest:
    """What alerting rule of a Prometheus must not fire: its name, and labels that an alert of it must bear to count.

    The rule must have been looked at by the server within ``max_age_s`` seconds: one that nobody evaluates fires never.
    """

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    max_age_s: float = 120.0


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """One probe; ``every_s`` and ``timeout_s`` in seconds.

    ``address`` is a pid file, unit, ``host:port``, URL, config name, typed target, or a cluster's ``host:port,host:port``; of a Prometheus
    or alert probe it is the server's name in the catalogue, and ``metric`` or ``alert`` says what is asked. ``argv`` is a command's list
    of words, run without a shell.
    """

    name: str
    kind: ProbeKind
    address: str
    every_s: float = 10.0
    timeout_s: float = 2.0
    # HTTP statuses that mean well; none named: any 2xx. A registry may answer 401 to everybody and be well.
    statuses: tuple[int, ...] = ()
    metric: MetricTest | None = None
    alert: AlertTest | None = None
    argv: tuple[str, ...] = ()
