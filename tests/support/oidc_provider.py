"""A small OpenID provider of its own on loopback: discovery, keys, codes bound to PKCE, and real RS256 tokens; its claims can be bent."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import count
from urllib.parse import unquote, urlencode

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.site_world import SiteWorld

CLIENT, SECRET = "healstream-page", "a secret of the client"


@dataclass
class Grant:
    """What a code stands for until it is taken."""

    redirect: str
    challenge: str
    nonce: str


@dataclass
class Provider:
    """``claims`` replace those of each token (None leaves one out); ``sign`` makes the token of header and claims."""

    now: Callable[[], datetime]
    issuer: str = ""
    claims: dict[str, object] = field(default_factory=dict)
    document: dict[str, object] = field(default_factory=dict)
    sign: Callable[[dict[str, object]], str] | None = None
    refuses: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"}))
    grants: dict[str, Grant] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discover),
                Route("/keys", self.keys),
                Route("/authorize", self.authorize),
                Route("/token", self.exchange, methods=["POST"]),
            ]
        )

    async def discover(self, _request: Request) -> Response:
        """Name the endpoints."""
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }
        return JSONResponse({**found, **self.document})

    async def keys(self, _request: Request) -> Response:
        """Show the public key."""
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        """Send back a code, as if the person had logged in here."""
        said = dict(request.query_params)
        self.asked.append(said)
        is_right = said.get("client_id") == CLIENT and said.get("response_type") == "code" and "openid" in said.get("scope", "").split()
        if not is_right or said.get("code_challenge_method") != "S256" or not said.get("nonce") or not said.get("state"):
            return Response("this is no request of an OpenID client with PKCE", 400)
        if self.refuses:
            told = {"error": self.refuses, "error_description": "not today", "state": said["state"]}
            return RedirectResponse(f"{said['redirect_uri']}?{urlencode(told)}", 303)
        code = f"code-{next(self.numbers)}"
        self.grants[code] = Grant(said["redirect_uri"], said["code_challenge"], said["nonce"])
        return RedirectResponse(f"{said['redirect_uri']}?{urlencode({'code': code, 'state': said['state'], 'iss': self.issuer})}", 303)

    async def exchange(self, request: Request) -> Response:
        """Give the token of a code, once, to who began with its verifier."""
        form = await _form(request)
        grant = self.grants.pop(form.get("code", ""), None)
        if not _is_client(request.headers.get("authorization", "")):
            return JSONResponse({"error": "invalid_client"}, 401)
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if grant is None or grant.redirect != form.get("redirect_uri") or grant.challenge != challenge:
            return JSONResponse({"error": "invalid_grant", "error_description": "no such code"}, 400)
        claims = {**self._claims(grant), **self.claims}
        said = {name: value for name, value in claims.items() if value is not None}
        token = self.sign(said) if self.sign else jwt.encode({"alg": "RS256", "kid": "k1"}, said, self.key)
        return JSONResponse({"access_token": "unused", "token_type": "Bearer", "expires_in": 300, "id_token": token})

    def _claims(self, grant: Grant) -> dict[str, object]:
        at = int(self.now().timestamp())
        who = {"sub": "u-1", "preferred_username": "bob", "groups": ["approvers"]}
        return {"iss": self.issuer, "aud": CLIENT, "iat": at, "exp": at + 300, "nonce": grant.nonce, **who}


ROW = """
oidc:
  issuer: {issuer}
  client_id: {client}
  secret_file: {secret}
  name_claim: preferred_username
  groups:
    - group: watchers
      roles: [viewer]
    - group: approvers
      roles: [approver]
"""


def trust(world: SiteWorld, provider: Provider, row: str = ROW, **more: str) -> None:
    """Let a page take this provider's word, with other values in the row where they are given."""
    secret = world.folder / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    secret.chmod(0o600)
    values = {"issuer": provider.issuer, "client": CLIENT, "secret": str(secret), **more}
    (world.home.config / "healstream.yaml").write_text(f"version: 1\n{row.format(**values)}", encoding="utf-8")


async def _form(request: Request) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in (await request.body()).decode().split("&"))
    return {unquote(name): unquote(value.replace("+", " ")) for name, _, value in pairs}


def _is_client(authorization: str) -> bool:
    kind, _, word = authorization.partition(" ")
    return kind == "Basic" and unquote(b64decode(word).decode()) == f"{CLIENT}:{SECRET}"


def signed_with(key: RSAKey, kid: str) -> Callable[[dict[str, object]], str]:
    """Return what signs with another key under a name."""
    return lambda claims: jwt.encode({"alg": "RS256", "kid": kid}, claims, key)


def unsigned(claims: dict[str, object]) -> str:
    """Return a token that says it needs no signature."""
    return jwt.encode({"alg": "none"}, claims, None, algorithms=["none"])  # type: ignore[arg-type]


def signed_with_public(key: RSAKey) -> Callable[[dict[str, object]], str]:
    """Return what signs with the provider's public key as if it were a shared secret: by hand, for no library does it any more."""

    def sign(claims: dict[str, object]) -> str:
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "k1"}, claims)]
        signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        mark = hmac.digest(key.as_pem(private=False), signed, "sha256")
        return b".".join((signed, urlsafe_b64encode(mark).rstrip(b"="))).decode()

    return sign
