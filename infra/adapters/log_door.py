"""Posts parts of logs to a gateway over one connection that is kept: what was answered, as a value; no decision is made here.

The standard library's client is enough for one request after another, and a tenth of the cost of a pool of connections.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import math
import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from schemas.errors import DeniedError, UnreachableError, UsageError

TIMEOUT_S = 30.0
_MOST_ANSWER_BYTES = 64 * 1024
_LONGEST_WAIT_S = 3600.0
_LATER = frozenset({408, 425, 429})
_NO_GATEWAY = frozenset({301, 302, 303, 307, 308, 404, 405})


@dataclass(frozen=True, slots=True)
class Taken:
    """The broker has it; the next part begins at ``next_seq``."""

    next_seq: int


@dataclass(frozen=True, slots=True)
class Later:
    """It was not taken, or nobody knows: send the same again after ``wait_s`` seconds, 0 when nobody said how long."""

    why: str
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never be taken as it is."""

    why: str


Answer = Taken | Later | Refused


def address_of(url: str) -> SplitResult:
    """Return a gateway's address; raises UsageError for one by which a token would go over the network in the clear."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise UsageError(url[:200], "it is no address of a gateway", "Give http://127.0.0.1:PORT, or https://HOST")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise UsageError(url[:200], "what is sent there could be read on its way", "Give its https address")
    return parts


@dataclass(slots=True)
class LogDoor:
    """One gateway; ``token`` proves us, empty for one on loopback that asks for none."""

    address: SplitResult
    token: str = field(repr=False)
    timeout_s: float = TIMEOUT_S
    _connection: http.client.HTTPConnection | None = None

    def post(self, job: str, seq: int, content: bytes, *, is_end: bool) -> Answer:
        """Send one part; raises DeniedError when we are not known there, UnreachableError when there is no gateway."""
        path = f"{self.address.path.rstrip('/')}/ingest/logs/{job}&seq={seq}&eof={'true' if is_end else 'false'}"
        is_kept = self._connection is not None
        try:
            status, headers, body = self._ask(path, content)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # A connection that has been still may have been ended by the other side: that says nothing.
            return self.post(job, seq, content, is_end=is_end) if is_kept else Later(f"{type(error).__name__}: {error}"[:300])
        return self._answer(status, headers, body, seq)

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, path: str, content: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        if self._connection is None:
            self._connection = self._opened()
        headers = {"Content-Type": "text/plain; charset=utf-8", "Accept": "application/json"}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        self._connection.request("POST", path, content, headers)
        answer = self._connection.getresponse()
        body = answer.read(_MOST_ANSWER_BYTES)
        if not answer.isclosed():
            # It has more to say than we want to hear.
            self.close()
        return answer.status, answer.headers, body

    def _opened(self) -> http.client.HTTPConnection:
        host = self.address.hostname or ""
        if self.address.scheme == "http":
            return http.client.HTTPConnection(host, self.address.port, timeout=self.timeout_s)
        return http.client.HTTPSConnection(host, self.address.port, timeout=self.timeout_s, context=ssl.create_default_context())

    def _answer(self, status: int, headers: http.client.HTTPMessage, body: bytes, seq: int) -> Answer:
        told = _object_in(body)
        if status == 202:
            next_seq = told.get("next_seq")
            return Taken(next_seq) if isinstance(next_seq, int) and next_seq >= seq else Later("its answer says no next_seq")
        why = f"answered {status}: {told.get('detail') or told.get('title') or ''}"[:300]
        if status in {401, 403}:
            raise DeniedError(
                f"gateway {self.address.netloc}", why, "Set HEALSTREAM_INGEST_TOKEN, or HEALSTREAM_INGEST_TOKEN_FILE, to its token"
            )
        if status in _NO_GATEWAY:
            raise UnreachableError(f"gateway {self.address.netloc}", why, "Give the address that `healstream status` says, or its proxy's")
        return Later(why, _seconds(headers.get("Retry-After", ""))) if status in _LATER or status >= 500 else Refused(why)


def _object_in(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(text: str) -> float:
    try:
        wait_s = float(text)
    except ValueError:
        return 0.0
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S) if math.isfinite(wait_s) else 0.0


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
