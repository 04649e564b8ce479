"""Main branches in git repositories: fits ``TrunkPort``. Their tests run in a folder of their own, by the catalogue's commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dulwich.errors import NotGitRepository
from dulwich.objects import ObjectID
from dulwich.repo import Repo

from infra.adapters.bounded_run import run_bounded
from infra.adapters.git_revert import commit_in, ref_of, write_revert
from infra.adapters.laid_out import laid_out
from schemas.attempts import StepResult, StepStatus
from schemas.targets.lockfile import BRANCHES
from schemas.targets.trunk import TEST_NAME, TrunkSpec

_TROUBLE = (KeyError, NotGitRepository, OSError, ValueError)
_MOST_LISTED_BYTES = 2 * 1024**2
_SAID = 250
_MOST_COMMITS = 1_000


@dataclass(frozen=True, slots=True)
class Trunks:
    """The real adapter; it keeps nothing."""

    def tests_at(self, spec: TrunkSpec, commit: str) -> frozenset[str] | None:
        """Run the catalogue's command that lists them; a line that is no name is left out."""
        if not spec.list_tests:
            return None
        try:
            with laid_out(spec.repository, commit, spec.max_bytes) as (work, home):
                ran = run_bounded(spec.list_tests, work, spec.timeout_s, home, spec.environ, keep=_MOST_LISTED_BYTES)
        except _TROUBLE:
            return None
        if not ran.passed or len(ran.tail) >= _MOST_LISTED_BYTES:
            return None
        return frozenset(line for line in ran.tail.splitlines() if TEST_NAME.fullmatch(line))

    def head_of(self, spec: TrunkSpec, branch: str) -> str:
        """Return the commit of a branch."""
        try:
            with Repo(spec.repository) as repository:
                return str(repository.refs[ref_of(branch)].decode("ascii"))
        except _TROUBLE:
            return ""

    def parent_of(self, spec: TrunkSpec, commit: str) -> str:
        """Return the one parent."""
        try:
            with Repo(spec.repository) as repository:
                parents = commit_in(repository, commit).parents
        except _TROUBLE:
            return ""
        return parents[0].decode("ascii") if len(parents) == 1 else ""

    def has_merged(self, spec: TrunkSpec, commit: str) -> bool:
        """Walk the base branch's newest commits; what lies deeper is too old to be the cause of anything."""
        try:
            with Repo(spec.repository) as repository:
                newest = repository.get_walker(include=[repository.refs[ref_of(spec.base_branch)]], max_entries=_MOST_COMMITS)
                return any(entry.commit.id.decode("ascii") == commit for entry in newest)
        except _TROUBLE:
            return False

    def write_revert(self, spec: TrunkSpec, branch: str, commit: str) -> StepResult:
        """Write the objects and the one ref."""
        if not branch.startswith(BRANCHES) or not self.has_merged(spec, commit):
            return StepResult(StepStatus.FAILED, f"{branch} is not below {BRANCHES}, or {commit} is not on {spec.base_branch}")
        if self.head_of(spec, branch):
            return StepResult(StepStatus.OK)
        try:
            with Repo(spec.repository) as repository:
                base = commit_in(repository, self.head_of(spec, spec.base_branch))
                return write_revert(repository, base, branch, commit_in(repository, commit))
        except _TROUBLE as error:
            return StepResult(StepStatus.FAILED, f"{type(error).__name__}: {error}")

    def drop_branch(self, spec: TrunkSpec, branch: str) -> StepResult:
        """Remove the ref; the objects are left to git's own clean-up."""
        if not branch.startswith(BRANCHES):
            return StepResult(StepStatus.FAILED, f"{branch} is not below {BRANCHES}")
        head = self.head_of(spec, branch)
        if not head:
            return StepResult(StepStatus.OK)
        try:
            with Repo(spec.repository) as repository:
                is_gone = repository.refs.remove_if_equals(ref_of(branch), ObjectID(head.encode("ascii")))
        except _TROUBLE as error:
            return StepResult(StepStatus.FAILED, f"the branch cannot be dropped: {error}")
        return StepResult(StepStatus.OK) if is_gone else StepResult(StepStatus.FAILED, f"{branch} was moved by somebody else")

    def resolves(self, spec: TrunkSpec, commit: str) -> bool | None:
        """Run the catalogue's command in a folder with the commit's files; whatever it writes there is gone afterwards."""
        if not spec.resolve:
            return None
        try:
            with laid_out(spec.repository, commit, spec.max_bytes) as (work, home):
                ran = run_bounded(spec.resolve, work, spec.timeout_s, home, spec.environ)
        except _TROUBLE:
            return None
        return None if ran.code < 0 else ran.passed

    def try_commit(self, spec: TrunkSpec, commit: str, tests: Sequence[str] = (), times: int = 1) -> StepResult:
        """Lay the files out anew each time, so that no run leaves anything to the next."""
        if not all(TEST_NAME.fullmatch(test) for test in tests):
            return StepResult(StepStatus.FAILED, "one of these is no name of a test")
        for number in range(1, times + 1):
            try:
                with laid_out(spec.repository, commit, spec.max_bytes) as (work, home):
                    ran = run_bounded((*spec.test, *tests), work, spec.timeout_s, home, spec.environ)
            except _TROUBLE as error:
                return StepResult(StepStatus.FAILED, f"{type(error).__name__}: {error}")
            if not ran.passed:
                return StepResult(StepStatus.FAILED, f"run {number} of {times}: exit {ran.code}: {ran.tail[-_SAID:]}")
        return StepResult(StepStatus.OK, f"{times} of {times} passed")
