"""How long finding a pattern takes among 10,000: by id, by kind, and by words, the most frequent ones too."""

from __future__ import annotations

import time
from collections.abc import Callable

from learning.patterns.loader import Catalogue, load_catalogue, read_folder
from learning.patterns.lookup import Lookup
from learning.patterns.model import Pattern
from tests.bench.figures import Figure, below, quantile
from tests.bench.patterns import CATALOGUE

PATTERNS = 10_000
ROUNDS = 2_000
TEXTS = ("error", "connection refused", "no space left on device", "failed to connect to host", "zzyzx")


def many() -> list[Pattern]:
    """Return the shipped patterns again and again under new ids, until there are enough."""
    catalogue = load_catalogue(read_folder(CATALOGUE))
    if not isinstance(catalogue, Catalogue):
        raise SystemExit(str(catalogue[0]))
    shipped = catalogue.patterns
    return [shipped[number % len(shipped)].model_copy(update={"id": f"copy-{number:05}"}) for number in range(PATTERNS)]


def slow_milliseconds(work: Callable[[int], object]) -> float:
    """Return the 99th percentile of one look-up."""
    taken: list[float] = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - began) * 1000)
    return quantile(taken, 0.99)


def measure() -> list[Figure]:
    """Return one figure for each way of asking."""
    patterns = many()
    lookup = Lookup(patterns)
    how = f"p99 of {ROUNDS} look-ups among {PATTERNS} patterns"
    return [
        below("lookup_by_id", slow_milliseconds(lambda number: lookup.by_id(patterns[number].id)), "ms", 1, how),
        below("lookup_by_kind", slow_milliseconds(lambda number: lookup.by_kind(patterns[number].kind)), "ms", 1, how),
        below("lookup_by_text", slow_milliseconds(lambda number: lookup.by_text(TEXTS[number % len(TEXTS)])), "ms", 1, how),
    ]
