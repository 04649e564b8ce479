"""Every failure as an answer: problem+json for programs, with what, why and what to do next; and the headers that every answer carries."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.gateway.openapi import PROBLEM
from console.site.onward import login_at, path_in
from schemas.errors import DeniedError, HealstreamError, LoginError, NotFoundError, StaleError, TooManyError, UnreachableError, UsageError

_STATUS: tuple[tuple[type[HealstreamError], int], ...] = (
    (UsageError, 400),
    (LoginError, 401),
    (DeniedError, 403),
    (NotFoundError, 404),
    (StaleError, 409),
    (TooManyError, 429),
    (UnreachableError, 503),
)
# What every path of the interface may answer beside what was asked for, as its description says it.
REFUSALS: dict[int | str, dict[str, object]] = {
    status: {"description": text, "content": {"application/problem+json": {"schema": PROBLEM}}}
    for status, text in (
        (400, "the request's words do not fit"),
        (401, "nobody is logged in"),
        (403, "this person may not, or the token is missing"),
        (404, "there is nothing of that name"),
        (409, "what the person saw is no longer so"),
        (429, "too much at once; come again after Retry-After"),
        (503, "the broker does not answer"),
    )
}
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# Without a referrer a browser would name no origin with a form either, and ours asks for it: hence same-origin.
HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "testserver"})
BODY_MAX = 64 * 1024


def status_of(error: HealstreamError) -> int:
    """Return the status that says the same as the error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(error: HealstreamError) -> JSONResponse:
    """Return the error as problem+json."""
    headers = {"retry-after": str(error.retry_s)} if isinstance(error, TooManyError) else None
    return _answer(status_of(error), error, headers)


def _answer(status: int, error: HealstreamError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    content = {"type": "about:blank", "title": error.what, "status": status, "detail": error.why, "next": error.mend}
    return JSONResponse(content, status, headers, media_type="application/problem+json")


async def on_error(request: Request, error: Exception) -> Response:
    """Answer an explained failure; a person whose session ended is led to the login."""
    if not isinstance(error, HealstreamError):
        raise error
    if not isinstance(error, LoginError):
        return problem(error)
    # Back to where one was: for a part that htmx fetches that is the page in which it stands.
    is_part = "hx-request" in request.headers
    place = path_in(request.headers.get("hx-current-url", "") if is_part else str(request.url))
    if not is_part and "text/html" in request.headers.get("accept", "") and request.method == "GET":
        return RedirectResponse(login_at(place), 303)
    answer = problem(error)
    answer.headers["www-authenticate"] = "Bearer"
    if is_part:
        answer.headers["hx-redirect"] = login_at(place)
    return answer


async def on_bad_words(_request: Request, error: Exception) -> Response:
    """Answer a request whose words do not fit."""
    if not isinstance(error, RequestValidationError):
        raise error
    said = "; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors()[:5])
    return problem(UsageError("request", said, "Correct the named words and send it again"))


async def on_refusal(_request: Request, error: Exception) -> Response:
    """Answer what the framework refuses by itself: a path or method that is not there, a body that cannot be read."""
    if not isinstance(error, HTTPException):
        raise error
    refused = UsageError("request", str(error.detail), "GET /api/v1/openapi.json lists paths, methods and bodies")
    return _answer(error.status_code, refused, error.headers)


def add_answers(app: FastAPI) -> None:
    """Let the application answer failures so."""
    app.add_exception_handler(HealstreamError, on_error)
    app.add_exception_handler(RequestValidationError, on_bad_words)
    app.add_exception_handler(HTTPException, on_refusal)


class Shield:
    """Turns away what calls us by a strange name or sends too much, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        """Stand before an application; a name that leads here by a stranger's DNS is no name of ours."""
        self._app, self._hosts = app, _LOOPBACK | frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
                if not any(name == b"cache-control" for name, _ in message["headers"]):
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        refusal = self._refusal(dict(scope["headers"]))
        await (self._app if refusal is None else problem(refusal))(scope, receive, send_with_headers)

    def _refusal(self, headers: dict[bytes, bytes]) -> UsageError | None:
        host = headers.get(b"host", b"").decode("latin-1")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name not in self._hosts:
            return UsageError(f"host {host[:80]!r}", "this is no name of the page", "Call it by its address, or add the name to its hosts")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > BODY_MAX or b"transfer-encoding" in headers:
            return UsageError("request", f"its body is longer than {BODY_MAX} bytes, or does not say how long it is", "Send less")
        return None
