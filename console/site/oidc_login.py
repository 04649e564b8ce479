"""The login through an identity provider: authorization code with PKCE, a state that the browser holds and a nonce that the token holds.

Only groups of the closed table in ``healstream.yaml`` let anybody in. Passwords go on working beside it.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.oidc_rule import OidcRule
from console.site.entrance import COOKIE, DoorsHere, SiteHere
from console.site.id_token import claims_of, guest_of
from console.site.looks import draw
from console.site.onward import onward_of
from console.site.place import Doors, Site
from console.site.problems import status_of
from console.site.provider import Ticket, authorization_url, endpoints_of, id_token_for, keys_of
from console.site.sessions import is_same
from infra.adapters.allowed_hosts import may_ask
from schemas.errors import ConfigurationError, HealstreamError, LoginError, NotFoundError

OIDC = APIRouter(include_in_schema=False, prefix="/login/oidc")
TICKET_COOKIE = "healstream_login"
Said = Annotated[str, Query(max_length=4000)]


@OIDC.get("")
def begin(request: Request, site: SiteHere, doors: DoorsHere, onward: Said = "/") -> Response:
    """Send the browser to the provider."""
    try:
        return _begin(request, site, doors, onward)
    except HealstreamError as error:
        return _told(error)


@OIDC.get("/back")
def come_back(request: Request, site: SiteHere, doors: DoorsHere, code: Said = "", state: Said = "") -> Response:
    """Let somebody in whom the provider sends back; every failure is told on the login page."""
    try:
        ticket = _ticket(request, site, doors, state)
        answer = _let_in(site, doors, ticket, code)
    except HealstreamError as error:
        answer = _told(error)
    answer.delete_cookie(TICKET_COOKIE, path="/login/oidc", httponly=True, samesite="lax", secure=site.settings.secure)
    return answer


def _rule(site: Site) -> OidcRule:
    rule = site.oidc()
    if rule is None:
        raise NotFoundError("identity provider", "healstream.yaml names none", "Log in with a password")
    return rule


def _begin(request: Request, site: Site, doors: Doors, onward: str) -> Response:
    rule, now = _rule(site), site.now()
    address = request.client.host if request.client else ""
    doors.programs.require_address(address, now)
    doors.programs.count_wrong(address, now)
    word, state, nonce, verifier = (site.draw() for _ in range(4))
    # A verifier has 43 letters at least (RFC 7636).
    ticket = Ticket(state, nonce, verifier * (1 + 43 // len(verifier)), _back(request, site, rule), onward_of(onward))
    answer = RedirectResponse(authorization_url(rule, endpoints_of(rule), ticket), 303)
    doors.tickets.put(word, ticket, now)
    # Lax, for the way back begins at the provider's; it lives for that way only.
    answer.set_cookie(TICKET_COOKIE, word, max_age=600, path="/login/oidc", httponly=True, samesite="lax", secure=site.settings.secure)
    return answer


def _back(request: Request, site: Site, rule: OidcRule) -> str:
    """Return where the provider is to send the browser back: over TLS, unless that never leaves this machine."""
    scheme = "https" if site.settings.secure else "http"
    address = rule.address or f"{scheme}://{request.headers.get('host', '')}"
    parts = urlsplit(address)
    if parts.scheme != "https" and not may_ask(parts.hostname or "", frozenset()):
        why = f"the page is reached as {address}, without TLS"
        raise ConfigurationError("oidc", why, "Serve it with a certificate, or write its https address as oidc.address")
    return f"{address}/login/oidc/back"


def _ticket(request: Request, site: Site, doors: Doors, state: str) -> Ticket:
    word = request.cookies.get(TICKET_COOKIE, "")
    ticket = doors.tickets.take(word, site.now()) if word else None
    if ticket is None or not is_same(ticket.state, state):
        raise LoginError("login", "this browser did not begin it, or it is older than ten minutes", "Begin it again from the login page")
    refusal = request.query_params.get("error", "")
    if refusal:
        why = request.query_params.get("error_description", "")[:200]
        raise LoginError("login", f"the provider says {refusal[:80]}" + (f": {why}" if why else ""), "Begin it again, or use a password")
    issuer = request.query_params.get("iss")
    if issuer is not None and issuer != _rule(site).issuer:
        raise LoginError("login", "another provider answers than the one that was asked", "Begin it again from the login page")
    return ticket


def _let_in(site: Site, doors: Doors, ticket: Ticket, code: str) -> Response:
    rule, now = _rule(site), site.now()
    endpoints = endpoints_of(rule)
    text = id_token_for(rule, endpoints, ticket, code)
    guest = guest_of(claims_of(text, keys_of(rule, endpoints), rule, ticket.nonce, now), rule)
    # A page, not a redirect: what begins at another site's answer would not bring the strict cookie along.
    answer = HTMLResponse(draw("moved.html", onward=ticket.onward))
    token = doors.sessions.open(guest.name, now, guest.roles)
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=site.settings.secure, path="/")
    return answer


def _told(error: HealstreamError) -> Response:
    problem = f"{error.what}: {error.why}. {error.mend}."
    return HTMLResponse(draw("login.html", problem=problem, onward="/", oidc=True), status_of(error))
