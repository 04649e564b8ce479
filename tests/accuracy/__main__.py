"""``make accuracy``: every split in the four ways of asking, what is held out, and hostile logs, into ``build/accuracy.json`` and tables.

Exits 1 when a target of the specification is missed on a split that it is asked of; nothing is pooled over splits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from learning.classification import Recognizer
from schemas.vocabulary import Group, Result, group_of
from tests.accuracy.abstention import picture, risk_coverage
from tests.accuracy.asking import WAYS, Asked, Way, ask
from tests.accuracy.held_out import LEAST_LOGS, fold_of, recalibrated, tools_left_out
from tests.accuracy.hostile import DISGUISES, FAILING, PASSING, plant
from tests.accuracy.scores import Judged, Scores, Share, scores_of, share
from tests.accuracy.splits import absent, splits
from tests.bench.figures import Figure, write

OUT = Path(__file__).parents[2] / "build" / "accuracy.json"
CURVE = OUT.with_name("abstention.svg")
HEAD = (
    f"{'split':30} {'asked':22}  class  f1     group  recall acts   cover"
    "  seen on success  infra on success infra on code    wrong acts  calib\n"
)
Split = Mapping[Way, Sequence[Asked]]


def _rate(name: str, found: Share, how: str) -> Figure:
    # At most one log of a split, or less than 1 % of a large one (recognition.md).
    ok = found.hits <= 1 or found.value < 0.01
    said = f"{how}; {found.hits} of {found.n}, upper 95 % bound {found.upper:.3f}"
    return Figure(name, round(found.value, 4), "share", "< 0.01, at most one log of few", ok, said)


def _share(name: str, found: Share, target: float, how: str) -> Figure:
    said = f"{how}; {found.hits} of {found.n}, 95 % within [{found.lower:.3f}, {found.upper:.3f}]"
    ok = not found.n or found.value >= target
    return Figure(name, round(found.value, 4), "share", f">= {target:g}" if target else "none", ok, said)


def figures_of(split: str, way: str, scores: Scores) -> Iterator[Figure]:
    """Yield the figures of one split asked in one way; the targets are those of ``recognition.md``."""
    name, how = f"{split}|{way}", f"split {split}, {way}"
    for rate in ("seen_on_success", "infra_on_success", "infra_on_code"):
        found = getattr(scores, rate)
        if found.n:
            yield _rate(f"{name}|{rate}", found, how)
    yield _share(f"{name}|class_accuracy", scores.classes, 0.95 if split.startswith("dev") else 0.9, how)
    yield Figure(f"{name}|macro_f1", round(scores.macro_f1, 4), "share", "none", True, how)
    yield _share(f"{name}|group_accuracy", scores.groups, 0.95, how)
    yield _share(f"{name}|infra_recall", scores.infra_recall, 0.0, how)
    yield _share(f"{name}|acts_precision", scores.acts_right, 0.99, how)
    yield _share(f"{name}|acts_coverage", scores.acts_coverage, 0.6, how)
    ok = scores.calibration_error <= 0.05
    yield Figure(f"{name}|calibration_error", round(scores.calibration_error, 4), "share", "<= 0.05", ok, f"{how}; {scores.named} verdicts")


def table_row(split: str, way: str, scores: Scores) -> str:
    """Return one line of the table."""
    shares = (scores.groups, scores.infra_recall, scores.acts_right, scores.acts_coverage)
    rates = (scores.seen_on_success, scores.infra_on_success, scores.infra_on_code)
    cells = [f"{split:30} {way:22} {scores.classes.value:6.3f} {scores.macro_f1:6.3f}", *(f"{found.value:6.3f}" for found in shares)]
    cells += [f"{found.hits:3}/{found.n:<3} (<{found.upper:.3f})" if found.n else f"{'-':>16}" for found in rates]
    wrong = scores.acts_right.n - scores.acts_right.hits
    return " ".join([*cells, f"{wrong:4}/{scores.acts_right.n:<5}", f"{scores.calibration_error:6.3f}"]) + "\n"


def report(split: str, way: Way, rows: Sequence[Judged]) -> list[Figure]:
    """Print one line and return its figures."""
    scores = scores_of(rows)
    sys.stdout.write(table_row(split, way.name, scores))
    return list(figures_of(split, way.name, scores))


def measure_splits(asked: Mapping[str, Split], recognizer: Recognizer) -> list[Figure]:
    """Measure every split with what is shipped."""
    figures: list[Figure] = []
    for name, split in asked.items():
        for way in WAYS:
            figures += report(name, way, [one.judge(recognizer) for one in split[way]])
    return figures


def measure_held_out(asked: Mapping[str, Split], recognizer: Recognizer) -> list[Figure]:
    """Measure with the learned parts fitted elsewhere; the shipped model and calibration have seen nothing of ``dev``."""
    figures: list[Figure] = []
    for way in WAYS:
        if "dev" in asked:
            figures += report("dev by project, 5 folds", way, recalibrated(asked["dev"][way], fold_of, recognizer))
            figures += report("dev, one CI system out", way, recalibrated(asked["dev"][way], lambda row: row.ci, recognizer))
        if "provoked" in asked:
            figures += report("provoked, one language out", way, recalibrated(asked["provoked"][way], lambda row: row.language, recognizer))
    return figures


def measure_tools(asked: Mapping[str, Split], recognizer: Recognizer) -> list[Figure]:
    """Measure what is left when a tool's own patterns are dropped: these figures have no target, they say how far patterns reach."""
    figures: list[Figure] = []
    sys.stdout.write("one tool family left out: class accuracy, named, right of the named, wrong acts, the classifier's guesses\n")
    for name, split in asked.items():
        found = list(tools_left_out(split[WAYS[1]], recognizer))
        groups = [(one.tool, [one]) for one in found if len(one.judged) >= LEAST_LOGS]
        for tool, members in [("every tool in turn", found), *groups]:
            rows = [row for one in members for row in one.judged]
            named = [row for row in rows if group_of(row.said.kind) in {Group.INFRA, Group.CODE}]
            right, acts = share(named, lambda row: row.is_right), [row for row in rows if row.said.acts]
            guesses = Share(sum(one.guesses_right for one in members), sum(one.guesses for one in members))
            classes, wrong = share(rows, lambda row: row.is_right), Share(sum(not row.is_right for row in acts), len(acts))
            sys.stdout.write(
                f"{name:24} {tool:22} {classes.value:.3f} of {classes.n:<4} named {len(named):<4} right {right.value:.3f}"
                f"  wrong acts {wrong.hits}/{wrong.n}  guesses right {guesses.hits}/{guesses.n}\n"
            )
            how = f"split {name}, patterns of {tool} dropped"
            for what, one in (("class_accuracy", classes), ("named_right", right), ("guess_right", guesses)):
                figures.append(_share(f"{name}|without {tool}|{what}", one, 0.0, how))
    return figures


