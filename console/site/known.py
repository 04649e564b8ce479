"""The patterns of a copy with what is asked of them on the page: read once, and anew when a file of them or of the people changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
from learning.patterns.reviewed import in_force
from schemas.pattern_review import counted_reviews

# Beside people.yaml, whose signatures the words on patterns need.
_FILES = ("people.yaml", "patterns/*.json")


@dataclass(frozen=True, slots=True)
class Known:
    """The patterns' files and words, an index of their texts, how far each goes, and the recognition that they make."""

    shelf: PatternShelf
    lookup: Lookup
    states: dict[str, str]
    recognizer: Recognizer
    # A compiled set reads one text at a time.
    reading: Lock

    def expressions(self, name: str) -> Sequence[str]:
        """Return a pattern's expressions; none of one that is gone."""
        found = self.lookup.by_id(name)
        return found.expressions if found else ()


def known_of(site: Site) -> Known:
    """Return a copy's patterns as its files say now; raises ConfigurationError."""
    return _known_at(site.home.config, site.shipped, stamp_of(site.home.config, _FILES))


@lru_cache(2)
def _known_at(config: Path, shipped: Path, _when: Stamp) -> Known:
    shelf = read_shelf(config, shipped)
    people = load_people(config)
    force = in_force(shelf.catalogue, shelf.shipped, counted_reviews(shelf.reviews, people))
    matcher = Matcher(force.catalogue, CompiledPatterns.in_cache(os.environ), force.shadow)
    states = {one.id: shelf.state(one, people).value for one in shelf.catalogue.patterns}
    return Known(shelf, Lookup(shelf.catalogue.patterns), states, load_recognizer(shipped_patterns(), matcher), Lock())
