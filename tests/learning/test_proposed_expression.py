"""Expressions made from templates: whatever the lines hold, each is linear, loads, and matches its own evidence."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.masking import is_kept, mask_line
from learning.patterns.linear import repeats_wildly
from learning.patterns.loader import Catalogue, load_catalogue
from learning.patterns.matcher import Matcher
from learning.patterns.model import expression_fault
from learning.proposed_expression import Expression, expression_of
from learning.proposing import pattern_of
from learning.templates import MIN_LETTERS, MIN_WORDS, Seen, Template, TemplateMiner
from schemas.vocabulary import Kind

WORDS = st.sampled_from(("frobnicator", "lost", "the", "lease", "Flux.Error", "of", "a_b", "could", "not", "align", "E401", "can't"))
LETTERS = st.text(alphabet="abcdefgxyz", min_size=1, max_size=9)
WILD = st.text(alphabet="abcXYZ059._:/\\-'\"é→()[]{}+*?^$|#~", min_size=1, max_size=12)
# What one place of a line may hold: mostly one sort, as tools print; sometimes anything.
PLACES: tuple[st.SearchStrategy[str], ...] = (
    LETTERS,
    st.integers(0, 10**12).map(str),
    LETTERS.map(lambda text: f"/var/{text}.log"),
    LETTERS.map(lambda text: f"{text}.acme.example"),
    LETTERS.map(lambda text: f"'{text} {text}'"),
    LETTERS.map(lambda text: f'"{text}"'),
    st.integers(0, 99).map(lambda number: f"v1.{number}.3"),
    st.integers(16**8, 16**12).map(lambda number: f"0x{number:x}"),
    LETTERS.map(lambda text: f"https://a.example/?x={text}"),
    st.sampled_from(("10:11:12", "2026-01-02T10:11:12.345Z", "23:59")),
    WILD,
)
GLUE = st.sampled_from((" ", "  ", ": ", " (", ") ", ", ", "=", " [", "] ", "::", ".. ", " → ", "", "\t", "{", "+", "*", "\\", "\x00"))


@st.composite
def families(draw: st.DrawFn) -> list[str]:
    """Return two to four lines of one shape: the same words and glue, other values."""
    part = st.one_of(WORDS.map(st.just), WORDS.map(st.just), st.sampled_from(PLACES))
    shape = draw(st.lists(st.tuples(part, st.one_of(st.just(" "), GLUE)), min_size=4, max_size=14))
    count = draw(st.integers(2, 4))
    return ["".join(draw(values) + glue for values, glue in shape) for _ in range(count)]


def templates_of(lines: list[str]) -> list[Template]:
    miner = TemplateMiner({})
    for number, line in enumerate(lines):
        miner.add([line], Seen(f"ci/o{number}/r", str(number), f"i{number}", number))
    return miner.values()


def built(template: Template) -> Expression | None:
    return expression_of(template.tokens, [example.text for example in template.examples])


@settings(max_examples=200, deadline=None)
@given(families())
def test_an_expression_is_linear_loads_and_matches_its_own_evidence(lines: list[str]) -> None:
    for template in templates_of(lines):
        expression = built(template)
        if expression is None:
            continue
        assert expression_fault(expression.text) == ""
        assert not repeats_wildly(expression.text)
        assert all(re.search(expression.text, example.text) for example in template.examples)
        assert len(set(expression.words)) >= MIN_WORDS
        assert expression.letters >= MIN_LETTERS
        assert set(expression.words) <= {token for token in template.tokens if is_kept(token)}
        pattern = pattern_of(template, expression, Kind.DISK_FULL)
        if pattern is not None:
            text = json.dumps({"family": "own", "patterns": [pattern.model_dump(mode="json", exclude_defaults=True)]})
            assert isinstance(load_catalogue({"own.json": text}), Catalogue)


@settings(max_examples=60, deadline=None)
@given(families(), st.text(alphabet="ab .:/-0'\t", max_size=40))
def test_no_line_takes_long_to_be_refused(lines: list[str], piece: str) -> None:
    for template in templates_of(lines):
        expression = built(template)
        if expression is not None:
            # What nearly matches, over and over: a line could be split in many ways here if it could anywhere.
            hostile = ((expression.matched[0][:-1] + piece) * 400)[:4096]
            began = time.process_time()
            re.search(expression.text, hostile)
            assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "line", ["", "one two", "1 2 3 4 5 6", "a b c d", "abcdef abcdef abcdef", "'quoted only' \"and this\"", "\x00\x1b[2J", "→ → → → →"]
)
def test_of_a_line_of_which_too_little_stays_nothing_is_made(line: str) -> None:
    assert templates_of([line, line]) == []
    words = mask_line(line)
    assert expression_of([word.token for word in words], [line]) is None


def test_what_differs_is_typed_bounded_and_ends_where_the_next_sign_begins() -> None:
    [template] = templates_of(
        [
            "2026-01-02 10:11:12 frobnicator: lost 'db one' at db-7.acme.example:5432 [alpha] after 30s, see /tmp/a",
            "2026-01-02 11:11:12 frobnicator:  lost 'x' at web.acme.example:80 [beta9] after 1s, see /tmp/b",
        ]
    )
    expression = built(template)
    assert expression is not None
    assert expression.words == ("frobnicator", "lost", "at", "after", "s", "see")
    matches = re.compile(expression.text).search
    assert matches("frobnicator: lost 'other' at a.example:1 [gamma] after 77s, see")
    for other in (
        "frobnicator: lost other at a.example:1 [gamma] after 77s, see",
        "frobnicator: lost 'other' at a.example:x [gamma] after 77s, see",
        "frobnicator: lost 'other' at a.example:1 [two words] after 77s, see",
        "defrobnicator: lost 'other' at a.example:1 [gamma] after 77s, see",
    ):
        assert not matches(other), other


def test_the_automaton_finds_what_the_expression_matches() -> None:
    lines = [f"frobnicator → lost «{name}» of [{name}é] while aligning the flux" for name in ("alpha", "beta", "gamma")]
    for template in templates_of(lines):
        expression = built(template)
        assert expression is not None
        pattern = pattern_of(template, expression, Kind.DISK_FULL)
        assert pattern is not None
        text = json.dumps({"family": "own", "patterns": [pattern.model_dump(mode="json", exclude_defaults=True)]})
        loaded = load_catalogue({"own.json": text})
        assert isinstance(loaded, Catalogue)
        matcher = Matcher(loaded)
        assert [len(matcher.scan(line.encode())) for line in lines] == [1, 1, 1]
