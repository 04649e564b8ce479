"""Is a target to be left alone now, by the policy's windows and people's freezes? Used by ``streams/holds.py``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.configuration import Configuration
from schemas.decisions import Decision
from schemas.oversight import Control
from schemas.windows import Subject, WindowRule, names, open_until
from streams.owners import Owners


@dataclass(frozen=True, slots=True)
class Closed:
    """Why an action waits, and until when."""

    reason: str
    until: datetime


class Calendar:
    """The rules of the policy; which of them are open is worked out once a tick. What changes nothing is closed by nothing."""

    def __init__(self, configuration: Configuration) -> None:
        """Remember the rules."""
        self._rules = configuration.policy.windows
        self._owners = Owners(configuration.services)
        self._open_at: datetime | None = None
        self._open: tuple[tuple[WindowRule, datetime], ...] = ()

    def subject_of(self, decision: Decision) -> Subject:
        """Return what a decision is about, as windows, freezes and workflows name it."""
        return self._owners.subject_of(decision.target, decision.scope, decision.strategy)

    def closed_by_window(self, decision: Decision, now: datetime) -> Closed | None:
        """Return the open window about a decision that ends last."""
        if decision.dry_run:
            return None
        subject = self.subject_of(decision)
        found = [Closed(f"{rule.kind} window {rule.name}", until) for rule, until in self._open_now(now) if rule.is_about(subject)]
        return max(found, key=lambda closed: closed.until, default=None)

    def closed_by_word(self, decision: Decision, freezes: Iterable[Control], now: datetime) -> Closed | None:
        """Return the freeze of a person about a decision that ends last."""
        if decision.dry_run:
            return None
        subject = self.subject_of(decision)
        found = [
            Closed(f"{word.freeze.target} by {word.by}: {word.freeze.reason}", word.freeze.until)
            for word in freezes
            if word.freeze is not None and word.freeze.from_at <= now < word.freeze.until and names(word.freeze.target, subject)
        ]
        return max(found, key=lambda closed: closed.until, default=None)

    def _open_now(self, now: datetime) -> tuple[tuple[WindowRule, datetime], ...]:
        if self._open_at != now:
            self._open_at = now
            self._open = tuple((rule, until) for rule in self._rules if (until := open_until(rule, now)) is not None)
        return self._open
