"""The faults that the server can show, one row each; a recipe names a row, ``fault_server.py`` does what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.vocabulary import Kind
from tests.corpus.certificates import Certificate


class Behaviour(StrEnum):
    """What happens to a connection once a request that the fault meets has been read."""

    ANSWER = "answer"
    CLOSED_PORT = "closed_port"
    UNKNOWN_NAME = "unknown_name"
    NO_RESOLVER = "no_resolver"
    FULL_BACKLOG = "full_backlog"
    HANG = "hang"
    RESET = "reset"
    RESET_BODY = "reset_body"
    EMPTY = "empty"
    TRUNCATE = "truncate"
    CHANGE_BYTES = "change_bytes"
    NOT_TLS = "not_tls"


@dataclass(frozen=True, slots=True)
class Fault:
    """One row: a status other than 0 is answered with ``headers`` and ``body``; after ``times`` requests (0: never) the fault is over."""

    behaviour: Behaviour = Behaviour.ANSWER
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    certificate: Certificate = Certificate.GOOD
    times: int = 0


def _page(title: str) -> str:
    head, body = f"<head><title>{title}</title></head>", f"<center><h1>{title}</h1></center>"
    return f"<html>\r\n{head}\r\n<body>\r\n{body}\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"


def _status(status: int, title: str, times: int = 0, **headers: str) -> Fault:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Fault(status=status, headers=named, body=_page(f"{status} {title}"), times=times)


def _registry(status: int, code: str, message: str) -> Fault:
    """Return how an image registry says no."""
    return Fault(
        status=status, headers={"Content-Type": "application/json"}, body=f'{{"errors":[{{"code":"{code}","message":"{message}"}}]}}'
    )


FAULTS: Mapping[str, Fault] = {
    "none": Fault(),
    "refused": Fault(Behaviour.CLOSED_PORT),
    "unresolved": Fault(Behaviour.UNKNOWN_NAME),
    "no_resolver": Fault(Behaviour.NO_RESOLVER),
    "unanswered": Fault(Behaviour.FULL_BACKLOG),
    "hang": Fault(Behaviour.HANG),
    "reset": Fault(Behaviour.RESET),
    "reset_body": Fault(Behaviour.RESET_BODY),
    "empty": Fault(Behaviour.EMPTY),
    "truncated": Fault(Behaviour.TRUNCATE),
    "wrong_content": Fault(Behaviour.CHANGE_BYTES),
    "500": _status(500, "Internal Server Error"),
    "502": _status(502, "Bad Gateway"),
    "503": _status(503, "Service Temporarily Unavailable"),
    "504": _status(504, "Gateway Time-out"),
    "429": _status(
        429, "Too Many Requests", Retry_After="3600", X_RateLimit_Limit="100", X_RateLimit_Remaining="0", X_RateLimit_Reset="1893456000"
    ),
    "429_short": _status(429, "Too Many Requests", Retry_After="1"),
    "401": _status(401, "Authorization Required", WWW_Authenticate='Basic realm="Artifact Repository"'),
    "403": _status(403, "Forbidden"),
    "404": _status(404, "Not Found"),
    "410": _status(410, "Gone"),
    "unknown_manifest": _registry(404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "denied": _registry(403, "DENIED", "requested access to the resource is denied"),
    "pull_limit": _registry(429, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
    "loop": Fault(status=302, headers={"Location": "/sign-in"}),
    "portal": Fault(status=200, headers={"Content-Type": "text/html"}, body=_page("Scheduled maintenance")),
    "expired": Fault(certificate=Certificate.EXPIRED),
    "not_yet": Fault(certificate=Certificate.NOT_YET),
    "self_signed": Fault(certificate=Certificate.SELF_SIGNED),
    "wrong_host": Fault(certificate=Certificate.WRONG_HOST),
    "unknown_authority": Fault(certificate=Certificate.UNKNOWN_AUTHORITY),
    "not_tls": Fault(Behaviour.NOT_TLS),
    "flaky_503": _status(503, "Service Temporarily Unavailable", times=1),
    "flaky_500": _status(500, "Internal Server Error", times=1),
    "flaky_429": _status(429, "Too Many Requests", times=1, Retry_After="1"),
    "flaky_reset": Fault(Behaviour.RESET, times=1),
    "flaky_reset_body": Fault(Behaviour.RESET_BODY, times=1),
    "flaky_truncated": Fault(Behaviour.TRUNCATE, times=1),
}

_WIRE = ("refused", "unanswered", "hang", "reset", "reset_body", "empty", "truncated")
_TLS = ("expired", "not_yet", "self_signed", "wrong_host", "unknown_authority", "not_tls")
# What a download by a client that names no package says (recognition.md); package managers differ in one row only.
FETCH: Mapping[str, Kind] = {
    **dict.fromkeys(_WIRE, Kind.NETWORK_CONNECTIVITY),
    **dict.fromkeys(_TLS, Kind.TLS_CERTIFICATE),
    **dict.fromkeys(("500", "502", "503", "504", "404", "410", "loop", "portal"), Kind.REMOTE_SERVICE_ERROR),
    **dict.fromkeys(("401", "403", "denied"), Kind.AUTH_CREDENTIALS),
    **dict.fromkeys(("429", "429_short", "pull_limit"), Kind.RATE_LIMITED),
    **dict.fromkeys((name for name in FAULTS if name.startswith("flaky")), Kind.SUCCESS),
    "none": Kind.SUCCESS,
    **dict.fromkeys(("unresolved", "no_resolver"), Kind.DNS_RESOLUTION),
    "unknown_manifest": Kind.CONTAINER_RUNTIME,
    "wrong_content": Kind.INTEGRITY_OR_CACHE,
}
PACKAGES: Mapping[str, Kind] = {**FETCH, "404": Kind.DEPENDENCY_RESOLUTION, "410": Kind.DEPENDENCY_RESOLUTION}
CLONE: Mapping[str, Kind] = {**FETCH, "404": Kind.SCM_CHECKOUT, "410": Kind.SCM_CHECKOUT}
IMAGES: Mapping[str, Kind] = {**FETCH, "404": Kind.CONTAINER_RUNTIME, "410": Kind.CONTAINER_RUNTIME}
