"""What a change of a repository needs from the world, as Protocols; ``infra/adapters`` fits them structurally."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from schemas.attempts import StepResult
from schemas.targets.lockfile import LockfileSpec
from schemas.targets.spec import Proposed


class PackagePort(Protocol):
    """Lock files in git repositories and the tools that write them; nothing but branches below ``healstream/`` is ever written.

    Tools run in a folder of their own, on files of one commit, without install scripts, bounded in time, output and size.
    """

    def base_of(self, spec: LockfileSpec) -> str:
        """Return the commit of the base branch, empty when there is none."""
        ...

    def head_of(self, spec: LockfileSpec, branch: str) -> str:
        """Return the commit of a branch, empty when there is none."""
        ...

    def in_step(self, spec: LockfileSpec, commit: str) -> bool | None:
        """Tell whether lock and manifest of a commit fit each other, None when the tool cannot be asked."""
        ...

    def create_branch(self, spec: LockfileSpec, branch: str, commit: str) -> StepResult:
        """Create the branch at the base branch's commit; refused when that has moved on, or somebody else has the name."""
        ...

    def regenerate(self, spec: LockfileSpec, branch: str) -> StepResult:
        """Let the tool write the lock file anew and commit it, and nothing else, onto the branch."""
        ...

    def try_install(self, spec: LockfileSpec, commit: str) -> StepResult:
        """Make a clean, locked install of the commit, then run the test command, in a folder of its own."""
        ...

    def reset_branch(self, spec: LockfileSpec, branch: str, commit: str) -> StepResult:
        """Set the branch back to the commit that it began from, if it is there."""
        ...

    def drop_branch(self, spec: LockfileSpec, branch: str) -> StepResult:
        """Drop the branch, if it is there."""
        ...


class ProposalPort(Protocol):
    """Pull requests and issues of a GitHub-shaped server."""

    def open_proposals(self, spec: Proposed) -> Mapping[str, int] | None:
        """Return the numbers of the open pull requests by branch, None without a usable answer."""
        ...

    def open_pull_request(self, spec: Proposed, branch: str, title: str, body: str) -> StepResult:
        """Propose to merge the branch into the base branch, once."""
        ...

    def close(self, spec: Proposed, branch: str) -> StepResult:
        """Close the open pull request of the branch, if there is one."""
        ...

    def open_issues(self, spec: Proposed) -> Mapping[str, int] | None:
        """Return the numbers of the open issues by title, None without a usable answer."""
        ...

    def open_issue(self, spec: Proposed, title: str, body: str) -> StepResult:
        """Open an issue, once."""
        ...

    def close_issue(self, spec: Proposed, title: str) -> StepResult:
        """Close the open issue of that title, if there is one."""
        ...
