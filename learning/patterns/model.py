"""The shape of a pattern file: pydantic models that turn catalogue text into checked values; used by ``loader.py`` only at the door."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from learning.patterns.linear import MOST_TIMES, repeats_wildly
from schemas.vocabulary import Group, Kind, group_of

MAX_PATTERNS_A_FILE = 20
MAX_SPAN_LINES = 50
# Below this weight a pattern that is bound to the end of a log is a hint.
HINT_WEIGHT = 0.4
_ESCAPE = re.compile(r"\\(.)")
_LOOK_AROUND = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)")
_WIDE_REPEAT = re.compile(r"[^\x00-\x7f][*+?{]")
_NESTED_REPEAT = re.compile(r"[*+]\)[*+{]")


class Remedy(StrEnum):
    """A strategy that a pattern may suggest; the policy decides."""

    RERUN_JOB = "rerun_job"
    SERVICE_RESTART = "service_restart"
    CONFIG_RESTORE = "config_restore"


class CaptureType(StrEnum):
    """How the text of a named group is to be read."""

    TEXT = "text"
    INTEGER = "integer"
    HOST = "host"
    URL = "url"
    PATH = "path"
    PACKAGE = "package"


class Anchors(BaseModel):
    """Where a pattern is meaningful: the tool that prints it, the step it runs in, and whether only near the end of the log."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = ""
    step: str = ""
    near_end: bool = False


def expression_fault(expression: str) -> str:
    """Say why an expression is refused, or return the empty string; only what runs in linear time is let in."""
    if any(found.group(1) in "123456789" for found in _ESCAPE.finditer(expression)):
        return "back-references are refused: an expression must run in linear time"
    if _WIDE_REPEAT.search(expression):
        return "a repeat of a letter outside ASCII is refused: the automaton sees its bytes"
    bare = _ESCAPE.sub("__", expression)
    if _LOOK_AROUND.search(bare):
        return "look-around and conditionals are refused: an expression must run in linear time"
    if _NESTED_REPEAT.search(bare):
        return "a repeat inside a repeat is refused: confirming it may take exponential time"
    try:
        compiled = re.compile(expression)
    except re.error as error:
        return f"does not compile: {error}"
    if repeats_wildly(expression):
        return f"a part that varies is repeated more than {MOST_TIMES} times: confirming it may take exponential time"
    return "matches the empty string" if compiled.search("") else ""


def _refuse_faults(expression: str) -> str:
    fault = expression_fault(expression)
    if fault:
        raise ValueError(fault)
    return expression


Expression = Annotated[str, Field(min_length=3, max_length=800), AfterValidator(_refuse_faults)]


class Pattern(BaseModel):
    """One way in which a failure shows: ``expressions`` in order, each on its own line, all within ``span`` lines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=80)]
    kind: Kind
    title: Annotated[str, Field(min_length=8, max_length=160)]
    expressions: Annotated[tuple[Expression, ...], Field(min_length=1, max_length=4)]
    span: Annotated[int, Field(ge=1, le=MAX_SPAN_LINES)] = 1
    anchors: Anchors = Anchors()
    excludes: tuple[Expression, ...] = ()
    captures: dict[str, CaptureType] = Field(default_factory=dict)
    weight: Annotated[float, Field(gt=0.0, le=1.0)]
    transient: bool = False
    remedy: tuple[Remedy, ...] = ()
    examples: Annotated[tuple[str, ...], Field(min_length=2)]
    counter_examples: Annotated[tuple[str, ...], Field(min_length=2)]
    source: Annotated[str, Field(min_length=3)]
    since: Annotated[str, Field(pattern=r"^\d+\.\d+$")]

    @property
    def is_hint(self) -> bool:
        """Tell whether it is words of the wire or the system, not of one tool: heard only where no other pattern explains a failure."""
        return self.weight < HINT_WEIGHT and self.anchors.near_end

    @field_validator("kind")
    @classmethod
    def _a_failure(cls, kind: Kind) -> Kind:
        if group_of(kind) not in {Group.INFRA, Group.CODE}:
            message = "a pattern's kind must be an infra or a code failure"
            raise ValueError(message)
        return kind

    @model_validator(mode="after")
    def _consistent(self) -> Pattern:
        if self.remedy and group_of(self.kind) is Group.CODE:
            message = "a code failure has no remedy"
            raise ValueError(message)
        named = {name for expression in self.expressions for name in re.compile(expression).groupindex}
        if named != set(self.captures):
            message = f"captures must type exactly the named groups {sorted(named)}"
            raise ValueError(message)
        if len(self.expressions) > self.span:
            message = "span must cover one line for each expression"
            raise ValueError(message)
        return self


class PatternFile(BaseModel):
    """One family of patterns in one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    patterns: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=MAX_PATTERNS_A_FILE)]


def unchecked_file(document: Mapping[str, Any]) -> PatternFile:
    """Return what validating would return for a document that has passed it before, without checking anything again."""
    patterns = tuple(Pattern.model_construct(**_as_typed(one)) for one in document["patterns"])
    return PatternFile.model_construct(family=document["family"], patterns=patterns)


def _as_typed(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _TYPED[name](value) if name in _TYPED else value for name, value in plain.items()}


# How the fields that JSON knows no type for are read; the others are what they are.
_TYPED: Mapping[str, Callable[[Any], object]] = {
    "kind": Kind,
    "expressions": tuple,
    "excludes": tuple,
    "examples": tuple,
    "counter_examples": tuple,
    "anchors": lambda plain: Anchors.model_construct(**plain),
    "captures": lambda plain: {name: CaptureType(one) for name, one in plain.items()},
    "remedy": lambda plain: tuple(map(Remedy, plain)),
    "weight": float,
}
