"""From the text of ``workflows/*.yaml`` to ``schemas.workflows.Workflow``, or to problems as ``file:line:column``.

Called by ``console/configuration.py`` for the whole folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from console.durations import seconds_in
from console.workflow_checks import problems_of
from console.workflow_rows import Row, Rows
from console.workflow_shapes import CelRow, InputRow, ParallelRow, RetryRow, SequenceRow, StepRow, WorkflowFile
from console.yaml_places import Document, Problem, Step, read_document
from schemas.strategy_card import StrategyCard
from schemas.workflows import ONCE, Chain, Fork, Given, Input, Node, Output, Retry, Use, ValueType, Workflow

FOLDER = "workflows/"


def workflows_in(texts: Mapping[str, str], cards: tuple[StrategyCard, ...], problems: list[Problem]) -> tuple[Workflow, ...]:
    """Return the workflows of all files; what is wrong with them is added to the problems."""
    read = [found for found in (_read(file, text, problems) for file, text in sorted(texts.items())) if found]
    names = [rows.workflow.name for rows in read]
    for number, rows in enumerate(read):
        mine = rows.workflow.name
        if mine in names[:number]:
            problems.append(rows.document.problem(("name",), f"{mine} is there twice", "give it another name"))
        others = frozenset(name for name in names if name != mine)
        problems += problems_of(rows, cards, others)
    return tuple(rows.workflow for rows in read)


def names_in(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names that the files give their workflows, whatever else is wrong with them."""
    documents = (read_document(file, text) for file, text in sorted(texts.items()))
    plain = (found.plain for found in documents if isinstance(found, Document))
    return tuple(str(rows["name"]) for rows in plain if isinstance(rows, Mapping) and "name" in rows)


def _read(file: str, text: str, problems: list[Problem]) -> Rows | None:
    document = read_document(file, text)
    if isinstance(document, Problem):
        problems.append(document)
        return None
    try:
        shape = WorkflowFile.model_validate(document.plain)
    except ValidationError as error:
        problems += _shown(document, error.errors())
        return None
    rows = [*_rows_in(shape)]
    return Rows(document, _workflow_of(shape, rows), tuple(rows))


def _shown(document: Document, faults: Sequence[ErrorDetails]) -> Iterator[Problem]:
    """Return each mistake once, where it stands: what holds a mistake is not a mistake of its own."""
    paths = [tuple(part for part in fault["loc"] if not str(part).startswith("<")) for fault in faults]
    seen: set[tuple[int, int]] = set()
    for path, fault in zip(paths, faults, strict=True):
        holds_one = any(len(other) > len(path) and other[: len(path)] == path for other in paths)
        place = document.place(path)
        if not holds_one and place not in seen:
            seen.add(place)
            what = fault["msg"].removeprefix("Value error, ").replace("Extra inputs are not permitted", "there is no such field")
            yield document.problem(path, what, "see docs/workflows.md")


def _rows_in(shape: WorkflowFile) -> Iterator[Row]:
    visible: tuple[str, ...] = ()
    for number, node in enumerate(shape.steps):
        found = [*_rows_of(node, ("steps", number), visible, "")]
        yield from found
        visible += tuple(row.use.name for row in found)


def _rows_of(node: StepRow | ParallelRow | SequenceRow, path: tuple[Step, ...], visible: tuple[str, ...], when: str) -> Iterator[Row]:
    """Return the steps below a node with their places and what they may read; a block's condition is each step's own."""
    whole = " && ".join(f"({text})" for text in (when, node.when) if text) if when and node.when else when or node.when or ""
    if isinstance(node, StepRow):
        yield Row(path, replace(_use_of(node), when=whole), visible, node.when or "")
        return
    if isinstance(node, ParallelRow):
        for number, branch in enumerate(node.parallel.branches):
            yield from _rows_of(branch, (*path, "parallel", "branches", number), visible, whole)
        return
    for number, step in enumerate(node.sequence):
        found = [*_rows_of(step, (*path, "sequence", number), visible, whole)]
        yield from found
        visible += tuple(row.use.name for row in found)


def _use_of(row: StepRow) -> Use:
    return Use(
        name=row.step,
        recipe=row.use,
        target=None if row.on is None else _given("on", row.on),
        given=tuple(_given(name, value) for name, value in row.with_.items()),
        retry=_retry(row.retry),
        timeout_s=row.timeout,
        undo=row.undo is True,
        why_no_undo="" if row.undo is True else row.undo.none,
    )


def _given(name: str, value: object) -> Given:
    if isinstance(value, CelRow):
        return Given(name, cel=value.cel)
    return Given(name, value if isinstance(value, bool | int | float) else str(value))


def _retry(row: RetryRow | None) -> Retry:
    return Retry(row.attempts, row.first_wait, row.factor, row.longest) if row else ONCE


def _workflow_of(shape: WorkflowFile, rows: Sequence[Row]) -> Workflow:
    uses = {row.path: row.use for row in rows}
    return Workflow(
        name=shape.name,
        version=shape.version,
        title=shape.title,
        heals=frozenset(shape.heals),
        targets=frozenset(shape.targets),
        body=Chain(tuple(_node_of(node, ("steps", number), uses) for number, node in enumerate(shape.steps))),
        inputs=tuple(_input_of(name, row) for name, row in shape.inputs.items()),
        outputs=tuple(Output(name, row.type, row.cel) for name, row in shape.outputs.items()),
        verify=shape.verify,
        deadline_s=shape.deadline,
        max_attempts=shape.max_attempts,
    )


def _node_of(node: StepRow | ParallelRow | SequenceRow, path: tuple[Step, ...], uses: Mapping[tuple[Step, ...], Use]) -> Node:
    if isinstance(node, StepRow):
        return uses[path]
    if isinstance(node, ParallelRow):
        branches = enumerate(node.parallel.branches)
        return Fork(tuple(_node_of(row, (*path, "parallel", "branches", number), uses) for number, row in branches), node.parallel.join)
    return Chain(tuple(_node_of(row, (*path, "sequence", number), uses) for number, row in enumerate(node.sequence)))


def _input_of(name: str, row: InputRow) -> Input:
    """Return the input; what is no value of its type stays as it is written, for the check to say so."""
    default, least, most = (_read_value(row.type, value) for value in (row.default, row.min, row.max))
    low, high = (float(value) if isinstance(value, int | float) else None for value in (least, most))
    return Input(name, row.type, row.default if default is None else default, low, high, row.values)


def _read_value(type_: ValueType, value: object) -> bool | int | float | str | None:
    if type_ is ValueType.DURATION and isinstance(value, str):
        try:
            return seconds_in(value)
        except ValueError:
            return value
    return value if isinstance(value, bool | int | float | str) else None
