"""The kill switches that are engaged, each with the signed word that engaged it; used by ``streams/control_book.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.control_words import SWITCH_PREFIX, SwitchRow, switch_after, switch_covers
from schemas.decisions import Decision, Oversight
from schemas.oversight import Control, SwitchMode
from streams.rows import Rows

MAX_ROWS = 50_000
FLEET = "killswitch/fleet"


@dataclass(frozen=True, slots=True)
class Hidden:
    """The newest word under a switch's key is one that does not count, since then."""

    at: datetime


class SwitchBook:
    """Switches by key; the words that come in here were checked for who may say them."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot."""
        self.rows = Rows("switch/", SwitchRow, MAX_ROWS)
        self.words = Rows("engaged/", Control, MAX_ROWS)
        self.hidden = Rows("hidden/", Hidden, MAX_ROWS)
        for rows in (self.rows, self.words, self.hidden):
            rows.load(entries)

    def take(self, control: Control, oversight: Oversight, now: datetime) -> str | None:
        """Take one word in; return why a release does not count, None when the word does."""
        row = switch_after(self.rows.get(control.key), control, oversight, now)
        if isinstance(row, str):
            return row
        # Whatever was hidden is no longer what stands there.
        self.hidden.drop(control.key)
        if row is None:
            self.rows.drop(control.key)
            self.words.drop(control.key)
            return None
        self.rows.put(control.key, row)
        if row.released_at is None:
            self.words.put(control.key, control)
        return None

    def is_fleet_halted(self, now: datetime) -> bool:
        """Tell whether everything is halted."""
        return any(key == FLEET and row.mode is SwitchMode.HALT for key, row in self._engaged(now))

    def halted_scopes(self, now: datetime) -> tuple[str, ...]:
        """Return the scopes that are halted by themselves."""
        return tuple(key.removeprefix(SWITCH_PREFIX) for key, row in self._engaged(now) if key != FLEET and row.mode is SwitchMode.HALT)

    def stops(self, decision: Decision, now: datetime) -> str | None:
        """Return the switch that keeps a decision's command from going, by the words by which executors judge it too."""
        return next((f"{row.mode} by {row.by}" for key, row in self._engaged(now) if _reaches(key, decision)), None)

    def note_hidden(self, key: str, now: datetime) -> None:
        """Note that a word which does not count stands where an engaged switch's did."""
        if self._engaged_word(key) is not None:
            self.hidden.put(key, Hidden(now))

    def take_hidden(self) -> Sequence[Control]:
        """Return the signed words of engaged switches that are hidden, to be said again; asked only once all words were read.

        Said at once, such a copy could come after the release that was already on its way, and engage the switch anew.
        """
        keys = [key for key, _ in self.hidden.items()]
        for key in keys:
            self.hidden.drop(key)
        words = (self._engaged_word(key) for key in keys)
        return [word for word in words if word is not None]

    def _engaged_word(self, key: str) -> Control | None:
        """Return the signed word by which a switch is on, None when it is off or its release only waits."""
        row = self.rows.get(key)
        return self.words.get(key) if row is not None and row.released_at is None else None

    def _engaged(self, now: datetime) -> Iterator[tuple[str, SwitchRow]]:
        return ((key, row) for key, row in self.rows.items() if row.is_on(now))


def _reaches(key: str, decision: Decision) -> bool:
    return switch_covers(key.removeprefix(SWITCH_PREFIX), decision.scope, decision.target, decision.strategy)
