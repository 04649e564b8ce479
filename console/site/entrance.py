"""The entrance of every request: whose name it was called by, who is logged in, what they may look at, and that a change is meant.

Used by ``api.py``, ``events.py``, ``login.py`` and ``pages.py`` as FastAPI dependencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from console.site.place import Doors, Site
from console.site.sessions import Session, is_same
from schemas.errors import DeniedError, LoginError
from schemas.people import Right

COOKIE, CSRF_HEADER, UNATTENDED = "healstream_session", "x-csrf-token", "x-unattended"
_LOG_IN = "Log in again at /login"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: their session and its token."""

    session: Session
    token: str

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
    """Return who is logged in and may look; raises LoginError or DeniedError."""
    token = request.cookies.get(COOKIE, "")
    session = doors.sessions.of(token, site.now(), attended=UNATTENDED not in request.headers) if token else None
    if session is None:
        raise LoginError("session", "nobody is logged in, or it ended", _LOG_IN)
    if not site.people().may(session.name, Right.VIEW):
        raise DeniedError(session.name, f"no rule gives the right to {Right.VIEW}", "Ask somebody who edits people.yaml and policy/*.cedar")
    return Visitor(session, token)


VisitorHere = Annotated[Visitor, Depends(visitor_in)]


def changer_in(request: Request, visitor: VisitorHere) -> Visitor:
    """Return who wants to change something; raises DeniedError unless the request came from our own page and brings its token."""
    require_own_origin(request)
    if not is_same(request.headers.get(CSRF_HEADER, ""), visitor.session.csrf):
        raise DeniedError("this change", "it does not bring the token of this session", "Load the page again, then say it anew")
    return visitor


ChangerHere = Annotated[Visitor, Depends(changer_in)]


def require_own_origin(request: Request) -> None:
    """Raise DeniedError when another site's page sent the request."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise DeniedError("this request", "another site's page sent it", "Use the page of this address")
