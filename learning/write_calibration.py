"""Fit ``catalogue/calibration.json``: ``python -m learning.write_calibration CATALOGUE CORPUS...``, called by ``make calibration``.

A corpus is a folder of ``*.jsonl`` or ``*.jsonl.xz``, a log a line with ``text`` and ``label``. Each log is judged with and without its
conclusion, and once more as if nobody had written patterns for its tool: so the map knows how verdicts do on tools it does not know.
"""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from learning.calibration import Calibration, CalibrationError, Example, Factor, calibration_text, fit
from learning.classification import Classification, Recognizer, classify_read, tools_of
from learning.classifier import Classifier
from learning.patterns.loader import Catalogue, load_catalogue, read_folder
from learning.patterns.matcher import Matcher
from learning.patterns.precedence import load_precedence
from learning.reading import read_log
from schemas.vocabulary import Group, Kind, Result, group_of

# Below this nothing acts, whatever the corpora say.
LEAST_ACT_THRESHOLD = 0.8
_MOST_WRONG = 0.01
# A threshold that costs more than this share of what acts rightly hides patterns that must be mended.
_MOST_LOST = 0.1
# Most failures are of tools that are known.
_UNKNOWN_TOOL_WEIGHT = 0.2
_OPEN = Calibration(0.0, (1.0,) * len(Factor), 0.01)


def corpus_rows(folder: Path) -> Iterator[tuple[str, Kind]]:
    """Yield text and kind of every log in a folder's corpus files, in the order of their names."""
    for path in sorted(folder.glob("*.jsonl*")):
        raw = path.read_bytes()
        text = (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8")
        for line in text.split("\n"):
            if line.strip():
                row = json.loads(line)
                yield row["text"], Kind(row["label"])


def verdicts(text: str, kind: Kind, recognizer: Recognizer) -> Iterator[tuple[Classification, bool]]:
    """Yield what is said of one log, each with whether the log's own tool is known."""
    tools = tools_of(recognizer)
    read = read_log(text, recognizer.matcher)
    stated = Result.SUCCESS if group_of(kind) is Group.NONE else Result.FAILURE
    for result in (None, stated):
        said = classify_read(read, result, recognizer)
        yield said, True
        if said.pattern:
            own = tools[said.pattern]
            without = read.without({pattern for pattern, tool in tools.items() if tool == own}.__contains__)
            yield classify_read(without, result, recognizer), False


def act_threshold_of(rows: Sequence[tuple[float, bool]]) -> float:
    """Return the lowest confidence at and above which at most 1 % of what would act is wrong; ``rows``: (confidence, is it right).

    It never costs more than a tenth of what acts rightly.
    """
    found = 1.0
    wrong = 0
    ordered = sorted(rows, reverse=True)
    for number, (confidence, is_right) in enumerate(ordered, 1):
        wrong += not is_right
        is_last = number == len(ordered) or ordered[number][0] < confidence
        if is_last and wrong <= _MOST_WRONG * number:
            found = confidence
    right = sorted(confidence for confidence, is_right in rows if is_right)
    highest = right[int(_MOST_LOST * len(right))] if right else 1.0
    return max(LEAST_ACT_THRESHOLD, min(found, highest))


def fit_on(corpora: Sequence[Sequence[tuple[str, Kind]]], recognizer: Recognizer) -> Calibration:
    """Return the calibration of a recognition on labelled logs, each corpus counting the same whatever its size.

    Raises CalibrationError when they name no failure.
    """
    judge = replace(recognizer, calibration=_OPEN)
    examples: list[Example] = []
    acting: list[Example] = []
    for rows in corpora:
        for text, kind in rows:
            for found, known in verdicts(text, kind, judge):
                if found.factors:
                    share = (1.0 if known else _UNKNOWN_TOOL_WEIGHT) / len(rows)
                    examples.append(Example(found.factors, found.kind is kind, share))
                    acting += examples[-1:] if known and found.acts else []
    fitted = fit(examples, LEAST_ACT_THRESHOLD)
    return replace(fitted, act_threshold=act_threshold_of([(fitted.confidence(one.factors), one.is_right) for one in acting]))


def recognizer_in(folder: Path) -> Recognizer:
    """Return the recognition in a catalogue folder, its calibration still open; raises CalibrationError for broken patterns."""
    loaded = load_catalogue(read_folder(folder))
    if not isinstance(loaded, Catalogue):
        raise CalibrationError("; ".join(map(str, loaded[:5])))
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    precedence = load_precedence((folder / "precedence.json").read_text(encoding="utf-8"))
    return Recognizer(Matcher(loaded), precedence, Classifier.from_snapshot(model), _OPEN)


def main(catalogue: Path, corpora: Sequence[Path]) -> int:
    """Write ``calibration.json`` beside the patterns; return 1 and say why when there is nothing to fit on or the patterns are broken."""
    read = [list(corpus_rows(folder)) for folder in corpora]
    try:
        fitted = fit_on(read, recognizer_in(catalogue))
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    (catalogue / "calibration.json").write_text(calibration_text(fitted), encoding="utf-8")
    sys.stdout.write(f"fitted on {sum(map(len, read))} logs: {fitted}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
