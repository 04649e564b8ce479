"""What is wrong with the targets of ``services.yaml`` beside services and their files; asked by ``console/configuration.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.yaml_places import Document, Problem
from schemas.services import Services
from schemas.targets.disk import DiskSpec, is_below


def target_problems(document: Document, services: Services) -> list[Problem]:
    """Return every problem, each at its place in the file."""
    found = [
        *_repeated(document, "disks", [spec.target for spec in services.disks]),
        *_repeated(document, "caches", [spec.name for spec in services.caches]),
        *_repeated(document, "lockfiles", [spec.name for spec in services.lockfiles]),
        *_repeated(document, "deployments", [spec.target for spec in services.deployments]),
        *_repeated(document, "nodes", [spec.name for spec in services.nodes]),
    ]
    for index, disk in enumerate(services.disks):
        found += _of_disk(document, index, disk)
    for index, lock in enumerate(services.lockfiles):
        if not any(row.source == lock.source and lock.project in row.projects for row in services.ci):
            mend = "list the project under `ci`, or correct source and project"
            found.append(document.problem(("lockfiles", index, "project"), f"no CI server has {lock.project} of {lock.source}", mend))
    return found


def _of_disk(document: Document, index: int, disk: DiskSpec) -> Iterator[Problem]:
    for number, rule in enumerate(disk.rules):
        if any(is_below(rule.folder, folder) for folder in disk.data):
            place = ("disks", index, "clean", number, "folder")
            yield document.problem(place, f"{rule.folder} is a data folder", "clean another folder; data is never touched")
    if disk.well_percent >= disk.full_percent:
        yield document.problem(("disks", index, "well_percent"), "well_percent < full_percent does not hold", "put them in order")
    if disk.quarantine and is_below(disk.quarantine.strip("/"), disk.path):
        mend = "name a folder on another file system, or none"
        yield document.problem(("disks", index, "quarantine"), "a quarantine on the disk itself frees nothing", mend)


def _repeated(document: Document, section: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield document.problem((section, index), f"{name} is there twice", "leave one of the two out")
