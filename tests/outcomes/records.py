"""What one run leaves behind, as it is judged and shown: written by ``watching.py`` and ``play.py``, read by the pure parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.incidents import Incident
from schemas.recoveries import RecoveryOutcome
from tests.outcomes.plan import SERVICES, Failure, Fault, Plan

HEALED, NOBODY, PERSON = "healed", "nobody mends", "a person mends"


@dataclass(slots=True)
class Begun:
    """One failure in one shop: when it began, when it was seen well again, and whether a hand mended it.

    ``was_broken``: its target still lay there from an earlier failure, so nothing new began. ``put_back``: whether a file that was
    rolled back is, byte for byte, what the hand had written; None when it was not.
    """

    failure: Failure
    target: str
    at: datetime
    was_broken: bool = False
    well_at: datetime | None = None
    by_hand: bool = False
    put_back: bool | None = None


@dataclass(slots=True)
class Watched:
    """What was seen of one shop: its failures, and for each service whether it answered, second by second."""

    name: str
    begun: list[Begun] = field(default_factory=list)
    answered: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in SERVICES})


@dataclass(frozen=True, slots=True)
class Played:
    """What one run left behind: what was seen of each shop, what the topics say, and what the checkers found."""

    plan: Plan
    person_s: float
    shops: tuple[Watched, ...]
    incidents: tuple[Incident, ...] = ()
    outcomes: tuple[RecoveryOutcome, ...] = ()
    found: Mapping[str, list[str]] = field(default_factory=dict)
    quiet_s: float = 0.0
    starts: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    journal_records: int = 0
