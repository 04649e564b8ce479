"""The body of a request within its bounds: size, time, and how many bytes all requests may hold together; called by ``routes.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from console.gateway.answers import Refusal

# All bodies that are held at the same time; the next one is told to come again.
MAX_HELD_BYTES = 64 * 1024 * 1024
# A sender that pauses for longer has gone.
PIECE_S = 20.0
_HALF_SENT = Refusal(400, "Half sent", "the connection ended before the body did", "Send it again; what arrives twice is recognised")
_SLOW = Refusal(408, "Too slow", f"nothing came for {PIECE_S:.0f} s", "Send it again; what arrives twice is recognised")
FULL = Refusal(429, "Too busy", "other requests fill the room for bodies", "Send the same again in a second", retry_after_s=1)


@dataclass(slots=True)
class Room:
    """How many bytes of bodies are held now."""

    held: int = 0
    most: int = MAX_HELD_BYTES

    @contextmanager
    def hold(self, count: int) -> Iterator[bool]:
        """Hold so many bytes while the body is used; False when there is no room."""
        fits = self.held + count <= self.most
        self.held += count if fits else 0
        try:
            yield fits
        finally:
            self.held -= count if fits else 0


def too_large(limit: int) -> Refusal:
    """Return the refusal of a body above a limit."""
    return Refusal(
        413, "Too large", f"the body is larger than {limit} bytes", "Send less in one request; a log goes to /ingest/logs in parts"
    )


def promised_bytes(request: Request, limit: int) -> int | Refusal:
    """Return how long the body is said to be, the limit where nothing is said; a refusal for what is too long or no length."""
    said = request.headers.get("content-length")
    if said is None:
        return limit
    if not (said.isascii() and said.isdecimal()) or len(said) > 18:
        return Refusal(400, "Length wrong", "content-length is no number", "Send the body's length in bytes")
    return int(said) if int(said) <= limit else too_large(limit)


async def pieces_of(request: Request) -> AsyncIterator[bytes | Refusal]:
    """Yield the body as it comes; a refusal is the last item when the sender goes or pauses too long."""
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(PIECE_S):
                piece = await anext(stream)
            yield piece
    except StopAsyncIteration:
        return
    except ClientDisconnect:
        yield _HALF_SENT
    except TimeoutError:
        yield _SLOW


async def body_of(request: Request, limit: int) -> bytes | Refusal:
    """Return the whole body, or why it is not taken."""
    parts: list[bytes] = []
    size = 0
    async for piece in pieces_of(request):
        if isinstance(piece, Refusal):
            return piece
        size += len(piece)
        if size > limit:
            return too_large(limit)
        parts.append(piece)
    return b"".join(parts)
