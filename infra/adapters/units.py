"""Services that are units of systemd: fits ``ProcessPort`` by ``systemctl``. A start is told from every other by its invocation's id.

A record of each start lies in ``records``; the unit's name is the catalogue's and stands behind ``--``, no shell reads it.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.adapters.step_records import StepRecords
from infra.adapters.systemctl import LOOK_S, Systemctl
from schemas.attempts import StepResult, StepStatus
from schemas.services import ServiceSpec

# A unit that takes longer to start or to stop goes on doing so; what is asked is asked again.
JOB_S = 15.0
_OK = StepResult(StepStatus.OK)
_SILENT = StepResult(StepStatus.FAILED, "systemd does not answer")


@dataclass(frozen=True, slots=True)
class Units:
    """The real adapter."""

    records: StepRecords
    systemctl: Systemctl = Systemctl()

    def is_alive(self, service: ServiceSpec) -> bool:
        """Tell whether the unit runs."""
        state = self.systemctl.state(service.unit)
        return state is not None and state.is_alive

    def start(self, service: ServiceSpec, key: str) -> StepResult:
        """Start the unit once for this key; one that failed too often to be started is forgiven first."""
        before = self.systemctl.state(service.unit)
        if before is None:
            return _SILENT
        if before.is_alive:
            return _OK
        if self.has_started(service, key):
            return StepResult(StepStatus.FAILED, f"{service.unit} was started with this key before and has ended: {before.result}")
        if before.load != "loaded":
            return StepResult(StepStatus.FAILED, f"{service.unit} is {before.load}")
        # Durable before the act: whoever comes after a crash finds a newer invocation than this one, or the same.
        self.records.add(key, {"unit": service.unit, "before": before.invocation})
        if before.active == "failed":
            self.systemctl.run("reset-failed", LOOK_S, service.unit)
        ran = self.systemctl.run("start", JOB_S, service.unit)
        after = self.systemctl.state(service.unit)
        if after is None or (not ran.passed and ran.code < 0):
            return StepResult(StepStatus.UNCERTAIN, f"the start of {service.unit} did not return")
        if not ran.passed or not after.is_alive:
            return StepResult(StepStatus.FAILED, f"{service.unit} is {after.active} ({after.result}): {ran.tail[-200:]}")
        self.records.add(key, {"unit": service.unit, "invocation": after.invocation})
        return _OK

    def has_started(self, service: ServiceSpec, key: str) -> bool:
        """Tell whether the start was written down, or began and left a newer invocation."""
        return bool(self._started(service, key))

    def stop_started(self, service: ServiceSpec, key: str) -> StepResult:
        """Stop the unit while it is in the invocation of that key; pending until it is down."""
        ours, now = self._started(service, key), self.systemctl.state(service.unit)
        if now is None:
            return StepResult(StepStatus.PENDING, "systemd does not answer")
        is_down = now.active in {"inactive", "failed"}
        # Another invocation is somebody else's start, or systemd's own.
        if not ours or is_down or now.invocation != ours:
            return _OK
        ran = self.systemctl.run("stop", JOB_S, service.unit)
        return _OK if ran.passed else StepResult(StepStatus.PENDING, f"{service.unit} is ending")

    def reload(self, service: ServiceSpec) -> StepResult:
        """Let systemd reload the running unit."""
        if not self.is_alive(service):
            return StepResult(StepStatus.FAILED, f"{service.unit} is not alive")
        ran = self.systemctl.run("reload", JOB_S, service.unit)
        return _OK if ran.passed else StepResult(StepStatus.FAILED, f"exit {ran.code}: {ran.tail[-250:]}")

    def _started(self, service: ServiceSpec, key: str) -> str:
        """Return the invocation of that key's start, empty when it did not start."""
        rows = [row for row in self.records.rows(key) if row.get("unit") == service.unit]
        known = next((str(row["invocation"]) for row in rows if "invocation" in row), "")
        if known or not rows:
            return known
        now = self.systemctl.state(service.unit)
        return now.invocation if now and now.invocation != rows[-1]["before"] else ""
