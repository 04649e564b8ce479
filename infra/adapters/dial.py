"""A TCP connection, and the status line of a page, as cheaply as many looks a second need; called by ``probes.py`` and ``beats.py``.

A client of the usual kind takes milliseconds for what is thrown away at once: its pool, its headers, its body.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import SplitResult, unquote

_CHUNK = 4096
# A head that is longer is none.
_MOST_HEAD_BYTES = 64 * 1024
_TARGET = re.compile(r"[!-~]+")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r\n]")
_STATUS_BYTES = 14
_PORTS = {"http": 80, "https": 443}


async def connect_to(host: str, port: int) -> socket.socket:
    """Return an open connection, by whichever address of the host answers first in order; raises OSError."""
    why: OSError = OSError(f"{host} has no address")
    for family, address in await _addresses(host, port):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError as error:
            sock.close()
            why = error
        except BaseException:
            # Given up on from outside: the time is over.
            sock.close()
            raise
        else:
            return sock
    raise why


async def status_of(parts: SplitResult, trusted: Callable[[], ssl.SSLContext], method: str = "GET") -> int:
    """Ask for a page, or send it nothing, and return its status; raises OSError or ValueError. Nothing but the head is read."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    request = _request(parts, method)
    sock = await connect_to(host, port)
    loop = asyncio.get_running_loop()
    if parts.scheme == "http":
        try:
            return await _ask(request, lambda said: loop.sock_sendall(sock, said), lambda: loop.sock_recv(sock, _CHUNK))
        finally:
            sock.close()
    reader, writer = await asyncio.open_connection(sock=sock, ssl=trusted(), server_hostname=host)

    async def send(said: bytes) -> None:
        writer.write(said)
        await writer.drain()

    try:
        return await _ask(request, send, lambda: reader.read(_CHUNK))
    finally:
        writer.transport.abort()


def _request(parts: SplitResult, method: str) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _TARGET.fullmatch(target):
        raise ValueError("the page's path has characters that no request may hold")
    login, _, host = parts.netloc.rpartition("@")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "User-Agent: healstream", "Accept: */*", "Connection: close"]
    lines += [f"Authorization: Basic {b64encode(unquote(login).encode()).decode()}"] if login else []
    # An empty body is said to be one: many servers refuse a POST that says nothing of its length.
    lines += ["Content-Length: 0"] if method != "GET" else []
    return "\r\n".join([*lines, "", ""]).encode()


async def _ask(
    request: bytes, send: Callable[[bytes], Coroutine[Any, Any, None]], receive: Callable[[], Coroutine[Any, Any, bytes]]
) -> int:
    await send(request)
    head = b""
    while len(head) < _MOST_HEAD_BYTES:
        part = await receive()
        head += part
        # An answer of the hundreds says that another one follows.
        while (found := _STATUS.match(head)) and found[1].startswith(b"1") and b"\r\n\r\n" in head:
            head = head.partition(b"\r\n\r\n")[2]
        if found and not found[1].startswith(b"1"):
            return int(found[1])
        if not part or (len(head) >= _STATUS_BYTES and not found):
            break
    raise ValueError(f"no answer in HTTP: {head[:40]!r}" if head else "no answer in HTTP")


async def _addresses(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(row[0], row[4]) for row in found]
    return [(socket.AF_INET6 if address.version == 6 else socket.AF_INET, (host, port))]
