"""The shape of a workflow file: pydantic models at the door. Called by ``console/workflow_files.py``; the editors' schema is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from console.durations import PATTERN, seconds_in
from console.shape import Name, Shape
from schemas.expressions import MAX_LETTERS
from schemas.vocabulary import Kind, is_healable
from schemas.workflows import Join, ValueType

_DURATION_SCHEMA = {"type": "string", "pattern": PATTERN, "minLength": 2, "examples": ["30s", "1m30s", "500ms"]}
Duration = Annotated[float, BeforeValidator(seconds_in), Field(ge=0, le=24 * 3600), WithJsonSchema(_DURATION_SCHEMA)]
# What an expression can name without brackets.
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Expression = Annotated[str, Field(min_length=1, max_length=MAX_LETTERS)]
TargetType = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,29}$")]
Plain = bool | int | float | str
MOST_STEPS, MOST_BRANCHES, MOST_NESTED = 50, 16, 6
_TAGS = {"step": "<step>", "sequence": "<sequence>", "parallel": "<parallel>"}


def _check_healable(kind: Kind) -> Kind:
    if not is_healable(kind):
        raise ValueError(f"no strategy may heal {kind}: name a kind that can be healed")
    return kind


class CelRow(Shape):
    """A value that is worked out: ``{cel: inputs.count + 1}``."""

    cel: Expression


def _tag_of_value(value: object) -> str | None:
    if isinstance(value, CelRow | Mapping):
        return "<cel>"
    return "<plain>" if isinstance(value, Plain) else None


Value = Annotated[
    Annotated[CelRow, Tag("<cel>")] | Annotated[Plain, Tag("<plain>")],
    Discriminator(_tag_of_value, custom_error_type="no_value", custom_error_message="write a plain value, or {cel: <expression>}"),
]


class InputRow(Shape):
    """One input; ``min`` and ``max`` bound numbers, durations, and the letters of a string."""

    type: ValueType
    default: Plain
    min: int | float | str | None = None
    max: int | float | str | None = None
    values: Annotated[tuple[str, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _bounds_fit(self) -> InputRow:
        for name, value in (("min", self.min), ("max", self.max)):
            if self.type is ValueType.DURATION and value is not None:
                seconds_in(value)
            elif isinstance(value, str):
                raise ValueError(f"{name} {value!r} is no number")
        return self


class OutputRow(Shape):
    """One value that a run leaves in its record."""

    type: ValueType
    cel: Expression


class RetryRow(Shape):
    """How often a failed step is made, and how long is waited before it is made again."""

    attempts: Annotated[int, Field(ge=1, le=20)]
    first_wait: Duration = 1.0
    factor: Annotated[float, Field(ge=1, le=10)] = 2.0
    longest: Duration = 30.0

    @model_validator(mode="after")
    def _in_order(self) -> RetryRow:
        if self.longest < self.first_wait:
            raise ValueError("the longest wait is shorter than the first one")
        return self


class NoUndoRow(Shape):
    """A step that a rollback leaves as it is, and why that is right."""

    none: Annotated[str, Field(min_length=10, max_length=200)]


def _tag_of_undo(value: object) -> str | None:
    if value is True:
        return "<yes>"
    return "<no>" if isinstance(value, NoUndoRow | Mapping) else None


Undo = Annotated[
    Annotated[Literal[True], Tag("<yes>")] | Annotated[NoUndoRow, Tag("<no>")],
    Discriminator(_tag_of_undo, custom_error_type="no_undo", custom_error_message="write true, or {none: <why nothing is taken back>}"),
]


class StepRow(Shape):
    """One step: a recipe's whole plan on a target, ``on`` (none is the workflow's own)."""

    step: Word
    use: Name
    on: Value | None = None
    with_: Annotated[dict[str, Value], Field(alias="with", max_length=20)] = {}  # noqa: RUF012 - the shape is frozen
    when: Expression | None = None
    retry: RetryRow | None = None
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    undo: Undo = True


class ForkRow(Shape):
    """Branches at the same time."""

    join: Join = Join.ALL
    branches: Annotated[tuple[NodeRow, ...], Field(min_length=2, max_length=MOST_BRANCHES)]


class ParallelRow(Shape):
    """A block of branches."""

    parallel: ForkRow
    when: Expression | None = None


class SequenceRow(Shape):
    """A block of steps one after the other, as a branch or under one condition."""

    sequence: Annotated[tuple[NodeRow, ...], Field(min_length=1, max_length=MOST_STEPS)]
    when: Expression | None = None


def _tag_of(row: object) -> str | None:
    if isinstance(row, BaseModel):
        return next(tag for key, tag in _TAGS.items() if key in type(row).model_fields)
    return next((tag for key, tag in _TAGS.items() if isinstance(row, Mapping) and key in row), None)


NodeRow = Annotated[
    Annotated[StepRow, Tag("<step>")] | Annotated[ParallelRow, Tag("<parallel>")] | Annotated[SequenceRow, Tag("<sequence>")],
    Discriminator(
        _tag_of,
        custom_error_type="no_node",
        custom_error_message="this is no step: write `step: <name>` with `use: <recipe>`, or `parallel:`, or `sequence:`",
    ),
]


class WorkflowFile(Shape):
    """``workflows/<name>.yaml``."""

    name: Name
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    title: Annotated[str, Field(min_length=5, max_length=200)]
    heals: Annotated[tuple[Annotated[Kind, AfterValidator(_check_healable)], ...], Field(min_length=1)]
    targets: Annotated[tuple[TargetType, ...], Field(min_length=1)]
    deadline: Annotated[Duration, Field(ge=1)]
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 1
    inputs: Annotated[dict[Word, InputRow], Field(max_length=30)] = {}  # noqa: RUF012 - the shape is frozen
    steps: Annotated[tuple[NodeRow, ...], Field(min_length=1, max_length=MOST_STEPS)]
    outputs: Annotated[dict[Word, OutputRow], Field(max_length=30)] = {}  # noqa: RUF012 - the shape is frozen
    verify: Annotated[tuple[str, ...], Field(max_length=200)] = ()


ForkRow.model_rebuild()
ParallelRow.model_rebuild()
SequenceRow.model_rebuild()
WorkflowFile.model_rebuild()
