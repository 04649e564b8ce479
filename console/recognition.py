"""The shipped recognition for one log on this machine: patterns, precedence and model, no broker; used by ``explain`` and ``classify``."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from infra.compiled_patterns import CompiledPatterns
from learning.calibration import load_calibration
from learning.classification import Classification, Recognizer, classify_log
from learning.classifier import Classifier
from learning.patterns.loader import load_catalogue, read_folder
from learning.patterns.matcher import Matcher
from learning.patterns.precedence import load_precedence
from schemas.catalogue import CARDS, cards_for
from schemas.door import redact
from schemas.errors import ConfigurationError
from schemas.vocabulary import Result, group_of, is_healable


@dataclass(frozen=True, slots=True)
class Told:
    """One log's verdict with the line that speaks for it."""

    found: Classification
    line: str

    def row(self) -> dict[str, object]:
        """Return it as the JSON shape of ``explain``, version 1."""
        found = self.found
        return {
            "version": 1,
            "kind": found.kind.value,
            "group": group_of(found.kind).value,
            "confidence": found.confidence,
            "abstained": found.abstained,
            "acts": found.acts,
            "heals": found.acts and bool(cards_for_job(found)),
            "pattern": found.pattern,
            "line": found.line,
            "text": self.line,
            "would": would_do(found),
            "reasons": list(found.reasons),
            "alternatives": [{"kind": kind.value, "probability": share} for kind, share in found.alternatives],
        }


def load_recognizer(folder: Path, matcher: Matcher | None = None) -> Recognizer:
    """Return the recognition in a folder, by its patterns or by a matcher; raises ConfigurationError with the place of what is wrong."""
    matcher = matcher or _matcher_of(folder)
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    precedence = load_precedence((folder / "precedence.json").read_text(encoding="utf-8"))
    calibration = load_calibration((folder / "calibration.json").read_text(encoding="utf-8"))
    return Recognizer(matcher, precedence, Classifier.from_snapshot(model), calibration)


def _matcher_of(folder: Path) -> Matcher:
    store = CompiledPatterns.in_cache(os.environ)
    catalogue = load_catalogue(read_folder(folder), store)
    if isinstance(catalogue, list):
        raise ConfigurationError("patterns", "; ".join(map(str, catalogue[:5])), "Correct the named lines")
    return Matcher(catalogue, store)


def tell(text: str, result: Result | None, recognizer: Recognizer) -> Told:
    """Classify one log; the line that is shown is redacted."""
    found = classify_log(text, result, recognizer)
    return Told(found, redact(_line_at(text, found.line).strip())[:500])


def _line_at(text: str, number: int) -> str:
    """Return one line of a text, from 1; "" where there is none. Causes stand near the end, so it is looked for from there."""
    if number < 1 or "\n" not in text:
        return text.split("\r")[number - 1] if 0 < number <= text.count("\r") + 1 else ""
    stop = len(text)
    for _ in range(text.count("\n") + 1 - number):
        stop = text.rfind("\n", 0, stop)
    return text[text.rfind("\n", 0, stop) + 1 : stop] if stop >= 0 else ""


def would_do(found: Classification) -> str:
    """Say what healstream would do with it, if its policy allowed."""
    if found.abstained:
        return "escalate: a person looks"
    if not is_healable(found.kind):
        return f"refuse: {found.kind} is nothing that a recipe may heal"
    cards = cards_for_job(found)
    if not cards:
        return f"escalate: no strategy heals {found.kind} of a job"
    return f"{cards}: if policy and gates allow" if found.acts else f"ask a person before {cards}"


def cards_for_job(found: Classification) -> str:
    """Return the strategy that heals the kind on a job."""
    from_table = cards_for(CARDS, found.kind, "job:any")
    return from_table[0].name if from_table else ""
