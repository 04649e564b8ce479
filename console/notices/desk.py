"""The desk: records of the flow in, letters and CDEvents out; a pure stage that ``console/notify.py`` runs in the fenced loop.

A letter is a row of the desk's state until its channel has taken it: what the loop has committed is lost by no crash. What was told once
is not told again, whatever a topic repeats. What happened before the desk's first start is learned and not told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from console.notices.cases import Case, News, Said, after, news_of, severity_of
from console.notices.desk_rules import DeskRules
from console.notices.ladders import Climb, began, is_over, next_rung
from console.notices.letters import Letter, letter_key, quiet_until
from console.notices.outbox import Outbox
from console.notices.routing import owner_of, routed
from console.notices.telling import cdevents_of
from console.notices.wording import Addressee, body, sentence, title
from schemas.control_words import why_not_counted
from schemas.decisions import Admission, Decision
from schemas.ids import Record, id_of
from schemas.incidents import Incident
from schemas.matters import matter_of
from schemas.outputs import Emit, Output, Place
from schemas.oversight import Control
from schemas.recoveries import RecoveryOutcome
from streams.rows import Rows

MAX_CASES = 20_000
_WORDS = ("ack", "override")


class NoticeDesk:
    """Takes records in; what is to be sent, and what came of it, is the ``outbox``'s."""

    def __init__(self, entries: Mapping[str, str], rules: DeskRules) -> None:
        """Go on from the entries of an earlier desk."""
        self.rules = rules
        self.outbox = Outbox(entries)
        self._cases = Rows("case/", Case, MAX_CASES)
        self._climbs = Rows("climb/", Climb, MAX_CASES)
        self._cases.load(entries)
        self._climbs.load(entries)
        self._tables: tuple[Rows[Any], ...] = (self._cases, self._climbs, *self.outbox.tables)

    @classmethod
    def from_state(cls, entries: Mapping[str, str], rules: DeskRules) -> Self:
        """Return the desk as it was."""
        return cls(entries, rules)

    def on_event(self, event: Record, place: Place, now: datetime) -> Sequence[Output]:
        """Take one record in."""
        del place
        if isinstance(event, Control):
            return self._acknowledged(event)
        if not isinstance(event, Incident | Decision | Admission | RecoveryOutcome):
            return ()
        name = id_of(event) if isinstance(event, Incident) else event.incident_id
        before = self._cases.get(name)
        case = after(before, event)
        if case is None:
            return ()
        self._cases.put(name, case)
        if before is not None and before.pending and before.pending != case.pending:
            self.outbox.withdraw(name)
        news = news_of(name, case, event)
        if news is not None and self._is_new(news, case, now):
            self._tell(news, case, now)
        found = cdevents_of(case, event, self.rules.services)
        return [Emit(one) for one in found if one.at >= self.outbox.begun_at(now) and self.outbox.is_first(id_of(one), now)]

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Let time pass: rungs are climbed, storms and quiet hours end."""
        self.outbox.begun_at(now)
        for key, climb in self._climbs.items():
            self._climb(key, climb, now)
        return self.outbox.release(self.rules, now)

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call."""
        return {name: text for table in self._tables for name, text in table.take_changes().items()}

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        return {name: text for table in self._tables for name, text in table.snapshot().items()}

    def _is_new(self, news: News, case: Case, now: datetime) -> bool:
        # A question that is still open is put to people however old it is.
        is_open = news.said is Said.APPROVAL and case.expires_at is not None and now < case.expires_at
        return is_open or news.at >= self.outbox.begun_at(now)

    def _tell(self, news: News, case: Case, now: datetime) -> None:
        severity = severity_of(case, news.said)
        found = routed(self.rules.notices, severity, news.said, owner_of(case.target, self.rules.services), now)
        self._write(news, case, found.targets, news.key, now)
        for ladder in found.ladders:
            key = letter_key(news.key, f"ladder:{ladder}")
            if self.outbox.is_first(key, now):
                self._climbs.put(key, began(ladder, news, now))

    def _write(self, news: News, case: Case, targets: Sequence[str], news_key: str, now: datetime) -> None:
        team, environment = owner_of(case.target, self.rules.services)
        severity = severity_of(case, news.said)
        for name in targets:
            target, key = self.rules.notices.target(name), letter_key(news_key, name)
            if target is None or not self.outbox.is_first(key, now):
                continue
            to = Addressee(self.rules.dialect(name), self.rules.notices.base_url, team, environment)
            whole = body(news.incident_id, case, news.said, to, key)
            line = sentence(case, news.said, to.dialect)
            due_at = quiet_until(target, self.rules.notices, severity, now)
            head = title(severity, news.said, case, to.dialect)
            letter = Letter(key, name, severity, news.said, news.incident_id, head, whole, line, now, due_at)
            is_question = news.said is Said.APPROVAL
            self.outbox.put(replace(letter, decision_id=case.pending, plan_hash=case.plan_hash) if is_question else letter)

    def _climb(self, key: str, climb: Climb, now: datetime) -> None:
        case = self._cases.get(climb.incident_id)
        if case is None or is_over(climb, case):
            self._climbs.drop(key)
            return
        targets, later = next_rung(climb, self.rules.notices, now)
        news = News(climb.incident_id, climb.said, now, climb.news_key)
        self._write(news, case, targets, f"{climb.news_key}/rung/{climb.rung}", now)
        if later is None:
            self._climbs.drop(key)
        else:
            self._climbs.put(key, later)

    def _acknowledged(self, control: Control) -> Sequence[Output]:
        kind, _, rest = control.key.partition("/")
        incident_id = rest.partition("/")[0]
        case = self._cases.get(incident_id) if kind in _WORDS else None
        if case is None or why_not_counted(control, self.rules.people, matter_of(case.target, self.rules.services)):
            return ()
        for key, climb in self._climbs.items():
            if climb.incident_id == incident_id:
                self._climbs.drop(key)
        return ()
