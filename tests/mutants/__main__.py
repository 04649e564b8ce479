"""``python -m tests.mutants [WORD]``: tries every mutant (whose name holds the word), and says which invariant found it.

Writes ``build/mutants.json``; exits 1 when a mutant lives unseen, or when the code without it is found guilty.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.bench.figures import Figure, write
from tests.mutants.table import MUTANTS, tried

BUILD = Path(__file__).parents[2] / "build"


def main() -> int:
    """Try them."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="put defects into the code, one at a time")
    parser.add_argument("word", nargs="?", default="", help="only mutants whose name holds it")
    parser.add_argument("--to", type=Path, default=BUILD / "mutants.json")
    asked = parser.parse_args()
    rows = [tried(mutant) for mutant in MUTANTS if asked.word in mutant.name]
    for row in rows:
        where = "shell" if row.mutant.is_shell else "code"
        shown = " ".join(row.invariants) or "nothing"
        sys.stdout.write(f"{'caught' if row.is_caught else 'LIVES '} {row.mutant.name} ({where}): {shown}; seed {row.mutant.plan.seed}\n")
        for sentence in row.found_without:
            sys.stdout.write(f"       without it: {sentence}\n")
    caught = sum(row.is_caught for row in rows)
    figure = Figure("mutants caught", caught, "mutants", f"= {len(rows)}", caught == len(rows) > 0, "python -m tests.mutants")
    write([figure], asked.to, 1)
    sys.stdout.write(f"{caught} of {len(rows)} mutants are caught\n")
    return 0 if figure.ok else 1


if __name__ == "__main__":
    sys.exit(main())
