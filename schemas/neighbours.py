"""The neighbours of a target in the service catalogue: what rests on it and what it rests on, nearest first. Pure; asked by the executor.

Services are joined by ``depends_on``; a disk, a container or a cache of a group to each service of the group, which rests on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.services import Services
from schemas.watches import quick_watches_of

GROUP = "group:"


def neighbours_of(services: Services, target: str, wide: bool) -> tuple[str, ...]:
    """Return those with a quick look, without the target itself; ``wide`` adds its scope and its neighbours: what a workflow may touch."""
    links = _links(services)
    owner = services.owner_of(target)
    spec = services.spec_of(target)
    own = f"service:{owner.name}" if owner else spec.target if spec else ""
    seeds = [own, *(name for name in links if wide and services.scope_of(name) == services.scope_of(target))]
    looked_at = quick_watches_of(services)
    return tuple(name for name in _nearest_first(links, seeds) if name != target and name in looked_at)


def _links(services: Services) -> Mapping[str, list[str]]:
    links: dict[str, list[str]] = {f"service:{spec.name}": [] for spec in services.services}
    links |= {spec.target: [] for spec in services.others()}

    def join(one: str, other: str) -> None:
        if one in links and other in links:
            links[one].append(other)
            links[other].append(one)

    for service in services.services:
        for name in service.depends_on:
            join(f"service:{service.name}", f"service:{name}")
    for spec in services.others():
        for service in services.services:
            if spec.scope == f"{GROUP}{service.group}":
                join(f"service:{service.name}", spec.target)
    return links


def _nearest_first(links: Mapping[str, list[str]], seeds: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for seed in seeds:
        ring = [seed] if seed in links and seed not in found else []
        while ring:
            found.update(dict.fromkeys(ring))
            ring = [other for name in ring for other in links[name] if other not in found]
    return list(found)
