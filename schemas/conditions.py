"""Conditions in CEL: a text with typed variables becomes a program once, and a yes or no many times.

Pure. A text is checked for everything that can be known before it runs: its grammar, unknown names, values that a variable never has,
and types. What still fails while it runs is an answer of its own, so that nobody takes it for a no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.cel_programs import compiled, context_of, program_of

if TYPE_CHECKING:
    import cel

MAX_CHARS = 2_000
_SETS_KEPT = 8
_FAILURES = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
FUNCTIONS = frozenset({"size", "contains", "startsWith", "endsWith", "matches", "int", "uint", "double", "string", "dyn"})
Value = str | int | float | bool | tuple[str, ...] | Mapping[str, str]

_PLACE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")
_BOUND = re.compile(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
_STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
_TOKEN = re.compile(rf"{_STRING}|&&|\|\||[()\[\]{{}}?:]|[^\s]", re.DOTALL)
_LITERAL = rf"{_STRING}|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false"
_NAME = r"(?<![\w.])([A-Za-z_]\w*)(?![\w.(\[])"
_NAME_IS = re.compile(rf"{_NAME}\s*(?:==|!=)\s*({_LITERAL})")
_IS_NAME = re.compile(rf"({_LITERAL})\s*(?:==|!=)\s*{_NAME}")
_CALLED = re.compile(r"Undefined variable or function: '(\w+)'")
_NAME_IN = re.compile(rf"{_NAME}\s+in\s+\[([^\]]*)\]")


class Type(StrEnum):
    """What values a variable has, under CEL's own names."""

    TEXT = "string"
    COUNT = "int"
    NUMBER = "double"
    FLAG = "bool"
    TEXTS = "list(string)"
    WORDS = "map(string, string)"


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that a condition may read, what it means, and its only values when they are a closed set."""

    name: str
    type: Type
    meaning: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong with a text, and where in it (line and column from 1)."""

    line: int
    column: int
    what: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A condition that could not be evaluated, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked text and the variables that it reads."""

    text: str
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """The variables' values, made ready once for many conditions."""

    plain: Mapping[str, Value]
    ready: cel.Context = field(compare=False, repr=False)


def ready(values: Mapping[str, Value]) -> Values:
    """Return the values made ready for ``evaluate``."""
    return Values(values, context_of(values))


def compile_condition(text: str, variables: Sequence[Variable]) -> Condition | Misfit:
    """Return the condition, or the first thing that is wrong with it."""
    if len(text) > MAX_CHARS:
        return Misfit(1, 1, f"a condition has at most {MAX_CHARS} characters")
    try:
        program = program_of(text)
    except ValueError as error:
        return _syntax(str(error))
    known = {row.name: row for row in variables}
    reads = tuple(name for name in program.variables() if name not in _BOUND.findall(text))
    return (
        next(_unknown(text, reads, program.functions(), known), None)
        or next(_never_equal(text, known), None)
        or next(_ill_typed(text, variables), None)
        or Condition(text, reads)
    )


def evaluate(text: str, values: Values) -> Value | Failed:
    """Return what the text gives for the values, or why it gives nothing."""
    try:
        found: Value = program_of(text).execute(values.ready)
    except _FAILURES as error:
        return Failed(f"{type(error).__name__}: {str(error)[:200]}")
    return found


def holds(text: str, values: Values) -> bool | Failed:
    """Tell whether the condition holds; what is neither yes nor no has failed."""
    found = evaluate(text, values)
    return found if isinstance(found, bool | Failed) else Failed(f"it gives {type(found).__name__}, not a yes or no")


def hold_all(texts: tuple[str, ...], values: Values) -> tuple[bool | Failed, ...]:
    """Return what ``holds`` returns for each text, asked together: a third of the time while none fails."""
    together = _together(texts)
    if together is not None:
        try:
            found = together.execute(values.ready)
        except _FAILURES:
            found = ()
        if len(found) == len(texts) and all(isinstance(answer, bool) for answer in found):
            return tuple(found)
    return tuple(holds(text, values) for text in texts)


@lru_cache(_SETS_KEPT)
def _together(texts: tuple[str, ...]) -> cel.Program | None:
    try:
        # Only what is a program by itself may stand beside others: half a bracket in one text could hide the next.
        for text in texts:
            program_of(text)
        return compiled("[" + ",".join(f"(\n{text}\n)" for text in texts) + "]")
    except ValueError:
        return None


def _syntax(said: str) -> Misfit:
    found = _PLACE.search(said)
    what = found[3].replace("<EOF>", "the end").partition(" expecting {")[0] if found else said[:200]
    return Misfit(int(found[1]) if found else 1, int(found[2]) if found else 1, f"this is no CEL: {what}")


def _at(text: str, place: int, what: str) -> Misfit:
    return Misfit(text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place), what)


