"""Workflows as records: steps over recipes in sequence and side by side, typed inputs and outputs, retries and what takes a step back.

``console/workflow_files.py`` reads them from YAML, ``schemas/workflow_text.py`` carries them, ``recoverers/progress.py`` follows one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from schemas.decisions import Scalar
from schemas.vocabulary import Kind


class ValueType(StrEnum):
    """What a value may be; a duration is a number of seconds, an enum one word of a list."""

    STRING = "string"
    INT = "int"
    DURATION = "duration"
    BOOL = "bool"
    ENUM = "enum"


class Join(StrEnum):
    """When branches are done: all of them, or the first that is."""

    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Input:
    """A value that a run is given; ``least`` and ``most`` bound numbers (both inclusive) and the length of strings."""

    name: str
    type: ValueType
    default: Scalar
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """A value as a workflow writes it: plain, or a CEL expression over inputs and earlier steps."""

    name: str
    value: Scalar = ""
    cel: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A value that a run leaves in its record."""

    name: str
    type: ValueType
    cel: str


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failed step is made, and how long is waited before: ``first_wait_s`` seconds, times ``factor``, up to the longest."""

    attempts: int = 1
    first_wait_s: float = 1.0
    factor: float = 2.0
    longest_wait_s: float = 30.0


ONCE = Retry()


@dataclass(frozen=True, slots=True)
class Use:
    """One step: a recipe's whole plan on a target. ``timeout_s`` bounds one try, in seconds; none is the run's deadline."""

    name: str
    recipe: str
    target: Given | None = None
    given: tuple[Given, ...] = ()
    when: str = ""
    retry: Retry = ONCE
    timeout_s: float | None = None
    undo: bool = True
    why_no_undo: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps one after the other."""

    steps: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """Branches that run at the same time."""

    branches: tuple[Node, ...]
    join: Join = Join.ALL


Node = Use | Chain | Fork


@dataclass(frozen=True, slots=True)
class Workflow:
    """A strategy made of data; ``verify`` names the factors as ``step.factor``, none is every factor of every step."""

    name: str
    version: int
    title: str
    heals: frozenset[Kind]
    targets: frozenset[str]
    body: Chain
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    verify: tuple[str, ...] = ()
    deadline_s: float = 300.0
    max_attempts: int = 1

    def use(self, name: str) -> Use | None:
        """Return the step of that name."""
        return next((use for use in uses_in(self.body) if use.name == name), None)


def uses_in(node: Node) -> Iterator[Use]:
    """Return all steps below a node, in the order of the file."""
    match node:
        case Use():
            yield node
        case Chain(steps):
            for step in steps:
                yield from uses_in(step)
        case Fork(branches):
            for branch in branches:
                yield from uses_in(branch)
