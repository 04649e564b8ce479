"""``make corpus [TOOLS="git pip"]``: run the recipes of these tools (of all, when none is named) and store their logs.

Ids stay: what is recorded again takes the place of what had its id. Exits 1 when a recipe whose tools are here gave no log.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from learning.stored_logs import StoredLog
from tests.corpus.maker import record
from tests.corpus.reading import read_families
from tests.corpus.recipe import Recipe
from tests.corpus.recordings import masked, read_recordings, store
from tests.corpus.stage import can_isolate

# What is no failure of the maker: the machine lacks a tool, an engine or the right to use it.
_ABSENT = ("not installed here", "not at hand here", "only root may make")


def chosen(families: Mapping[str, Sequence[Recipe]], words: Sequence[str], ids: Sequence[str]) -> list[tuple[str, Recipe]]:
    """Return the recipes of the named tools or families, or those whose ids begin with one of ``ids``, each with its family."""
    rows = [(family, recipe) for family, recipes in families.items() for recipe in recipes]
    if ids:
        return [(family, recipe) for family, recipe in rows if recipe.id.startswith(tuple(ids))]
    return [(family, recipe) for family, recipe in rows if not words or recipe.tool in words or family in words]


def _unique(logs: Sequence[StoredLog], others: Sequence[StoredLog]) -> tuple[list[StoredLog], list[str]]:
    seen = {masked(log.text): log.id for log in others}
    kept, notes = [], []
    for log in logs:
        twin = seen.setdefault(masked(log.text), log.id)
        if twin == log.id:
            kept.append(log)
        else:
            notes.append(f"{log.id}: the same as {twin} but for numbers and names; not stored")
    return kept, notes


def main(words: Sequence[str]) -> int:
    """Record what was asked for; return 1 when something that could be recorded was not."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description="Record the logs of real tools under real faults.")
    parser.add_argument("tools", nargs="*", help="tools or families; all when none is named")
    parser.add_argument("--only", nargs="*", default=(), metavar="ID", help="recipes whose ids begin so")
    parser.add_argument("--show", action="store_true", help="print the logs and store nothing")
    parser.add_argument("--jobs", type=int, default=6, help="recipes at the same time")
    asked = parser.parse_args(words)
    families = read_families()
    rows = chosen(families, asked.tools, asked.only)
    if not rows:
        sys.stderr.write(
            f"no recipe is of {' '.join(asked.tools)}; tools are {', '.join(sorted({r.tool for rs in families.values() for r in rs}))}\n"
        )
        return 2
    has_namespace = can_isolate()
    with tempfile.TemporaryDirectory(prefix="hs-corpus-") as folder, ThreadPoolExecutor(asked.jobs) as pool:
        made = list(pool.map(lambda row: record(row[1], row[0], Path(folder), has_namespace=has_namespace), rows))
    logs = [log for log in made if isinstance(log, StoredLog)]
    notes = [f"{recipe.id}: {said}" for (_, recipe), said in zip(rows, made, strict=True) if isinstance(said, str)]
    ids = {recipe.id for _, recipe in rows}
    known = {recipe.id for recipes in families.values() for recipe in recipes}
    stored = read_recordings()
    kept, twins = _unique(logs, [log for log in stored if log.id not in ids])
    if asked.show:
        sys.stdout.write("".join(f"=== {log.id} [{log.kind}] exit {log.exit_code}\n{log.text}" for log in kept))
    else:
        asked_families = {family for family, _ in rows}
        counts = store(kept, [log.id for log in stored if log.family in asked_families and log.id not in known])
        sys.stdout.write("".join(f"{family}: {count} logs\n" for family, count in counts.items()))
    sys.stderr.write("".join(f"{note}\n" for note in (*notes, *twins)))
    return 1 if any(not any(words in note for words in _ABSENT) for note in (*notes, *twins)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
