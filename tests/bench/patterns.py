"""How fast the pattern stage is beside a loop of Python's ``re`` over the same patterns and the same log."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from infra.compiled_patterns import CompiledPatterns
from learning.patterns.loader import Catalogue, load_catalogue, read_folder
from learning.patterns.matcher import Matcher
from tests.bench.figures import Figure, at_least

CATALOGUE = Path(__file__).parents[2] / "learning" / "catalogue"
LINE = "2026-01-01T00:00:00.0000000Z [INFO] compiling module number {} with {} warnings in {} ms\n"
CHUNK_BYTES = 64 * 1024


def chunk() -> str:
    """Return 64 KiB of an ordinary build log."""
    return "".join(LINE.format(number, number % 7, number * 3 % 1000) for number in range(1000))[:CHUNK_BYTES]


def seconds_of(work: Callable[[], object], rounds: int) -> float:
    """Return the mean time of one round that a core spent on it: what else the machine does is no part of it."""
    began = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - began) / rounds


def measure() -> list[Figure]:
    """Return the ratio and the throughput, taken one after the other on the same chunk."""
    catalogue = load_catalogue(read_folder(CATALOGUE))
    if not isinstance(catalogue, Catalogue):
        raise SystemExit(str(catalogue[0]))
    matcher = Matcher(catalogue, CompiledPatterns.in_cache(os.environ))
    matcher.make_ready()
    text = chunk()
    raw = text.encode()
    lines = text.splitlines()
    expressions = [re.compile(expression) for pattern in catalogue.patterns for expression in pattern.expressions]
    naive = seconds_of(lambda: [one.search(line) for line in lines for one in expressions], 2)
    ours = seconds_of(lambda: matcher.scan(raw), 200)
    how = f"{len(catalogue.patterns)} patterns, one hit-free 64 KiB chunk, same run"
    return [
        at_least("pattern_stage_over_re_loop", naive / ours, "ratio", 50, how),
        at_least("pattern_stage_throughput", CHUNK_BYTES / ours / 1e6, "MB/s", 100, how),
    ]
