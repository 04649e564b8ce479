"""Writes ``common_grams.py``: ``python -m learning.patterns.write_common_grams TEXT... > learning/patterns/common_grams.py``.

The texts are ordinary logs, each a file. To be run again when logs have changed for good, not with each new pattern: only speed
hangs on it.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from learning.patterns.ordinary import GRAM

# A text that stands in one of so many lines is common.
_LINES_FOR_ONE = 700
_A_ROW = 25
_KEPT = re.compile(r"[a-z :./_\[\]=>(,-]+")


def common_grams(lines: Iterable[str]) -> list[str]:
    """Return the texts of ``GRAM`` letters that stand in many lines, in lower case and in order."""
    counted: Counter[str] = Counter()
    total = 0
    for line in lines:
        total += 1
        shown = line.lower()
        counted.update({shown[at : at + GRAM] for at in range(len(shown) - GRAM + 1)})
    return sorted(gram for gram, count in counted.items() if count * _LINES_FOR_ONE >= total and _KEPT.fullmatch(gram))


def module_of(grams: list[str]) -> str:
    """Return them as the text of a module."""
    rows = ["".join(grams[at : at + _A_ROW]) for at in range(0, len(grams), _A_ROW)]
    said = f'"""Written by ``write_common_grams.py``: texts of {GRAM} letters that are common in logs, one after the other."""'
    return "\n".join((said, "", "COMMON_GRAMS = (", *(f'    "{row}"' for row in rows), ")", ""))


def main() -> None:
    """Read the files that are named and print the module."""
    texts = [Path(name).read_text(encoding="utf-8", errors="replace") for name in sys.argv[1:]]
    sys.stdout.write(module_of(common_grams(line for text in texts for line in text.split("\n"))))


if __name__ == "__main__":
    main()
