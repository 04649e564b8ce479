"""What is wrong with a workflow whose shape is right: recipes, bounds, types, expressions, and references to what comes later.

Called by ``console/workflow_files.py``. An expression's types are found by working it out over samples of everything that it may name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from console.workflow_rows import Row, Rows
from console.workflow_samples import samples_of
from console.workflow_shapes import MOST_NESTED, MOST_STEPS
from console.yaml_places import Problem, Step
from schemas.catalogue import card_named
from schemas.expressions import Unknowable, names_in, value_of, why_not_read
from schemas.strategy_card import Reversibility, StrategyCard
from schemas.workflow_cards import factors_of
from schemas.workflow_values import NAMES, OF_TARGETS, as_kind, kind_of, wrong_with_input
from schemas.workflows import Given, Input, ValueType

_TEXTS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_STEP = re.compile(r"\bsteps\s*\.\s*([A-Za-z_]\w*)")
_BRACKET = re.compile(r"\b(steps|inputs)\s*\[")
_BOUNDED = frozenset({ValueType.INT, ValueType.DURATION, ValueType.STRING})
Cards = tuple[StrategyCard, ...]


def problems_of(rows: Rows, cards: Cards, others: frozenset[str]) -> list[Problem]:
    """Return everything that is wrong; ``others`` are the other workflows' names."""
    found = [*_of_names(rows, cards), *_of_size(rows), *_of_rings(rows)]
    for row in rows.workflow.inputs:
        found += _of_input(rows, row)
    for step in rows.steps:
        found += _of_step(rows, step, cards, others)
    return [*found, *_of_outputs(rows, cards), *_of_verify(rows, cards)]


def _of_names(rows: Rows, cards: Cards) -> Iterator[Problem]:
    if card_named(cards, rows.workflow.name):
        yield rows.document.problem(("name",), f"{rows.workflow.name} is a recipe's name", "give it another name")
    names = [row.use.name for row in rows.steps]
    for number, row in enumerate(rows.steps):
        if row.use.name in names[:number]:
            yield rows.document.problem((*row.path, "step"), f"{row.use.name} is there twice", "give it another name")


def _of_size(rows: Rows) -> Iterator[Problem]:
    if len(rows.steps) > MOST_STEPS:
        yield rows.document.problem(("steps",), f"{len(rows.steps)} steps, the most is {MOST_STEPS}", "make two workflows of it")
    deep = next((row for row in rows.steps if sum(part in {"sequence", "parallel"} for part in row.path) > MOST_NESTED), None)
    if deep:
        yield rows.document.problem(deep.path, f"it is nested deeper than {MOST_NESTED} blocks", "write it flatter")


def _of_rings(rows: Rows) -> Iterator[Problem]:
    """Find steps that read each other: none of them could ever begin."""
    reads = {row.use.name: {name for text in _texts_of(row) for name in _steps_in(text)} for row in rows.steps}
    for row in rows.steps:
        ring = _way(reads, row.use.name, row.use.name)
        # One that reads itself is told where it does.
        if len(ring) > 2:
            yield rows.document.problem(row.path, f"it is a cycle: {' reads '.join(ring)}", "let one of them do without the other")


def _way(reads: Mapping[str, set[str]], start: str, end: str) -> list[str]:
    """Return a way from a step along what is read to another one, empty when there is none."""
    todo = [[start]]
    seen: set[str] = set()
    while todo:
        way = todo.pop()
        for name in sorted(reads.get(way[-1], ())):
            if name == end:
                return [*way, end]
            if name not in seen:
                seen.add(name)
                todo.append([*way, name])
    return []


def _of_input(rows: Rows, row: Input) -> Iterator[Problem]:
    path = ("inputs", row.name)
    if row.name in OF_TARGETS:
        yield rows.document.problem(path, f"{row.name} is what every command says of its target", "give it another name")
    if (row.type is ValueType.ENUM) is not bool(row.choices):
        mend = "list the values of an enum, and of nothing else"
        yield rows.document.problem((*path, "type"), f"{row.type} {'without' if row.type is ValueType.ENUM else 'with'} values", mend)
    elif (row.least is not None or row.most is not None) and row.type not in _BOUNDED:
        yield rows.document.problem((*path, "type"), f"a {row.type} has no min and max", "leave them out")
    elif row.least is not None and row.most is not None and row.least > row.most:
        yield rows.document.problem((*path, "min"), "it is more than max", "put them in order")
    else:
        wrong = wrong_with_input(row, row.default)
        if wrong:
            yield rows.document.problem((*path, "default"), wrong, "write a default that fits the type and the bounds")


def _of_step(rows: Rows, row: Row, cards: Cards, others: frozenset[str]) -> Iterator[Problem]:
    use, card = row.use, card_named(cards, row.use.recipe)
    if card is None:
        yield _of_unknown(rows, row, cards, others)
        return
    yield from _of_target(rows, row, card, cards)
    if row.when:
        yield from _of_cel(rows, (*row.path, "when"), row.when, bool, row.visible, cards)
    for given in use.given:
        yield from _of_given(rows, row, given, card, cards)
    if use.undo and card.reversibility is Reversibility.NONE:
        mend = "write `undo: {none: <why that is right>}`"
        yield rows.document.problem((*row.path, "use"), f"what {use.recipe} does cannot be taken back", mend)
    if use.timeout_s is not None and use.timeout_s > rows.workflow.deadline_s:
        yield rows.document.problem((*row.path, "timeout"), "it is longer than the deadline of the whole workflow", "make it shorter")


