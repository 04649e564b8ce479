"""Whether a request comes from whom it says: signatures and tokens, compared in constant time; read by ``senders.py``."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from console.gateway.answers import Refusal
from console.gateway.received import Received
from schemas.events import Origin

# Standard Webhooks' own advice; an older message may be a recorded one.
SKEW_LIMIT_S = 300
_GITHUB, _BEARER, _BASIC = "x-hub-signature-256", "bearer ", "basic "
_STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What senders prove themselves by; several of a kind are valid side by side, so that one can be changed without a gap.

    ``takes_unsigned``: where no secret of a kind is set, events are taken and marked as unsigned; only on loopback.
    """

    github: tuple[str, ...] = ()
    gitlab: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    takes_unsigned: bool = False


Proof = Origin | Refusal


def by_github(received: Received, secrets: Secrets) -> Proof:
    """Judge GitHub's signature over the raw body."""
    if not secrets.github:
        return _without(secrets, "HEALSTREAM_GITHUB_SECRET")
    given = received.headers.get(_GITHUB, "")
    if not given:
        return _denied(f"there is no {_GITHUB} header", "Set the webhook's secret at GitHub to that of HEALSTREAM_GITHUB_SECRET")
    # Every secret is compared, so that the time tells nothing of which one fits.
    fits = [_same(f"sha256={hmac.new(key.encode(), received.body, sha256).hexdigest()}", given) for key in secrets.github]
    if any(fits):
        return Origin.SIGNED_WEBHOOK
    return _denied(
        "the signature does not fit the body", "Compare the webhook's secret with HEALSTREAM_GITHUB_SECRET, and send the body unchanged"
    )


def by_gitlab(received: Received, secrets: Secrets) -> Proof:
    """Judge a Standard Webhooks signature where there is one, else GitLab's token."""
    if not secrets.gitlab:
        return _without(secrets, "HEALSTREAM_GITLAB_SECRET")
    if _STANDARD[2] in received.headers:
        return _by_standard(received, secrets.gitlab)
    given = received.headers.get("x-gitlab-token", "")
    if not given:
        return _denied("there is neither a webhook-signature nor an x-gitlab-token header", "Set the webhook's secret token at GitLab")
    if any([_same(key, given) for key in secrets.gitlab]):  # noqa: C419 - every secret is compared, whichever fits
        return Origin.AUTHENTICATED_PRODUCER
    return _denied("the token is not ours", "Compare the webhook's secret token with HEALSTREAM_GITLAB_SECRET")


def by_token(received: Received, secrets: Secrets) -> Proof:
    """Judge a bearer token, or the password of basic authentication for senders that know only that."""
    if not secrets.tokens:
        return _without(secrets, "HEALSTREAM_INGEST_TOKEN")
    given = _credential(received.headers.get("authorization", ""))
    if not given:
        return _denied("there is no token", "Send `Authorization: Bearer TOKEN` with the token of HEALSTREAM_INGEST_TOKEN")
    if any([_same(key, given) for key in secrets.tokens]):  # noqa: C419 - every secret is compared, whichever fits
        return Origin.AUTHENTICATED_PRODUCER
    return _denied("the token is not ours", "Compare it with HEALSTREAM_INGEST_TOKEN")


def _by_standard(received: Received, keys: tuple[str, ...]) -> Proof:
    name, stamp, given = (received.headers.get(part, "") for part in _STANDARD)
    if not stamp.isdecimal() or len(stamp) > 12:
        return _denied("webhook-timestamp is no count of seconds", "Send the headers of Standard Webhooks unchanged")
    late = _skew_s(int(stamp), received.at)
    said = f"{name}.{stamp}.".encode() + received.body
    wanted = [base64.b64encode(hmac.new(_key_bytes(key), said, sha256).digest()).decode() for key in keys]
    offered = [part.partition(",")[2] for part in given.split(" ")[:10] if part.startswith("v1,")]
    if not any([_same(one, other) for one in wanted for other in offered]):  # noqa: C419 - every pair is compared, whichever fits
        return _denied("the signature does not fit the body", "Compare the webhook's signing key with HEALSTREAM_GITLAB_SECRET")
    if abs(late) > SKEW_LIMIT_S:
        where = f"the message is {abs(late)} s {'old' if late > 0 else 'ahead'} by our clock, {SKEW_LIMIT_S} s are allowed"
        return _denied(where, "Set both clocks by NTP; a recorded message is not taken again, have the sender deliver it anew")
    return Origin.SIGNED_WEBHOOK


def _skew_s(stamp: int, at: datetime) -> int:
    return int(at.timestamp()) - stamp


def _key_bytes(key: str) -> bytes:
    plain = key.removeprefix("whsec_")
    try:
        return base64.b64decode(plain, validate=True) if plain != key else key.encode()
    except binascii.Error:
        return key.encode()


def _credential(header: str) -> str:
    kind = header[: len(_BEARER)].lower()
    if kind == _BEARER:
        return header[len(_BEARER) :].strip()
    if kind[: len(_BASIC)] != _BASIC:
        return ""
    try:
        return base64.b64decode(header[len(_BASIC) :].strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape"))


def _without(secrets: Secrets, variable: str) -> Proof:
    if secrets.takes_unsigned:
        return Origin.UNSIGNED
    return _denied("this sender has no secret here, and the gateway is reached from other machines", f"Set {variable} or {variable}_FILE")


def _denied(why: str, mend: str) -> Refusal:
    return Refusal(401, "Not proven", why, mend)
