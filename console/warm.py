"""Compile the shipped patterns into the cache, so that the first command does not wait for it: ``python -m console.warm``, in set-up."""

from __future__ import annotations

import sys

from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from schemas.errors import HealstreamError


def main() -> int:
    """Make the automaton ready; return 1 when the shipped patterns are wrong."""
    try:
        recognizer = load_recognizer(shipped_patterns())
        recognizer.matcher.make_ready()
    except HealstreamError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"patterns: {len(recognizer.matcher.catalogue.patterns)}, compiled\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
