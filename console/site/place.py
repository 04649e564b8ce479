"""What the page needs of the world, in one value: its copy's folders, how a word is sent, the clock, and its settings."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from argon2 import PasswordHasher

from console.brake_words import switches_in
from console.configuration import load_people, load_policy
from console.home import Home
from console.site.sessions import Limits, LoginRate, Sessions
from console.site.store import switch_words
from console.site.tables import connect
from console.switching import Switches
from console.system_paths import shipped_patterns
from schemas.ids import Record
from schemas.people import People
from schemas.policy import Policy


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """``hosts`` are the names by which browsers may call it beside loopback, ``secure``: TLS only, ``poll_s``: how often streams look."""

    hosts: tuple[str, ...] = ()
    secure: bool = False
    limits: Limits = Limits()
    poll_s: float = 0.25


@dataclass(frozen=True, slots=True)
class Site:
    """The page's surroundings: ``say`` puts a signed word on its topic or raises UnreachableError, ``processes`` tells of workers.

    ``shipped`` is the folder of the pattern files that come with the program.
    """

    home: Home
    say: Callable[[Record], None]
    now: Callable[[], datetime]
    draw: Callable[[], str]
    processes: Callable[[], list[dict[str, object]]]
    settings: SiteSettings = SiteSettings()
    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    shipped: Path = field(default_factory=shipped_patterns)

    @property
    def base_path(self) -> Path:
        """The read model's file."""
        return base_path(self.home)

    @property
    def accounts_path(self) -> Path:
        """The accounts' file."""
        return accounts_path(self.home)

    @contextmanager
    def base(self) -> Iterator[sqlite3.Connection]:
        """Give a connection to the read model for one answer."""
        with closing(connect(self.base_path)) as found:
            yield found

    def people(self) -> People:
        """Return the people as their file says now: who was taken out may nothing at once."""
        return _people_at(self.home.config, stamp_of(self.home.config))

    def switches(self) -> Switches:
        """Return the switches that are on, by the words that the read model holds."""
        with self.base() as base:
            words = switch_words(base)
        oversight = _policy_at(self.home.config, stamp_of(self.home.config)).oversight
        return switches_in(words, self.people(), oversight, self.now())


Stamp = tuple[tuple[str, int, int, int], ...]


_FILES = ("*.yaml", "policy/*.yaml", "policy/*.cedar")


def stamp_of(config: Path, patterns: tuple[str, ...] = _FILES) -> Stamp:
    """Return what changes whenever a file of the configuration does: reading all of them for every look would take longer than the look."""
    files = sorted(path for pattern in patterns for path in config.glob(pattern))
    return tuple((str(path), seen.st_ino, seen.st_mtime_ns, seen.st_size) for path in files for seen in [path.stat()])


@lru_cache(4)
def _people_at(config: Path, _when: Stamp) -> People:
    return load_people(config)


@lru_cache(4)
def _policy_at(config: Path, _when: Stamp) -> Policy:
    return load_policy(config)


@dataclass(frozen=True, slots=True)
class Doors:
    """Who is in and who knocks: what lasts as long as the process."""

    sessions: Sessions
    rate: LoginRate


def doors_of(site: Site) -> Doors:
    """Return doors through which nobody came yet."""
    return Doors(Sessions(site.settings.limits, site.draw), LoginRate(site.settings.limits))


def base_path(home: Home) -> Path:
    """Return where a copy's read model lies."""
    return home.state / "site" / "read.sqlite"


def accounts_path(home: Home) -> Path:
    """Return where a copy's accounts lie."""
    return home.state / "site" / "accounts.json"
