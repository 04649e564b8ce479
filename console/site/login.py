"""The login and the logout: a name and a password become a session in a cookie that no script reads and no other site sends."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.site.accounts import accounts_in, is_password
from console.site.entrance import COOKIE, CSRF_HEADER, DoorsHere, SiteHere, VisitorHere, require_own_origin
from console.site.looks import draw
from console.site.onward import onward_of
from console.site.place import Site
from console.site.sessions import is_same
from schemas.errors import DeniedError, TooManyError, UsageError

LOGIN = APIRouter(include_in_schema=False)
_WRONG = "The name and the password do not fit."


@LOGIN.get("/login")
def ask(site: SiteHere, onward: Annotated[str, Query(max_length=2000)] = "/") -> HTMLResponse:
    """Ask for a name and a password, or offer the identity provider; afterwards it goes on to where the person wanted to go."""
    return _asked(site, onward)


def _asked(site: Site, onward: str, problem: str = "", status: int = 200) -> HTMLResponse:
    return HTMLResponse(draw("login.html", problem=problem, onward=onward_of(onward), oidc=site.has_oidc()), status)


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form; of several with one name the last counts."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise UsageError("form", str(error), "Send the page's own form") from error


FormHere = Annotated[dict[str, str], Depends(form_of)]


@LOGIN.post("/login")
def log_in(request: Request, form: FormHere, site: SiteHere, doors: DoorsHere) -> Response:
    """Let somebody in, or say that name and password do not fit: never which of the two."""
    require_own_origin(request)
    name, now, onward = form.get("name", "")[:200], site.now(), form.get("onward", "/")
    try:
        doors.rate.require(name, request.client.host if request.client else "", now)
    except TooManyError as error:
        turned_away = _asked(site, onward, error.mend, 429)
        turned_away.headers["retry-after"] = str(error.retry_s)
        return turned_away
    if not is_password(accounts_in(site.accounts_path), name, form.get("password", ""), site.hasher):
        return _asked(site, onward, _WRONG, 401)
    doors.rate.forget(name)
    answer = RedirectResponse(onward_of(onward), 303)
    # A cookie of a session, not of a time: it ends with the browser, and the session by itself.
    answer.set_cookie(COOKIE, doors.sessions.open(name, now), httponly=True, samesite="strict", secure=site.settings.secure, path="/")
    return answer


@LOGIN.post("/logout")
def log_out(request: Request, form: FormHere, visitor: VisitorHere, doors: DoorsHere, site: SiteHere) -> Response:
    """End the session."""
    require_own_origin(request)
    said = request.headers.get(CSRF_HEADER) or form.get("csrf", "")
    if not is_same(said, visitor.session.csrf):
        raise DeniedError("logout", "it does not bring the token of this session", "Load the page again, then say it anew")
    doors.sessions.close(visitor.token)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=site.settings.secure)
    return answer
