"""Every shipped pattern matches its examples and none of its near misses, by the automaton and by ``re`` alike."""

from __future__ import annotations

from functools import cache

import pytest

from learning.patterns.confirm import confirmer_of, confirms, matches
from learning.patterns.loader import Catalogue
from learning.patterns.matcher import Matcher
from learning.patterns.model import Pattern
from learning.recordings import recorded_logs
from learning.structure import clean_line
from schemas.vocabulary import Group, group_of
from tests.support.shipped_patterns import shipped_catalogue

_PATTERNS = shipped_catalogue().patterns
each_pattern = pytest.mark.parametrize("pattern", _PATTERNS, ids=lambda pattern: pattern.id)


def _engines_finding(pattern: Pattern, text: str, matcher: Matcher) -> tuple[bool, bool]:
    """Return whether the reference and whether the automaton finds the pattern in a text."""
    return matches(pattern, text), pattern.id in {hit.pattern for hit in matcher.scan(text.encode())}


@each_pattern
def test_an_example_is_found_by_both_engines(pattern: Pattern, matcher: Matcher) -> None:
    """The automaton and the reference agree on what must match."""
    assert {text: _engines_finding(pattern, text, matcher) for text in pattern.examples} == dict.fromkeys(pattern.examples, (True, True))


@each_pattern
def test_a_near_miss_is_found_by_neither_engine(pattern: Pattern, matcher: Matcher) -> None:
    """The automaton and the reference agree on what must not match."""
    missed = pattern.counter_examples
    assert {text: _engines_finding(pattern, text, matcher) for text in missed} == dict.fromkeys(missed, (False, False))


def test_an_example_is_found_behind_a_runners_clock_too(matcher: Matcher) -> None:
    """Given every example as GitHub and GitLab show it, then it is found all the same."""
    for clock in ("2026-01-02T10:00:00.1234567Z ", "2026-01-02T10:00:00.123456Z 01O "):
        missed = [
            (pattern.id, text)
            for pattern in _PATTERNS
            for text in pattern.examples
            if pattern.id not in {hit.pattern for hit in matcher.scan("\n".join(clock + line for line in text.split("\n")).encode())}
        ]
        assert missed == []


@pytest.mark.unmeasured
def test_both_engines_agree_on_every_pattern_and_every_example(matcher: Matcher) -> None:
    """Given all example texts, when scanned, then the automaton reports exactly the patterns that the reference does."""
    compiled = [(pattern, confirmer_of(pattern)) for pattern in _PATTERNS]
    begins = [(confirmer.expressions[0].search, place) for place, (_, confirmer) in enumerate(compiled)]

    @cache
    def begun_by(line: str) -> tuple[int, ...]:
        return tuple([place for search, place in begins if search(line)])

    for text in [text for pattern in _PATTERNS for text in (*pattern.examples, *pattern.counter_examples)]:
        # Most patterns have no first line here: what joins lines is asked only for the few that have.
        places = {place for line in text.split("\n") for place in begun_by(clean_line(line))}
        by_reference = {pattern.id for pattern, confirmer in map(compiled.__getitem__, places) if confirms(confirmer, pattern.span, text)}
        assert {hit.pattern for hit in matcher.scan(text.encode())} == by_reference, text


@pytest.mark.unmeasured
def test_both_engines_agree_on_the_ends_of_recorded_logs(matcher: Matcher) -> None:
    """Given the ends of whole logs, where many patterns and lines meet, then the automaton misses nothing that the reference finds."""
    compiled = [(pattern.id, confirmer_of(pattern)) for pattern in _PATTERNS if len(pattern.expressions) == 1]

    @cache
    def by_reference(line: str) -> frozenset[str]:
        return frozenset(name for name, confirmer in compiled if confirmer.read(0, line) is not None)

    for log in recorded_logs()[::4]:
        lines = log.text.split("\n")[-40:]
        wanted = frozenset().union(*(by_reference(clean_line(line)) for line in lines))
        assert wanted <= {hit.pattern for hit in matcher.scan("\n".join(lines).encode())}, log.id


def test_the_catalogue_is_broad_and_code_has_no_remedy(catalogue: Catalogue) -> None:
    """At least 150 patterns in 12 families, and nothing suggests a remedy for a code failure."""
    assert len(catalogue.patterns) >= 150
    assert len(catalogue.families) >= 12
    assert all(not pattern.remedy for pattern in catalogue.patterns if group_of(pattern.kind) is Group.CODE)
