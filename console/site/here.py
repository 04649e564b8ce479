"""The page of a copy on this machine: its surroundings as they really are, and the page alone behind them.

``python -m console.site.here`` serves it on loopback beside a running copy; the gateway's root joins the same to its own routes.
"""

from __future__ import annotations

import os
import secrets
import sys
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI

from console.home import Home, brokers_here, home_of
from console.site.app import site_app
from console.site.feed import Feed
from console.site.place import Site, SiteSettings, base_path, require_safe_bind
from console.words import say
from console.workers import worker_rows
from schemas.errors import HealstreamError

HOST, PORT = "127.0.0.1", 8080


def site_of(place: Home, brokers: str, settings: SiteSettings) -> Site:
    """Return the surroundings of a copy's page; words go to its broker at once."""
    return Site(
        home=place,
        say=lambda word: say(brokers, word),
        now=lambda: datetime.now(UTC),
        draw=lambda: secrets.token_urlsafe(32),
        processes=lambda: worker_rows(place),
        settings=settings,
    )


def page_of(place: Home, brokers: str) -> tuple[FastAPI, Feed]:
    """Return the page alone and the feed that keeps it in step; a feed that cannot go on ends the process."""

    def give_up(error: Exception) -> None:
        sys.stderr.write(f"the read model cannot go on: {error}\n")
        os._exit(1)

    return site_app(site_of(place, brokers, SiteSettings())), Feed(brokers, base_path(place), give_up)


def main() -> int:
    """Serve the page of the copy that the environment names, until Ctrl-C."""
    try:
        place = home_of(os.environ)
        brokers = brokers_here(place, os.environ)
        require_safe_bind(HOST, has_tls=False)
    except HealstreamError as error:
        sys.stderr.write(f"error: {error.what}: {error.why}\n next: {error.mend}\n")
        return error.exit_code
    app, feed = page_of(place, brokers)
    feed.start()
    try:
        uvicorn.run(app, host=HOST, port=PORT, log_level="warning", timeout_graceful_shutdown=2)
    finally:
        feed.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
