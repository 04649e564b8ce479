"""Copies each checkpoint of the chain to a place elsewhere, in a thread of its own: a slow bucket delays nothing that heals.

Started by ``system.py`` when ``healstream.yaml`` names a place. At each start it reads the whole chain and so holds it against what was
published before: a chain that was rewritten is told at once, and nothing that was published is ever replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from console.audit_checkpoints import publish_to
from console.audit_reading import Blocks, Checkpoint
from schemas.errors import HealstreamError
from schemas.ids import Record
from schemas.oversight import AuditRecord

# What comes within this time goes in one write.
PACE_S = 5.0
log = structlog.get_logger("supervisor")


class CheckpointWatch:
    """What waits to be published; ``take`` is called by the follower's thread, ``publish`` by this watch's own."""

    def __init__(self, place: str, environ: Mapping[str, str]) -> None:
        """Prepare; nothing runs yet."""
        self._place = place
        self._environ = environ
        self._blocks = Blocks()
        self._lock = threading.Lock()
        self._waiting: list[Checkpoint] = []
        self._ending = threading.Event()
        self._why = ""
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def take(self, record: Record) -> None:
        """Take one record of ``heal.audit`` in."""
        checkpoint = self._blocks.checkpoint_at(record) if isinstance(record, AuditRecord) else None
        if checkpoint:
            with self._lock:
                self._waiting.append(checkpoint)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def close(self) -> None:
        """Publish what waits and end."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(2 * PACE_S)

    def publish(self, now: datetime) -> int:
        """Publish what waits and return how many were new; raises HealstreamError when the place does not take them, and they wait on."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        try:
            added, faults = publish_to(self._place, self._environ, taken, now)
        except HealstreamError:
            with self._lock:
                self._waiting = taken + self._waiting
            raise
        for fault in faults:
            log.error("the audit chain is not the one that was published", why=fault, next="run `healstream audit verify --checkpoints`")
        return added

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._ending.wait(PACE_S)
            try:
                if self.publish(datetime.now(UTC)):
                    self._why = ""
            except HealstreamError as error:
                if error.why != self._why:
                    log.warning("checkpoints not published", where=error.what, why=error.why, next="they are kept and tried again")
                self._why = error.why
