"""Carries letters to their postboxes, one thread a target, so that one that hangs holds up its own letters only.

Called by ``console/notify.py``; a letter is put into a box once until the desk says so again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Protocol

from console.notices.letters import Letter
from console.notices.rules import Dialect, NoticeTarget, dialect_of
from console.url_files import url_in
from schemas.errors import DeniedError

FORM_OF = {Dialect.PLAIN: "text", Dialect.SLACK: "markdown", Dialect.MARKDOWN: "markdown", Dialect.HTML: "html"}


class Box(Protocol):
    """Where one target's messages go."""

    def put(self, letter: Letter, form: str) -> str:
        """Send one letter; return why it was not taken, empty when it was."""
        ...


class Carrier(Protocol):
    """A service that knows texts and no buttons."""

    def put(self, title: str, body: str, form: str, severity: str) -> str:
        """Send one message; return why it was not taken, empty when it was."""
        ...


@dataclass(frozen=True, slots=True)
class TextBox:
    """Hands a letter on as the texts that it consists of."""

    carrier: Carrier

    def put(self, letter: Letter, form: str) -> str:
        """Send one letter; return why it was not taken, empty when it was."""
        return self.carrier.put(letter.title, letter.body, form, letter.severity.value)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of one letter: ``why`` it was not taken, empty when it was."""

    letter: Letter
    why: str


def url_of(target: NoticeTarget) -> str:
    """Return a target's URL; raises OSError or DeniedError for a file that cannot be read, or that others may read."""
    if target.url:
        return target.url
    return url_in(target.url_file, f"URL of {target.name}")


def dialect_for(target: NoticeTarget) -> Dialect:
    """Return how a target reads a text; while its file cannot be read it is taken for the one that reads most marks."""
    try:
        return dialect_of(url_of(target))
    except (OSError, UnicodeDecodeError, DeniedError):
        return Dialect.MARKDOWN


@dataclass(slots=True)
class Lane:
    """One target's thread and what waits for it."""

    box: Box
    letters: SimpleQueue[tuple[Letter, str] | None] = field(default_factory=SimpleQueue)


class Post:
    """All lanes; outlives the desk, so that what is under way when a desk is dropped is not sent beside it."""

    def __init__(self, box_for: Callable[[NoticeTarget], Box]) -> None:
        """Prepare; a lane is opened with its first letter."""
        self._box_for = box_for
        self._lanes: dict[NoticeTarget, Lane] = {}
        self._under_way: set[str] = set()
        self._done: SimpleQueue[Delivered] = SimpleQueue()

    @property
    def is_idle(self) -> bool:
        """Tell whether no letter is under way."""
        return not self._under_way

    def offer(self, letter: Letter, target: NoticeTarget, dialect: Dialect) -> None:
        """Send a letter unless it is under way already."""
        if letter.key in self._under_way:
            return
        self._under_way.add(letter.key)
        self._lane(target).letters.put((letter, FORM_OF[dialect]))

    def results(self) -> list[Delivered]:
        """Return what came of letters since the last call."""
        found: list[Delivered] = []
        try:
            while True:
                found.append(self._done.get_nowait())
        except Empty:
            self._under_way -= {one.letter.key for one in found}
            return found

    def close(self) -> None:
        """Let every lane end after what it carries now."""
        for lane in self._lanes.values():
            lane.letters.put(None)

    def _lane(self, target: NoticeTarget) -> Lane:
        lane = self._lanes.get(target)
        if lane is None:
            lane = self._lanes[target] = Lane(self._box_for(target))
            threading.Thread(target=self._carry, args=(lane,), name=f"post-{target.name}", daemon=True).start()
        return lane

    def _carry(self, lane: Lane) -> None:
        while (found := lane.letters.get()) is not None:
            letter, form = found
            try:
                why = lane.box.put(letter, form)
            except Exception as error:  # noqa: BLE001 - a plug-in for some service may raise anything; the letter waits and is tried again
                why = f"{type(error).__name__}: {error}"
            self._done.put(Delivered(letter, why))
