"""A workflow file's steps with their places and what each may read: what ``workflow_files`` makes and ``workflow_checks`` judges."""

from __future__ import annotations

from dataclasses import dataclass

from console.yaml_places import Document, Step
from schemas.workflows import Use, Workflow


@dataclass(frozen=True, slots=True)
class Row:
    """One step: where it stands, the steps that have always ended before it, and its own condition as written."""

    path: tuple[Step, ...]
    use: Use
    visible: tuple[str, ...]
    when: str


@dataclass(frozen=True, slots=True)
class Rows:
    """One file."""

    document: Document
    workflow: Workflow
    steps: tuple[Row, ...]
