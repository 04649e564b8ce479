"""The log shipper as a process, and a gateway in this one that can hold a delivery: before the broker has it, or before it is answered."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from typing_extensions import override

from console.ship import Orders
from infra.parent_death import die_with_parent
from schemas.errors import UnreachableError
from schemas.events import LogChunk
from schemas.ids import Record, id_of
from tests.support.gateway import TOKEN, Gateway, MemoryOutlet

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0


@dataclass
class HeldOutlet(MemoryOutlet):
    """Holds the delivery of the chunk ``seq``: with ``is_kept`` after the broker has it, else before."""

    held: tuple[int, bool] | None = None
    is_holding: threading.Event = field(default_factory=threading.Event)
    may_go: threading.Event = field(default_factory=threading.Event)

    @override
    async def deliver(self, records: Sequence[Record]) -> None:
        seqs = [record.seq for record in records if isinstance(record, LogChunk)]
        seq, is_kept = self.held or (-1, False)
        if seq in seqs and is_kept:
            await super().deliver(records)
        if seq in seqs:
            self.is_holding.set()
            await asyncio.to_thread(self.may_go.wait, PATIENCE_S)
            raise UnreachableError("the broker", "it was held", "Nobody waits for this answer")
        await super().deliver(records)

    def hold(self, seq: int, *, is_kept: bool) -> None:
        """Hold the next delivery of a chunk."""
        self.is_holding.clear()
        self.may_go.clear()
        self.held = (seq, is_kept)

    def let_go(self) -> None:
        """Hold nothing any more; what was held is not answered."""
        self.held = None
        self.may_go.set()


def text_of(outlet: MemoryOutlet, job: str = "build") -> str:
    """Return a job's log as whoever reads the topic has it: a record that came before is the same, and its number comes once."""
    chunks: dict[int, LogChunk] = {}
    for record in outlet.records:
        if isinstance(record, LogChunk) and record.job == job:
            before = chunks.setdefault(record.seq, record)
            assert (id_of(before), before.text, before.eof) == (id_of(record), record.text, record.eof)
    assert sorted(chunks) == list(range(len(chunks)))
    return "".join(chunks[seq].text for seq in sorted(chunks))


@contextmanager
def served(gateway: Gateway) -> Iterator[str]:
    """Serve a gateway's application on a port of loopback, and yield its address."""
    server = uvicorn.Server(uvicorn.Config(gateway.app, port=0, log_config=None, timeout_graceful_shutdown=1, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not (server.started and server.servers):
        assert thread.is_alive()
        thread.join(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


def orders(folder: Path, url: str, *paths: str, once: bool = False) -> Orders:
    """Return the orders for logs of one job; positions are kept below the folder."""
    known = {"source": "jenkins", "project": "acme/shop", "run_id": "77", "job": "build"}
    return Orders(paths, known, url, str(folder / "shipper"), once=once)


def start_shipper(
    folder: Path, url: str, *words: str, module: str = "console.cli.main", said: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start ``healstream send follow``, or ``console.ship`` with its orders."""
    environ = {"PATH": os.defpath, "HOME": str(folder), "HEALSTREAM_GATEWAY_URL": url, "HEALSTREAM_INGEST_TOKEN": TOKEN}
    verb = ("send", "follow") if module == "console.cli.main" else ()
    return subprocess.Popen(
        [sys.executable, "-m", module, *verb, *words],
        cwd=ROOT,
        env=environ,
        stderr=said,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl runs between fork and exec
    )


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return a shipper's exit code and what it said."""
    _, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said
