"""The gate leaves out no line that an expression finds, and lets few others through."""

from __future__ import annotations

import re

import hyperscan
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learning.marks import MARK_RULES
from learning.patterns.gate import MAX_GATE_HITS, compile_gate, lines_with_needs
from learning.patterns.required import needs_of
from learning.patterns.write_common_grams import common_grams, module_of
from tests.support.shipped_patterns import shipped_catalogue

_PATTERNS = shipped_catalogue().patterns
_EXPRESSIONS = [*(one for pattern in _PATTERNS for one in pattern.expressions), *(rule.hint for rule in MARK_RULES)]
# Each form that an expression may take, small enough to be tried in all its ways.
_FORMS = (
    r"^error: (?:no such file|cannot open) \S+$",
    r"(?i)Retry(?:ing|ed)? [a-d]x{2,3}",
    r"(?:npm|yarn|pnpm) (?:ERR!|error) code E\d{3}",
    r"[Cc]ould ?not? (?:re)?solve .{0,200} host",
    r"✖ +[1-9]\d* problems?",
    r"\b(?:(?i:fatal)|PANIC)\b[^\n]{1,30}\bat\b",
    r"a{3}b?c+(?:d|e|fgh){2}",
    r"[^x]{2}[a-z]{4}-(?:[\w.]+)?end",
    r"say «no»|it—is .{3,}? over",
    r"[^é]ab[à-ü]cd|\W\D\Skk",
    r"(?:(?:^|[\s(])[1-9]\d* (?:issues?|hints?)(?:\s*$|, )|(?:x|y?)[A-Z]\d{3} (?:z{2,}|\w*))",
    r"(?:[Cc]ould not|[Uu]nable to) (?:transfer|download)(?: it| them)?",
)
# As everywhere in the automaton, digits and white space are those of ASCII.
_LETTERS = st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("éàü✖»«—🚫")


def _gate(expressions: list[str]) -> hyperscan.Database:
    database = hyperscan.loadb(compile_gate(expressions), mode=hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database


@pytest.fixture(scope="module")
def gate() -> hyperscan.Database:
    """Return the gate of all shipped expressions."""
    return _gate(_EXPRESSIONS)


@pytest.fixture(scope="module")
def small_gates() -> dict[str, hyperscan.Database]:
    """Return a gate for each form alone: nothing else can let its lines through."""
    return {form: _gate([form]) for form in _FORMS}


@given(st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_line_that_any_form_of_expression_finds_is_let_through(small_gates: dict[str, hyperscan.Database], data: st.DataObject) -> None:
    """Given an expression and a text that it matches, with any letters around it, then the line of that text passes the gate."""
    form = data.draw(st.sampled_from(_FORMS))
    text = data.draw(st.from_regex(form, alphabet=_LETTERS))
    before, after = data.draw(st.text("xy \n", max_size=5)), data.draw(st.text("xy \n", max_size=5))
    for line in (before + text + after).split("\n"):
        if re.search(form, line):
            assert lines_with_needs(small_gates[form], line.encode()), (form, line)


@pytest.mark.unmeasured
@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_line_that_a_shipped_expression_finds_is_let_through(gate: hyperscan.Database, data: st.DataObject) -> None:
    """Given any shipped expression and any ASCII text that it matches, then the gate of all of them lets it through."""
    expression = data.draw(st.sampled_from(_EXPRESSIONS))
    text = data.draw(st.from_regex(expression, alphabet=st.characters(max_codepoint=126, exclude_characters="\n")))
    for line in text.split("\n"):
        if re.search(expression, line):
            assert lines_with_needs(gate, line.encode()), (expression, line)


def test_every_example_line_that_an_expression_finds_is_let_through(gate: hyperscan.Database) -> None:
    """Given the examples of each pattern, then each line that one of its expressions finds is inside of a span."""
    for pattern in _PATTERNS:
        for example in pattern.examples:
            text = f"before\n{example}\nafter".encode()
            through = b"".join(text[start:stop] for start, stop in lines_with_needs(gate, text)).decode()
            found = [line for line in example.split("\n") if any(re.search(one, line) for one in pattern.expressions)]
            assert [line for line in found if line not in through.split("\n")] == [], pattern.id


def test_common_words_in_a_row_are_looked_for_as_a_whole() -> None:
    """Given words that are common each by itself, then what a line must hold is all of them, not one."""
    assert {need.text for need in needs_of(r"(?:[Cc]ould not|[Uu]nable to) transfer\b")} == {
        *("Could not transfer", "could not transfer", "Unable to transfer", "unable to transfer"),
    }


def test_spans_are_whole_lines_and_those_that_touch_are_one() -> None:
    """Given hits on some lines, then their spans hold the line breaks, and lines without a hit are in none."""
    text = b"one\nbroken pipe\nbroken pipe\ntwo\n\nbroken pipe"
    spans = lines_with_needs(_gate(["broken pipe"]), text)
    assert [text[start:stop] for start, stop in spans] == [b"broken pipe\nbroken pipe\n", b"broken pipe"]
    assert lines_with_needs(_gate(["broken pipe"]), b"one\ntwo\n") == []


def test_a_text_that_is_nothing_but_hits_is_let_through_as_a_whole() -> None:
    """Given more hits than are counted, then the whole text is one span."""
    text = b"broken pipe\n" * (MAX_GATE_HITS + 1) + b"tail\n"
    assert lines_with_needs(_gate(["broken pipe"]), text) == [(0, len(text))]


def test_rare_words_are_looked_for_rather_than_common_ones() -> None:
    """Given an expression with a common and a rare word, then the rare one is needed, one for each of its alternatives."""
    assert {need.text for need in needs_of(r"error: .* (?:quota exhausted|lease revoked)")} == {" quota exhausted", " lease revoked"}
    assert {need.text for need in needs_of(r"(?i)Lease REVOKED")} == {"lease revoked"}
    (need,) = needs_of(r"\S+:\d+:\d+ +error$")
    assert need.is_fragment


def test_most_of_an_ordinary_log_does_not_pass(gate: hyperscan.Database) -> None:
    """Given lines of a passing build, then not one of fifty is let through."""
    line = "2026-01-01T00:00:00.0000000Z [INFO] compiling module number {} with {} warnings in {} ms\n"
    text = "".join(line.format(number, number % 7, number * 3 % 1000) for number in range(1000)).encode()
    assert sum(stop - start for start, stop in lines_with_needs(gate, text)) * 50 < len(text)


def test_common_grams_are_those_of_many_lines() -> None:
    """Given lines, then what many of them hold is common, however often one line repeats a text, and the module's text holds it."""
    lines = ["Loading it"] * 3 + ["zzzzz " * 50, *map(str, range(1500))]
    found = common_grams(lines)
    assert "loadi" in found
    assert "zzzzz" not in found
    namespace: dict[str, str] = {}
    exec(module_of(found), namespace)  # noqa: S102 - the text that was just made
    assert namespace["COMMON_GRAMS"] == "".join(found)
