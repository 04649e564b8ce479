"""A small server on loopback that shows one fault: over plain HTTP and over TLS, on two ports of one address; started for every recipe.

Requests that the fault does not meet are answered from a site (path -> bytes), so that a tool can fail late as well as early.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import struct
import threading
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.corpus.certificates import Certificate, server_context
from tests.corpus.faults import Behaviour, Fault
from tests.corpus.sites import Site

_HTTP, _HTTPS = 80, 443
_SILENT = {Behaviour.CLOSED_PORT, Behaviour.UNKNOWN_NAME, Behaviour.NO_RESOLVER}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_MAX_HEAD = 65536
_MAX_BODY = 8 * 1024 * 1024
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class FaultServer:
    """Shows ``fault`` to requests whose path matches ``where``; use it as a context, then read ``http_port`` and ``https_port``."""

    def __init__(
        self, fault: Fault, certificates: Path, site: Site, where: str = "", address: str = "127.0.0.1", host: str = "registry.example"
    ) -> None:
        """Open both ports; the well-known ones where this user may, else any; ``host`` becomes ``@BASE@`` in a site.

        ``met`` counts what showed the fault: requests, or connections where TLS itself is at fault.
        """
        self._fault, self._site, self._where = fault, site, re.compile(where)
        self._context = server_context(certificates, fault.certificate)
        self.met = 0
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._acceptor: threading.Thread | None = None
        self._fillers: list[socket.socket] = []
        self.address, self.host = address, host
        backlog = 0 if fault.behaviour is Behaviour.FULL_BACKLOG else 64
        self._sockets = tuple(_listening(address, port, backlog) for port in (_HTTP, _HTTPS))
        self.http_port, self.https_port = (opened.getsockname()[1] for opened in self._sockets)

    def __enter__(self) -> Self:
        """Start to answer, or make sure that nobody does."""
        if self._fault.behaviour in _SILENT:
            self._close_all()
        elif self._fault.behaviour is Behaviour.FULL_BACKLOG:
            self._fillers = [_connecting(self.address, port) for port in (self.http_port, self.https_port) for _ in range(4)]
        else:
            self._acceptor = threading.Thread(target=self._accept, daemon=True)
            self._acceptor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop, and close every connection that still hangs."""
        self._done.set()
        if self._acceptor is not None:
            # While it still waits at a port, the port stays taken.
            self._acceptor.join()
        self._close_all()

    def _close_all(self) -> None:
        for opened in (*self._sockets, *self._fillers):
            opened.close()

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                ready, _, _ = select.select(self._sockets, [], [], 0.2)
                for opened in ready:
                    connection, _ = opened.accept()
                    threading.Thread(target=self._converse, args=(connection, opened is self._sockets[1]), daemon=True).start()
            except (OSError, ValueError):
                return

    def _converse(self, connection: socket.socket, is_tls: bool) -> None:
        # A client that goes away in the middle is what many of the faults are about.
        with contextlib.suppress(OSError):
            connection.settimeout(60)
            if is_tls and self._fault.behaviour is Behaviour.NOT_TLS:
                self.met += bool(connection.recv(4096))
                connection.sendall(_answer(400, {}, b"The plain HTTP request was sent to HTTPS port\n"))
                connection.close()
                return
            if is_tls:
                self.met += self._fault.certificate is not Certificate.GOOD
                connection = self._context.wrap_socket(connection, server_side=True)
            method, path = _read_request(connection)
            base = f"https://{self.host}" if is_tls else f"http://{self.host}"
            self._respond(connection, method, path, base.encode())
            with contextlib.suppress(OSError, ValueError):
                if isinstance(connection, ssl.SSLSocket) and self._fault.behaviour is Behaviour.ANSWER:
                    connection = connection.unwrap()
            connection.close()

    def _is_met(self, path: str) -> bool:
        with self._lock:
            if not self._where.search(path) or (self._fault.times and self.met >= self._fault.times):
                return False
            self.met += 1
            return True

    def _respond(self, connection: socket.socket, method: str, path: str, base: bytes) -> None:
        body = self._site.get(path.partition("?")[0])
        body = body and body.replace(b"@BASE@", base)
        if not self._is_met(path):
            connection.sendall(_plain_answer(method, path, body))
            return
        match self._fault.behaviour:
            case Behaviour.HANG:
                self._done.wait(600)
            case Behaviour.RESET:
                _abort(connection)
            case Behaviour.RESET_BODY | Behaviour.TRUNCATE:
                self._cut(connection, body or b"x" * 4096)
            case Behaviour.CHANGE_BYTES:
                connection.sendall(_plain_answer(method, path, changed(body or b"changed\n")))
            case Behaviour.ANSWER:
                fault = self._fault
                told = _answer(fault.status, fault.headers, fault.body.encode(), is_head=method == "HEAD") if fault.status else None
                connection.sendall(told or _plain_answer(method, path, body))
            case _:
                # Nothing is said: the connection just ends.
                return

    def _cut(self, connection: socket.socket, body: bytes) -> None:
        connection.sendall(_answer(200, {}, body)[: -(len(body) // 2)])
        if self._fault.behaviour is Behaviour.RESET_BODY:
            # Time for the client to read what came, so that the reset meets it in the middle of the body.
            self._done.wait(0.5)
            _abort(connection)


def changed(body: bytes) -> bytes:
    """Return other bytes of the same length, different in the middle: what a broken mirror or cache hands out."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 0x5A]) + body[middle + 1 :] if body else b""


def _listening(address: str, port: int, backlog: int) -> socket.socket:
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((address, port))
    except OSError:
        opened.bind((address, 0))
    opened.listen(backlog)
    return opened


def _connecting(address: str, port: int) -> socket.socket:
    filler = socket.socket()
    filler.setblocking(False)
    filler.connect_ex((address, port))
    return filler


def _read_request(connection: socket.socket) -> tuple[str, str]:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD:
        read = connection.recv(4096)
        if not read:
            break
        head += read
    asked = _LENGTH.search(head)
    left = min(int(asked[1]), _MAX_BODY) - len(head.partition(b"\r\n\r\n")[2]) if asked else 0
    # A body left unread would turn every answer into a reset.
    while left > 0 and (read := connection.recv(min(left, 65536))):
        left -= len(read)
    words: Sequence[str] = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return (words[0], words[1]) if len(words) > 1 else ("", "")


def _answer(status: int, headers: object, body: bytes, *, is_head: bool = False) -> bytes:
    named = {"Server": "nginx", "Content-Type": "application/octet-stream", "Content-Length": str(len(body)), "Connection": "close"}
    named |= dict(headers) if isinstance(headers, dict) else {}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{key}: {value}" for key, value in named.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if is_head else body)


def _plain_answer(method: str, path: str, body: bytes | None) -> bytes:
    if body is None:
        return _answer(404, {}, b"not found\n", is_head=method == "HEAD")
    kind = (
        "text/html"
        if path.endswith("/")
        else _MANIFEST
        if "/manifests/" in path
        else "application/json"
        if body[:1] in (b"{", b"[")
        else "application/octet-stream"
    )
    return _answer(200, {"Content-Type": kind}, body, is_head=method == "HEAD")


def _abort(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    # Past the TLS layer: no closing words, the peer sees the reset.
    socket.socket(fileno=connection.detach()).close()
