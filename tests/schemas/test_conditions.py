"""CEL over typed variables: what is accepted, what is told with its place, and that a failure is never taken for a no."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.conditions import (
    MAX_CHARS,
    Condition,
    Failed,
    Misfit,
    Type,
    Value,
    Variable,
    compile_condition,
    evaluate,
    hold_all,
    holds,
    ready,
)

VARIABLES = (
    Variable("kind", Type.TEXT, "its kind", ("disk_full", "service_down")),
    Variable("target", Type.TEXT, "its name"),
    Variable("risk", Type.NUMBER, "its score"),
    Variable("attempt", Type.COUNT, "its number"),
    Variable("complete", Type.FLAG, "whether all is there"),
    Variable("labels", Type.WORDS, "its labels"),
    Variable("steps", Type.TEXTS, "its steps"),
)
HERE: dict[str, Value] = {
    "kind": "disk_full",
    "target": "service:web",
    "risk": 40.0,
    "attempt": 2,
    "complete": True,
    "labels": {"data": "customers"},
    "steps": ("stop", "start"),
}


@pytest.mark.parametrize(
    ("text", "answer", "reads"),
    [
        ("complete", True, {"complete"}),
        ("kind == 'disk_full' && risk >= 40", True, {"kind", "risk"}),
        ("kind in ['service_down', 'disk_full'] || attempt > 5", True, {"kind", "attempt"}),
        ("!(complete && (attempt == 1 || risk > 90.0))", True, {"complete", "attempt", "risk"}),
        ("'data' in labels && labels.data == 'customers'", True, {"labels"}),
        ("has(labels.team) && labels.team == 'shop'", False, {"labels"}),
        ("target.startsWith('service:') && target.matches('^service:[a-z]+$')", True, {"target"}),
        ("steps.exists(step, step == 'stop') && size(steps) == 2", True, {"steps"}),
        ("attempt > 1 ? risk > 50.0 : complete", False, {"attempt", "risk", "complete"}),
        ("double(attempt) + 1.0 == 3.0", True, {"attempt"}),
        ("complete && (risk > 1.0 ? 1 : 2) == (complete && attempt == 2 ? 1 : 2)", True, {"complete", "risk", "attempt"}),
        ("target ==\n  'service:web'", True, {"target"}),
    ],
)
def test_a_condition_is_compiled_once_and_holds_or_does_not(text: str, answer: bool, reads: set[str]) -> None:
    found = compile_condition(text, VARIABLES)

    assert isinstance(found, Condition), found
    assert set(found.reads) == reads
    assert holds(text, ready(HERE)) is answer


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("", 1, 1, "no CEL"),
        ("risk >", 1, 7, "the end"),
        ("complete &&\n  && risk > 1.0", 2, 3, "no CEL"),
        ("complete && color == 'red'", 1, 13, "there is no color"),
        ("target.startWith('a')", 1, 8, "there is no startWith()"),
        ("kind == 'disk_ful'", 1, 9, "never 'disk_ful'"),
        ("'disk_ful' != kind", 1, 1, "never 'disk_ful'"),
        ("complete || kind in ['disk_full', 'disk_ful']", 1, 35, "never 'disk_ful'"),
        ("attempt == '2'", 1, 12, "of type int"),
        ("complete == 1", 1, 13, "of type bool"),
        ("labels == 'x'", 1, 11, "map(string, string)"),
        ("risk + 1 > 2.0", 1, 1, "float + int"),
        ("complete ||\n (complete && risk + 1 > 2.0)", 2, 15, "float + int"),
        ("complete || target.matches('[a')", 1, 13, "not a valid regex"),
        ("size(risk) > 1", 1, 1, "size() does not take"),
        ("complete && target.contains(1)", 1, 13, "contains() does not take"),
        ("risk", 1, 1, "not a yes or no"),
        ("complete && attempt", 1, 13, "not a yes or no"),
        (f"target == '{'x' * MAX_CHARS}'", 1, 1, "at most"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place(text: str, line: int, column: int, what: str) -> None:
    found = compile_condition(text, VARIABLES)

    assert isinstance(found, Misfit)
    assert (found.line, found.column) == (line, column)
    assert what in found.what


@pytest.mark.parametrize(
    "text", ["labels.team == 'shop'", "1 / (attempt - 2) == 1", "target.matches('[')", "risk", "missing > 1", "target + 1 == 'a'", "&&"]
)
def test_a_condition_that_fails_while_it_runs_is_no_answer(text: str) -> None:
    found = holds(text, ready(HERE))

    assert isinstance(found, Failed)
    assert found.why


@pytest.mark.parametrize(
    "texts",
    [
        (),
        ("complete", "risk > 90.0", "steps.exists(step, step == 'stop')"),
        ("complete", "labels.team == 'shop'", "!complete"),
        ("complete", "risk"),
        ("true) || (complete", "attempt == 2 // as a comment", "(false"),
        ("complete], [complete", "complete"),
        ("true) || (complete",),
    ],
)
def test_asked_together_each_answers_as_it_does_alone(texts: tuple[str, ...]) -> None:
    assert hold_all(texts, ready(HERE)) == tuple(holds(text, ready(HERE)) for text in texts)


def test_other_values_than_yes_and_no_are_for_who_asks_for_them() -> None:
    assert evaluate("target + '!'", ready(HERE)) == "service:web!"
    assert isinstance(holds("target + '!'", ready(HERE)), Failed)


@given(st.text(alphabet="risk><=&|!()[]'\".,?: 123\n", max_size=40))
@settings(deadline=None)
def test_any_text_is_a_condition_that_answers_or_a_misfit_inside_it(text: str) -> None:
    found = compile_condition(text, VARIABLES)
    if isinstance(found, Misfit):
        lines = text.split("\n")
        assert 1 <= found.line <= len(lines)
        assert 1 <= found.column <= len(lines[found.line - 1]) + 1
    else:
        assert isinstance(holds(text, ready(HERE)), bool | Failed)