def _find(text: str, word: str) -> int:
    found = re.search(rf"(?<![\w.'\"]){re.escape(word)}\b", text)
    return found.start() if found else max(text.find(word), 0)


def _unknown(text: str, reads: Sequence[str], functions: Sequence[str], known: Mapping[str, Variable]) -> Iterator[Misfit]:
    for name in reads:
        if name not in known:
            yield _at(text, _find(text, name), f"there is no {name}; there is {', '.join(sorted(known))}")
    for name in functions:
        if name.isidentifier() and name not in FUNCTIONS:
            yield _at(text, max(text.find(f"{name}("), 0), f"there is no {name}(); there is {', '.join(sorted(FUNCTIONS))}")


def _never_equal(text: str, known: Mapping[str, Variable]) -> Iterator[Misfit]:
    compared = [(found[1], found.start(2), found[2]) for found in _NAME_IS.finditer(text)]
    compared += [(found[2], found.start(1), found[1]) for found in _IS_NAME.finditer(text)]
    for found in _NAME_IN.finditer(text):
        compared += [(found[1], found.start(2) + each.start(), each[0]) for each in re.finditer(_LITERAL, found[2])]
    for name, place, literal in sorted(compared, key=lambda row: row[1]):
        why = _why_never(known[name], literal) if name in known else ""
        if why:
            yield _at(text, place, why)


def _why_never(variable: Variable, literal: str) -> str:
    is_text, is_flag = literal[0] in "'\"", literal in {"true", "false"}
    fits = {Type.TEXT: is_text, Type.FLAG: is_flag, Type.COUNT: not (is_text or is_flag), Type.NUMBER: not (is_text or is_flag)}
    if not fits.get(variable.type, False):
        return f"{variable.name} is of type {variable.type} and never equals {literal}"
    if is_text and variable.choices and literal[1:-1] not in variable.choices:
        return f"{variable.name} is never {literal}; it is one of {', '.join(variable.choices)}"
    return ""


_SAMPLES: tuple[Mapping[Type, Value], ...] = (
    {Type.TEXT: "", Type.COUNT: 0, Type.NUMBER: 0.5, Type.FLAG: False, Type.TEXTS: (), Type.WORDS: {}},
    {Type.TEXT: "x", Type.COUNT: 7, Type.NUMBER: 99.5, Type.FLAG: True, Type.TEXTS: ("x",), Type.WORDS: {"x": "x"}},
)


def _ill_typed(text: str, variables: Sequence[Variable]) -> Iterator[Misfit]:
    # What stands on the other side of an ``&&`` may hide a mistake, so each side is tried by itself too.
    # The innermost first: its place is the nearest to the mistake.
    for place, part in reversed(((0, text), *_sides(text))):
        for sample in _SAMPLES:
            given: Mapping[str, Value] = {row.name: row.choices[0] if row.choices else sample[row.type] for row in variables}
            what = _mistake(part, ready(given))
            if what:
                yield _at(text, place, what)


def _mistake(part: str, values: Values) -> str:
    try:
        found = program_of(part).execute(values.ready)
    except TypeError as error:
        return str(error).partition(". ")[0]
    except RuntimeError as error:
        return _mistaken_call(str(error))
    # A part without what it binds is no whole, and a missing label is no mistake of types.
    except (ArithmeticError, LookupError, ValueError):
        return ""
    return "" if isinstance(found, bool) else f"{part.strip()} is of type {type(found).__name__}, not a yes or no"


def _mistaken_call(said: str) -> str:
    called = _CALLED.search(said)
    if called and called[1] in FUNCTIONS:
        return f"{called[1]}() does not take what it is given"
    # The rest depends on the values: a text that is no number, a name that is bound elsewhere.
    return said.partition("\n")[0] if "valid regex" in said else ""


def _sides(text: str) -> Iterator[tuple[int, str]]:
    """Yield the operands of every ``&&`` and ``||`` that stands outside of a call's or a list's brackets."""
    begin, depth, seen = 0, 0, False
    for found in _TOKEN.finditer(text):
        depth += _STEP.get(found[0], 0)
        if depth < 0:
            # The brackets around this text were not a pair.
            return
        if depth == 0 and found[0] in {"&&", "||"}:
            yield from _side(text, begin, found.start())
            begin, seen = found.end(), True
    if seen:
        yield from _side(text, begin, len(text))


_STEP: Mapping[str, int] = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def _side(text: str, begin: int, end: int) -> Iterator[tuple[int, str]]:
    part = text[begin:end]
    at = begin + len(part) - len(part.lstrip())
    part = part.strip()
    yield at, part
    if part.startswith("(") and part.endswith(")"):
        yield from ((at + 1 + place, inner) for place, inner in _sides(part[1:-1]))
