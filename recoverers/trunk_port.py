"""What the healing of a main branch needs from the world, as Protocols; ``infra/adapters`` fits them structurally."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from schemas.attempts import StepResult
from schemas.targets.trunk import HeldTest, TrunkSpec


class TrunkPort(Protocol):
    """Main branches in git repositories and their tests, run in a folder of their own, bounded in time, output and size."""

    def tests_at(self, spec: TrunkSpec, commit: str) -> frozenset[str] | None:
        """Return the names of the tests that a commit has, None when they cannot be listed."""
        ...

    def try_commit(self, spec: TrunkSpec, commit: str, tests: Sequence[str] = (), times: int = 1) -> StepResult:
        """Run all tests of a commit, or these only, so many times; the first time that fails ends it, and is named."""
        ...


class QuarantinePort(Protocol):
    """The lists of this machine of tests that are left out."""

    def held(self, spec: TrunkSpec) -> tuple[HeldTest, ...] | None:
        """Return the list, empty when there is no file, None when it cannot be read."""
        ...

    def write(self, spec: TrunkSpec, expected: Sequence[HeldTest], held: Sequence[HeldTest]) -> StepResult:
        """Put the list in the place of what was seen; refused when somebody has written it since."""
        ...
