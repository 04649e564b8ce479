"""What a translator makes of a request: records to produce, or a refusal that says what to do; read by ``intake.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.events import Event, Trust


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not taken: the HTTP status, what it is called, what was wrong, and what the sender does next.

    ``retry_after_s`` above 0 says that the same request may be taken later. ``more`` are further members of the answer.
    """

    status: int
    title: str
    detail: str
    mend: str
    retry_after_s: int = 0
    more: tuple[tuple[str, int | str], ...] = ()

    def problem(self) -> dict[str, object]:
        """Return the members of ``application/problem+json`` (RFC 9457), with ``next`` beside them."""
        kind = "urn:healstream:problem:" + self.title.lower().replace(" ", "-")
        told: dict[str, object] = {"type": kind, "title": self.title, "status": self.status, "detail": self.detail, "next": self.mend}
        return told | dict(self.more)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What one event said of a whole run and the events of its jobs leave out."""

    trigger: str
    trust: Trust


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that is taken: what it becomes, and why when that is nothing. ``learned`` are facts of runs by their key."""

    records: tuple[Event, ...] = ()
    ignored: str = ""
    learned: tuple[tuple[str, RunFacts], ...] = ()


Translation = Taken | Refusal
KnownRuns = Mapping[str, RunFacts]
