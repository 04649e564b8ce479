"""What is wrong with the targets of ``services.yaml`` beside services and their files; asked by ``console/configuration.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.yaml_places import Document, Problem
from schemas.probes import ASKS_PROMETHEUS
from schemas.services import Services
from schemas.targets.disk import DiskSpec, is_below


def target_problems(document: Document, services: Services) -> list[Problem]:
    """Return every problem, each at its place in the file."""
    found = [
        *_repeated(document, "disks", [spec.target for spec in services.disks]),
        *_repeated(document, "caches", [spec.name for spec in services.caches]),
        *_repeated(document, "limits", [spec.name for spec in services.limits]),
        *_repeated(document, "lockfiles", [spec.name for spec in services.lockfiles]),
        *_repeated(document, "indexes", [spec.name for spec in services.indexes]),
        *_repeated(document, "deployments", [spec.target for spec in services.deployments]),
        *_repeated(document, "nodes", [spec.name for spec in services.nodes]),
        *_repeated(document, "trunks", [spec.name for spec in services.trunks]),
        *_repeated(document, "pushes", [spec.name for spec in services.pushes]),
        *_repeated(document, "runners", [spec.name for spec in services.runners]),
        *_repeated(document, "metric_rules", [rule.name for rule in services.metric_rules]),
        *_repeated(document, "metric_queries", [row.name for row in services.metric_queries]),
    ]
    found += [*_repeated(document, "prometheus", [row.name for row in services.prometheus]), *_unknown_servers(document, services)]
    for index, disk in enumerate(services.disks):
        found += _of_disk(document, index, disk)
    listed = {(row.source, project) for row in services.ci for project in row.projects}
    projects = [(("lockfiles", index, "project"), row.source, row.project) for index, row in enumerate(services.lockfiles)]
    projects += [(("trunks", index, "project"), row.source, row.project) for index, row in enumerate(services.trunks)]
    projects += [(("pushes", index, "project"), row.source, row.project) for index, row in enumerate(services.pushes)]
    pools = [("indexes", index, row.source, row.projects) for index, row in enumerate(services.indexes)]
    pools += [("runners", index, row.source, row.projects) for index, row in enumerate(services.runners)]
    projects += [((section, index, "projects"), source, name) for section, index, source, names in pools for name in names]
    mend = "list the project under `ci`, or correct source and project"
    found += [
        document.problem(place, f"no CI server has {project} of {source}", mend)
        for place, source, project in projects
        if (source, project) not in listed
    ]
    return found


def _of_disk(document: Document, index: int, disk: DiskSpec) -> Iterator[Problem]:
    for number, rule in enumerate(disk.rules):
        if any(is_below(rule.folder, folder) for folder in disk.data):
            place = ("disks", index, "clean", number, "folder")
            yield document.problem(place, f"{rule.folder} is a data folder", "clean another folder; data is never touched")
    if disk.well_percent >= disk.full_percent:
        yield document.problem(("disks", index, "well_percent"), "well_percent < full_percent does not hold", "put them in order")
    if disk.early_percent and not disk.well_percent < disk.early_percent <= disk.full_percent:
        what = "well_percent < early_percent <= full_percent does not hold"
        yield document.problem(("disks", index, "early_percent"), what, "put them in order, or leave early_percent out")
    if disk.quarantine and is_below(disk.quarantine.strip("/"), disk.path):
        mend = "name a folder on another file system, or none"
        yield document.problem(("disks", index, "quarantine"), "a quarantine on the disk itself frees nothing", mend)


def _unknown_servers(document: Document, services: Services) -> Iterator[Problem]:
    known = [row.name for row in services.prometheus]
    rows = [("services", index, spec.probes) for index, spec in enumerate(services.services)]
    rows += [("containers", index, spec.answers) for index, spec in enumerate(services.containers)]
    mend = "name one of the section `prometheus`"
    for section, index, probes in rows:
        for number, probe in enumerate(probes):
            if probe.kind in ASKS_PROMETHEUS and probe.address not in known:
                place = (section, index, "probes", number, "address")
                yield document.problem(place, f"there is no Prometheus {probe.address!r}", mend)
    for index, query in enumerate(services.metric_queries):
        if query.server not in known:
            yield document.problem(("metric_queries", index, "server"), f"there is no Prometheus {query.server!r}", mend)


def _repeated(document: Document, section: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield document.problem((section, index), f"{name} is there twice", "leave one of the two out")
