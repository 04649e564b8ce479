"""A bot's clone and its remote as lists of changes, in memory; the real adapter passes the same checks.

A commit is named by the hash of the changes up to it, so the same changes make the same commit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha1

from schemas.attempts import StepResult, StepStatus
from schemas.targets.push import PushHeads, PushSpec, PushState

OK = StepResult(StepStatus.OK)
BASE, OURS, THEIRS = "base", "ours: version 2", "theirs: a fix"


def commit_of(changes: tuple[str, ...]) -> str:
    """Return the id of the last of these changes."""
    return sha1("\n".join(changes).encode(), usedforsecurity=False).hexdigest()


@dataclass
class FakePushes:
    """One branch on both sides, gone apart by one commit each; changes before the same colon are of the same lines."""

    clone: tuple[str, ...] = (BASE, OURS)
    remote: tuple[str, ...] = (BASE, THEIRS)
    merges: int = 0
    silent: bool = False
    # What happens at the remote just before a push arrives there.
    before_push: Callable[[], None] = lambda: None
    # The first word of a change that the remote loses when something is pushed.
    drops: str = ""
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ledger: list[tuple[str, str]] = field(default_factory=list)

    def heads(self, spec: PushSpec) -> PushHeads | None:
        for changes in (self.clone, self.remote):
            self.known.update({commit_of(changes[:number]): changes[:number] for number in range(1, len(changes) + 1)})
        return None if self.silent or not spec.repository else PushHeads(commit_of(self.clone), commit_of(self.remote))

    def state(self, spec: PushSpec) -> PushState | None:
        heads = self.heads(spec)
        if heads is None:
            return None
        shared = self._shared()
        return PushState(heads, len(self.clone) - shared, self.merges > 0, len(self.remote) > shared)

    def is_built_on(self, spec: PushSpec, commit: str) -> bool:
        assert spec.branch
        return any(commit_of(self.clone[:number]) == commit for number in range(1, len(self.clone) + 1))

    def rebase(self, spec: PushSpec, seen: PushHeads) -> StepResult:
        heads, theirs = self.heads(spec), self.known.get(seen.theirs)
        if heads is None or theirs is None or heads.ours != seen.ours:
            return StepResult(StepStatus.FAILED, "it has changed since the diagnosis, or cannot be read")
        own = [change for change in self.clone[self._shared() :] if change not in theirs]
        touched = {change.partition(":")[0] for change in theirs[self._shared() :]}
        if any(change.partition(":")[0] in touched for change in own):
            return StepResult(StepStatus.FAILED, "both sides changed the same")
        self._set_clone((*theirs, *own), "rebase")
        return OK

    def push(self, spec: PushSpec, commit: str) -> StepResult:
        self.before_push()
        heads = self.heads(spec)
        changes = self.known.get(commit)
        if heads is None or changes is None:
            return StepResult(StepStatus.UNCERTAIN, "no answer", 1.0)
        if changes[: len(self.remote)] != self.remote:
            return StepResult(StepStatus.FAILED, "[rejected] (fetch first)")
        self._set_remote(changes, "push")
        return OK

    def withdraw(self, spec: PushSpec, commit: str, before: str) -> StepResult:
        heads = self.heads(spec)
        if heads is None:
            return StepResult(StepStatus.UNCERTAIN, "the remote does not answer", 1.0)
        if heads.theirs == before:
            return OK
        if heads.theirs != commit:
            return StepResult(StepStatus.FAILED, "[rejected] (stale info)")
        self._set_remote(self.known[before], "withdraw")
        return OK

    def reset(self, spec: PushSpec, built_on: str, before: str) -> StepResult:
        if commit_of(self.clone) == before:
            return OK
        if not self.is_built_on(spec, built_on):
            return StepResult(StepStatus.FAILED, f"{spec.branch} was moved by somebody else")
        self._set_clone(self.known[before], "reset")
        return OK

    def carries_all(self, spec: PushSpec, seen: PushHeads) -> bool | None:
        if self.heads(spec) is None:
            return None
        had, wanted = self.known[seen.theirs], self.known[seen.ours]
        held = tuple(change for change in self.remote if not self.drops or not change.startswith(self.drops))
        return held[: len(had)] == had and set(wanted) <= set(held)

    def _shared(self) -> int:
        pairs = zip(self.clone, self.remote, strict=False)
        return next((number for number, (one, other) in enumerate(pairs) if one != other), min(len(self.clone), len(self.remote)))

    def _set_clone(self, changes: tuple[str, ...], verb: str) -> None:
        self.clone = changes
        self.ledger.append((verb, commit_of(changes)))

    def _set_remote(self, changes: tuple[str, ...], verb: str) -> None:
        self.remote = changes
        self.ledger.append((verb, commit_of(changes)))
