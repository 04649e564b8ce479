"""One log read once, then judged as often as wanted: with another conclusion, or as if some patterns were not there.

``write_calibration.py`` and ``tests/accuracy`` ask what is said of tools whose patterns nobody has written yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from learning.classification import Classification, Recognizer, classify_hits
from learning.features import make_features
from learning.patterns.matcher import Hit
from learning.structure import Structure, structure_of
from schemas.vocabulary import Result


@dataclass(frozen=True, slots=True)
class LogRead:
    """What one log shows."""

    hits: tuple[Hit, ...]
    structure: Structure

    def judge(self, result: Result | None, recognizer: Recognizer) -> Classification:
        """Return what is said of it."""
        features = make_features(self.hits, self.structure.block, result, self.structure.end)
        return classify_hits(self.hits, features, result, self.structure, recognizer)

    def without(self, is_dropped: Callable[[str], bool]) -> LogRead:
        """Return the same log as if the patterns whose ids are dropped did not exist."""
        return LogRead(tuple(hit for hit in self.hits if not is_dropped(hit.pattern)), self.structure)


def read_log(text: str, recognizer: Recognizer) -> LogRead:
    """Read a whole log, or its tail."""
    reading = recognizer.matcher.read(text.encode("utf-8", "replace"))
    lines = text.split("\n")
    return LogRead(reading.hits, structure_of(reading.marks, len(lines), lines, 1))


def tools_of(recognizer: Recognizer) -> dict[str, str]:
    """Return the tool of each pattern by the pattern's id; "" where it is of none."""
    return {pattern.id: pattern.anchors.tool for pattern in recognizer.matcher.catalogue.patterns}
