"""Which files are followed: what the templates mean now, each file once and each job by one file only; asked by ``rounds.py``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from glob import iglob
from itertools import islice

from console.shipper.checkpoints import Checkpoints
from console.shipper.follower import Follower, Patience
from console.shipper.generations import is_rotated
from console.shipper.templates import Job, Template
from infra.adapters.log_files import LogFolder
from schemas.errors import BusyError, HealstreamError, UsageError

MOST_LOGS = 5_000
Tell = Callable[[str, str], None]


@dataclass(slots=True)
class Log:
    """A followed file and the job that it is the log of; a refused one is left alone until the next start."""

    path: str
    job: Job
    follower: Follower
    is_refused: bool = False

    @property
    def is_over(self) -> bool:
        """Tell whether nothing of it waits and the gateway knows of its end."""
        return self.is_refused or (self.follower.kept.is_ended and self.follower.kept.part is None)

    @property
    def is_gone(self) -> bool:
        """Tell whether it is over and its file is not there any more."""
        return self.is_over and self.follower.folder.seen(self.follower.name) is None


@dataclass(slots=True)
class Logs:
    """All of them; ``tell`` takes a path and what an operator has to know of it."""

    templates: tuple[Template, ...]
    checkpoints: Checkpoints
    patience: Patience
    tell: Tell
    followed: dict[str, Log] = field(default_factory=dict)
    passed_over: set[str] = field(default_factory=set)

    def scan(self) -> None:
        """Take up what is new, and let go of what is over and gone."""
        for path in [path for path, log in self.followed.items() if log.is_gone]:
            self.followed.pop(path).follower.close()
        jobs = {log.job: log.path for log in self.followed.values()}
        for template in self.templates:
            # Where the root leads is the operator's own choice; below it no link is followed.
            root = os.path.realpath(template.root)
            for path in self._new_in(template, root):
                self._add(template, root, path, jobs)

    def in_use(self) -> frozenset[str]:
        """Return the addresses whose positions are in use."""
        return frozenset(log.job.address for log in self.followed.values())

    def _new_in(self, template: Template, root: str) -> list[str]:
        # A third of what the same costs by paths that are objects.
        matches = iglob(template.glob, root_dir=root, recursive=True)  # noqa: PTH207
        found = sorted(islice(matches, MOST_LOGS * 4))
        names = frozenset(found)
        return [path for path in found if f"{root}/{path}" not in self.followed and not is_rotated(path, names)]

    def _add(self, template: Template, root: str, path: str, jobs: dict[Job, str]) -> None:
        whole = f"{root}/{path}"
        below, _, name = path.rpartition("/")
        folder = LogFolder(root, below)
        try:
            job = template.job_of(path) if folder.seen(name) else None
            if job is None:
                return
            self._require_own(job, jobs)
            checkpoint = self.checkpoints.of(job.address)
            kept = checkpoint.read()
        except HealstreamError as error:
            self.passed_over.add(whole)
            self.tell(whole, f"{error.what}: {error.why}. {error.mend}")
            return
        self.passed_over.discard(whole)
        follower = Follower(folder, name, kept, checkpoint, self.patience, lambda why: self.tell(whole, why))
        self.followed[whole], jobs[job] = Log(whole, job, follower), whole

    def _require_own(self, job: Job, jobs: dict[Job, str]) -> None:
        if len(self.followed) >= MOST_LOGS:
            raise BusyError(
                "one log more", f"{MOST_LOGS} are followed already", "It waits until others are gone; a narrower template helps"
            )
        if job in jobs:
            raise UsageError("its job", f"{jobs[job]} is the log of the same one", "Write a template that tells the two apart")
