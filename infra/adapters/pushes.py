"""Branches that bots of this host push: fits ``PushPort``. The git program does it, without hooks, helpers and settings of anybody.

Commits are put on top of others in a folder of their own, which is gone afterwards; the clone only ever sees the result.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.adapters.bounded_run import Ran, run_bounded
from schemas.attempts import StepResult, StepStatus
from schemas.targets.push import PushHeads, PushSpec, PushState

_OK = StepResult(StepStatus.OK)
# A hook, a helper or a setting of the machine would run somebody's program; a prompt would wait for nobody.
_ALONE: Mapping[str, str] = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "file:https:http:ssh",
    "GIT_EDITOR": "true",
    "GIT_COMMITTER_NAME": "healstream",
    "GIT_COMMITTER_EMAIL": "healstream@localhost",
}
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false")
_DIGITS = frozenset((40, 64))
_THEIRS = "refs/healstream/theirs"


@dataclass(frozen=True, slots=True)
class Pushes:
    """The real adapter; it keeps nothing: both branches say how far a run has come."""

    def heads(self, spec: PushSpec) -> PushHeads | None:
        """Ask the clone and the remote."""
        ours = _commit_in(_git(spec, spec.repository, "rev-parse", "--verify", "-q", _ref(spec)))
        theirs = _commit_in(_git(spec, spec.repository, "ls-remote", "--refs", "--", spec.remote, _ref(spec)))
        return PushHeads(ours, theirs) if ours and theirs else None

    def state(self, spec: PushSpec) -> PushState | None:
        """Count on both sides in a copy that knows both."""
        with _copied(spec) as (copy, heads):
            if heads is None:
                return None
            apart = _git(spec, copy, "rev-list", "--left-right", "--count", f"{heads.theirs}...{heads.ours}")
            merges = _git(spec, copy, "rev-list", "--merges", "--count", f"{heads.theirs}..{heads.ours}")
            # Theirs alone, ours alone, and those of ours that are merges.
            counts = [int(word) for word in f"{apart.tail} {merges.tail}".split() if word.isdigit()]
            if not (apart.passed and merges.passed and len(counts) == 3):
                return None
            return PushState(heads, counts[1], counts[2] > 0, counts[0] > 0)

    def is_built_on(self, spec: PushSpec, commit: str) -> bool:
        """Ask the clone."""
        return _is_id(commit) and _git(spec, spec.repository, "merge-base", "--is-ancestor", commit, _ref(spec)).passed

    def rebase(self, spec: PushSpec, seen: PushHeads) -> StepResult:
        """Rebase in the copy, then let the clone's branch go there if it is still where it was."""
        with _copied(spec) as (copy, heads):
            if heads is None or heads.ours != seen.ours:
                return StepResult(
                    StepStatus.FAILED, f"{spec.branch} of {spec.repository} has changed since the diagnosis, or cannot be read"
                )
            # By the author's own times a run that is resumed makes the same commits.
            done = _git(spec, copy, "rebase", "-q", "--committer-date-is-author-date", "--onto", seen.theirs, seen.theirs, seen.ours)
            if not done.passed:
                return StepResult(StepStatus.FAILED, f"both sides changed the same: {done.tail[-200:]}")
            made = _commit_in(_git(spec, copy, "rev-parse", "HEAD"))
            fetched = _git(spec, spec.repository, "fetch", "-q", "--no-tags", "--no-write-fetch-head", str(copy), "HEAD")
            if not (made and fetched.passed):
                return StepResult(StepStatus.FAILED, f"the clone cannot be written: {fetched.tail[-200:]}")
            return _move(spec, seen.ours, made)

    def push(self, spec: PushSpec, commit: str) -> StepResult:
        """Push without force."""
        return _pushed(_git(spec, spec.repository, "push", "--no-verify", "--porcelain", "--", spec.remote, f"{commit}:{_ref(spec)}"))

    def withdraw(self, spec: PushSpec, commit: str, before: str) -> StepResult:
        """Set the branch back by a lease on the very commit."""
        heads = self.heads(spec)
        if heads is None:
            return StepResult(StepStatus.UNCERTAIN, "the remote does not answer", 1.0)
        if heads.theirs == before:
            return _OK
        lease = f"--force-with-lease={_ref(spec)}:{commit}"
        return _pushed(
            _git(spec, spec.repository, "push", "--no-verify", "--porcelain", lease, "--", spec.remote, f"{before}:{_ref(spec)}")
        )

    def reset(self, spec: PushSpec, built_on: str, before: str) -> StepResult:
        """Let the clone's branch go back."""
        ours = _commit_in(_git(spec, spec.repository, "rev-parse", "--verify", "-q", _ref(spec)))
        if ours == before:
            return _OK
        if not self.is_built_on(spec, built_on):
            return StepResult(StepStatus.FAILED, f"{spec.branch} of {spec.repository} was moved by somebody else")
        return _move(spec, ours, before)

    def carries_all(self, spec: PushSpec, seen: PushHeads) -> bool | None:
        """Fetch, then compare by ancestry and by what each commit changes."""
        with _copied(spec) as (copy, heads):
            if heads is None:
                return None
            is_kept = _git(spec, copy, "merge-base", "--is-ancestor", seen.theirs, heads.theirs)
            # Of each of the bot's commits ``git cherry`` says - where the remote has its change, else +.
            missing = _git(spec, copy, "cherry", heads.theirs, seen.ours)
            return is_kept.passed and missing.passed and not any(line.startswith("+") for line in missing.tail.splitlines())


