"""What every target of the catalogue tells about itself, whatever its type; ``schemas/services.py`` looks it up by ``target``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol, TypeVar

from schemas.probes import ProbeSpec


class TargetSpec(Protocol):
    """One target: its typed name, what conflicts over it are judged by, whether it may be healed, and how it is looked at."""

    @property
    def target(self) -> str:
        """Return the typed name, as events and commands carry it."""
        ...

    @property
    def scope(self) -> str:
        """Return what conflicts are judged by: a service group, a host, a repository."""
        ...

    @property
    def healing(self) -> bool:
        """Tell whether recipes may change it."""
        ...

    @property
    def probes(self) -> Sequence[ProbeSpec]:
        """Return how it is looked at; an empty address stands for the target itself."""
        ...


class Proposed(Protocol):
    """What a project on a CI server must tell before something is proposed there."""

    @property
    def source(self) -> str:
        """Return the CI server's name in the catalogue."""
        ...

    @property
    def project(self) -> str:
        """Return the project's own name there."""
        ...

    @property
    def base_branch(self) -> str:
        """Return the branch that people build from."""
        ...


class Unwatched:
    """A target that is judged alone and never looked at by a probe: only the jobs that rest on it tell of it."""

    __slots__ = ()
    TYPE: ClassVar[str]
    name: str

    @property
    def target(self) -> str:
        """Return the typed name."""
        return f"{self.TYPE}:{self.name}"

    @property
    def scope(self) -> str:
        """Return itself."""
        return self.target

    @property
    def probes(self) -> tuple[ProbeSpec, ...]:
        """Return none."""
        return ()


S = TypeVar("S", bound=TargetSpec)


def spec_for(target: str, specs: Iterable[S]) -> S | None:
    """Return the spec of that typed name among those of one type."""
    return next((spec for spec in specs if spec.target == target), None)
