"""What runs without coverage: a process that is killed writes none down, and what plays or counts at length tells nothing new of lines.

Measured, Python is two to three times slower. Without it, the same tests pass or fail; what they run is measured by shorter ones.
"""

from __future__ import annotations

from collections.abc import Mapping


def unmeasured(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a process that coverage does not follow into."""
    return {name: value for name, value in environ.items() if not name.startswith("COVERAGE")}
