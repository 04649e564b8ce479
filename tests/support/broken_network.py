"""A network between every client and the broker that can be slow, cut, deaf or gone: a TCP proxy whose port the broker advertises.

The weather is a value and may change at any time; in fair weather bytes pass as they come. Runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_CHUNK = 64 * 1024
_BEAT_S = 1.0
# Closes with a reset instead of a farewell (SO_LINGER on, 0 s).
_ABORT = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Weather:
    """``delay_s`` on the way there and again on the way back; ``reset_share`` of the open connections is reset in each second.

    ``is_deaf``: requests arrive and nothing comes back, and nobody is told. ``is_parted``: nothing passes either way, and what was
    sent arrives when it is over.
    """

    delay_s: float = 0.0
    reset_share: float = 0.0
    is_deaf: bool = False
    is_parted: bool = False


FAIR = Weather()


@dataclass(eq=False, slots=True)
class _Wire:
    """One connection: both its ends, and whether an answer was lost on it, after which it carries nothing that makes sense."""

    client: asyncio.StreamWriter
    broker: asyncio.StreamWriter
    is_torn: bool = False


@dataclass
class BrokenNetwork:
    """Listens on ``port`` and passes on to ``broker_port``; what it did is counted, so that a test can tell that it did anything."""

    port: int
    broker_port: int
    seed: int
    resets: int = 0
    lost_bytes: int = 0
    held_bytes: int = 0
    slow_chunks: int = 0
    _weather: Weather = FAIR
    _wires: set[_Wire] = field(default_factory=set)
    _ready: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        assert self._ready.wait(30)

    def stop(self) -> None:
        """Cut everything and end."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(30)

    @contextmanager
    def weather(self, weather: Weather) -> Iterator[None]:
        """Change the weather for a while; connections that lost an answer are reset at the end."""
        self._loop.call_soon_threadsafe(self._turn, weather)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._turn, FAIR)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._ending, self._joined = asyncio.Event(), asyncio.Event()
        self._joined.set()
        server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        beat = asyncio.create_task(self._beat())
        self._ready.set()
        await self._ending.wait()
        beat.cancel()
        server.close()
        for wire in tuple(self._wires):
            _abort(wire)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            for wire in tuple(self._wires):
                if self._random.random() < self._weather.reset_share:
                    self.resets += 1
                    _abort(wire)

    def _turn(self, weather: Weather) -> None:
        self._weather = weather
        (self._joined.clear if weather.is_parted else self._joined.set)()
        for wire in tuple(self._wires):
            if wire.is_torn and not weather.is_deaf:
                _abort(wire)

    async def _connect(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        await self._until_joined()
        try:
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self.broker_port)
        except OSError:
            # The broker is down: its clients are told as they would be without us.
            to_client.close()
            return
        wire = _Wire(to_client, to_broker)
        self._wires.add(wire)
        try:
            await asyncio.gather(self._pass(wire, from_client, to_broker), self._pass(wire, from_broker, to_client))
        finally:
            self._wires.discard(wire)

    async def _pass(self, wire: _Wire, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass bytes on until one side ends; then the other is told."""
        try:
            while chunk := await source.read(_CHUNK):
                await self._let_through(wire, chunk, sink)
        except OSError:
            _abort(wire)
        finally:
            sink.close()

    async def _let_through(self, wire: _Wire, chunk: bytes, sink: asyncio.StreamWriter) -> None:
        if self._weather.delay_s:
            self.slow_chunks += 1
            await asyncio.sleep(self._weather.delay_s)
        if self._weather.is_parted:
            self.held_bytes += len(chunk)
        await self._until_joined()
        if sink is wire.client and (self._weather.is_deaf or wire.is_torn):
            wire.is_torn = True
            self.lost_bytes += len(chunk)
            return
        sink.write(chunk)
        await sink.drain()

    async def _until_joined(self) -> None:
        await self._joined.wait()


def _abort(wire: _Wire) -> None:
    for writer in (wire.client, wire.broker):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        writer.transport.abort()
