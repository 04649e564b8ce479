"""An engine in memory; it keeps a ledger of what it was made to do, and passes the same checks as the real one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from schemas.attempts import ContainerState, StepResult, StepStatus

_OK = StepResult(StepStatus.OK)
_GONE = StepResult(StepStatus.FAILED, "no such container")


@dataclass
class FakeContainers:
    """Containers by name. ``bad_images`` end as soon as they start; ``lying`` says that it started what it did not."""

    rows: dict[str, ContainerState] = field(default_factory=dict)
    bad_images: set[str] = field(default_factory=set)
    ledger: list[tuple[str, str]] = field(default_factory=list)
    is_silent: bool = False
    lying: bool = False
    starts: int = 0

    def state(self, name: str) -> ContainerState | None:
        return None if self.is_silent else self.rows.get(name, ContainerState(exists=False))

    def is_process_alive(self, name: str) -> bool:
        return name in self.rows and self.rows[name].running

    def start(self, name: str) -> StepResult:
        if name not in self.rows:
            return _GONE
        if not self.rows[name].running and not self.lying:
            self._begin(name)
            self.ledger.append(("start", name))
        return _OK

    def restart(self, name: str, stop_s: float, seen_started_at: str) -> StepResult:
        assert stop_s >= 0
        if name not in self.rows:
            return _GONE
        if not (self.rows[name].running and self.rows[name].started_at != seen_started_at):
            self._begin(name)
            self.ledger.append(("restart", name))
        return _OK

    def stop(self, name: str, stop_s: float) -> StepResult:
        assert stop_s >= 0
        if name not in self.rows:
            return _GONE
        if self.rows[name].running:
            self.rows[name] = replace(self.rows[name], running=False, exit_code=137)
            self.ledger.append(("stop", name))
        return _OK

    def limit_memory(self, name: str, memory_bytes: int, swap_bytes: int) -> StepResult:
        if name not in self.rows:
            return _GONE
        if self.rows[name].memory_bytes != memory_bytes:
            self.rows[name] = replace(self.rows[name], memory_bytes=memory_bytes, swap_bytes=max(swap_bytes, 0))
            self.ledger.append(("limit", name))
        return _OK

    def swap_image(self, name: str, image: str, key: str) -> StepResult:
        kept = f"{name}.{key}"
        if name not in self.rows:
            return _GONE
        if kept not in self.rows:
            self.rows[kept] = replace(self.rows[name], running=False)
            self.rows[name] = replace(self.rows[name], image=image, running=False, exit_code=0, out_of_memory=False)
            self._begin(name)
            self.ledger.append(("swap", name))
        return _OK

    def swap_back(self, name: str, key: str, *, was_running: bool) -> StepResult:
        kept = self.rows.pop(f"{name}.{key}", None)
        if kept:
            self.rows[name] = replace(kept, running=was_running)
            self.ledger.append(("swap_back", name))
        return _OK

    def _begin(self, name: str) -> None:
        self.starts += 1
        row = self.rows[name]
        well = row.image not in self.bad_images
        self.rows[name] = replace(row, running=well, started_at=str(self.starts), exit_code=0 if well else 1, out_of_memory=False)
