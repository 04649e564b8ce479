"""Which lock files a push may have broken, and when they are looked at because of it: before a build of that commit fails.

Pure; called by ``streams/prober.py``. A push is only a reason to look sooner: what it says is believed of nothing, and what the look sees
is the tool's own word on the repository's own files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.events import PUSHED, Trust, WorkflowFinished
from schemas.services import Services
from schemas.targets.lockfile import LockfileSpec
from schemas.watches import Watch, watches_of

# A look follows another so soon after it as their times must differ; a copy of the repository may be filled a while after the push.
LOOK_GAP_S = 2.0
ROUNDS_AFTER_S = (0.0, 60.0)


def watches_of_push(event: WorkflowFinished, services: Services) -> tuple[Watch, ...]:
    """Return the looks at lock files that a push to their branch may have changed; none for a fork's, and none that nobody watches."""
    if event.workflow != PUSHED or event.provenance.trust is Trust.FORK:
        return ()
    targets = {spec.target for spec in services.lockfiles if _may_break(event, spec)}
    return tuple(watch for watch in watches_of(services) if watch.target in targets)


def _may_break(event: WorkflowFinished, spec: LockfileSpec) -> bool:
    is_its = (event.source, event.project, event.branch) == (spec.source, spec.project, spec.base_branch)
    files = {spec.path_of(spec.manifest), spec.path_of(spec.lock)}
    return is_its and (not event.labels or not files.isdisjoint(event.labels))


@dataclass(slots=True)
class PushLooks:
    """The looks that pushes have asked for; a newer push of the same repository begins them anew."""

    planned: dict[Watch, list[float]] = field(default_factory=dict)

    def add(self, watches: tuple[Watch, ...], looks: int, now_s: float) -> None:
        """Plan so many looks in a row as a target is believed by, at once and once more."""
        times = [now_s + round_s + number * LOOK_GAP_S for round_s in ROUNDS_AFTER_S for number in range(looks)]
        self.planned.update({watch: list(times) for watch in watches})

    def due(self, now_s: float, is_busy: Callable[[Watch], bool]) -> list[Watch]:
        """Return what is to be looked at now; one that is being looked at is due after that."""
        if not self.planned:
            return []
        found = [watch for watch, times in self.planned.items() if times[0] <= now_s and not is_busy(watch)]
        for watch in found:
            rest = self.planned[watch][1:]
            # A look that took long moves those behind it: each is one of its own.
            moved_s = max(now_s + LOOK_GAP_S - rest[0], 0.0) if rest else 0.0
            self.planned[watch] = [time_s + moved_s for time_s in rest]
        self.planned = {watch: times for watch, times in self.planned.items() if times}
        return found
