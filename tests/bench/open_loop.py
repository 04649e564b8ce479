"""An open loop over HTTP/1.1: each request goes out when it is due, on a connection that is kept, whatever became of those before it.

It is written on asyncio's own transports, because a client with everything in it needs about 4 ms of the processor for a request: at 200 a
second that is most of a core, and what it then measures is its own queue. What this one needs, and how late it was, it tells.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from typing_extensions import override

# All of them are busy only when answers take more than a second at 200 a second.
LINES = 256
PATIENCE_S = 60.0
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(slots=True)
class Sent:
    """What was measured, in milliseconds: from when each was due to the end of its answer, and to when it was written."""

    took: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    # Processor time of this process, a request.
    cpu: float = 0.0


def request_bytes(url: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a POST as it stands on the wire."""
    rows = {"Host": urlsplit(url).netloc, **headers, "Content-Length": str(len(body))}
    return "".join((f"POST {path} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in rows.items()), "\r\n")).encode() + body


def answer_in(raw: bytes) -> tuple[int, bytes] | None:
    """Return the status and the body of an answer, None while some of it has not come; raises ValueError for one without a length."""
    head, end, body = raw.partition(_END)
    if not end:
        return None
    [length] = [int(row[len(_LENGTH) :]) for row in head.lower().split(b"\r\n") if row.startswith(_LENGTH)]
    return (int(head[9:12]), body) if len(body) >= length else None


class _Loop:
    """The requests that are due and not written yet, the connections that are free, and what became of the rest."""

    def __init__(self, url: str, count: int, lines: int) -> None:
        self.sent = Sent()
        self.waiting = deque[tuple[float, bytes]]()
        self.idle: list[_Line] = []
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._url, self._count, self._lines = urlsplit(url), count, lines
        self._opened: list[asyncio.Task[None]] = []

    def push(self) -> None:
        """Write what waits while a connection is free, the one that was used last as a sender's pool has it; open one when none is."""
        while self.waiting and self.idle:
            due, request = self.waiting.popleft()
            self.sent.late.append(_ms_since(due))
            self.idle.pop().send(due, request)
        if self.waiting and len(self._opened) < self._lines:
            self._opened.append(asyncio.create_task(self._open()))

    async def _open(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: _Line(self), str(self._url.hostname), self._url.port or 80)

    def answered(self, due: float, status: int, body: bytes) -> None:
        """Take an answer in."""
        self.sent.took.append(_ms_since(due))
        if status != 202:
            self.end(f"{status} {body.decode(errors='replace')}")
        elif len(self.sent.took) == self._count:
            self.end("")

    def end(self, why: str) -> None:
        """End with all answered, or say why not."""
        if not self.ended.done():
            self.ended.set_result(why)


class _Line(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, loop: _Loop) -> None:
        self._loop, self._due, self._came = loop, 0.0, b""

    def send(self, due: float, request: bytes) -> None:
        """Write a request."""
        self._due = due
        self.transport.write(request)

    def _rest(self) -> None:
        self._loop.idle.append(self)
        self._loop.push()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._rest()

    @override
    def data_received(self, data: bytes) -> None:
        self._came += data
        answer = answer_in(self._came)
        if answer is None:
            return
        self._came = b""
        self._loop.answered(self._due, *answer)
        self._rest()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        # What was not used for some seconds the server closes.
        if self in self._loop.idle:
            self._loop.idle.remove(self)
        else:
            self._loop.end(f"a connection was closed before its answer: {exc}")


def _ms_since(due: float) -> float:
    return 1000 * (time.monotonic() - due)


async def send_all(url: str, requests: Sequence[bytes], rate: float, lines: int = LINES) -> Sent:
    """Send so many a second, over so many connections at most; raises SystemExit for an answer that is not 202 or does not come."""
    loop = _Loop(url, len(requests), lines)
    used, begun = time.process_time(), time.monotonic()
    for number, request in enumerate(requests):
        due = begun + number / rate
        await asyncio.sleep(max(due - time.monotonic(), 0))
        loop.waiting.append((due, request))
        loop.push()
    async with asyncio.timeout(PATIENCE_S):
        why = await loop.ended
    loop.sent.cpu = 1000 * (time.process_time() - used) / len(requests)
    for line in loop.idle:
        line.transport.close()
    if why:
        raise SystemExit(f"{len(loop.sent.took)} of {len(requests)} answered: {why}")
    return loop.sent