def measure_hostile(recognizer: Recognizer) -> list[Figure]:
    """Measure every disguise in failing and in passing jobs."""
    figures: list[Figure] = []
    for jobs, hosts, result in (("code fails", FAILING, Result.FAILURE), ("job succeeds", PASSING, None)):
        for disguise in DISGUISES:
            rows = list(plant(disguise, hosts, result, recognizer))
            called = Share(sum(one.is_called_infra for one in rows), len(rows))
            acts = Share(sum(one.said.acts for one in rows), len(rows))
            sys.stdout.write(f"hostile, {jobs:13} {disguise:34} called {called.hits}/{called.n} (<{called.upper:.3f}) acts {acts.hits}\n")
            figures.append(_rate(f"hostile|{jobs}|{disguise}|called_infra", called, "every infra pattern's own words"))
            figures.append(Figure(f"hostile|{jobs}|{disguise}|acts", acts.hits, "logs", "0", acts.hits == 0, f"of {acts.n}"))
    return figures


def main() -> int:
    """Measure everything; return 1 when a target is missed."""
    recognizer = load_recognizer(shipped_patterns())
    for name in absent():
        sys.stdout.write(f"not measured, because it is not there: {name}\n")
    asked = {name: ask(rows, recognizer) for name, rows in splits().items()}
    sys.stdout.write(HEAD)
    figures = [*measure_splits(asked, recognizer), *measure_held_out(asked, recognizer), *measure_tools(asked, recognizer)]
    figures += measure_hostile(recognizer)
    write(figures, OUT)
    curves = {name: risk_coverage([one.judge(recognizer) for one in split[WAYS[0]]]) for name, split in asked.items()}
    CURVE.write_text(picture(curves), encoding="utf-8")
    missed = [figure for figure in figures if not figure.ok]
    sys.stdout.writelines(f"MISS {figure.name}: {figure.value} {figure.target} ({figure.how})\n" for figure in missed)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
