"""The letters that wait, and what was told already: rows of the desk's state, so that a restart loses none and repeats none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.notices.cases import Said
from console.notices.desk_rules import DeskRules
from console.notices.floods import Flood, release
from console.notices.letters import Letter, refused
from schemas.outputs import Count, Output
from streams.rows import Rows

MAX_LETTERS, MAX_TOLD, MAX_TARGETS = 20_000, 50_000, 1_000
TOLD_FOR = timedelta(days=7)
_FIRST = "first"


@dataclass(frozen=True, slots=True)
class Mark:
    """When something was noted."""

    at: datetime


class Outbox:
    """Letters by their keys; each is there until it is said to be taken, withdrawn, or given up."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Go on from the entries of an earlier one."""
        self._letters = Rows("letter/", Letter, MAX_LETTERS)
        self._told = Rows("told/", Mark, MAX_TOLD)
        self._floods = Rows("flood/", Flood, MAX_TARGETS)
        self._since = Rows("since/", Mark, 1)
        self._pushed_out = 0
        for table in self.tables:
            table.load(entries)

    @property
    def tables(self) -> tuple[Rows[Any], ...]:
        """Return the rows of the state."""
        return (self._letters, self._told, self._floods, self._since)

    def begun_at(self, now: datetime) -> datetime:
        """Return when the first desk of this state began: what was before is told to nobody."""
        if (mark := self._since.get(_FIRST)) is None:
            mark = Mark(now)
            self._since.put(_FIRST, mark)
        return mark.at

    def is_first(self, key: str, now: datetime) -> bool:
        """Tell whether this is the first time that something is told, and note it."""
        if self._told.get(key) is not None:
            return False
        self._told.put(key, Mark(now))
        return True

    def put(self, letter: Letter) -> None:
        """Keep a letter until it is taken; above the bound the oldest goes, and the next tick says so."""
        self._pushed_out += self._letters.put(letter.key, letter) is not None

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
        return (_rejected("undeliverable", 1),)

    def release(self, rules: DeskRules, now: datetime) -> Sequence[Output]:
        """Let go what is due to each target, and forget what was told long ago; return what had to go to make room."""
        for target in dict.fromkeys(letter.target for letter in self._letters.values() if not letter.is_free):
            self._release_to(target, rules, now)
        while (oldest := self._told.oldest()) and oldest[1].at < now - TOLD_FOR:
            self._told.drop(oldest[0])
        lost, self._pushed_out = self._pushed_out, 0
        return (_rejected("overflow", lost),) if lost else ()

    def withdraw(self, incident_id: str) -> None:
        """Take back questions that were answered before their letter went out."""
        for key, letter in self._letters.items():
            if letter.incident_id == incident_id and letter.said is Said.APPROVAL and not letter.tries:
                self._letters.drop(key)

    def _release_to(self, target: str, rules: DeskRules, now: datetime) -> None:
        waiting = [one for one in self._letters.values() if one.target == target and not one.is_free and one.due_at <= now]
        done = release(waiting, self._floods.get(target), rules.notices.storm, rules.dialect(target), now)
        for key in done.replaced:
            self._letters.drop(key)
        for letter in done.free:
            self._letters.put(letter.key, letter)
        if done.flood is not None:
            self._floods.put(target, done.flood)


def _rejected(reason: str, count: int) -> Count:
    return Count("healstream_events_rejected_total", (("source", "notices"), ("reason", reason)), count)
