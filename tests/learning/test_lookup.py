"""The index finds what reading every pattern would find, and nothing else."""

from __future__ import annotations

import pytest

from learning.patterns.lookup import MOST_FOUND, Lookup, words_of
from learning.patterns.model import Pattern
from schemas.vocabulary import Kind
from tests.support.shipped_patterns import shipped_catalogue


@pytest.fixture(scope="module")
def patterns() -> tuple[Pattern, ...]:
    return shipped_catalogue().patterns


@pytest.fixture(scope="module")
def lookup(patterns: tuple[Pattern, ...]) -> Lookup:
    return Lookup(patterns)


def read_all(patterns: tuple[Pattern, ...], text: str) -> list[str]:
    """Return the ids that reading every pattern finds."""
    wanted = set(words_of(text))
    texts = {one.id: " ".join((one.id, one.kind.value, one.title, *one.expressions, *one.examples)) for one in patterns}
    return sorted(name for name, whole in texts.items() if wanted <= set(words_of(whole)))


def test_every_pattern_is_found_by_its_id_and_its_kind(patterns: tuple[Pattern, ...], lookup: Lookup) -> None:
    assert [lookup.by_id(one.id) for one in patterns] == list(patterns)
    for kind in Kind:
        assert [one.id for one in lookup.by_kind(kind)] == sorted(one.id for one in patterns if one.kind is kind)


def test_what_is_not_there_is_not_found(lookup: Lookup) -> None:
    assert lookup.by_id("no-such-pattern") is None
    assert lookup.by_text("zzyzx") == ()
    assert lookup.by_text("connection zzyzx") == ()
    assert lookup.by_text(" - ! ") == ()


@pytest.mark.parametrize("text", ["connection", "Connection REFUSED", "no space left", "error", "timed out"])
def test_words_find_what_reading_every_pattern_finds(patterns: tuple[Pattern, ...], lookup: Lookup, text: str) -> None:
    expected = read_all(patterns, text)
    assert expected
    assert [one.id for one in lookup.by_text(text, len(patterns))] == expected
    assert [one.id for one in lookup.by_text(text)] == expected[:MOST_FOUND]
