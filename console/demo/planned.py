"""What a planned failure of the demo is: how it is provoked, how it must end, what is told of it; ``failures.py`` has them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from console.demo.stage import Stage, SurpriseError
from console.readmodel import IncidentView
from schemas.recoveries import RecoveryOutcome


@dataclass(frozen=True, slots=True)
class Ended:
    """How a failure ended: the outcome's status in words, what is worth telling, and the measured seconds."""

    status: str
    told: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedFailure:
    """One row of the demo; ``after`` names those that must have ended before."""

    name: str
    title: str
    expected: str
    play: Callable[[Stage], Ended]
    after: tuple[str, ...] = ()


def outcome_of(view: IncidentView, expected: str) -> RecoveryOutcome:
    """Return the final outcome; raises SurpriseError when its status is another."""
    final = view.final()
    if final is None or final.status != expected:
        factors = ", ".join(f"{row.factor}={row.passed}" for row in final.verification) if final else ""
        raise SurpriseError(f"ended as {final.status if final else 'nothing'} ({final.reason if final else ''}) {factors}")
    return final


def require(what: str, *, holds: bool) -> None:
    """Raise SurpriseError unless it holds."""
    if not holds:
        raise SurpriseError(what)
