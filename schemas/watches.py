"""From the service catalogue to every probe with the typed target that it speaks for.

Run by ``streams/prober.py``; asked of a target's neighbours by the executor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services

# Looks that take a moment; a cache is not read through, nor a tool asked, beside somebody else's recovery.
QUICK = frozenset(
    {
        ProbeKind.PROCESS,
        ProbeKind.TCP,
        ProbeKind.HTTP,
        ProbeKind.PROMETHEUS,
        ProbeKind.ALERT,
        ProbeKind.CERTIFICATE,
        ProbeKind.DISK_USAGE,
        ProbeKind.CONTAINER_RUNNING,
        ProbeKind.CONTAINER_MEMORY,
        ProbeKind.CONTAINER_IMAGE,
    }
)


@dataclass(frozen=True, slots=True)
class Watch:
    """One probe and the typed target that it speaks for."""

    target: str
    probe: ProbeSpec


def watches_of(services: Services) -> tuple[Watch, ...]:
    """Return every probe of the catalogue with the typed target that it speaks for."""
    found = []
    for service in services.services:
        for probe in service.probes:
            config = services.config(probe.address) if probe.kind is ProbeKind.FILE_HASH else None
            target = f"config:{config.name}:{config.path}" if config else f"service:{service.name}"
            own = {ProbeKind.PROCESS: service.pid_file, ProbeKind.UNIT: service.unit}
            found.append(Watch(target, replace(probe, address=probe.address or own.get(probe.kind, ""))))
    for spec in services.others():
        found += [Watch(spec.target, replace(probe, address=probe.address or spec.target)) for probe in spec.probes]
    return tuple(found)


def quick_watches_of(services: Services) -> Mapping[str, list[Watch]]:
    """Return the quick looks by target; where nobody has described one, a service has its process all the same."""
    found: dict[str, list[Watch]] = {}
    for watch in watches_of(services):
        if watch.probe.kind in QUICK:
            found.setdefault(watch.target, []).append(watch)
    for spec in services.services:
        name = f"service:{spec.name}"
        found.setdefault(name, [Watch(name, ProbeSpec("process", ProbeKind.PROCESS, spec.pid_file))])
    return found
