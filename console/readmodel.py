"""What people ask about, projected from the topics: incidents with their decision, admission and outcome, and who is waited for.

Pure; fed with records in the order of their topics by ``console/topic_reader.py``. Of several records with one id the first counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from schemas.control_words import why_not_counted
from schemas.decisions import Admission, AdmissionState, Decision
from schemas.ids import Record, id_of
from schemas.incidents import Incident, IncidentUpdate
from schemas.lifecycle import Life
from schemas.oversight import Control
from schemas.people import People
from schemas.recoveries import OutcomeStatus, RecoveryOutcome

TOPICS_READ = ("heal.incidents", "heal.decisions", "heal.admissions", "recovery.outcomes", "heal.control")
_BY_ADMISSION = {
    AdmissionState.QUEUED: Life.QUEUED,
    AdmissionState.ADMITTED: Life.ADMITTED,
    AdmissionState.DENIED: Life.REFUSED,
    AdmissionState.EXPIRED: Life.EXPIRED,
    AdmissionState.SELF_HEALED: Life.SELF_HEALED,
}


@dataclass(slots=True)
class IncidentView:
    """One incident and all that was said of it, each list in its topic's order."""

    incident: Incident
    updates: list[IncidentUpdate] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    admissions: list[Admission] = field(default_factory=list)
    outcomes: list[RecoveryOutcome] = field(default_factory=list)

    def final(self) -> RecoveryOutcome | None:
        """Return the outcome that ended the incident."""
        return next((outcome for outcome in self.outcomes if outcome.final), None)

    def life(self) -> Life:
        """Return where the incident stands, as far as the topics tell."""
        final = self.final()
        if final is not None:
            return Life(final.status.value)
        if self.admissions and self.decisions and self.admissions[-1].decision_id == id_of(self.decisions[-1]):
            return _BY_ADMISSION[self.admissions[-1].state]
        return Life.DECIDED if self.decisions else Life.CLASSIFIED


@dataclass(frozen=True, slots=True)
class Pending:
    """A decision that waits for people: the plan's hash is what they say yes to; ``steps`` are the executor's, ``words`` what was said."""

    decision_id: str
    decision: Decision
    plan_hash: str
    steps: tuple[str, ...]
    words: tuple[Control, ...]

    def given(self, people: People, now: datetime) -> tuple[str, ...]:
        """Return who has said a yes to exactly this plan that counts now: signed by that person, who may say so."""
        return tuple(word.by for word in self.words if self._is_yes(word, now) and why_not_counted(word, people) is None)

    def _is_yes(self, word: Control, now: datetime) -> bool:
        said = word.approval
        return said is not None and said.approve and said.plan_hash == self.plan_hash and now < said.expires_at


@dataclass(slots=True)
class ReadModel:
    """Everything that was read so far."""

    incidents: dict[str, IncidentView] = field(default_factory=dict)
    controls: dict[str, Control] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _early: dict[str, list[Record]] = field(default_factory=dict)

    def apply(self, record: Record) -> None:
        """Take one record in; what is no part of the model is ignored."""
        if isinstance(record, Control):
            self.controls[record.key] = record
            return
        # An admission's id holds its time; all other ids are the fact's own.
        name = f"{record.RECORD}/{id_of(record)}"
        if name in self._seen:
            return
        self._seen.add(name)
        if isinstance(record, Incident):
            self._open(record)
        elif isinstance(record, IncidentUpdate | Decision | Admission | RecoveryOutcome):
            view = self.incidents.get(record.incident_id)
            # Topics are read one after another: what comes before its incident waits for it.
            if view is None:
                self._early.setdefault(record.incident_id, []).append(record)
            else:
                _add(view, record)

    def apply_all(self, records: Iterable[Record]) -> None:
        """Take many in."""
        for record in records:
            self.apply(record)

    def newest_first(self) -> list[tuple[str, IncidentView]]:
        """Return the incidents with their ids, the newest first."""
        return sorted(self.incidents.items(), key=lambda row: row[1].incident.opened_at, reverse=True)

    def named(self, prefix: str) -> list[str]:
        """Return the ids of the incidents that begin so."""
        return [name for name in self.incidents if name.startswith(prefix)]

    def pending(self, now: datetime) -> list[Pending]:
        """Return what waits for people now."""
        found = []
        for view in self.incidents.values():
            row = self._pending_in(view)
            if row is not None and now < row.decision.expires_at:
                found.append(row)
        return found

    def _pending_in(self, view: IncidentView) -> Pending | None:
        if not view.decisions or view.final() is not None or not view.admissions:
            return None
        decision, last = view.decisions[-1], view.admissions[-1]
        if last.state is not AdmissionState.QUEUED or not last.reason.startswith("approval") or last.decision_id != id_of(decision):
            return None
        plans = [o.plan for o in view.outcomes if o.status is OutcomeStatus.PLANNED and o.plan and o.decision_id == last.decision_id]
        plan = plans[-1] if plans else None
        prefix = f"approval/{last.decision_id}/"
        words = tuple(word for key, word in self.controls.items() if key.startswith(prefix))
        return Pending(last.decision_id, decision, plan.plan_hash if plan else decision.plan_hash, plan.steps if plan else (), words)

    def _open(self, incident: Incident) -> None:
        name = id_of(incident)
        view = self.incidents.setdefault(name, IncidentView(incident))
        for record in self._early.pop(name, []):
            _add(view, record)


def _add(view: IncidentView, record: Record) -> None:
    match record:
        case IncidentUpdate():
            view.updates.append(record)
        case Decision():
            view.decisions.append(record)
        case Admission():
            view.admissions.append(record)
        case RecoveryOutcome():
            view.outcomes.append(record)
        case _:
            return


def summary_of(name: str, view: IncidentView) -> dict[str, object]:
    """Return one incident as the row that lists show."""
    final = view.final()
    decision = view.decisions[-1] if view.decisions else None
    return {
        "id": name,
        "state": view.life().value,
        "kind": view.incident.kind.value,
        "target": view.incident.target,
        "confidence": round(view.incident.confidence, 3),
        "strategy": decision.strategy if decision else "",
        "reason": final.reason if final else decision.reason if decision else "",
        "opened_at": view.incident.opened_at.isoformat(),
        "time_to_recover_s": final.time_to_recover_s if final else None,
    }
