"""How a target's surroundings are seen: its neighbours by their own probes, and its metrics. Fits ``SurroundingsPort`` of the executor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.adapters.probes import Probes
from infra.adapters.prometheus import Prometheus
from schemas.attempts import Sight
from schemas.events import HealthStatus
from schemas.probes import ASKS_PROMETHEUS, ProbeKind, ProbeSpec
from schemas.recoveries import Condition
from schemas.services import Services
from schemas.watches import Watch, quick_watches_of

# All neighbours are looked at side by side, and none of them keeps a recovery waiting for longer.
LONGEST_S = 5.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The real adapter over the service catalogue."""

    services: Services
    allowed: frozenset[str] = frozenset()
    longest_s: float = LONGEST_S

    def ask(self, probe: ProbeSpec) -> Sight:
        """Ask one probe of a Prometheus: a metric or an alert."""
        return Prometheus(self.services.prometheus, self.allowed).ask(probe)

    def look(self, targets: Sequence[str]) -> tuple[Sight, ...]:
        """Look once at each target that has a quick look, side by side; the others are left out."""
        watches = quick_watches_of(self.services)
        return asyncio.run(self._look_at({name: watches[name] for name in targets if name in watches}))

    async def _look_at(self, watches: Mapping[str, list[Watch]]) -> tuple[Sight, ...]:
        probes = Probes(self.services, self.allowed)
        flat = [row for rows in watches.values() for row in rows]
        tasks = {row: asyncio.create_task(self._one(probes, row.probe)) for row in flat}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=self.longest_s)
        late = Sight("", Condition.UNREADABLE, f"not seen within {self.longest_s:g} s")
        seen = {row: task.result() if task.done() else late for row, task in tasks.items()}
        for task in tasks.values():
            task.cancel()
        return tuple(_worst(name, [(row.probe.name, seen[row]) for row in rows]) for name, rows in watches.items())

    async def _one(self, probes: Probes, probe: ProbeSpec) -> Sight:
        if probe.kind in ASKS_PROMETHEUS:
            return await asyncio.to_thread(self.ask, probe)
        look = await probes.look(probe)
        if look.status is HealthStatus.PASS:
            return Sight(probe.name, Condition.WELL)
        # Only a page tells by itself that it is not quite well; of what others call degraded nothing could be read.
        unread = look.status is HealthStatus.DEGRADED and probe.kind is not ProbeKind.HTTP
        return Sight(probe.name, Condition.UNREADABLE if unread else Condition.ILL, look.detail)


def _worst(target: str, looks: Sequence[tuple[str, Sight]]) -> Sight:
    """Return what the looks say together: ill when one is, else unreadable when one is."""
    for condition in (Condition.ILL, Condition.UNREADABLE):
        found = [f"{name}: {sight.detail}" for name, sight in looks if sight.condition is condition]
        if found:
            return Sight(target, condition, "; ".join(found)[:300])
    return Sight(target, Condition.WELL)
