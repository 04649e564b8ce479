"""The page of a copy on this machine: its surroundings as they really are, joined by the gateway's root to its own routes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import FastAPI

from console.audit_stored import chain_records
from console.home import Home
from console.site.app import site_app
from console.site.feed import Feed
from console.site.place import Site, SiteSettings, base_path
from console.words import say
from console.workers import worker_rows


def site_of(place: Home, brokers: str, settings: SiteSettings) -> Site:
    """Return the surroundings of a copy's page; words go to its broker at once."""
    return Site(
        home=place,
        say=lambda word: say(brokers, word),
        now=lambda: datetime.now(UTC),
        draw=lambda: secrets.token_urlsafe(32),
        processes=lambda: worker_rows(place),
        settings=settings,
        chain=lambda: chain_records(brokers, lambda _fault: None),
    )


def page_of(place: Home, brokers: str, settings: SiteSettings, on_end: Callable[[Exception], None]) -> tuple[FastAPI, Feed]:
    """Return the page and the feed that keeps it in step."""
    return site_app(site_of(place, brokers, settings)), Feed(brokers, base_path(place), on_end)
