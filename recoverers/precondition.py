"""Is there still something to heal, and is it still the same thing? Read from the live target just before the plan."""

from __future__ import annotations

from dataclasses import dataclass

from recoverers.ports import Facts
from schemas.decisions import HealingCommand, Mode
from schemas.recoveries import OutcomeStatus


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends, and why."""

    status: OutcomeStatus
    reason: str


def judge_facts(command: HealingCommand, facts: Facts) -> Ending | None:
    """Return the early end that the live target asks for, None when the plan may go on."""
    # The target left the catalogue, is off limits, or became something else since the diagnosis: whoever changed it knows more.
    if facts.refusal:
        return Ending(OutcomeStatus.ESCALATED if facts.for_people else OutcomeStatus.REFUSED, facts.refusal)
    # A plan is for people to look at, also when the failure has gone meanwhile.
    if facts.healthy and command.mode is Mode.RUN:
        return Ending(OutcomeStatus.SELF_HEALED, "already_healthy")
    return None
