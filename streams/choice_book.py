"""What decide remembers of its choices: verified cases by strategy, who leads, and what heals where nothing is done.

Kept beside decide's history (``healing_history.py``), from its own decisions and their outcomes. A case is counted once, for the first
attempt; what was refused, observed, expired or healed by itself is nobody's merit. Several incidents of one cause are no many cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from learning.off_policy import Tally, Worth, add_case, fade, worth_of
from schemas.configuration import Configuration
from schemas.decisions import Decision, Verdict
from schemas.events import Trust
from schemas.incidents import Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Emit, Output
from schemas.oversight import AuditEntry
from schemas.policy import Policy
from schemas.recoveries import HOLDOUT, OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from streams.choice_record import ChoiceRecord, case_weight, choice_in
from streams.gates.facts import AUTOMATIC_PROPOSER
from streams.rows import Rows

MAX_ARMS = 500
MAX_WAITING = 50_000
# The arm that does nothing.
UNTOUCHED = ""
_MARKED = "marked"
_ENDED_WELL = {OutcomeStatus.HEALED: True, OutcomeStatus.ROLLED_BACK: False, OutcomeStatus.ROLLBACK_FAILED: False}
_ACTS = frozenset({Verdict.HEAL, Verdict.ASK})


@dataclass(frozen=True, slots=True)
class ArmRow:
    """The cases of one strategy on one kind of failure and type of target, by source, as they counted at ``at``."""

    at: datetime
    tallies: tuple[Tally, ...] = ()

    def faded(self, now: datetime, policy: Policy) -> tuple[Tally, ...]:
        """Return the cases as they count now."""
        return fade(self.tallies, (now - self.at).total_seconds(), policy.choice_half_life_s)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Of one kind of failure on one type of target: who leads, and how many incidents healed by themselves before anything was done."""

    leader: str = ""
    self_healed: int = 0


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A first attempt whose end is not known yet; of a held-out incident ``until`` is when it counts as not healed by itself."""

    group: str
    strategy: str
    source: str
    weight: float = 1.0
    until: datetime | None = None


def group_of_incident(kind: Kind, target: str) -> str:
    """Return the name under which like failures are counted."""
    return f"{kind}|{target.partition(':')[0]}"


def is_one_case(incident: Incident) -> bool:
    """Tell whether an incident may be experimented on and teach: no person's, no fork's, and none of a storm's, which has one cause."""
    is_alone = incident.parent is None and not incident.is_storm()
    return is_alone and incident.opened_by == AUTOMATIC_PROPOSER and incident.provenance.trust is not Trust.FORK


def is_verified(outcome: RecoveryOutcome) -> bool:
    """Tell whether an outcome shows what its strategy achieved: a failure, or a success that every factor confirms."""
    is_known = outcome.status in _ENDED_WELL and not outcome.dry_run
    confirmed = bool(outcome.verification) and all(factor.passed for factor in outcome.verification)
    return is_known and (confirmed or outcome.status is not OutcomeStatus.HEALED)


class ChoiceBook:
    """Rows by kind, type of target and strategy, and the cases that are under way."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration) -> None:
        """Begin again from a snapshot's entries."""
        self._policy = configuration.policy
        self._arms = Rows("arm/", ArmRow, MAX_ARMS)
        self._groups = Rows("group/", GroupRow, MAX_ARMS)
        self._cases = Rows("case/", CaseRow, MAX_WAITING)
        for rows in self.tables():
            rows.load(entries)
        self._held = {name for name, row in self._cases.items() if row.until}

    def worth(self, group: str, strategy: str, now: datetime) -> Worth:
        """Return what the cases of a strategy are worth now."""
        row = self._arms.get(f"{group}|{strategy}")
        return worth_of(row.faded(now, self._policy)) if row else Worth()

    def group(self, group: str) -> GroupRow:
        """Return who leads in a group and what healed by itself in it."""
        return self._groups.get(group) or GroupRow()

    def note_decision(self, decision: Decision, incident: Incident) -> Sequence[Output]:
        """Remember who leads, and what a first attempt's end will teach; return what is said when the lead changes."""
        record = choice_in(decision)
        if record is None or decision.attempt > 1:
            return ()
        group = group_of_incident(decision.kind, decision.target)
        run = incident.run
        case = CaseRow(group, decision.strategy, f"{run.source}/{run.project}" if run else incident.scope)
        if is_one_case(incident) and decision.reason.startswith(f"{HOLDOUT}:"):
            until = decision.detected_at + timedelta(seconds=self._policy.decision_valid_s)
            self._cases.put(decision.incident_id, replace(case, strategy=UNTOUCHED, until=until))
            self._held.add(decision.incident_id)
        elif is_one_case(incident) and decision.verdict in _ACTS and not decision.dry_run:
            self._cases.put(decision.incident_id, replace(case, weight=case_weight(decision, record)))
        return self._note_leader(group, record, decision)

    def note_outcome(self, outcome: RecoveryOutcome) -> None:
        """Count what a first attempt came to, once."""
        case = self._cases.get(outcome.incident_id)
        if case is None or case.until or outcome.status is OutcomeStatus.PLANNED:
            return
        self._cases.drop(outcome.incident_id)
        if outcome.status is OutcomeStatus.SELF_HEALED and outcome.reason != _MARKED:
            row = self.group(case.group)
            self._groups.put(case.group, replace(row, self_healed=row.self_healed + 1))
        if is_verified(outcome):
            self._count(case, outcome.finished_at, is_good=_ENDED_WELL[outcome.status])

    def note_update(self, update: IncidentUpdate) -> None:
        """Count a held-out incident whose condition cleared: it healed without us."""
        case = self._cases.get(update.incident_id)
        if case and case.until and update.cause is UpdateCause.RESOLVED:
            self._settle(update.incident_id, case, update.at, is_good=update.at <= case.until)

    def settle_held(self, now: datetime) -> None:
        """Count the held-out incidents that did not heal in time."""
        for name in sorted(self._held):
            case = self._cases.get(name)
            if case is None:
                self._held.discard(name)
            elif case.until and case.until <= now:
                self._settle(name, case, case.until, is_good=False)

    def tables(self) -> tuple[Rows[ArmRow], Rows[GroupRow], Rows[CaseRow]]:
        """Return the rows whose entries are this book's state."""
        return (self._arms, self._groups, self._cases)

    def _settle(self, name: str, case: CaseRow, at: datetime, *, is_good: bool) -> None:
        self._cases.drop(name)
        self._held.discard(name)
        self._count(case, at, is_good=is_good)

    def _count(self, case: CaseRow, at: datetime, *, is_good: bool) -> None:
        name = f"{case.group}|{case.strategy}"
        row = self._arms.get(name) or ArmRow(at)
        tallies = add_case(row.faded(at, self._policy), case.source, case.weight, is_good=is_good)
        self._arms.put(name, ArmRow(max(at, row.at), tallies))

    def _note_leader(self, group: str, record: ChoiceRecord, decision: Decision) -> Sequence[Output]:
        row, names = self.group(group), [arm.strategy for arm in record.arms]
        before = row.leader or names[0]
        # Where the leader was not allowed nothing was said of its lead.
        if record.leads == before or before not in names:
            return ()
        self._groups.put(group, replace(row, leader=record.leads))
        details = (("before", before), ("group", group), ("incumbent", names[0]))
        return [Emit(AuditEntry("decide", "strategy.leads", record.leads, decision.decided_at, details, evidence=(decision.incident_id,)))]
