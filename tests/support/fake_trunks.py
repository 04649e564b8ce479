"""A fake main branch with its tests, and a fake list of those left out; they pass the same checks as the real adapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1

from schemas.attempts import StepResult, StepStatus
from schemas.targets.lockfile import BRANCHES
from schemas.targets.trunk import HeldTest, TrunkSpec

OK = StepResult(StepStatus.OK)
# The commit of the CI jobs that no test gives another one.
COMMIT = "c" * 40


def back(commit: str) -> str:
    """Return the commit that takes another one back."""
    return sha1(commit.encode(), usedforsecurity=False).hexdigest()


@dataclass
class FakeTrunks:
    """One repository: ``tests`` by commit, ``fails`` what the next runs of a test, or of all of a commit, come to."""

    tests: dict[str, frozenset[str]] = field(default_factory=dict)
    fails: dict[str, list[bool]] = field(default_factory=dict)
    tried: list[tuple[str, ...]] = field(default_factory=list)
    # Each commit's parent; a commit that takes another one back is named by ``back``.
    parents: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    conflicts: set[str] = field(default_factory=set)
    ledger: list[tuple[str, str]] = field(default_factory=list)
    # Commits whose manifest asks for what no index has.
    unmet: set[str] = field(default_factory=set)

    def tests_at(self, spec: TrunkSpec, commit: str) -> frozenset[str] | None:
        return self.tests.get(commit) if spec.list_tests else None

    def head_of(self, spec: TrunkSpec, branch: str) -> str:
        return self.branches.get(branch, "") if spec.repository else ""

    def parent_of(self, spec: TrunkSpec, commit: str) -> str:
        return self.parents.get(commit, "") if spec.repository else ""

    def has_merged(self, spec: TrunkSpec, commit: str) -> bool:
        at = self.head_of(spec, spec.base_branch)
        while at and at != commit:
            at = self.parents.get(at, "")
        return bool(at)

    def write_revert(self, spec: TrunkSpec, branch: str, commit: str) -> StepResult:
        if not branch.startswith(BRANCHES) or not self.has_merged(spec, commit) or commit in self.conflicts:
            return StepResult(StepStatus.FAILED, "not below healstream/, not on the base branch, or changed since")
        if branch not in self.branches:
            base = self.head_of(spec, spec.base_branch)
            self.branches[branch] = back(commit)
            self.parents[back(commit)] = base
            self.tests[back(commit)] = self.tests.get(base, frozenset())
            self.ledger.append(("revert", branch))
        return OK

    def drop_branch(self, spec: TrunkSpec, branch: str) -> StepResult:
        if not branch.startswith(BRANCHES):
            return StepResult(StepStatus.FAILED, f"{branch} of {spec.name} is not below {BRANCHES}")
        if self.branches.pop(branch, None):
            self.ledger.append(("drop", branch))
        return OK

    def resolves(self, spec: TrunkSpec, commit: str) -> bool | None:
        return None if not spec.resolve or commit not in self.tests else commit not in self.unmet

    def try_commit(self, spec: TrunkSpec, commit: str, tests: Sequence[str] = (), times: int = 1) -> StepResult:
        known = self.tests.get(commit)
        if known is None or not known.issuperset(tests):
            return StepResult(StepStatus.FAILED, f"{spec.name} has no such commit or test")
        for number in range(1, times + 1):
            self.tried.append(tuple(tests))
            wishes = [wish for name in (tests or (commit,)) if (wish := self.fails.get(name))]
            failed = [wish.pop(0) for wish in wishes]
            if any(failed):
                return StepResult(StepStatus.FAILED, f"run {number} of {times}: exit 1: 1 failed")
        return StepResult(StepStatus.OK, f"{times} of {times} passed")


@dataclass
class FakeQuarantines:
    """Lists by main branch."""

    lists: dict[str, tuple[HeldTest, ...]] = field(default_factory=dict)
    unreadable: bool = False
    ledger: list[tuple[str, ...]] = field(default_factory=list)

    def held(self, spec: TrunkSpec) -> tuple[HeldTest, ...] | None:
        return None if self.unreadable else self.lists.get(spec.name, ())

    def write(self, spec: TrunkSpec, expected: Sequence[HeldTest], held: Sequence[HeldTest]) -> StepResult:
        now = self.held(spec)
        if now == tuple(held):
            return OK
        if now != tuple(expected):
            return StepResult(StepStatus.FAILED, "written by somebody else")
        self.lists[spec.name] = tuple(held)
        self.ledger.append(tuple(row.test for row in held))
        return OK
