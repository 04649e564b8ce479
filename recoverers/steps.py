"""The parts of a run as its journal tells them: a recipe's step as far as it went, and a workflow's step as it was entered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from recoverers.ports import Facts
from recoverers.transitions import StepState
from schemas.decisions import Parameters
from schemas.recoveries import StepDone

# Between a workflow's step and its recipe's: ``restart/start:web``.
SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step as far as it went; ``place`` is its rank by completion, which a rollback goes back along."""

    name: str
    key: str = ""
    pre_image: str = ""
    status: str = StepState.ACTING
    detail: str = ""
    tries: int = 1
    began: datetime | None = None
    ended: datetime | None = None
    place: int = 0
    failures: int = 0
    again_at: datetime | None = None
    doubt: str = ""
    outputs: Parameters = ()

    def shown(self) -> StepDone:
        """Return the step as an outcome shows it."""
        took = (self.ended - self.began).total_seconds() * 1000 if self.ended and self.began else 0.0
        return StepDone(self.name, self.status, self.detail, self.tries, took)


class EntryStatus(StrEnum):
    """What came of entering a workflow's step."""

    OPEN = "open"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """A workflow's step once it was entered: its recipe's bounds, facts and steps, by their names in this run."""

    name: str
    status: EntryStatus
    detail: str = ""
    target: str = ""
    bounds: Parameters = ()
    facts: Facts = Facts()
    steps: tuple[str, ...] = ()
