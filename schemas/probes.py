"""How a target is looked at: the kinds of probes and one probe's data; run by ``streams/prober.py`` and asked by recipes."""

from __future__ import annotations

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
    DEPLOYMENT_CRASHES = "deployment_crashes"
    DEPLOYMENT_IMAGE = "deployment_image"
    DEPLOYMENT_PODS = "deployment_pods"
    DEPLOYMENT_SCALE = "deployment_scale"
    NODE_CONDITION = "node_condition"


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """One probe: ``address`` is a pid file, ``host:port``, URL, config name or typed target; ``every_s`` and ``timeout_s`` in seconds."""

    name: str
    kind: ProbeKind
    address: str
    every_s: float = 10.0
    timeout_s: float = 2.0
    # HTTP statuses that mean well; none named: any 2xx. A registry may answer 401 to everybody and be well.
    statuses: tuple[int, ...] = ()
