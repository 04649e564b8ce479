"""Ends a process that stands still, with the stacks of its threads, so that its supervisor can start it anew."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, in seconds, each kind of standing still may last."""

    ready_s: float = 90.0
    """From the start until the process is ready."""
    progress_s: float = 60.0
    """Without progress while there is something to do."""
    blocked_s: float = 10.0
    """Without a beat of the event loop."""
    stop_s: float = 4.0
    """From the request to stop until the process has ended."""


@dataclass(slots=True)
class Pulse:
    """What the watched loop says of itself; times are monotonic seconds."""

    beat_at: float
    progress_at: float
    started_at: float
    ready: bool = False
    backlog: bool = False
    stopping_at: float | None = None
    _token: object = field(default=None, init=False)

    @classmethod
    def starting(cls, now: float) -> Pulse:
        """Return the pulse of a process that starts now."""
        return cls(now, now, now)

    def note(self, now: float, token: object, backlog: bool) -> None:
        """Say what has been handled (any value that changes with progress) and whether more is waiting."""
        if token != self._token or not backlog:
            self.progress_at = now
        self._token, self.backlog = token, backlog


def standstill(pulse: Pulse, limits: Limits, now: float) -> str | None:
    """Return why the process must end, None while it is well."""
    if pulse.stopping_at is not None:
        late = now - pulse.stopping_at > limits.stop_s
        return f"still running {limits.stop_s:g} s after the request to stop" if late else None
    if now - pulse.beat_at > limits.blocked_s:
        return f"the event loop has not turned for {now - pulse.beat_at:.1f} s"
    if not pulse.ready and now - pulse.started_at > limits.ready_s:
        return f"not ready within {limits.ready_s:g} s"
    if pulse.backlog and now - pulse.progress_at > limits.progress_s:
        return f"records are waiting and none was handled for {limits.progress_s:g} s"
    return None


def exit_now(why: str, code: int = 1) -> None:
    """End the process at once, with the reason and all stacks on standard error; nothing is flushed or committed any more."""
    sys.stderr.write(f"healstream ends: {why}; its supervisor starts it anew and it resumes from its state\n")
    sys.stderr.flush()
    faulthandler.dump_traceback(all_threads=True)
    os._exit(code)


def watch(pulse: Pulse, limits: Limits, every_s: float = 0.5) -> threading.Thread:
    """Start the thread that ends this process when it stands still."""

    def run() -> None:
        while True:
            time.sleep(every_s)
            why = standstill(pulse, limits, time.monotonic())
            if why is not None:
                exit_now(why, 0 if pulse.stopping_at is not None else 1)

    thread = threading.Thread(target=run, name="watchdog", daemon=True)
    thread.start()
    return thread