def _ref(spec: PushSpec) -> str:
    return f"refs/heads/{spec.branch}"


def _is_id(text: str) -> bool:
    return len(text) in _DIGITS and all(letter in "0123456789abcdef" for letter in text)


def _commit_in(ran: Ran) -> str:
    words = ran.tail.split() if ran.passed else []
    return words[0] if words and _is_id(words[0]) else ""


def _git(spec: PushSpec, folder: str | Path, *words: str) -> Ran:
    with tempfile.TemporaryDirectory(prefix="healstream-git-") as home:
        environ = {**_ALONE, **dict(spec.environ)}
        return run_bounded((*spec.program, *_NO_HOOKS, *words), Path(folder), spec.timeout_s, Path(home), tuple(environ.items()))


@contextmanager
def _copied(spec: PushSpec) -> Iterator[tuple[Path, PushHeads | None]]:
    """Yield a copy of the clone's branch that has fetched the remote's, with both commits; None when one cannot be had."""
    with tempfile.TemporaryDirectory(prefix="healstream-push-") as place:
        copy = Path(place) / "copy"
        # It borrows the clone's objects, so a large history costs nothing.
        words = (
            "clone",
            "-q",
            "--shared",
            "--no-tags",
            "--template=",
            "--single-branch",
            "-b",
            spec.branch,
            "--",
            spec.repository,
            str(copy),
        )
        made = _git(spec, place, *words)
        fetch = ("fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", spec.remote, f"{_ref(spec)}:{_THEIRS}")
        if not (made.passed and _git(spec, copy, *fetch).passed):
            yield copy, None
            return
        ours, theirs = (_commit_in(_git(spec, copy, "rev-parse", name)) for name in ("HEAD", _THEIRS))
        yield copy, PushHeads(ours, theirs) if ours and theirs else None


def _move(spec: PushSpec, old: str, new: str) -> StepResult:
    """Let the clone's branch go from one commit to another; files of a checkout of it go along, and changes in them refuse it."""
    is_out = _git(spec, spec.repository, "symbolic-ref", "-q", "HEAD").tail == _ref(spec)
    is_bare = _git(spec, spec.repository, "rev-parse", "--is-bare-repository").tail == "true"
    words = ("reset", "-q", "--keep", new) if is_out and not is_bare else ("update-ref", _ref(spec), new, old)
    moved = _git(spec, spec.repository, *words)
    return _OK if moved.passed else StepResult(StepStatus.FAILED, f"the branch cannot be moved: {moved.tail[-200:]}")


def _pushed(ran: Ran) -> StepResult:
    if ran.passed:
        return _OK
    # Only a remote that says no is known not to have taken it.
    status = StepStatus.FAILED if "rejected]" in ran.tail else StepStatus.UNCERTAIN
    return StepResult(status, f"exit {ran.code}: {ran.tail[-200:]}", 1.0)
