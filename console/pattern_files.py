"""The pattern files and the words on them in a configuration folder: read, changed as values, written back; used by ``cli/pattern.py``.

A change is checked as a whole set before anything is written: what the publisher would refuse never reaches the folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.configuration import REVIEWS
from console.configuration import read_folder as read_configuration_folder
from console.home import write_file
from infra.compiled_patterns import CompiledPatterns
from learning.patterns.loader import REVIEWS_FILE, Catalogue, load_catalogue, read_folder
from learning.patterns.model import MAX_PATTERNS_A_FILE, Pattern
from learning.patterns.reviewed import state_of
from schemas.configuration import reviews_body, reviews_from
from schemas.errors import ConfigurationError, NotFoundError
from schemas.pattern_review import PatternReview, PatternState, counted_reviews
from schemas.people import People

FAMILY = "own"
_PATTERN_FILE_MODE = 0o644


@dataclass(frozen=True, slots=True)
class PatternShelf:
    """All pattern files by name, those of the folder among them, the words on single patterns, and the shipped patterns by id."""

    files: Mapping[str, str]
    own: frozenset[str]
    reviews: tuple[PatternReview, ...]
    shipped: Mapping[str, Pattern]
    catalogue: Catalogue

    def named(self, name: str) -> Pattern:
        """Return the pattern of that id; raises NotFoundError."""
        found = self.catalogue.by_id().get(name)
        if found is None:
            raise NotFoundError(f"pattern {name}", "no file holds it", "List them with `healstream pattern list`")
        return found

    def state(self, pattern: Pattern, people: People) -> PatternState:
        """Return how far a pattern goes by the words that count."""
        return state_of(pattern, self.shipped, counted_reviews(self.reviews, people))

    def author_of(self, name: str) -> str:
        """Return who wrote a pattern, as its first word says; empty when no word names anybody."""
        return next((review.author for review in self.reviews if review.pattern == name and review.author), "")


def read_shelf(config: Path, shipped_patterns: Path) -> PatternShelf:
    """Return what the folder and the program hold; raises ConfigurationError with each mistake's place."""
    files = read_configuration_folder(config, shipped_patterns)
    shipped = load_catalogue(read_folder(shipped_patterns), CompiledPatterns.in_cache(os.environ))
    own = frozenset(path.name for path in (config / "patterns").glob("*.json") if path.name != REVIEWS_FILE)
    return PatternShelf(
        files.patterns, own, _reviews_in(files.texts.get(REVIEWS, "")), _checked(shipped).by_id(), checked_catalogue(files.patterns)
    )


def checked_catalogue(files: Mapping[str, str]) -> Catalogue:
    """Return the set of all files; raises ConfigurationError with each mistake's place."""
    return _checked(load_catalogue(files, CompiledPatterns.in_cache(os.environ)))


def with_pattern(shelf: PatternShelf, row: Mapping[str, object]) -> dict[str, str]:
    """Return the changed file that holds one pattern more, by name; raises ConfigurationError when the set would not load."""
    number = 1
    while True:
        name = f"{FAMILY}.json" if number == 1 else f"{FAMILY}-{number}.json"
        held: dict[str, object] = json.loads(shelf.files[name]) if name in shelf.own else {"family": FAMILY, "patterns": []}
        rows = held["patterns"]
        if isinstance(rows, list) and len(rows) < MAX_PATTERNS_A_FILE:
            text = json.dumps({**held, "patterns": [*rows, row]}, indent=1, ensure_ascii=False) + "\n"
            checked_catalogue({**shelf.files, name: text})
            return {name: text}
        number += 1


def with_word(reviews: Sequence[PatternReview], word: PatternReview) -> tuple[PatternReview, ...]:
    """Return the words with one more; earlier words on the same pattern that say the same state are replaced by it."""
    kept = (review for review in reviews if review.pattern != word.pattern or review.state is not word.state)
    return (*kept, word)


def without_state(reviews: Iterable[PatternReview], name: str, state: PatternState) -> tuple[PatternReview, ...]:
    """Return the words without those that give a pattern this state."""
    return tuple(review for review in reviews if review.pattern != name or review.state is not state)


def write_shelf(config: Path, files: Mapping[str, str], reviews: Sequence[PatternReview] | None) -> None:
    """Write what has changed, each file in one step."""
    folder = config / "patterns"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        write_file(folder / name, text, _PATTERN_FILE_MODE)
    if reviews is not None:
        write_file(folder / REVIEWS_FILE, reviews_body(reviews), _PATTERN_FILE_MODE)


def _reviews_in(text: str) -> tuple[PatternReview, ...]:
    try:
        return reviews_from(text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(REVIEWS, f"this is no list of reviews: {error}", "Restore it from version control") from error


def _checked(loaded: Catalogue | Sequence[object]) -> Catalogue:
    if isinstance(loaded, Catalogue):
        return loaded
    raise ConfigurationError("patterns", "\n".join(map(str, loaded)), "Correct the named lines; nothing was changed")
