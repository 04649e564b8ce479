"""The entrance of every request: whose name it was called by, who is logged in, what they may look at, and that a change is meant.

Used by the routes as FastAPI dependencies. A person comes with a session's cookie, a program with a token in ``Authorization``; where both
are sent the token alone counts, so that no cookie ever vouches for a program.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from console.site.place import Doors, Site
from console.site.rights import require_change, require_look
from console.site.sessions import Session, is_same
from console.site.tokens import token_of
from schemas.errors import DeniedError, LoginError
from schemas.people import Role

COOKIE, CSRF_HEADER, UNATTENDED = "healstream_session", "x-csrf-token", "x-unattended"
_LOG_IN = "Log in again at /login"
_FOR_PROGRAMS = ("/api/v1/", "/events")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: their session, and the token of its cookie or the word that a program brought."""

    session: Session
    token: str
    is_program: bool = False

    @property
    def name(self) -> str:
        """The person's name."""
        return self.session.name


def site_of(request: Request) -> Site:
    """Return the page's surroundings."""
    found = request.app.state.site
    if not isinstance(found, Site):
        raise TypeError("the application was not made by site_app")
    return found


def doors_in(request: Request) -> Doors:
    """Return who is in."""
    found = request.app.state.doors
    if not isinstance(found, Doors):
        raise TypeError("the application was not made by site_app")
    return found


SiteHere = Annotated[Site, Depends(site_of)]
DoorsHere = Annotated[Doors, Depends(doors_in)]


def visitor_in(request: Request, site: SiteHere, doors: DoorsHere) -> Visitor:
    """Return who comes in and may look; raises LoginError, TooManyError or DeniedError."""
    said = request.headers.get("authorization")
    found = _person(request, site, doors) if said is None else _program(request, said, site, doors)
    require_look(found.session, site.people())
    return found


def _person(request: Request, site: Site, doors: Doors) -> Visitor:
    token = request.cookies.get(COOKIE, "")
    session = doors.sessions.of(token, site.now(), attended=UNATTENDED not in request.headers) if token else None
    if session is None:
        raise LoginError("session", "nobody is logged in, or it ended", _LOG_IN)
    return Visitor(session, token)


def _program(request: Request, said: str, site: Site, doors: Doors) -> Visitor:
    kind, _, word = said.partition(" ")
    if kind.lower() != "bearer" or not request.url.path.startswith(_FOR_PROGRAMS):
        raise LoginError("authorization", "only a bearer token is taken, and only by /api/v1 and /events", _LOG_IN)
    now, address = site.now(), request.client.host if request.client else ""
    doors.programs.require_address(address, now)
    try:
        session = _session_of(site, word.strip(), now)
    except LoginError:
        doors.programs.count_wrong(address, now)
        raise
    # By its id: the word itself is kept nowhere.
    doors.programs.count_call(word[:12], now)
    return Visitor(session, word, is_program=True)


def _session_of(site: Site, word: str, now: datetime) -> Session:
    token = token_of(site.tokens_path, word, now)
    if site.people().named(token.person) is None:
        raise LoginError(f"token {token.id}", f"people.yaml does not know {token.person}", "Make one for a person who is known")
    return Session(token.person, "", now, now, frozenset({Role(token.role)}))


VisitorHere = Annotated[Visitor, Depends(visitor_in)]


def lasts(visitor: Visitor, site: Site, doors: Doors) -> bool:
    """Tell whether a visitor would still come in: asked by what goes on for longer than one answer."""
    now = site.now()
    if not visitor.is_program:
        return doors.sessions.lives(visitor.token, now)
    try:
        return _session_of(site, visitor.token, now).name == visitor.name
    except LoginError:
        return False


def changer_in(request: Request, visitor: VisitorHere, site: SiteHere) -> Visitor:
    """Return who wants to change something; raises DeniedError unless the request came from our own page and brings its token.

    A program needs no such token: what another site makes a browser send never has its ``Authorization``.
    """
    if not visitor.is_program:
        require_own_origin(request)
        if not is_same(request.headers.get(CSRF_HEADER, ""), visitor.session.csrf):
            raise DeniedError("this change", "it does not bring the token of this session", "Load the page again, then say it anew")
    require_change(visitor.session, site.people(), str(getattr(request.scope.get("route"), "path", "")))
    return visitor


ChangerHere = Annotated[Visitor, Depends(changer_in)]


def require_own_origin(request: Request) -> None:
    """Raise DeniedError when another site's page sent the request."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise DeniedError("this request", "another site's page sent it", "Use the page of this address")
