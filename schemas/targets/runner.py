"""A machine that CI jobs run on, and how it is asked whether it resolves names: ``runner:<name>``; the jobs on it rest on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from schemas.probes import ProbeSpec
from schemas.targets.spec import Unwatched


@dataclass(frozen=True, slots=True)
class RunnerSpec(Unwatched):
    """One runner by the ``name`` that the CI server ``source`` calls it by, in the pool of some ``projects``.

    ``resolver`` asks the runner itself, and passes only while names are resolved there.
    """

    TYPE: ClassVar[str] = "runner"

    name: str
    source: str
    projects: tuple[str, ...]
    resolver: ProbeSpec
    healing: bool = True

    def serves(self, target: str) -> bool:
        """Tell whether a target is a CI job that may be given to it."""
        return any(target.startswith(f"job:{self.source}/{project}/") for project in self.projects)


def runner_named(specs: Iterable[RunnerSpec], target: str, name: str) -> RunnerSpec | None:
    """Return the runner of that name in the pool that a CI job is given to."""
    return next((spec for spec in specs if spec.name == name and spec.serves(target)), None)
