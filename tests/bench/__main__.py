"""``make bench``: measure, write ``build/bench.json``, print the same as a table, and fail when a target is missed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import (
    audit,
    detectors,
    first_paint,
    front,
    gateway,
    idle,
    in_flight,
    journal,
    killswitch,
    lookup,
    memory,
    middle,
    overhead,
    patterns,
    policy,
    prober,
    readmodel,
    recognition,
    recovery,
    resume,
    throughput,
    webhook_to_rerun,
    whole,
)
from tests.bench.figures import Figure, write

OUT = Path(__file__).parents[2] / "build" / "bench.json"
# In this order, the quick ones first; ``python -m tests.bench NAME...`` takes only those named.
MEASURES: tuple[tuple[str, Callable[[], list[Figure]]], ...] = (
    ("patterns", patterns.measure),
    ("lookup", lookup.measure),
    ("policy", policy.measure),
    ("readmodel", readmodel.measure),
    ("first_paint", first_paint.measure),
    ("audit", audit.measure),
    ("detectors", detectors.measure),
    ("prober", prober.measure),
    ("overhead", overhead.measure),
    ("recognition", recognition.measure),
    ("recovery", recovery.measure),
    ("front", front.measure),
    ("gateway", gateway.measure),
    ("throughput", throughput.measure),
    ("middle", middle.measure),
    ("memory", memory.measure),
    ("killswitch", killswitch.measure),
    ("journal", journal.measure),
    ("resume", resume.measure),
    ("in_flight", in_flight.measure),
    ("webhook_to_rerun", webhook_to_rerun.measure),
    ("whole", whole.measure),
    ("idle", idle.measure),
)


def taken(names: Sequence[str]) -> list[Figure]:
    """Measure what is named, or everything, and print each figure as soon as it is there."""
    known = dict(MEASURES)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"{', '.join(unknown)}: no such measure; there is {', '.join(known)}")
    figures: list[Figure] = []
    for name in names or known:
        found = known[name]()
        figures += found
        for figure in found:
            word = "ok  " if figure.ok else "MISS"
            sys.stdout.write(f"{word} {figure.name:32} {figure.value:>10g} {figure.unit:6} target {figure.target:8} {figure.how}\n")
        sys.stdout.flush()
    return figures


def main() -> int:
    """Measure; return 1 when a target is missed."""
    figures = taken(sys.argv[1:])
    write(figures, OUT)
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
