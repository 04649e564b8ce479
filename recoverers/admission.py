"""May this executor take a command at all? Signature, validity and mode, judged before the journal accepts it; pure."""

from __future__ import annotations

from datetime import datetime

from recoverers.precondition import Ending
from schemas.configuration import Configuration
from schemas.decisions import HealingCommand
from schemas.ids import Record
from schemas.matters import matter_of
from schemas.people import Right
from schemas.recoveries import OutcomeStatus
from schemas.signing import is_signed_by


def wrong_with(record: Record, admit_key: str) -> str | None:
    """Return why a record of the command topic is no order for us: only admit may sign one."""
    if not isinstance(record, HealingCommand):
        return f"{record.RECORD} does not belong on this topic"
    return None if is_signed_by(record, admit_key) else "the signature is not admit's"


def early_end(command: HealingCommand, configuration: Configuration, recipes: frozenset[str], now: datetime) -> Ending | None:
    """Return the end of a command that must not start, None when it may."""
    if now > command.not_after:
        return Ending(OutcomeStatus.EXPIRED, "command_expired")
    if command.strategy not in recipes or all(card.name != command.strategy for card in configuration.cards):
        return Ending(OutcomeStatus.REFUSED, "recipe_changed")
    if configuration.services.scope_of(command.target) != command.scope and not command.target.startswith("job:"):
        return Ending(OutcomeStatus.REFUSED, "scope_changed")
    # The rules may have changed since the yes was said, and only here and at admit are both the person and the target known.
    about = matter_of(command.target, configuration.services, command.tier, command.strategy)
    if not all(configuration.people.may(yes.person, Right.APPROVE, about) for yes in command.approvals):
        return Ending(OutcomeStatus.REFUSED, "approval_without_right")
    return None
