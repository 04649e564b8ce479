"""Which target lies beneath which: the deepest failing one is the cause, the rest follow from it; used by ``streams/classify.py``."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.services import Services


def needs_of(target: str, services: Services) -> tuple[str, ...]:
    """Return what a target needs directly: a service its services, its configuration files and the disks of its group."""
    kind, _, name = target.partition(":")
    spec = services.service(name) if kind == "service" else None
    if spec is None:
        return ()
    disks = tuple(disk.target for disk in services.disks if disk.group == spec.group)
    return (*(f"service:{other}" for other in spec.depends_on), *(f"config:{config}" for config in spec.configs), *disks)


def beneath(target: str, services: Services) -> frozenset[str]:
    """Return all that a target rests on, directly or not; a ring of dependencies ends the walk."""
    found: set[str] = set()
    waiting = list(needs_of(target, services))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needs_of(name, services))
    return frozenset(found - {target})


def deepest(targets: Sequence[str], services: Services) -> str:
    """Return the first target that rests on none of the others; in a ring the first of all."""
    failing = frozenset(targets)
    return next((target for target in targets if not beneath(target, services) & failing), targets[0])


def dependents(target: str, services: Services) -> tuple[str, ...]:
    """Return the services that rest on a target, in the catalogue's order."""
    return tuple(spec.name for spec in services.services if target in beneath(f"service:{spec.name}", services))
