"""Unexplained failures become proposed patterns, which wait for a person's word and expire; used by ``streams/learn.py``.

Only what an authenticated producer vouches for counts, never a fork; what is mined is shown and counted, it decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from learning.backtest import BackTest
from learning.proposing import Draft
from learning.structure import states_end
from learning.templates import Seen, Template, TemplateMiner
from schemas.events import Origin, Trust
from schemas.ids import from_micros, id_of, micros
from schemas.incidents import Incident
from schemas.outputs import Emit, Output
from schemas.oversight import AuditEntry
from schemas.people import People
from schemas.policy import Policy
from schemas.proposals import EvidenceLine, PatternProposal, ProposalVerdict, ProposalWord, TriedOn, why_word_not_counted, why_word_too_late
from streams.rows import Rows

# Of one failure so many lines are counted: its last ones, which stand nearest to its end.
MAX_LINES = 12
MAX_ROWS = 200
MAX_TOLD = 10
# A draft costs a back-test; more than this an hour no fleet has new families of failures.
MAX_DRAFTS_AN_HOUR = 10
_HOUR = timedelta(hours=1)
_SWEEP = timedelta(minutes=1)

MakeDraft = Callable[[Sequence[Template], Collection[str]], Draft | None]


class ProposalState(StrEnum):
    """How far a proposal has come: ``withheld`` is refused by its back-test, shown and not offered."""

    OPEN = "open"
    WITHHELD = "withheld"
    ACCEPTED = "accepted"
    REFUSED = "refused"


_AFTER = {
    ProposalVerdict.ACCEPTED: ProposalState.ACCEPTED,
    ProposalVerdict.EDITED: ProposalState.ACCEPTED,
    ProposalVerdict.REFUSED: ProposalState.REFUSED,
}


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One proposal by the id of its pattern; kept until it expires, whatever was said, so that nobody is asked the same again."""

    proposal: str
    expression: str
    state: ProposalState
    at: datetime
    expires_at: datetime


class ProposalBook:
    """The templates that are counted, and the proposals that came of them."""

    def __init__(self, entries: Mapping[str, str], policy: Policy, draft: MakeDraft | None) -> None:
        """Begin again from a snapshot's entries; without ``draft`` nothing is mined."""
        self._policy, self._draft = policy, draft
        self._miner = TemplateMiner(entries, per_owner=policy.proposal_per_owner)
        self._rows = Rows("proposal/", ProposalRow, MAX_ROWS)
        self._rows.load(entries)
        self._swept_at: datetime | None = None

    def on_incident(self, incident: Incident) -> Sequence[Output]:
        """Count an incident that nothing explains; propose when its failure was seen often enough."""
        if self._draft is None or not self._policy.proposal_runs or not _counts(incident):
            return ()
        lines = [line for line in incident.unexplained if not states_end(line)][-MAX_LINES:]
        if self._is_known(lines):
            return ()
        ripe = [row for row in self._miner.add(lines, _seen(incident)) if self._is_ripe(row)]
        if not ripe or not self._has_room(incident.detected_at):
            return ()
        draft = self._draft(ripe, {name for name, _ in self._rows.items()})
        return self._propose(draft, incident.detected_at) if draft else ()

    def on_word(self, word: ProposalWord, people: People) -> Sequence[Output]:
        """Let a person's word end a proposal; what does not count is told too."""
        row = self._rows.get(word.name)
        why = why_word_not_counted(word, people) or _why_not_now(row, word)
        if why or row is None:
            return [_audit(word.by, "proposal.word_refused", word.name, word.at, why)]
        self._rows.put(word.name, replace(row, state=_AFTER[word.verdict]))
        return [_audit(word.by, f"proposal.{word.verdict}", word.name, word.at, word.why)]

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Let proposals expire and templates be forgotten."""
        if self._swept_at is not None and now - self._swept_at < _SWEEP:
            return ()
        self._swept_at = now
        self._miner.forget((micros(now) - round(self._policy.proposal_window_s * 1e6)) // 1000)
        ended = [(name, row) for name, row in self._rows.items() if row.expires_at <= now]
        for name, _ in ended:
            self._rows.drop(name)
        # What a person has answered has had its entry.
        unanswered = (ProposalState.OPEN, ProposalState.WITHHELD)
        return tuple(_audit("learn", "proposal.expired", name, now, "nobody took it") for name, row in ended if row.state in unanswered)

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries changed since the last call."""
        return {**self._miner.take_changes(), **self._rows.take_changes()}

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        return {**self._miner.snapshot(), **self._rows.snapshot()}

    def _is_known(self, lines: Sequence[str]) -> bool:
        """Tell whether a proposal that waits, or was answered, speaks of one of the lines: then the failure is counted no more."""
        told = [row.expression for row in self._rows.values() if row.state is not ProposalState.WITHHELD]
        return any(re.search(expression, line) for expression in told for line in lines)

    def _is_ripe(self, row: Template) -> bool:
        return row.runs >= self._policy.proposal_runs and len(row.sources) >= self._policy.proposal_repositories

    def _has_room(self, at: datetime) -> bool:
        rows = list(self._rows.values())
        waiting = sum(row.state is ProposalState.OPEN for row in rows)
        return waiting < self._policy.proposal_open and sum(at - row.at < _HOUR for row in rows) < MAX_DRAFTS_AN_HOUR

    def _propose(self, draft: Draft, at: datetime) -> Sequence[Output]:
        proposal = _proposal_of(draft, at, at + timedelta(seconds=self._policy.proposal_valid_s))
        state = ProposalState.WITHHELD if draft.refused else ProposalState.OPEN
        [expression] = draft.pattern.expressions
        self._rows.put(proposal.name, ProposalRow(id_of(proposal), expression, state, at, proposal.expires_at))
        if state is ProposalState.OPEN:
            self._miner.drop(draft.template.number)
        action, why = ("proposal.withheld", "; ".join(draft.refused)) if draft.refused else ("proposal.proposed", draft.pattern.source)
        evidence = tuple(line.incident_id for line in proposal.evidence)
        return [Emit(proposal), _audit("learn", action, proposal.name, at, why, evidence)]


