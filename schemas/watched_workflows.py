"""CI workflows that touch targets: while one of them runs, what it touches is left alone; rows of the policy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkflowRule:
    """One workflow by its exact names, and what it touches; an empty ``source`` is any.

    ``targets`` are targets, service groups (``group:shop``), teams (``team:blue``), environments or ``fleet``. ``longest_s``: a run
    whose end is not seen within so many seconds counts as over, for a record of its end may be lost.
    """

    name: str
    project: str
    workflow: str
    targets: tuple[str, ...]
    source: str = ""
    deployment: bool = True
    longest_s: float = 3600.0
