"""The patterns of a copy for the page: each part is read when it is first asked for, and anew when a file of it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from console.configuration import load_people
from console.pattern_files import PatternShelf, read_shelf
from console.recognition import load_recognizer
from console.site.place import Site, Stamp, stamp_of
from console.system_paths import shipped_patterns
from infra.compiled_patterns import CompiledPatterns
from learning.classification import Recognizer
from learning.patterns.lookup import Lookup
from learning.patterns.matcher import Matcher
from learning.patterns.model import Pattern
from learning.patterns.reviewed import in_force
from schemas.pattern_review import counted_reviews

# Beside people.yaml, whose signatures the words on patterns need.
_FILES = ("people.yaml", "patterns/*.json")


@dataclass(frozen=True, slots=True)
class Known:
    """The patterns' files and words, each pattern by its id, and how far it goes."""

    shelf: PatternShelf
    by_id: Mapping[str, Pattern]
    states: Mapping[str, str]

    def expressions(self, name: str) -> tuple[str, ...]:
        """Return a pattern's expressions; none of one that is gone."""
        found = self.by_id.get(name)
        return found.expressions if found else ()


@dataclass(frozen=True, slots=True)
class Reader:
    """The recognition that the patterns in force make; a compiled set reads one text at a time."""

    recognizer: Recognizer
    lock: Lock


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a copy's patterns lie, and the state of those files."""

    config: Path
    shipped: Path
    when: Stamp


def known_of(site: Site) -> Known:
    """Return a copy's patterns as its files say now; raises ConfigurationError."""
    return _known_at(_place_of(site))


def lookup_of(site: Site) -> Lookup:
    """Return the index of the patterns' texts."""
    return _lookup_at(_place_of(site))


def reader_of(site: Site) -> Reader:
    """Return the recognition."""
    return _reader_at(_place_of(site))


def _place_of(site: Site) -> _Place:
    return _Place(site.home.config, site.shipped, stamp_of(site.home.config, _FILES))


@lru_cache(2)
def _known_at(place: _Place) -> Known:
    shelf, people = read_shelf(place.config, place.shipped), load_people(place.config)
    states = {one.id: shelf.state(one, people).value for one in shelf.catalogue.patterns}
    return Known(shelf, shelf.catalogue.by_id(), states)


@lru_cache(2)
def _lookup_at(place: _Place) -> Lookup:
    return Lookup(_known_at(place).shelf.catalogue.patterns)


@lru_cache(2)
def _reader_at(place: _Place) -> Reader:
    shelf = _known_at(place).shelf
    force = in_force(shelf.catalogue, shelf.shipped, counted_reviews(shelf.reviews, load_people(place.config)))
    matcher = Matcher(force.catalogue, CompiledPatterns.in_cache(os.environ), force.shadow)
    return Reader(load_recognizer(shipped_patterns(), matcher), Lock())
