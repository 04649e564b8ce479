"""Lock files in git repositories: fits ``PackagePort``. Objects and one branch are written, by dulwich: no hooks, no checkout, no push.

A commit's files are laid out in a folder of their own for the tool; of what the tool leaves there only the lock file is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.object_store import commit_tree_changes
from dulwich.objects import Blob, Commit, ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo

from infra.adapters.bounded_run import Ran
from infra.adapters.laid_out import laid_out
from infra.adapters.lock_tools import Ask, asks_in_step, install_locked, write_lock
from schemas.attempts import StepResult, StepStatus
from schemas.targets.lockfile import BRANCHES, LockfileSpec

AUTHOR = b"healstream <healstream@localhost>"
_FILE = 0o100644
_OK = StepResult(StepStatus.OK)
_TROUBLE = (KeyError, NotGitRepository, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Lockfiles:
    """The real adapter; it keeps nothing: the branch itself says how far a run has come."""

    def base_of(self, spec: LockfileSpec) -> str:
        """Return the commit of the base branch."""
        return self.head_of(spec, spec.base_branch)

    def head_of(self, spec: LockfileSpec, branch: str) -> str:
        """Return the commit of a branch."""
        try:
            with Repo(spec.repository) as repository:
                return str(repository.refs[_ref(branch)].decode("ascii"))
        except _TROUBLE:
            return ""

    def is_being_mended(self, spec: LockfileSpec, base: str) -> bool:
        """Tell whether a branch of ours holds a new lock file for this very commit."""
        try:
            with Repo(spec.repository) as repository:
                heads = repository.refs.as_dict(Ref(f"refs/heads/{BRANCHES}".encode().rstrip(b"/"))).values()
                commits = [repository[head] for head in heads]
        except _TROUBLE:
            return False
        return any(isinstance(commit, Commit) and _id(base) in commit.parents for commit in commits)

    def in_step(self, spec: LockfileSpec, commit: str) -> bool | None:
        """Ask the tool; one that does not start says nothing."""
        ran = _ask(spec, commit, asks_in_step)
        return None if ran.code < 0 else ran.passed

    def create_branch(self, spec: LockfileSpec, branch: str, commit: str) -> StepResult:
        """Add the ref if nobody has it."""
        if not branch.startswith(BRANCHES):
            return StepResult(StepStatus.FAILED, f"{branch} is not below {BRANCHES}")
        if self.base_of(spec) != commit:
            return StepResult(StepStatus.FAILED, f"{spec.base_branch} has moved on since the diagnosis")
        try:
            with Repo(spec.repository) as repository:
                made = repository.refs.add_if_new(_ref(branch), _id(commit), message=b"branch: made by healstream")
        except _TROUBLE as error:
            return StepResult(StepStatus.FAILED, f"the branch cannot be made: {error}")
        is_there = made or self.head_of(spec, branch) == commit
        return _OK if is_there else StepResult(StepStatus.FAILED, f"{branch} is somebody else's")

    def regenerate(self, spec: LockfileSpec, branch: str) -> StepResult:
        """Write the lock file with the tool and commit exactly that file; the same files make the same commit."""
        head = self.head_of(spec, branch)
        if not branch.startswith(BRANCHES) or not head:
            return StepResult(StepStatus.FAILED, f"there is no branch {branch!r} to write on")
        try:
            with _laid_out(spec, head) as (work, home):
                ran = write_lock(spec, work, home)
                path = work / spec.lock
                if not ran.passed or path.is_symlink() or not path.is_file():
                    return StepResult(StepStatus.FAILED, f"exit {ran.code}: {ran.tail[-250:]}")
                if path.stat().st_size > spec.max_bytes:
                    return StepResult(StepStatus.FAILED, f"{spec.lock} became larger than {spec.max_bytes} bytes")
                return _commit(spec, branch, head, path.read_bytes())
        except _TROUBLE as error:
            return StepResult(StepStatus.FAILED, f"{type(error).__name__}: {error}")

    def try_install(self, spec: LockfileSpec, commit: str) -> StepResult:
        """Install and test in a folder of its own."""
        ran = _ask(spec, commit, install_locked)
        return _OK if ran.passed else StepResult(StepStatus.FAILED, f"exit {ran.code}: {ran.tail[-250:]}")

    def reset_branch(self, spec: LockfileSpec, branch: str, commit: str) -> StepResult:
        """Set the ref back."""
        head = self.head_of(spec, branch)
        if head in {"", commit}:
            return _OK
        return self._set(spec, branch, head, commit)

    def drop_branch(self, spec: LockfileSpec, branch: str) -> StepResult:
        """Remove the ref; the objects are left to git's own clean-up."""
        head = self.head_of(spec, branch)
        return self._set(spec, branch, head, "") if head else _OK

    def _set(self, spec: LockfileSpec, branch: str, head: str, commit: str) -> StepResult:
        if not branch.startswith(BRANCHES):
            return StepResult(StepStatus.FAILED, f"{branch} is not below {BRANCHES}")
        try:
            with Repo(spec.repository) as repository:
                old = _id(head)
                changed = (
                    repository.refs.set_if_equals(_ref(branch), old, _id(commit))
                    if commit
                    else repository.refs.remove_if_equals(_ref(branch), old)
                )
        except _TROUBLE as error:
            return StepResult(StepStatus.FAILED, f"the branch cannot be changed: {error}")
        return _OK if changed else StepResult(StepStatus.FAILED, f"{branch} was moved by somebody else")


def _ref(branch: str) -> Ref:
    return Ref(f"refs/heads/{branch}".encode())


def _id(commit: str) -> ObjectID:
    return ObjectID(commit.encode("ascii"))


def _ask(spec: LockfileSpec, commit: str, ask: Ask) -> Ran:
    try:
        with _laid_out(spec, commit) as (work, home):
            return ask(spec, work, home)
    except _TROUBLE as error:
        return Ran(-4, f"{type(error).__name__}: {error}")


@contextmanager
def _laid_out(spec: LockfileSpec, commit: str) -> Iterator[tuple[Path, Path]]:
    """Yield the project's folder among the commit's files, and an empty home."""
    with laid_out(spec.repository, commit, spec.max_bytes) as (root, home):
        yield root / spec.folder.strip("/"), home


def _commit(spec: LockfileSpec, branch: str, head: str, content: bytes) -> StepResult:
    with Repo(spec.repository) as repository:
        parent = repository[_id(head)]
        if not isinstance(parent, Commit):
            return StepResult(StepStatus.FAILED, f"{head} is no commit")
        blob = Blob.from_string(content)
        repository.object_store.add_object(blob)
        tree = commit_tree_changes(repository.object_store, parent.tree, [(spec.path_of(spec.lock).encode(), _FILE, blob.id)])
        if tree == parent.tree:
            return StepResult(StepStatus.FAILED, f"the tool left {spec.lock} as it was")
        made = Commit()
        made.tree, made.parents, made.encoding = tree, [parent.id], b"UTF-8"
        made.author = made.committer = AUTHOR
        # The parent's time: a run that is resumed makes the same commit.
        made.author_time = made.commit_time = parent.commit_time
        made.author_timezone = made.commit_timezone = 0
        made.message = f"Write {spec.path_of(spec.lock)} anew to fit {spec.manifest}\n".encode()
        repository.object_store.add_object(made)
        is_set = repository.refs.set_if_equals(_ref(branch), _id(head), made.id)
    return _OK if is_set else StepResult(StepStatus.FAILED, f"{branch} was moved by somebody else")
