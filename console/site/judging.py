"""What a person does to patterns on the page, by the commands' own functions: try a log, try a pattern, say yes or no."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from console.configuration import load_people, load_policy
from console.pattern_files import PatternShelf, write_shelf
from console.pattern_words import Voice
from console.proposals import ProposalView, Wish, view_named, views_of
from console.site import views
from console.site.entrance import ChangerHere, SiteHere
from console.site.known import Known, known_of, lookup_of, reader_of
from console.site.place import Site
from console.taking import Taken, let_act, refusal_of, taken, turned_down
from console.trial import try_on_logs
from console.trying import Tried, try_log
from console.words import require_right, speaker_in
from learning.backtest import BackTest
from learning.patterns.model import Pattern
from learning.recordings import recorded_logs
from schemas.errors import TooManyError
from schemas.ids import Record
from schemas.people import Right
from schemas.proposals import PatternProposal, ProposalWord

_NEWEST = 1000
_AGAIN_S = 10


class Trials:
    """The one place at which a pattern is tried: a trial takes seconds of CPU, and who comes meanwhile is told to come again."""

    def __init__(self) -> None:
        """Begin with nobody there."""
        self._lock = Lock()

    @contextmanager
    def only_one(self) -> Iterator[None]:
        """Hold the place; raises TooManyError when another trial has it."""
        if not self._lock.acquire(blocking=False):
            raise TooManyError("back-test", "another one runs", "Come again when it has ended", _AGAIN_S)
        try:
            yield
        finally:
            self._lock.release()


@dataclass(frozen=True, slots=True)
class Judge:
    """One person before the patterns of a copy."""

    site: Site
    name: str
    trials: Trials

    def try_text(self, text: str) -> Tried:
        """Return what the patterns see in a log."""
        reader, states = reader_of(self.site), known_of(self.site).states
        with reader.lock:
            return try_log(text, reader.recognizer, states)

    def try_pattern(self, name: str) -> BackTest:
        """Return what a pattern of the folder does to the recorded logs; raises NotFoundError or TooManyError."""
        shelf = known_of(self.site).shelf
        return self._trial(shelf, shelf.named(name))

    def accept(self, name: str, kind: str) -> str:
        """Let a proposal or another person's pattern act, and return what was said."""
        shelf = known_of(self.site).shelf
        if name in shelf.catalogue.by_id():
            return self._write(let_act(shelf, name, self._voice, lambda one: self._trial(shelf, one)))
        view = view_named(proposals_in(self.site), name)
        return self._write(taken(shelf, view, Wish(kind), self._voice, lambda one: self._trial(shelf, one)))

    def refuse(self, name: str, why: str) -> str:
        """Refuse a proposal, or let a pattern of the folder be matched no more, and return what was said."""
        shelf = known_of(self.site).shelf
        if name in shelf.catalogue.by_id():
            return self._write(turned_down(shelf, name, self._voice))
        word = refusal_of(view_named(proposals_in(self.site), name), why, self._voice)
        self.site.say(word)
        return f"{self.name} refuses the proposal {name}"

    def _voice(self, right: Right) -> Voice:
        speaker, people = speaker_in(self.site.home.people, self.name), load_people(self.site.home.config)
        require_right(people, speaker, right)
        return Voice(speaker, people, datetime.now(UTC))

    def _trial(self, shelf: PatternShelf, pattern: Pattern) -> BackTest:
        with self.trials.only_one():
            return try_on_logs(shelf, pattern, recorded_logs(), load_policy(self.site.home.config))

    def _write(self, done: Taken) -> str:
        # The audit has it first: what cannot be told is not done.
        self.site.say(done.change.audit)
        write_shelf(self.site.home.config, done.files, done.change.reviews)
        if done.word is not None:
            self.site.say(done.word)
        whose = "" if done.is_as_proposed else "; the wording is theirs and shadows until another person accepts it"
        return f"{done.change.audit.action} {done.change.audit.subject} by {self.name}: workers take it up within seconds{whose}"


def judge_in(request: Request, changer: ChangerHere, site: SiteHere) -> Judge:
    """Return who asks, before the patterns; the lock lasts as long as the process."""
    found = request.app.state.trials
    if not isinstance(found, Trials):
        raise TypeError("the application was not made by site_app")
    return Judge(site, changer.name, found)


JudgeHere = Annotated[Judge, Depends(judge_in)]


def proposals_in(site: Site) -> tuple[ProposalView, ...]:
    """Return the proposals as the read model has them, in the order of their making."""
    with site.base() as base:
        records = [*_newest(base, PatternProposal.RECORD), *_newest(base, ProposalWord.RECORD)]
    return views_of(records, site.people(), site.now())


def _newest(base: sqlite3.Connection, kind: str) -> list[Record]:
    return [record for _, record in reversed(views.newest(base, kind, _NEWEST))]


def pattern_rows(site: Site, find: str, state: str, most: int) -> tuple[list[dict[str, object]], int]:
    """Return the patterns that hold all these words and go so far, at most so many of them, and how many there are."""
    known = known_of(site)
    everything = known.shelf.catalogue.patterns
    found = lookup_of(site).by_text(find, len(everything)) if find else everything
    kept = [one for one in found if state in {"", known.states[one.id]}]
    return [_row(one, known) for one in kept[:most]], len(kept)


def _row(one: Pattern, known: Known) -> dict[str, object]:
    return {"id": one.id, "kind": one.kind.value, "state": known.states[one.id], "title": one.title}


def report_row(report: BackTest) -> dict[str, object]:
    """Return a back-test as the page and programs show it."""
    return {
        "pattern": report.pattern,
        "logs": report.logs,
        "successes": report.successes,
        "right": report.right,
        "green": list(report.green),
        "wrong": list(report.wrong),
        "stolen": [f"{one.log}: {one.was.value} by {one.by}, would be {one.becomes.value}" for one in report.stolen],
        "gained": list(report.gained),
        "silenced": list(report.silenced),
        "refused": list(report.refused),
        "digest": report.digest(),
    }
