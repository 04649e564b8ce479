"""What is asked of an identity provider: its discovery document, its keys, and an ID token for a code; TLS only off this machine.

Nothing is kept from one login to the next: logins are rare, and so a key that was changed or taken back counts at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client

from console.oidc_rule import OidcRule
from console.url_files import url_in
from infra.adapters.allowed_hosts import may_ask
from infra.adapters.authorities import trusted
from schemas.errors import ConfigurationError, LoginError, UnreachableError

TIMEOUT_S, LONGEST_ANSWER = 5.0, 512 * 1024
WELL_KNOWN = "/.well-known/openid-configuration"
_DOWN = "Log in with a password, or look whether the provider is up"
_MEND = "Correct `oidc` in healstream.yaml, or ask who runs the provider"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the provider wants what: people, codes, and those who check its signatures."""

    authorization: str
    token: str
    keys: str
    by_basic: bool


@dataclass(frozen=True, slots=True)
class Ticket:
    """One login under way: what binds the provider's answer to the browser that began it, and where the person wanted to go."""

    state: str
    nonce: str
    verifier: str
    back: str
    onward: str


def endpoints_of(rule: OidcRule) -> Endpoints:
    """Return the provider's endpoints as its discovery document names them; raises UnreachableError or ConfigurationError."""
    found = _get(rule.issuer.rstrip("/") + WELL_KNOWN)
    if found.get("issuer") != rule.issuer:
        why = f"its discovery document names another issuer, {str(found.get('issuer'))[:120]!r}"
        raise ConfigurationError(f"provider {rule.issuer}", why, "Write `issuer` exactly as the provider does")
    named = [found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    authorization, token, keys = (_secure(rule, str(address or "")) for address in named)
    methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(authorization, token, keys, not isinstance(methods, list) or "client_secret_basic" in methods)


def _secure(rule: OidcRule, address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and may_ask(parts.hostname or "", frozenset())):
        why = f"its endpoint {address[:120]!r} is not reached over TLS"
        raise ConfigurationError(f"provider {rule.issuer}", why, _MEND)
    return address


def authorization_url(rule: OidcRule, endpoints: Endpoints, ticket: Ticket) -> str:
    """Return where the browser is to go: with PKCE (S256), a state and a nonce."""
    with _client(rule, endpoints, ticket) as client:
        address, _ = client.create_authorization_url(
            endpoints.authorization, state=ticket.state, code_verifier=ticket.verifier, nonce=ticket.nonce
        )
    return str(address)


def id_token_for(rule: OidcRule, endpoints: Endpoints, ticket: Ticket, code: str) -> str:
    """Return the ID token that the provider gives for a code; raises LoginError, UnreachableError or ConfigurationError."""
    try:
        with _client(rule, endpoints, ticket) as client:
            found = client.fetch_token(endpoints.token, code=code, code_verifier=ticket.verifier)
    except AuthlibBaseError as error:
        raise LoginError("code", f"the provider does not take it: {str(error)[:200]}", "Log in again") from error
    except (httpx.HTTPError, ValueError) as error:
        raise UnreachableError(f"provider {rule.issuer}", _said(error), _DOWN) from error
    text = found.get("id_token")
    if not isinstance(text, str):
        raise LoginError("code", "the provider gives no ID token for it", "Let the client have the scope openid")
    return text


def keys_of(rule: OidcRule, endpoints: Endpoints) -> Mapping[str, object]:
    """Return the keys by which the provider signs; raises UnreachableError."""
    found = _get(endpoints.keys)
    if not isinstance(found.get("keys"), list):
        raise UnreachableError(f"provider {rule.issuer}", "its list of keys is none", _DOWN)
    return found


def _client(rule: OidcRule, endpoints: Endpoints, ticket: Ticket) -> OAuth2Client:
    secret = _secret(rule)
    way = "none" if not secret else "client_secret_basic" if endpoints.by_basic else "client_secret_post"
    return OAuth2Client(
        rule.client_id,
        secret or None,
        token_endpoint_auth_method=way,
        scope=" ".join(dict.fromkeys(("openid", *rule.scopes))),
        redirect_uri=ticket.back,
        code_challenge_method="S256",
        timeout=TIMEOUT_S,
        follow_redirects=False,
        trust_env=False,
        verify=trusted(),
    )


def _secret(rule: OidcRule) -> str:
    if not rule.secret_file:
        return ""
    try:
        return url_in(rule.secret_file, "oidc.secret_file")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("oidc.secret_file", f"{rule.secret_file} cannot be read ({type(error).__name__})", _MEND) from error


def _get(address: str) -> dict[str, object]:
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, verify=trusted()) as client,
            client.stream("GET", address, headers={"accept": "application/json"}) as answer,
        ):
            answer.raise_for_status()
            found = json.loads(_bounded(answer))
    except (httpx.HTTPError, ValueError) as error:
        raise UnreachableError(address, _said(error), _DOWN) from error
    if not isinstance(found, dict):
        raise UnreachableError(address, "it answers no JSON object", _DOWN)
    return found


def _bounded(answer: httpx.Response) -> bytes:
    body = bytearray()
    for part in answer.iter_bytes():
        body += part
        if len(body) > LONGEST_ANSWER:
            raise ValueError(f"its answer is longer than {LONGEST_ANSWER} bytes")
    return bytes(body)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
