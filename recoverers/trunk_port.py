"""What the healing of a main branch needs from the world, as Protocols; ``infra/adapters`` fits them structurally."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from schemas.attempts import StepResult
from schemas.targets.trunk import HeldTest, TrunkSpec


class TrunkPort(Protocol):
    """Main branches in git repositories; nothing but branches below ``healstream/`` is ever written.

    Tests run in a folder of their own, bounded in time, output and size.
    """

    def tests_at(self, spec: TrunkSpec, commit: str) -> frozenset[str] | None:
        """Return the names of the tests that a commit has, None when they cannot be listed."""
        ...

    def head_of(self, spec: TrunkSpec, branch: str) -> str:
        """Return the commit of a branch, empty when there is none."""
        ...

    def parent_of(self, spec: TrunkSpec, commit: str) -> str:
        """Return the one parent of a commit, empty for one that has none or several, or is not known."""
        ...

    def has_merged(self, spec: TrunkSpec, commit: str) -> bool:
        """Tell whether the base branch's history holds the commit."""
        ...

    def write_revert(self, spec: TrunkSpec, branch: str, commit: str) -> StepResult:
        """Make a branch below ``healstream/`` at the base branch's head, with one commit on it that takes the other one back.

        Refused when a file that the commit changed was changed since. Done once: a branch that is there already is left as it is.
        """
        ...

    def drop_branch(self, spec: TrunkSpec, branch: str) -> StepResult:
        """Drop the branch, if it is there."""
        ...

    def try_commit(self, spec: TrunkSpec, commit: str, tests: Sequence[str] = (), times: int = 1) -> StepResult:
        """Run all tests of a commit, or these only, so many times; the first time that fails ends it, and is named."""
        ...

    def resolves(self, spec: TrunkSpec, commit: str) -> bool | None:
        """Let the catalogue's resolver say whether a commit's manifest can be met; None when it, or the commit, is not there."""
        ...


class QuarantinePort(Protocol):
    """The lists of this machine of tests that are left out."""

    def held(self, spec: TrunkSpec) -> tuple[HeldTest, ...] | None:
        """Return the list, empty when there is no file, None when it cannot be read."""
        ...

    def write(self, spec: TrunkSpec, expected: Sequence[HeldTest], held: Sequence[HeldTest]) -> StepResult:
        """Put the list in the place of what was seen; refused when somebody has written it since."""
        ...
