"""Rules that are read again and again while a process runs: what cannot be read leaves those that were read before in force."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from schemas.errors import HealstreamError

# A changed file or catalogue is gone by within this.
RELOAD_S = 30.0
R = TypeVar("R")


class Followed(Generic[R]):
    """The rules as they were last read; ``heard`` is told of new ones."""

    def __init__(self, name: str, read: Callable[[], R]) -> None:
        """Read them; raises what says why they cannot be."""
        self._read = read
        self._log = structlog.get_logger(name)
        self.now = read()
        self.heard: Callable[[R], None] | None = None

    def start(self, stop: threading.Event) -> None:
        """Follow them in a thread until ``stop``."""
        threading.Thread(target=self._follow, args=(stop,), name="rules", daemon=True).start()

    def _follow(self, stop: threading.Event) -> None:
        while not stop.wait(RELOAD_S):
            try:
                found = self._read()
            except HealstreamError as error:
                self._log.warning("rules not read", why=str(error), next="the old ones stay in force")
                continue
            if found != self.now:
                self.now = found
                if self.heard is not None:
                    self.heard(found)
                self._log.info("rules read", next="they are in force from now on")
