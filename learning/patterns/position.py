"""From a path inside a JSON document to the line and column where it stands; so that ``loader.py`` can point at a fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')

Step = str | int


@dataclass(slots=True)
class _Walk:
    """Where the reader stands: one step per open container, and whether a key is expected next."""

    steps: list[Step] = field(default_factory=list)
    objects: list[bool] = field(default_factory=list)
    wants_key: bool = False

    def place(self) -> tuple[Step, ...]:
        return tuple(self.steps)

    def take(self, shown: str) -> None:
        if shown in "{[":
            self.objects.append(shown == "{")
            self.steps.append("" if shown == "{" else 0)
            self.wants_key = shown == "{"
        elif shown in "}]":
            self.objects.pop()
            self.steps.pop()
            self.wants_key = False
        elif shown == ",":
            self.wants_key = self.objects[-1]
            last = self.steps[-1]
            self.steps[-1] = last + 1 if isinstance(last, int) else ""
        elif self.wants_key:
            self.steps[-1] = shown.strip('"')
            self.wants_key = False


def locate(text: str, path: tuple[Step, ...]) -> tuple[int, int]:
    """Return line and column (from 1) of the value at ``path`` in valid JSON; of its nearest parent when it is not there."""
    best, best_depth = 0, 0
    walk = _Walk()
    for token in _TOKEN.finditer(text):
        shown = token.group()
        if shown not in ("}", "]", ",", ":") and not walk.wants_key:
            place = walk.place()
            depth = len(place)
            if best_depth < depth <= len(path) and place == path[:depth]:
                best, best_depth = token.start(), depth
        if shown != ":":
            walk.take(shown)
    return text.count("\n", 0, best) + 1, best - text.rfind("\n", 0, best)
