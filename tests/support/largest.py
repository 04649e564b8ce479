"""The largest resident memory that each process of a fleet had while it was watched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psutil

LOOK_S = 0.5


@contextmanager
def largest(pids: Callable[[], Mapping[str, int]]) -> Iterator[dict[str, int]]:
    """Yield the most bytes by name; a process that is started again goes on under its name."""
    most: dict[str, int] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            for name, pid in pids().items():
                most[name] = max(most.get(name, 0), _resident(pid))

    thread = threading.Thread(target=watch, name="largest")
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
