"""What a bot's push needs from the world, as a Protocol; ``infra/adapters/pushes.py`` fits it structurally."""

from __future__ import annotations

from typing import Protocol

from schemas.attempts import StepResult
from schemas.targets.push import PushHeads, PushSpec, PushState


class PushPort(Protocol):
    """Branches of bots' clones on this machine and of their remotes; a commit of somebody else is never dropped."""

    def heads(self, spec: PushSpec) -> PushHeads | None:
        """Return both commits of the branch, None when one of them cannot be read."""
        ...

    def state(self, spec: PushSpec) -> PushState | None:
        """Return how far both have gone apart, None when that cannot be read."""
        ...

    def is_built_on(self, spec: PushSpec, commit: str) -> bool:
        """Tell whether the clone's branch holds the commit in its history."""
        ...

    def rebase(self, spec: PushSpec, seen: PushHeads) -> StepResult:
        """Put the bot's commits on top of the remote's, in the clone alone; failed when both changed the same, and nothing is left then.

        The same commits make the same new ones, whoever asks.
        """
        ...

    def push(self, spec: PushSpec, commit: str) -> StepResult:
        """Push the commit; failed when the remote has again one that it does not hold."""
        ...

    def withdraw(self, spec: PushSpec, commit: str, before: str) -> StepResult:
        """Set the remote's branch back if it still is at the pushed commit; what somebody has built on it stays."""
        ...

    def reset(self, spec: PushSpec, built_on: str, before: str) -> StepResult:
        """Set the clone's branch back to the commit of before its rebase; a branch that is elsewhere by now stays."""
        ...

    def carries_all(self, spec: PushSpec, seen: PushHeads) -> bool | None:
        """Fetch the remote anew: tell whether it holds all that it had and every change of the bot's, None when it cannot be read."""
        ...
