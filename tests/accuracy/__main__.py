"""``make accuracy``: every split, with and without its verdict lines and its conclusion, into ``build/accuracy.json`` and a table.

Exits 1 when a target of the specification is missed on a split that it is asked of; nothing is pooled.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from learning.classification import Recognizer, classify_log
from tests.accuracy.scores import Judged, Scores, Share, scores_of
from tests.accuracy.splits import Labelled, splits, without_verdict
from tests.bench.figures import Figure, write

OUT = Path(__file__).parents[2] / "build" / "accuracy.json"
# A share of so few logs says nothing of a rate: at most one log may be wrong there (recognition.md).
FEW = 100


def judge(rows: Sequence[Labelled], recognizer: Recognizer, *, keeps_verdict: bool, has_conclusion: bool) -> list[Judged]:
    """Return what is said of each log in one of the four ways of asking."""
    return [
        Judged(
            row.kind,
            classify_log(row.text if keeps_verdict else without_verdict(row.text), row.result if has_conclusion else None, recognizer),
        )
        for row in rows
    ]


def _rate(name: str, found: Share, how: str) -> Figure:
    ok = found.hits <= 1 if found.n < FEW else found.value < 0.01
    return Figure(name, round(found.value, 4), "share", "< 0.01, at most one log of few", ok, f"{how}; {found.hits} of {found.n}")


def _share(name: str, found: Share, target: float, how: str) -> Figure:
    said = f"{how}; {found.hits} of {found.n}, 95 % within [{found.lower:.3f}, {found.upper:.3f}]"
    return Figure(name, round(found.value, 4), "share", f">= {target:g}" if target else "none", found.value >= target, said)


def figures_of(split: str, way: str, scores: Scores) -> Iterator[Figure]:
    """Yield the figures of one split asked in one way; the targets are those of ``recognition.md``."""
    name, how = f"{split}|{way}", f"split {split}, {way}"
    is_same = split.startswith("dev")
    for rate in ("seen_on_success", "infra_on_success", "infra_on_code"):
        found = getattr(scores, rate)
        if found.n:
            yield _rate(f"{name}|{rate}", found, f"{how}; upper 95 % bound {found.upper:.3f}")
    yield _share(f"{name}|class_accuracy", scores.classes, 0.95 if is_same else 0.9, how)
    yield Figure(f"{name}|macro_f1", round(scores.macro_f1, 4), "share", "none", True, how)
    yield _share(f"{name}|group_accuracy", scores.groups, 0.95, how)
    yield _share(f"{name}|infra_recall", scores.infra_recall, 0.0, how)
    yield _share(f"{name}|acts_precision", scores.acts_right, 0.99, how)
    yield _share(f"{name}|acts_coverage", scores.acts_coverage, 0.6, how)
    ok = scores.calibration_error <= 0.05
    yield Figure(f"{name}|calibration_error", round(scores.calibration_error, 4), "share", "<= 0.05", ok, how)


def table_row(split: str, way: str, scores: Scores) -> str:
    """Return one line of the table."""
    shares = (scores.classes, scores.groups, scores.infra_recall, scores.acts_right, scores.acts_coverage)
    rates = (scores.seen_on_success, scores.infra_on_success, scores.infra_on_code)
    cells = [f"{split:26} {way:22}", *(f"{found.value:6.3f}" for found in shares[:1]), f"{scores.macro_f1:6.3f}"]
    cells += [f"{found.value:6.3f}" for found in shares[1:]]
    cells += [f"{found.hits:3}/{found.n:<3} (<{found.upper:.3f})" if found.n else f"{'-':>16}" for found in rates]
    return " ".join([*cells, f"{scores.calibration_error:6.3f}"])


def main() -> int:
    """Measure every split; return 1 when a target is missed."""
    recognizer = load_recognizer(shipped_patterns())
    figures: list[Figure] = []
    head = f"{'split':26} {'asked':22}  class  f1     group  recall acts   cover  seen on success  infra on success infra on code    calib"
    sys.stdout.write(head + "\n")
    for split, rows in splits().items():
        for keeps_verdict in (True, False):
            for has_conclusion in (False, True):
                way = f"{'as it is' if keeps_verdict else 'no verdict'}{', conclusion' if has_conclusion else ''}"
                scores = scores_of(judge(rows, recognizer, keeps_verdict=keeps_verdict, has_conclusion=has_conclusion))
                figures += figures_of(split, way, scores)
                sys.stdout.write(table_row(split, way, scores) + "\n")
    write(figures, OUT)
    missed = [figure for figure in figures if not figure.ok]
    sys.stdout.writelines(f"MISS {figure.name}: {figure.value} {figure.target} ({figure.how})\n" for figure in missed)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
