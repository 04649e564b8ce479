"""A repository with a lock file, and a server's pull requests, in memory; the real adapters pass the same checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.attempts import StepResult, StepStatus
from schemas.targets.lockfile import BRANCHES, LockfileSpec
from schemas.targets.spec import Proposed

OK = StepResult(StepStatus.OK)
BASE, WRITTEN = "b" * 40, "c" * 40


@dataclass
class FakePackages:
    """One repository: branches name commits, and a commit's lock file fits or does not."""

    branches: dict[str, str] = field(default_factory=lambda: {"main": BASE})
    fits: set[str] = field(default_factory=lambda: {WRITTEN})
    tool_missing: bool = False
    tool_fails: bool = False
    install_fails: bool = False
    ledger: list[tuple[str, str]] = field(default_factory=list)

    def base_of(self, spec: LockfileSpec) -> str:
        return self.head_of(spec, spec.base_branch)

    def head_of(self, spec: LockfileSpec, branch: str) -> str:
        assert spec.repository
        return self.branches.get(branch, "")

    def in_step(self, spec: LockfileSpec, commit: str) -> bool | None:
        assert spec.manifest
        return None if self.tool_missing or commit not in {BASE, WRITTEN} else commit in self.fits

    def create_branch(self, spec: LockfileSpec, branch: str, commit: str) -> StepResult:
        if not branch.startswith(BRANCHES) or self.base_of(spec) != commit:
            return StepResult(StepStatus.FAILED, "not below healstream/, or the base has moved on")
        if branch in self.branches:
            return OK if self.branches[branch] == commit else StepResult(StepStatus.FAILED, "somebody else's")
        self.branches[branch] = commit
        self.ledger.append(("branch", branch))
        return OK

    def regenerate(self, spec: LockfileSpec, branch: str) -> StepResult:
        if not branch.startswith(BRANCHES) or branch not in self.branches or self.tool_fails:
            return StepResult(StepStatus.FAILED, "exit 1: the tool says no")
        if self.branches[branch] in self.fits:
            return StepResult(StepStatus.FAILED, f"the tool left {spec.lock} as it was")
        self.branches[branch] = WRITTEN
        self.ledger.append(("regenerate", branch))
        return OK

    def try_install(self, spec: LockfileSpec, commit: str) -> StepResult:
        passed = not self.install_fails and self.in_step(spec, commit)
        return OK if passed else StepResult(StepStatus.FAILED, "exit 1: not installed")

    def reset_branch(self, spec: LockfileSpec, branch: str, commit: str) -> StepResult:
        if not branch.startswith(BRANCHES):
            return StepResult(StepStatus.FAILED, f"{branch} of {spec.name} is not below {BRANCHES}")
        if self.branches.get(branch, commit) != commit:
            self.branches[branch] = commit
            self.ledger.append(("reset", branch))
        return OK

    def drop_branch(self, spec: LockfileSpec, branch: str) -> StepResult:
        if not branch.startswith(BRANCHES):
            return StepResult(StepStatus.FAILED, f"{branch} of {spec.name} is not below {BRANCHES}")
        if self.branches.pop(branch, None):
            self.ledger.append(("drop", branch))
        return OK


@dataclass
class FakeProposals:
    """One project's pull requests and issues; ``silent`` servers give no answer."""

    waiting: dict[str, int] = field(default_factory=dict)
    opened: int = 0
    silent: bool = False
    refuses: bool = False
    ledger: list[tuple[str, str]] = field(default_factory=list)
    issues: dict[str, int] = field(default_factory=dict)

    def open_proposals(self, spec: Proposed) -> Mapping[str, int] | None:
        return None if self.silent or not spec.project else dict(self.waiting)

    def open_pull_request(self, spec: Proposed, branch: str, title: str, body: str) -> StepResult:
        if self.silent or self.refuses or not (title and body):
            return StepResult(StepStatus.FAILED, f"no answer for {spec.project}")
        if branch not in self.waiting:
            self.opened += 1
            self.waiting[branch] = self.opened
            self.ledger.append(("open", branch))
        return OK

    def close(self, spec: Proposed, branch: str) -> StepResult:
        if self.silent:
            return StepResult(StepStatus.UNCERTAIN, f"no answer for {spec.project}", 1.0)
        if self.waiting.pop(branch, None):
            self.ledger.append(("close", branch))
        return OK

    def open_issues(self, spec: Proposed) -> Mapping[str, int] | None:
        return None if self.silent or not spec.project else dict(self.issues)

    def open_issue(self, spec: Proposed, title: str, body: str) -> StepResult:
        if self.silent or self.refuses or not (title and body):
            return StepResult(StepStatus.FAILED, f"no answer for {spec.project}")
        if title not in self.issues:
            self.opened += 1
            self.issues[title] = self.opened
            self.ledger.append(("issue", title))
        return OK

    def close_issue(self, spec: Proposed, title: str) -> StepResult:
        if self.silent:
            return StepResult(StepStatus.UNCERTAIN, f"no answer for {spec.project}", 1.0)
        if self.issues.pop(title, None):
            self.ledger.append(("close issue", title))
        return OK
