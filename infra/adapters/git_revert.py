"""A commit that takes another one back, on a branch of its own, by dulwich: no checkout, no hook, no merge of texts. Used by ``trunks``.

Whole files are put back: a file that was changed again since then is a conflict, and a person's.
"""

from __future__ import annotations

from dulwich.object_store import commit_tree_changes, tree_lookup_path
from dulwich.objects import Commit, ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo

from schemas.attempts import StepResult, StepStatus

AUTHOR = b"healstream <healstream@localhost>"
_OK = StepResult(StepStatus.OK)
_Change = tuple[bytes, int | None, ObjectID | None]


def ref_of(branch: str) -> Ref:
    """Return the full name of a branch."""
    return Ref(f"refs/heads/{branch}".encode())


def commit_in(repository: Repo, name: str) -> Commit:
    """Return a commit by its name; raises KeyError when there is none."""
    found = repository[ObjectID(name.encode("ascii"))]
    if not isinstance(found, Commit):
        raise KeyError(name)
    return found


def write_revert(repository: Repo, base: Commit, branch: str, commit: Commit) -> StepResult:
    """Make the branch at the base's commit with one commit on it; the same input makes the same commit."""
    if len(commit.parents) != 1:
        return StepResult(StepStatus.FAILED, "a commit with several parents, or none, is taken back by a person")
    parent = commit_in(repository, commit.parents[0].decode("ascii"))
    changes: list[_Change] = []
    for change in repository.object_store.tree_changes(commit.tree, parent.tree):
        (left, right), (_, mode), (was, wanted) = change
        path = right or left
        if path is None:
            continue
        if _blob_at(repository, base, path) != was:
            return StepResult(StepStatus.FAILED, f"{path.decode('utf-8', 'replace')} was changed since")
        changes.append((path, mode, wanted))
    made = Commit()
    made.tree = commit_tree_changes(repository.object_store, base.tree, changes)
    made.parents, made.encoding = [base.id], b"UTF-8"
    made.author = made.committer = AUTHOR
    # The base's time: a run that is resumed makes the same commit.
    made.author_time = made.commit_time = base.commit_time
    made.author_timezone = made.commit_timezone = 0
    made.message = b"Revert %s\n" % commit.id
    repository.object_store.add_object(made)
    is_set = repository.refs.add_if_new(ref_of(branch), made.id, message=b"branch: made by healstream")
    return _OK if is_set else StepResult(StepStatus.FAILED, f"{branch} is somebody else's")


def _blob_at(repository: Repo, commit: Commit, path: bytes) -> ObjectID | None:
    try:
        return tree_lookup_path(repository.__getitem__, commit.tree, path)[1]
    except KeyError:
        return None
