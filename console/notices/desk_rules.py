"""What the desk works by: what the operator says of notices, whose each target is, and who may acknowledge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.notices.rules import Dialect, NoticeRules
from schemas.people import People
from schemas.services import Services


@dataclass(frozen=True, slots=True)
class DeskRules:
    """All of it, read anew when a file changes; ``dialects`` by the name of a target."""

    notices: NoticeRules
    services: Services = Services()
    people: People = People()
    dialects: Mapping[str, Dialect] = field(default_factory=dict)

    def dialect(self, target: str) -> Dialect:
        """Return how a target reads a text; of one that is not known any more the one with most marks."""
        return self.dialects.get(target, Dialect.MARKDOWN)
