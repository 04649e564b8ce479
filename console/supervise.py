"""Keeps worker processes running: ready by a deadline, started again after an end, and all gone at the stop; used by ``system.py``.

Each child has a process group of its own and dies with its supervisor's thread, so nothing is left behind, whatever ends us.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.backoff import Backoff
from infra.parent_death import die_with_parent
from schemas.errors import UnreachableError

READY_S = 60.0
STOP_S = 8.0
LOOK_S = 0.25
ANSWER_S = 1.0


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One process: its name, its words, its environment, and the loopback port of its ``/readyz`` (0: ready once it lives)."""

    name: str
    argv: tuple[str, ...]
    environ: tuple[tuple[str, str], ...]
    port: int = 0


@dataclass(slots=True)
class Child:
    """One process as it is now."""

    spec: ChildSpec
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    starts: int = 0
    backoff: Backoff = field(default_factory=Backoff)

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts children in order, looks after them from one thread, and ends them in reverse order."""

    def __init__(self, specs: Sequence[ChildSpec], logs: Path, draw: Callable[[], float]) -> None:
        """Prepare; ``draw`` gives the jitter, a number in 0..1."""
        self.children = tuple(Child(spec) for spec in specs)
        self._logs = logs
        self._draw = draw
        self._stop = threading.Event()
        self._failure: list[OSError] = []
        self._thread = threading.Thread(target=self._look_after, name="supervisor")

    def start(self) -> None:
        """Start all children from the looking thread: the kernel ends a child with the thread that started it."""
        self._thread.start()

    def wait_ready(self, deadline_s: float = READY_S) -> None:
        """Return once every child is ready; raises UnreachableError that names those that are not."""
        end = time.monotonic() + deadline_s
        waiting = list(self.children)
        while waiting:
            waiting = [child for child in waiting if not _is_ready(child)]
            if self._failure or (waiting and time.monotonic() > end) or self._stop.is_set():
                why = "; ".join(f"{child.spec.name}: {self.last_line(child)}" for child in waiting)
                raise UnreachableError("workers", f"not ready: {self._failure or why}", f"Read the logs in {self._logs}")
            if waiting:
                self._stop.wait(LOOK_S)

    def stop(self) -> None:
        """End every child and return when none is left."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def last_line(self, child: Child) -> str:
        """Return the last line that a child printed."""
        path = self._logs / f"{child.spec.name}.log"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        return lines[-1][:300] if lines else "nothing printed"

    def rows(self) -> list[dict[str, object]]:
        """Return name, process id, port and number of starts of each child."""
        return [
            {"name": c.spec.name, "pid": c.process.pid if c.process and c.is_alive() else None, "port": c.spec.port, "starts": c.starts}
            for c in self.children
        ]

    def not_ready(self) -> tuple[str, ...]:
        """Return the names of the children that do not live, or do not say that they are ready."""
        return tuple(child.spec.name for child in self.children if not _is_ready(child))

    def _look_after(self) -> None:
        try:
            while not self._stop.is_set():
                for child in self.children:
                    self._tend(child, time.monotonic())
                self._stop.wait(LOOK_S)
        except OSError as error:
            self._failure.append(error)
        finally:
            end_all([child.process for child in reversed(self.children) if child.process], STOP_S)

    def _tend(self, child: Child, now_s: float) -> None:
        if child.is_alive():
            return
        if child.process is not None:
            child.backoff = child.backoff.after_end(now_s - child.started_s, now_s, self._draw)
            child.process = None
        if child.backoff.may_start(now_s):
            child.process = spawn(child.spec, self._logs)
            child.started_s, child.starts = now_s, child.starts + 1


def spawn(spec: ChildSpec, logs: Path) -> subprocess.Popen[bytes]:
    """Start one child with exactly its environment; what it prints goes to its log."""
    with (logs / f"{spec.name}.log").open("ab") as log:
        return subprocess.Popen(
            spec.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(spec.environ),
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl runs between fork and exec
        )


def end_all(processes: Sequence[subprocess.Popen[bytes]], deadline_s: float) -> None:
    """Ask the processes to end, in this order; after the deadline their groups are killed."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    end = time.monotonic() + deadline_s
    for process in processes:
        try:
            process.wait(max(0.05, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_ready(port: int) -> bool:
    """Ask a process's ``/readyz``."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=ANSWER_S) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _is_ready(child: Child) -> bool:
    return child.is_alive() and (child.spec.port == 0 or is_ready(child.spec.port))


def clean_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a child may see of our environment: nothing that could hold a secret of somebody else."""
    kept = (
        "PATH",
        "HOME",
        "LANG",
        "TZ",
        "PYTHONPATH",
        "XDG_CACHE_HOME",
        "HEALSTREAM_CHAOS",
        "HEALSTREAM_FAIL_POINT",
        "HEALSTREAM_PROBE_HOSTS",
    )
    return {name: environ[name] for name in kept if name in environ}