def _of_unknown(rows: Rows, row: Row, cards: Cards, others: frozenset[str]) -> Problem:
    path, name = (*row.path, "use"), row.use.recipe
    if name == rows.workflow.name:
        return rows.document.problem(path, "it is a cycle: the workflow uses itself", "use recipes")
    if name in others:
        return rows.document.problem(path, f"{name} is a workflow, and a workflow's steps are recipes'", "write its steps here")
    return rows.document.problem(path, f"{name} is no recipe", f"use one of {', '.join(card.name for card in cards)}")


def _of_target(rows: Rows, row: Row, card: StrategyCard, cards: Cards) -> Iterator[Problem]:
    target = row.use.target
    wanted = f"name one of type {', '.join(sorted(card.targets))}"
    if target is None:
        unfit = sorted(rows.workflow.targets - card.targets)
        if unfit:
            what = f"{card.name} cannot heal the workflow's own target of type {', '.join(unfit)}"
            yield rows.document.problem((*row.path, "step"), what, f"say with `on:` what it heals; {wanted}")
    elif target.cel:
        yield from _of_cel(rows, (*row.path, "on", "cel"), target.cel, str, row.visible, cards)
    elif str(target.value).partition(":")[0] not in card.targets or ":" not in str(target.value):
        yield rows.document.problem((*row.path, "on"), f"{target.value} is no target of {card.name}", wanted)


def _of_given(rows: Rows, row: Row, given: Given, card: StrategyCard, cards: Cards) -> Iterator[Problem]:
    path, bounds = (*row.path, "with", given.name), dict(card.bounds)
    if given.name not in bounds:
        mend = f"write one of {', '.join(bounds)}" if bounds else "leave it out"
        yield rows.document.problem(path, f"{card.name} has no {given.name}", mend)
        return
    widest = bounds[given.name]
    if given.cel:
        yield from _of_cel(rows, (*path, "cel"), given.cel, type(widest), row.visible, cards)
        return
    value = as_kind(given.value, type(widest))
    if value is None:
        yield rows.document.problem(path, f"{given.value!r} is no {_word(type(widest))}", "write a value of the recipe's type")
    elif isinstance(value, int | float) and isinstance(widest, int | float) and value > widest:
        yield rows.document.problem(path, f"{value} is wider than the {widest} of {card.name}", "a workflow may only narrow a recipe")


def _of_outputs(rows: Rows, cards: Cards) -> Iterator[Problem]:
    every = tuple(row.use.name for row in rows.steps)
    for row in rows.workflow.outputs:
        yield from _of_cel(rows, ("outputs", row.name, "cel"), row.cel, kind_of(row.type), every, cards)


def _of_verify(rows: Rows, cards: Cards) -> Iterator[Problem]:
    known = factors_of(rows.workflow, cards)
    for number, name in enumerate(rows.workflow.verify):
        if name not in known:
            yield rows.document.problem(("verify", number), f"{name} is no factor of a step", f"name some of {', '.join(known)}")


def _of_cel(rows: Rows, path: tuple[Step, ...], text: str, kind: type, visible: tuple[str, ...], cards: Cards) -> Iterator[Problem]:
    why = why_not_read(text)
    if why:
        yield rows.document.problem(path, f"this is no CEL: {why}", "correct the expression")
        return
    bare = _TEXTS.sub("''", text)
    wrong = _wrong_name(rows, bare, visible) or ("write inputs.name and steps.name, without brackets" if _BRACKET.search(bare) else "")
    strangers = sorted(names_in(text) - NAMES - _bound_in(bare))
    if wrong or strangers:
        mend = "read steps that have always ended before" if wrong else f"name {', '.join(sorted(NAMES))} only"
        yield rows.document.problem(path, wrong or f"there is no {strangers[0]}", mend)
        return
    mistake = _wrong_value(text, kind, [*samples_of(rows.workflow, visible, cards, text)])
    if mistake:
        yield rows.document.problem(path, mistake, "convert with int(x), double(x) or string(x), or name another value")


def _wrong_name(rows: Rows, text: str, visible: tuple[str, ...]) -> str:
    every = {row.use.name for row in rows.steps}
    for name in _steps_in(text):
        if name not in every:
            return f"there is no step {name}"
        if name not in visible:
            return f"step {name} has not ended by then: it comes later, is another branch, or is the step itself"
    return ""


def _wrong_value(text: str, kind: type, samples: list[Mapping[str, object]]) -> str:
    found = [value_of(text, names) for names in samples]
    unknown = [value for value in found if isinstance(value, Unknowable)]
    mistyped = next((value.why for value in unknown if value.mistyped), "")
    if mistyped or len(unknown) == len(found):
        return mistyped or unknown[0].why
    other = next((value for value in found if not isinstance(value, Unknowable) and as_kind(value, kind) is None), None)
    return "" if other is None else f"it is a {_word(type(other))}, and a {_word(kind)} is wanted"


def _steps_in(text: str) -> list[str]:
    return _STEP.findall(_TEXTS.sub("''", text))


def _bound_in(text: str) -> frozenset[str]:
    """Return the names that a macro binds for itself: ``list.exists(x, x > 1)``."""
    return frozenset(re.findall(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,", text))


def _texts_of(row: Row) -> list[str]:
    given = [one.cel for one in (*row.use.given, *([row.use.target] if row.use.target else []))]
    return [text for text in (*given, row.when) if text]


def _word(kind: type) -> str:
    words = {str: "string", int: "int", float: "number", bool: "bool", list: "list", dict: "map"}
    return words.get(kind, kind.__name__)
