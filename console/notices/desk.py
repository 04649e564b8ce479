"""The desk: records of the flow in, letters and CDEvents out; a pure stage that ``console/notify.py`` runs in the fenced loop.

A letter is a row of the desk's state until its channel has taken it: what the loop has committed is lost by no crash. What was told once
is not told again, whatever a topic repeats. What happened before the desk's first start is learned and not told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from console.notices.cases import Case, News, Said, after, news_of, severity_of
from console.notices.floods import Flood, release
from console.notices.ladders import Climb, began, is_over, next_rung
from console.notices.letters import Letter, letter_key, quiet_until, refused
from console.notices.routing import owner_of, routed
from console.notices.rules import Dialect, NoticeRules
from console.notices.telling import cdevents_of
from console.notices.wording import Addressee, body, sentence, title
from schemas.control_words import why_not_counted
from schemas.decisions import Admission, Decision
from schemas.ids import Record, id_of
from schemas.incidents import Incident
from schemas.matters import matter_of
from schemas.outputs import Count, Emit, Output, Place
from schemas.oversight import Control
from schemas.people import People
from schemas.recoveries import RecoveryOutcome
from schemas.services import Services
from streams.rows import Rows

MAX_CASES, MAX_LETTERS, MAX_TOLD = 20_000, 20_000, 50_000
TOLD_FOR = timedelta(days=7)
_FIRST = "first"
_WORDS = ("ack", "override")


@dataclass(frozen=True, slots=True)
class Mark:
    """When something was noted."""

    at: datetime


@dataclass(frozen=True, slots=True)
class DeskRules:
    """What the desk works by: ``dialects`` by the name of a target."""

    notices: NoticeRules
    services: Services = Services()
    people: People = People()
    dialects: Mapping[str, Dialect] = field(default_factory=dict)


class NoticeDesk:
    """Takes records in, and results of sending; ``ready`` says what to send."""

    def __init__(self, entries: Mapping[str, str], rules: DeskRules) -> None:
        """Go on from the entries of an earlier desk."""
        self.rules = rules
        self._cases = Rows("case/", Case, MAX_CASES)
        self._letters = Rows("letter/", Letter, MAX_LETTERS)
        self._told = Rows("told/", Mark, MAX_TOLD)
        self._climbs = Rows("climb/", Climb, MAX_CASES)
        self._floods = Rows("flood/", Flood, MAX_CASES)
        self._since = Rows("since/", Mark, 1)
        self._tables = (self._cases, self._letters, self._told, self._climbs, self._floods, self._since)
        for table in self._tables:
            table.load(entries)

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
            self._withdraw(name)
        news = news_of(name, case, event)
        if news is not None and self._is_new(news, case, now):
            self._tell(news, case, now)
        return [Emit(found) for found in cdevents_of(case, event, self.rules.services) if self._is_first(id_of(found), found.at, now)]

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Let time pass: rungs are climbed, storms and quiet hours end."""
        self._start(now)
        for key, climb in self._climbs.items():
            self._climb(key, climb, now)
        for target in dict.fromkeys(letter.target for letter in self._letters.values() if not letter.is_free):
            self._release(target, now)
        while (oldest := self._told.oldest()) and oldest[1].at < now - TOLD_FOR:
            self._told.drop(oldest[0])
        return ()

    def ready(self, now: datetime) -> tuple[Letter, ...]:
        """Return the letters to send now; each until it is said to be taken or refused."""
        return tuple(letter for letter in self._letters.values() if letter.is_free and letter.due_at <= now)

    def taken(self, key: str) -> Sequence[Output]:
        """Note that a channel has taken a letter: it is sent no more."""
        letter = self._letters.get(key)
        if letter is None:
            return ()
        self._letters.drop(key)
        return (Count("healstream_events_total", (("source", "notices"), ("kind", letter.said.value))),)

    def refused(self, key: str, now: datetime) -> Sequence[Output]:
        """Note that a channel has not taken a letter: it waits, and is given up after a day."""
        letter = self._letters.get(key)
        if letter is None:
            return ()
        later = refused(letter, now)
        if later is not None:
            self._letters.put(key, later)
            return ()
        self._letters.drop(key)
        return (Count("healstream_events_rejected_total", (("source", "notices"), ("reason", "undeliverable"))),)

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call."""
        return {name: text for table in self._tables for name, text in table.take_changes().items()}

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        return {name: text for table in self._tables for name, text in table.snapshot().items()}

    def _start(self, now: datetime) -> datetime:
        if (mark := self._since.get(_FIRST)) is None:
            mark = Mark(now)
            self._since.put(_FIRST, mark)
        return mark.at

    def _is_new(self, news: News, case: Case, now: datetime) -> bool:
        # A question that is still open is put to people however old it is.
        is_open = news.said is Said.APPROVAL and case.expires_at is not None and now < case.expires_at
        return is_open or news.at >= self._start(now)

    def _is_first(self, key: str, at: datetime, now: datetime) -> bool:
        if at < self._start(now) or self._told.get(key) is not None:
            return False
        self._told.put(key, Mark(now))
        return True

    def _tell(self, news: News, case: Case, now: datetime) -> None:
        severity = severity_of(case, news.said)
        found = routed(self.rules.notices, severity, news.said, owner_of(case.target, self.rules.services), now)
        self._write(news, case, found.targets, news.key, now)
        for ladder in found.ladders:
            key = letter_key(news.key, f"ladder:{ladder}")
            if self._told.get(key) is None:
                self._told.put(key, Mark(now))
                self._climbs.put(key, began(ladder, news, now))

    def _write(self, news: News, case: Case, targets: Sequence[str], news_key: str, now: datetime) -> None:
        team, environment = owner_of(case.target, self.rules.services)
        severity = severity_of(case, news.said)
        for name in targets:
            target, key = self.rules.notices.target(name), letter_key(news_key, name)
            if target is None or self._told.get(key) is not None:
                continue
            to = Addressee(self._dialect(name), self.rules.notices.base_url, team, environment)
            whole = body(news.incident_id, case, news.said, to, key)
            line = sentence(case, news.said, to.dialect)
            due_at = quiet_until(target, self.rules.notices, severity, now)
            head = title(severity, news.said, case, to.dialect)
            self._told.put(key, Mark(now))
            self._letters.put(key, Letter(key, name, severity, news.said, news.incident_id, head, whole, line, now, due_at))

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

    def _release(self, target: str, now: datetime) -> None:
        waiting = [one for one in self._letters.values() if one.target == target and not one.is_free and one.due_at <= now]
        done = release(waiting, self._floods.get(target), self.rules.notices.storm, self._dialect(target), now)
        for key in done.replaced:
            self._letters.drop(key)
        for letter in done.free:
            self._letters.put(letter.key, letter)
        if done.flood is not None:
            self._floods.put(target, done.flood)

    def _dialect(self, target: str) -> Dialect:
        return self.rules.dialects.get(target, Dialect.MARKDOWN)

    def _withdraw(self, incident_id: str) -> None:
        """Take back questions that were answered before their letter went out."""
        for key, letter in self._letters.items():
            if letter.incident_id == incident_id and letter.said is Said.APPROVAL and not letter.tries:
                self._letters.drop(key)

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
