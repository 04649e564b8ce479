"""``make bench``: measure, write ``build/bench.json``, print the same as a table, and fail when a target is missed."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench import patterns, whole
from tests.bench.figures import write

OUT = Path(__file__).parents[2] / "build" / "bench.json"


def main() -> int:
    """Measure everything; return 1 when a target is missed."""
    figures = [*patterns.measure(), *whole.measure()]
    write(figures, OUT)
    for figure in figures:
        sys.stdout.write(f"{'ok  ' if figure.ok else 'MISS'} {figure.name:32} {figure.value:>10g} {figure.unit:6} target {figure.target}\n")
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
