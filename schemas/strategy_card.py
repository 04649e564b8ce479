"""What one strategy is to decide and to people, without its code: the shape of every card; the cards are in ``schemas/cards``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.decisions import Parameters
from schemas.targets.index import IndexTool
from schemas.vocabulary import Kind


class Reversibility(StrEnum):
    """How far a recipe's effect can be taken back."""

    FULL = "full"
    COMPENSATED = "compensated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a strategy before it was seen here, as cases that ended well and badly, and why."""

    good: float = 2.0
    bad: float = 1.0
    why: str = "three cases, so that a handful of own ones outweighs them; a recipe is written for what it heals, so two of them ended well"


@dataclass(frozen=True, slots=True)
class StrategyCard:
    """One strategy as decide and people see it. ``base_risk`` is 0..100; ``deadline_s`` is the whole run's budget in seconds.

    Of several cards that heal the same the first in the catalogue is chosen until another one is surely better. ``outputs`` are what a
    workflow's later steps may read of it: each name with the value that stands where there is none.

    ``indexes``: it is one for jobs that read a package index of one of these tools, which the log names and the catalogue knows.
    ``patterns``: only for jobs of the catalogue whose failure one of these shows, and then no other one is.
    ``of_runners``: only for jobs that failed on a runner of the catalogue, and then no other one is.
    ``first_attempt``: what is above 1 is for a failure on which another strategy was tried in vain, and comes before that one then.
    ``moves_job``: it is one for jobs of which the CI server says on which runner they failed.
    ``asks_resolver``: it is one for jobs of a main branch whose resolver the catalogue knows.
    """

    name: str
    recipe_version: int
    title: str
    heals: frozenset[Kind]
    targets: frozenset[str]
    parameters: Parameters
    bounds: Parameters
    base_risk: float
    reversibility: Reversibility
    factors: tuple[str, ...]
    max_attempts: int
    deadline_s: float
    minimum_confidence: float
    prior: Prior = Prior()
    outputs: Parameters = ()
    indexes: frozenset[IndexTool] = frozenset()
    first_attempt: int = 1
    asks_resolver: bool = False
    patterns: frozenset[str] = frozenset()
    of_runners: bool = False
    moves_job: bool = False
