"""How fast whole logs are recognised, how matching scales with the number of patterns, how soon a process is ready, and how large it is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from infra.compiled_patterns import CompiledPatterns
from learning.classification import classify_log
from learning.patterns.loader import Catalogue, load_catalogue, read_folder
from learning.patterns.matcher import Matcher
from learning.patterns.model import Pattern
from schemas.vocabulary import Result
from tests.bench.figures import Figure, at_least, below, quantile
from tests.bench.patterns import CATALOGUE, CHUNK_BYTES, chunk, seconds_of

ROUNDS = 300
FEW, MANY = 150, 1500
TURNS = 10
CAUSE = "curl: (6) Could not resolve host: registry.example"
END = "##[error]Process completed with exit code 1."
# What a process that classifies does, in one of its own: ready, one log, its largest resident size in MiB.
_PROCESS = r"""
import re, time
from pathlib import Path
from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from learning.classification import classify_log
loading = time.perf_counter()
recognizer = load_recognizer(shipped_patterns())
recognizer.matcher.make_ready()
ready = time.perf_counter() - loading
for _ in range(50):
    classify_log(%r, None, recognizer)
print(ready, int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024)
"""


def log_of(lines: int) -> str:
    """Return an ordinary log of so many lines whose cause stands near its end."""
    work = chunk().split("\n")
    return "\n".join([*work[: lines - 10], CAUSE, *work[:7], END, ""])


def cut(catalogue: Catalogue, count: int) -> Catalogue:
    """Return as many patterns: the first ones, or all and variants of them that say one more word."""
    patterns: list[Pattern] = list(catalogue.patterns[:count])
    for pattern in catalogue.patterns[: count - len(patterns)]:
        longer = tuple(f"{expression} variant" for expression in pattern.expressions)
        patterns.append(pattern.model_copy(update={"id": f"{pattern.id}-variant", "expressions": longer}))
    return Catalogue(tuple(patterns), catalogue.families, f"bench-{count}-{catalogue.digest}")


def matching(catalogue: Catalogue, counts: Sequence[int]) -> list[float]:
    """Return MB/s of matching a hit-free chunk with so many patterns each, taken in turns, the best of each."""
    matchers = [Matcher(cut(catalogue, count), CompiledPatterns.in_cache(os.environ)) for count in counts]
    for matcher in matchers:
        matcher.make_ready()
    raw = chunk().encode()
    taken = [[seconds_of(lambda one=matcher: one.scan(raw), 50) for matcher in matchers] for _ in range(TURNS)]  # type: ignore[misc]
    return [CHUNK_BYTES / min(seconds) / 1e6 for seconds in zip(*taken, strict=True)]


def process() -> tuple[float, float]:
    """Return seconds until ready and largest MiB of a process of its own, its automaton being in the cache."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "classify.py"
        script.write_text(_PROCESS % log_of(200), encoding="utf-8")
        found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, env=os.environ)
    ready, size = found.stdout.split()
    return float(ready), float(size)


def measure() -> list[Figure]:
    """Return the figures of recognition."""
    catalogue = load_catalogue(read_folder(CATALOGUE))
    if not isinstance(catalogue, Catalogue):
        raise SystemExit(str(catalogue[0]))
    recognizer = load_recognizer(shipped_patterns())
    text = log_of(200)
    classify_log(text, Result.FAILURE, recognizer)
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        classify_log(text, Result.FAILURE, recognizer)
        taken.append((time.perf_counter() - began) * 1000)
    few, many = matching(catalogue, (FEW, MANY))
    ready, size = process()
    how = f"{len(catalogue.patterns)} patterns"
    return [
        below("recognition_200_lines_median", quantile(taken, 0.5), "ms", 3, f"{how}, a log of 200 lines, {ROUNDS} rounds"),
        below("recognition_200_lines_p99", quantile(taken, 0.99), "ms", 3, f"{how}, a log of 200 lines, {ROUNDS} rounds"),
        at_least("matching_150_patterns", few, "MB/s", 100, "one hit-free 64 KiB chunk, one core"),
        below("matching_slower_at_1500", few / many, "ratio", 2, f"{many:.0f} MB/s with {MANY} patterns, the same chunk"),
        below("recognition_warm_start", ready, "s", 1, f"{how}, model and automaton from the cache, a process of its own"),
        below("recognition_memory", size, "MiB", 150, "largest resident size of that process"),
    ]