def _counts(incident: Incident) -> bool:
    provenance = incident.provenance
    is_vouched = provenance.origin is not Origin.UNSIGNED and provenance.trust is not Trust.FORK
    return bool(incident.unexplained) and is_vouched and incident.run is not None and incident.reopens is None


def _seen(incident: Incident) -> Seen:
    run = incident.run
    source = f"{run.source}/{run.project}" if run else incident.scope
    return Seen(source, f"{source}/{run.run_id}" if run else source, id_of(incident), micros(incident.detected_at) // 1000)


def _why_not_now(row: ProposalRow | None, word: ProposalWord) -> str:
    if row is None or row.proposal != word.proposal:
        return "no such proposal waits"
    if row.state in {ProposalState.ACCEPTED, ProposalState.REFUSED}:
        return f"it is {row.state} already"
    return why_word_too_late(word, row.expires_at, is_withheld=row.state is ProposalState.WITHHELD)


def _proposal_of(draft: Draft, at: datetime, expires_at: datetime) -> PatternProposal:
    template = draft.template
    return PatternProposal(
        name=draft.pattern.id,
        pattern=draft.text(),
        template=" ".join(template.tokens),
        runs=template.runs,
        repositories=len(template.sources),
        first_at=from_micros(template.first_ms * 1000),
        last_at=from_micros(template.last_ms * 1000),
        at=at,
        expires_at=expires_at,
        tried=_tried(draft.report),
        kind=draft.suggestion.kind,
        confidence=draft.suggestion.confidence,
        neighbours=draft.suggestion.neighbours,
        evidence=tuple(EvidenceLine(example.text, example.incident) for example in template.examples),
        refused=draft.refused,
    )


def _tried(report: BackTest) -> TriedOn:
    return TriedOn(
        report.logs,
        report.successes,
        report.green[:MAX_TOLD],
        report.wrong[:MAX_TOLD],
        tuple(one.log for one in report.stolen)[:MAX_TOLD],
        report.gained[:MAX_TOLD],
        report.digest(),
    )


def _audit(actor: str, action: str, subject: str, at: datetime, why: str, evidence: tuple[str, ...] = ()) -> Output:
    return Emit(AuditEntry(actor, action, subject, at, (("why", why),) if why else (), evidence))
