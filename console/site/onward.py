"""Where a person wanted to go before they had to log in: only ever a tab of this page, whatever an address says. Pure."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from console.site.tabs import TABS

_LONGEST = 2000
_PATHS = frozenset(tab.path for tab in TABS)


def onward_of(said: str) -> str:
    """Return the tab's path with its query, or the page's beginning for everything that leads to another place."""
    if len(said) > _LONGEST or not said.isprintable() or not said.isascii():
        return "/"
    path, _, query = said.partition("?")
    return said if path in _PATHS and "#" not in query and "\\" not in query else "/"


def path_in(address: str) -> str:
    """Return the path and query of the whole address that a browser shows."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def login_at(place: str) -> str:
    """Return the login's address that leads back to a place."""
    onward = onward_of(place)
    return "/login" if onward == "/" else f"/login?onward={quote(onward, safe='')}"
