"""May this executor take a command at all? Signature, validity, target and parameters, judged before the journal accepts it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from recoverers.precondition import Ending
from schemas.catalogue import card_named
from schemas.configuration import Configuration
from schemas.decisions import HealingCommand
from schemas.door import Refused
from schemas.ids import Record
from schemas.matters import matter_of
from schemas.oversight import AuditEntry
from schemas.people import Right
from schemas.recoveries import OutcomeStatus
from schemas.services import UPSTREAM
from schemas.signing import is_signed_by

# A job's target is these of its run, in this order.
_OF_A_JOB = ("source", "project", "run_id", "job")


def wrong_with(record: Record, admit_key: str) -> str | None:
    """Return why a record of the command topic is no order for us: only admit may sign one."""
    if not isinstance(record, HealingCommand):
        return f"{record.RECORD} does not belong on this topic"
    return None if is_signed_by(record, admit_key) else "the signature is not admit's"


def audit_refused(refused: Refused, place: str, now: datetime) -> AuditEntry:
    """Return what the audit keeps of a record that is no order for us: where it lies, why, and its hash; nothing that it claims."""
    details = (("reason", f"{refused.reason}: {refused.detail}"), ("sha256", refused.sha256))
    return AuditEntry("executor", "command.refused", place, now, details)


def early_end(command: HealingCommand, configuration: Configuration, recipes: frozenset[str], now: datetime) -> Ending | None:
    """Return the end of a command that must not start, None when it may."""
    if now > command.not_after:
        return Ending(OutcomeStatus.EXPIRED, "command_expired")
    if command.strategy not in recipes or all(card.name != command.strategy for card in configuration.cards):
        return Ending(OutcomeStatus.REFUSED, "recipe_changed")
    unfit = _why_unfit(command, configuration)
    if unfit:
        return Ending(OutcomeStatus.REFUSED, unfit)
    if configuration.services.scope_of(command.target) != command.scope and not command.target.startswith("job:"):
        return Ending(OutcomeStatus.REFUSED, "scope_changed")
    # The rules may have changed since the yes was said, and only here and at admit are both the person and the target known.
    about = matter_of(command.target, configuration.services, command.tier, command.strategy)
    if not all(configuration.people.may(yes.person, Right.APPROVE, about) for yes in command.approvals):
        return Ending(OutcomeStatus.REFUSED, "approval_without_right")
    return None


def _why_unfit(command: HealingCommand, configuration: Configuration) -> str | None:
    """Return why a command's target is none that the strategy heals here, or why its parameters speak of another one."""
    card = card_named(configuration.cards, command.strategy)
    kind, _, name = command.target.partition(":")
    services = configuration.services
    # A job of a repository that the catalogue knows may also be healed there.
    is_there = kind == "job" and "repo" in (card.targets if card else ()) and services.repository_of(command.target) is not None
    if card is not None and kind not in card.targets and not is_there:
        return "target_does_not_fit"
    known = {"service": services.service, "config": lambda one: services.config(one.partition(":")[0]), UPSTREAM: services.upstream}
    look_up = known.get(kind)
    if look_up is not None and look_up(name) is None:
        return "target_unknown"
    return None if _speaks_of(dict(command.parameters), kind, name) else "parameters_do_not_fit"


def _speaks_of(said: Mapping[str, object], kind: str, name: str) -> bool:
    """Tell whether parameters that name a target of this kind name this one."""
    if kind != "job":
        # A configuration's target also names its path.
        return kind not in said or said[kind] in {name, name.partition(":")[0] if kind == "config" else name}
    return not any(word in said for word in _OF_A_JOB) or "/".join(str(said.get(word)) for word in _OF_A_JOB) == name
