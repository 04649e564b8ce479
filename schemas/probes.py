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
    IN_SYNC = "in_sync"
    LIMIT_USE = "limit_use"


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """One probe; ``every_s`` and ``timeout_s`` in seconds.

    ``address`` is a pid file, ``host:port``, URL, config name, typed target, or a cluster's ``host:port,host:port``.
    """

    name: str
    kind: ProbeKind
    address: str
    every_s: float = 10.0
    timeout_s: float = 2.0
    # HTTP statuses that mean well; none named: any 2xx. A registry may answer 401 to everybody and be well.
    statuses: tuple[int, ...] = ()
