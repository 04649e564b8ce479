"""What an identity provider vouches for: from the text of an ID token to a name and roles, or a clear refusal. Pure.

The signature is checked with joserfc by a closed list of algorithms, the claims as OpenID Connect Core 1.0 (3.1.3.7) asks, by Authlib.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from console.oidc_rule import OidcRule
from schemas.errors import DeniedError, LoginError
from schemas.people import Role

# Signed by the provider's private key only: with a shared secret, whoever can check a token could also make one.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY_S, LONGEST_TOKEN, LONGEST_NAME = 60, 64 * 1024, 200
_MEND = "Log in again; when it comes again, ask who runs the identity provider"
Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Guest:
    """Who came through the provider: a name, and the roles that their groups give."""

    name: str
    roles: frozenset[Role]


def claims_of(text: str, keys: Mapping[str, object], rule: OidcRule, nonce: str, now: datetime) -> Claims:
    """Return the claims of a token that one of the provider's keys signs, for us, now, and for this very login; raises LoginError."""
    if len(text) > LONGEST_TOKEN:
        raise LoginError("ID token", f"it is longer than {LONGEST_TOKEN} letters", _MEND)
    try:
        signed = jwt.decode(text, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]
        wanted = {"iss": {"essential": True, "value": rule.issuer}, "aud": {"essential": True, "value": rule.client_id}}
        claims = CodeIDToken(signed.claims, signed.header, wanted, {"nonce": nonce, "client_id": rule.client_id})
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise LoginError("ID token", _why(error), _MEND) from error
    return dict(claims)


def _why(error: Exception) -> str:
    """Return the reason in one line: the library's own words name the claim or the key, never a secret."""
    said = str(error).replace("\n", " ")[:200]
    return said or type(error).__name__


def guest_of(claims: Claims, rule: OidcRule) -> Guest:
    """Return who the claims are about; raises LoginError without a usable name, DeniedError for somebody in no group of the table."""
    name = _found(claims, rule.name_claim)
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise LoginError("ID token", f"its claim {rule.name_claim} is no name", "Correct `name_claim` in healstream.yaml")
    if rule.name_claim == "email" and claims.get("email_verified") is not True:
        raise LoginError("ID token", "its e-mail address is not verified", "Let the provider verify it, or use another `name_claim`")
    roles = rule.roles_of(_groups(_found(claims, rule.groups_claim)))
    if not roles:
        why = f"is in no group of the table `oidc` in healstream.yaml (claim {rule.groups_claim})"
        raise DeniedError(name, why, "Ask somebody who runs the groups, or healstream.yaml")
    return Guest(name, roles)


def _found(claims: Claims, name: str) -> object:
    """Return a claim by its whole name, else step by step where its name has dots."""
    if name in claims:
        return claims[name]
    found: object = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _groups(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
