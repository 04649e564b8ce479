"""The bearer token for a CI server: that of a file, or one that an App's key asks for and that is kept until shortly before its end.

Asked by everything that speaks with such a server. A token is never written anywhere and never said.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from infra.adapters.authorities import trusted
from schemas.services import CiApp, CiReport, CiServer

TIMEOUT = httpx.Timeout(connect=3.0, read=10.0, write=5.0, pool=3.0)
# The server takes none that lives longer than ten minutes, and clocks differ.
_JWT_S, _SKEW_S = 540, 60
# One that ends within this might end while a request is under way.
_RENEWED_BEFORE_S = 300.0
MAX_TOKEN_ANSWER_BYTES = 64 * 1024


class NoTokenError(OSError):
    """There is no token to speak with: a key or token file cannot be read, or the server gave none."""


@dataclass(frozen=True, slots=True)
class Token:
    """An installation's token, and when it ends in seconds since 1970."""

    text: str
    ends_s: float


def scopes_of(server: CiServer) -> dict[str, str]:
    """Return the least rights that this server's settings need, as an App asks for them."""
    wanted = {"actions": "write"}
    wanted |= {"checks": "write"} if CiReport.CHECKS in server.reports else {"checks": "read"}
    return wanted | ({"issues": "write"} if CiReport.ISSUES in server.reports else {})


def assertion_of(app: CiApp, key: RSAPrivateKey, now_s: float) -> str:
    """Return the signed word by which an App says who it is: a JWT, RS256."""
    claims = {"iat": int(now_s) - _SKEW_S, "exp": int(now_s) + _JWT_S - _SKEW_S, "iss": app.app_id}
    signed = b".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return b".".join((signed, _base64(key.sign(signed, PKCS1v15(), SHA256())))).decode()


def _base64(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


class CiLogins:
    """The tokens of all servers, each App's kept until five minutes before its end; used from many threads."""

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        """Start without any."""
        self._now_s = now_s
        self._kept: dict[CiServer, Token] = {}
        self._lock = threading.Lock()

    def token(self, server: CiServer) -> str:
        """Return a server's token, empty where it wants none; raises NoTokenError."""
        if server.app is None:
            return _read(server.token_file).strip() if server.token_file else ""
        # One thread asks, and the others wait for its answer.
        with self._lock:
            kept = self._kept.get(server)
            if kept is None or kept.ends_s - _RENEWED_BEFORE_S <= self._now_s():
                kept = self._kept[server] = _asked_for(server, server.app, self._now_s())
            return kept.text

    def forget(self, server: CiServer) -> None:
        """Ask anew the next time: the server has refused the token before its end."""
        with self._lock:
            self._kept.pop(server, None)

    def client(self, server: CiServer) -> httpx.Client:
        """Return a client with the server's token, time-outs and no redirects; raises NoTokenError."""
        token = self.token(server)
        headers = {"Accept": "application/vnd.github+json", **({"Authorization": f"Bearer {token}"} if token else {})}
        return httpx.Client(
            base_url=server.api_url, headers=headers, timeout=TIMEOUT, follow_redirects=False, trust_env=False, verify=trusted()
        )


def _asked_for(server: CiServer, app: CiApp, now_s: float) -> Token:
    # Only of the repositories of the catalogue, and only what the settings need: a stolen token can do no more.
    asked = {"permissions": scopes_of(server), "repositories": [name.rpartition("/")[2] for name in server.projects]}
    headers = {"Accept": "application/vnd.github+json", "Authorization": f"Bearer {assertion_of(app, _key_of(app), now_s)}"}
    path = f"/app/installations/{app.installation_id}/access_tokens"
    try:
        with httpx.Client(base_url=server.api_url, headers=headers, timeout=TIMEOUT, trust_env=False, verify=trusted()) as client:
            answer = client.post(path, json=asked)
    except httpx.HTTPError as error:
        raise NoTokenError(f"{server.api_url} gives no token to the app: {type(error).__name__}") from error
    return _token_in(answer)


def _token_in(answer: httpx.Response) -> Token:
    if answer.status_code != 201 or len(answer.content) > MAX_TOKEN_ANSWER_BYTES:
        raise NoTokenError(f"the app gets no token: HTTP {answer.status_code}; look at its id, installation, key and permissions")
    try:
        found = json.loads(answer.content)
        return Token(str(found["token"]), datetime.fromisoformat(str(found["expires_at"])).timestamp())
    except (ValueError, KeyError, TypeError) as error:
        raise NoTokenError("the app gets no token: the answer holds none") from error


def _key_of(app: CiApp) -> RSAPrivateKey:
    path = Path(app.key_file)
    try:
        if path.stat().st_mode & 0o077:
            raise NoTokenError(f"others may read {path}: run `chmod 600 {path}`")
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise error if isinstance(error, NoTokenError) else _unread(path, error) from error
    except (ValueError, TypeError) as error:
        raise NoTokenError(f"{path} holds no private key as PEM without a passphrase") from error
    if not isinstance(key, RSAPrivateKey):
        raise NoTokenError(f"{path} holds no RSA key")
    return key


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unread(Path(file), error) from error


def _unread(path: Path, error: Exception) -> NoTokenError:
    return NoTokenError(f"{path} cannot be read ({type(error).__name__})")
