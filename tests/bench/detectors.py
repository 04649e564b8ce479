"""How well the detectors find labelled faults in series: precision and recall over 40 series of each kind, half of them with none."""

from __future__ import annotations

from tests.bench.figures import Figure, at_least
from tests.support.detector_scores import RULES, score_fault

SERIES = 20
PRECISION, RECALL = 0.9, 0.9


def measure() -> list[Figure]:
    """Return precision and recall for each kind of fault."""
    figures = []
    for fault, rule in RULES.items():
        score = score_fault(fault, SERIES)
        how = f"{score.found} found, {score.false} false, {score.missed} missed; {SERIES} series with, {SERIES} without, by {rule.measure}"
        figures.append(at_least(f"detector_{fault}_precision", score.precision, "ratio", PRECISION, how))
        figures.append(at_least(f"detector_{fault}_recall", score.recall, "ratio", RECALL, how))
    return figures
