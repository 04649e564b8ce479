"""A branch that a bot of this host pushes: ``push:<name>``; the CI jobs that push it rest on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from schemas.targets.spec import Unwatched

# The patterns that show a race: somebody else's commits were there first.
RACES = frozenset({"git-push-race"})


@dataclass(frozen=True, slots=True)
class PushSpec(Unwatched):
    """One clone ``repository`` of this machine, whose ``branch`` the CI ``jobs`` of a project push to the same branch of ``remote``.

    Whoever is named here is a bot: its commits may be put on top of somebody else's without asking their author. More than
    ``most_commits`` of them are a person's. ``program`` is git's own call when it is not found by its name; ``environ`` tells it how to
    log in.
    """

    TYPE: ClassVar[str] = "push"

    name: str
    repository: str
    remote: str
    source: str
    project: str
    jobs: tuple[str, ...]
    branch: str = "main"
    program: tuple[str, ...] = ("git",)
    environ: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 60.0
    most_commits: int = 20
    healing: bool = True

    def is_pushed_by(self, target: str) -> bool:
        """Tell whether a target is one of the CI jobs that push the branch."""
        front, _, job = target.rpartition("/")
        place = front.rpartition("/")[0]
        return place == f"job:{self.source}/{self.project}" and job in self.jobs


@dataclass(frozen=True, slots=True)
class PushHeads:
    """Where the branch is: the commit in the bot's clone, and the commit at the remote."""

    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class PushState:
    """How far the two have gone apart: how many commits only the bot has, whether one of them is a merge, and whether it lacks any."""

    heads: PushHeads
    ahead: int
    has_merges: bool
    is_behind: bool


def push_by(specs: Iterable[PushSpec], target: str) -> PushSpec | None:
    """Return the branch that a CI job pushes, when the job is one of these bots'."""
    return next((spec for spec in specs if spec.is_pushed_by(target)), None)
