"""Whether a process of which only the number is known still runs, and how it is asked to end; used by up, down, status and the demo."""

from __future__ import annotations

import os
import signal
import time

from infra.adapters.launch import start_ticks


def is_same_process(pid: object) -> bool:
    """Tell whether the number names a living process that is no zombie."""
    return isinstance(pid, int) and pid > 1 and start_ticks(pid) is not None


def end_process(pid: int, deadline_s: float) -> bool:
    """Ask a process to end and wait; after the deadline it is killed. Tell whether it went by itself."""
    began = start_ticks(pid)
    if began is None:
        return True
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + deadline_s
    while start_ticks(pid) == began:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            return False
        time.sleep(0.05)
    return True
