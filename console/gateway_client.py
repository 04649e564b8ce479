"""Sends to a gateway over HTTP as it wants to be sent to: with the token, again when it says so, and never to where a listener would hear.

Called by ``healstream send --gateway``.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx

from infra.adapters.authorities import trusted
from infra.adapters.log_door import address_of
from schemas.errors import ConfigurationError, DeniedError, UnreachableError, UsageError

URL_VARIABLE, TOKEN_VARIABLE = "HEALSTREAM_GATEWAY_URL", "HEALSTREAM_INGEST_TOKEN"
TIMEOUT = httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=5.0)
GIVEN_UP_S = 60.0
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_MOST_WAIT_S = 20.0
# One request of a log holds less than what the gateway takes at once.
PART_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class GatewayClient:
    """One gateway; ``sleep`` and ``now_s`` are the clock."""

    url: str
    token: str = field(repr=False, default="")
    given_up_s: float = GIVEN_UP_S
    sleep: Callable[[float], None] = time.sleep
    now_s: Callable[[], float] = time.monotonic

    def post(self, path: str, content: bytes, content_type: str, asked: Mapping[str, str]) -> Mapping[str, object]:
        """Send until it is taken, and return the answer; raises DeniedError, UsageError or UnreachableError with its own words."""
        headers = {"Content-Type": content_type, **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        ends_s, wait_s = self.now_s() + self.given_up_s, 1.0
        with httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=False, verify=trusted()) as client:
            while True:
                try:
                    answer = client.post(path, params=dict(asked), content=content)
                except httpx.HTTPError as error:
                    why, told = f"no answer: {type(error).__name__}", 0.0
                else:
                    if answer.status_code not in _AGAIN:
                        return _taken(answer)
                    why, told = f"HTTP {answer.status_code}", _asked_s(answer)
                pause_s = min(max(told, wait_s), _MOST_WAIT_S)
                if self.now_s() + pause_s > ends_s:
                    mend = "Look at its /readyz, then send the same again: what has arrived is recognised"
                    raise UnreachableError(f"the gateway {self.url}", why, mend)
                self.sleep(pause_s)
                wait_s *= 2

    def send_log(self, run: str, attempt: int, content: bytes) -> int:
        """Send a whole log in parts; return how many chunks it became."""
        seq = 0
        parts = list(_parts(content)) or [b""]
        for number, part in enumerate(parts, 1):
            asked = {"attempt": str(attempt), "seq": str(seq), "eof": "true" if number == len(parts) else "false"}
            said = self.post(f"/ingest/logs/{quote(run, safe='/')}", part, "text/plain", asked).get("next_seq")
            seq = said if isinstance(said, int) else seq
        return seq


def client_in(environ: Mapping[str, str], url: str) -> GatewayClient:
    """Return the client of a gateway, its token from the environment or the file that it names; raises UsageError or ConfigurationError."""
    address_of(url)
    return GatewayClient(url.rstrip("/"), _token_in(environ, environ.get(f"{TOKEN_VARIABLE}_FILE", "")))


def _token_in(environ: Mapping[str, str], file: str) -> str:
    if not file:
        return environ.get(TOKEN_VARIABLE, "").strip()
    path = Path(file)
    try:
        # A pipe that a shell makes of a secret is nobody else's.
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & 0o077:
            raise ConfigurationError("the token", f"others may read {path}", f"Run `chmod 600 {path}`")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("the token", f"{path} cannot be read ({type(error).__name__})", "Name a readable file") from error


def _parts(content: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(content):
        end = content.rfind(b"\n", begin, begin + PART_BYTES) + 1
        end = end if end > begin and begin + PART_BYTES < len(content) else begin + PART_BYTES
        yield content[begin:end]
        begin = end


def _taken(answer: httpx.Response) -> Mapping[str, object]:
    try:
        found = answer.json()
    except ValueError:
        found = {}
    said: Mapping[str, object] = found if isinstance(found, dict) else {}
    if answer.is_success:
        return said
    what, why = f"the gateway answers {answer.status_code}", str(said.get("detail") or said.get("title") or "without a word")[:300]
    mend = str(said.get("next") or "Look at the address: a gateway has /openapi.json")[:300]
    raise DeniedError(what, why, mend) if answer.status_code in {401, 403} else UsageError(what, why, mend)


def _asked_s(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return float(told) if told.isascii() and told.isdecimal() and len(told) < 6 else 0.0
