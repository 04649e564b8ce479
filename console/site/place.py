"""What the page needs of the world, in one value: its copy's folders, how a word is sent, the clock, and its settings."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from argon2 import PasswordHasher

from console.brake_words import switches_in
from console.configuration import load_main, load_people, load_policy, load_services
from console.home import Home
from console.oidc_rule import OidcRule
from console.site.rates import Rate
from console.site.sessions import Limits, LoginRate, Sessions
from console.site.store import switch_words
from console.site.tables import connect
from console.site.tickets import Tickets
from console.switching import Switches
from console.system_paths import shipped_patterns
from schemas.errors import ConfigurationError
from schemas.ids import Record
from schemas.oversight import AuditRecord
from schemas.people import People
from schemas.policy import Policy
from schemas.services import Services


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

    ``chain`` reads the whole audit chain from its topic, ``shipped`` is the folder of the pattern files that come with the program.
    """

    home: Home
    say: Callable[[Record], None]
    now: Callable[[], datetime]
    draw: Callable[[], str]
    processes: Callable[[], list[dict[str, object]]]
    settings: SiteSettings = SiteSettings()
    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    chain: Callable[[], Iterable[AuditRecord]] = tuple
    shipped: Path = field(default_factory=shipped_patterns)

    @property
    def base_path(self) -> Path:
        """The read model's file."""
        return base_path(self.home)

    @property
    def accounts_path(self) -> Path:
        """The accounts' file."""
        return accounts_path(self.home)

    @property
    def tokens_path(self) -> Path:
        """The file of the tokens for programs."""
        return tokens_path(self.home)

    @contextmanager
    def base(self) -> Iterator[sqlite3.Connection]:
        """Give a connection to the read model for one answer."""
        with closing(connect(self.base_path)) as found:
            yield found

    def people(self) -> People:
        """Return the people as their file says now: who was taken out may nothing at once."""
        return _people_at(self.home.config, stamp_of(self.home.config))

    def policy(self) -> Policy:
        """Return the policy as its files say now."""
        return _policy_at(self.home.config, stamp_of(self.home.config))

    def services(self) -> Services:
        """Return the catalogue of services as its file says now."""
        return _services_at(self.home.config, stamp_of(self.home.config))

    def oidc(self) -> OidcRule | None:
        """Return which identity provider lets people in; raises ConfigurationError."""
        return _oidc_at(self.home.config, stamp_of(self.home.config))

    def has_oidc(self) -> bool:
        """Tell whether the login page offers a provider: also where its row has a mistake, so that whoever asks hears of it."""
        try:
            return self.oidc() is not None
        except ConfigurationError:
            return True

    def switches(self) -> Switches:
        """Return the switches that are on, by the words that the read model holds."""
        with self.base() as base:
            words = switch_words(base)
        return switches_in(words, self.people(), self.policy().oversight, self.now())


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


@lru_cache(4)
def _oidc_at(config: Path, _when: Stamp) -> OidcRule | None:
    row = load_main(config).oidc
    return row.record() if row else None


@lru_cache(4)
def _services_at(config: Path, _when: Stamp) -> Services:
    return load_services(config)


@dataclass(frozen=True, slots=True)
class Doors:
    """Who is in and who knocks: what lasts as long as the process."""

    sessions: Sessions
    rate: LoginRate
    programs: Rate
    tickets: Tickets


def doors_of(site: Site) -> Doors:
    """Return doors through which nobody came yet."""
    limits = site.settings.limits
    return Doors(Sessions(limits, site.draw), LoginRate(limits), Rate(limits), Tickets())


def base_path(home: Home) -> Path:
    """Return where a copy's read model lies."""
    return home.state / "site" / "read.sqlite"


def accounts_path(home: Home) -> Path:
    """Return where a copy's accounts lie."""
    return home.state / "site" / "accounts.json"


def tokens_path(home: Home) -> Path:
    """Return where a copy's tokens for programs lie."""
    return home.state / "site" / "tokens.json"
