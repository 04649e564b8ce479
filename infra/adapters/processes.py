"""Service processes of this machine: fits ``ProcessPort``. A ledger beside the service counts every effect by its idempotency key."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.adapters import launch
from infra.adapters.launch import ALREADY, append_row, ledger_rows, pid_in, start_ticks
from schemas.attempts import StepResult, StepStatus
from schemas.services import ServiceSpec

LEDGER = "effects.jsonl"
# The launcher only forks; a machine on which that takes longer is not one to start services on.
LAUNCH_TIMEOUT_S = 15.0
KILL_AFTER_ASKS = 15


@dataclass(frozen=True, slots=True)
class Processes:
    """The real adapter; ``_asked`` of a stop is the ledger's."""

    def is_alive(self, service: ServiceSpec) -> bool:
        """Tell whether the pid file names a living process that is no zombie."""
        pid = pid_in(Path(service.pid_file))
        return pid is not None and start_ticks(pid) is not None

    def start(self, service: ServiceSpec, key: str) -> StepResult:
        """Start the service once for this key, in a session of its own with a clean environment."""
        words = [sys.executable, "-I", "-S", launch.__file__, service.pid_file, str(_ledger(service)), key, "--", *service.argv]
        try:
            # A Ctrl-C meant for the caller does not reach the launcher.
            done = subprocess.run(
                words,
                cwd=service.cwd,
                capture_output=True,
                timeout=LAUNCH_TIMEOUT_S,
                check=False,
                env=launch.CLEAN,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return StepResult(StepStatus.UNCERTAIN, f"the launch of {service.name} did not return")
        except OSError as error:
            return StepResult(StepStatus.FAILED, str(error))
        if done.returncode == 0 or (done.returncode == ALREADY and self.is_alive(service)):
            return StepResult(StepStatus.OK)
        why = done.stderr.decode(errors="replace")[-300:] or "was started with this key before and has ended"
        return StepResult(StepStatus.FAILED, f"{service.name}: {why}")

    def has_started(self, service: ServiceSpec, key: str) -> bool:
        """Tell whether the ledger holds the start."""
        return any(row.get("key") == key and row.get("act") == "start" for row in ledger_rows(_ledger(service)))

    def stop_started(self, service: ServiceSpec, key: str) -> StepResult:
        """Ask the process of that key to end, and insist after a while; pending until it is gone."""
        rows = ledger_rows(_ledger(service))
        started = next((row for row in rows if row.get("key") == key and row.get("act") == "start"), None)
        pid = int(str(started["pid"])) if started else 0
        # The start ticks tell our process from a later one that got its number.
        if started is None or start_ticks(pid) is None or start_ticks(pid) != started.get("ticks"):
            if started is not None and pid_in(Path(service.pid_file)) == pid:
                Path(service.pid_file).unlink(missing_ok=True)
            return StepResult(StepStatus.OK)
        asks = sum(row.get("act") == "stop" and row.get("key") == key for row in rows)
        if asks == 0 or asks > KILL_AFTER_ASKS:
            os.kill(pid, signal.SIGTERM if asks == 0 else signal.SIGKILL)
        append_row(_ledger(service), {"act": "stop", "key": key, "pid": pid})
        return StepResult(StepStatus.PENDING, f"{service.name} is ending")

    def reload(self, service: ServiceSpec) -> StepResult:
        """Send SIGHUP to the living service."""
        pid = pid_in(Path(service.pid_file))
        if pid is None or start_ticks(pid) is None:
            return StepResult(StepStatus.FAILED, f"{service.name} is not alive")
        os.kill(pid, signal.SIGHUP)
        return StepResult(StepStatus.OK)


def _ledger(service: ServiceSpec) -> Path:
    return Path(service.cwd) / LEDGER
