"""Where the program's own files lie; apart from ``system.py`` so that commands without a broker stay light."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped_patterns() -> Path:
    """Return the folder of the pattern files that come with the program."""
    return Path(str(files("learning").joinpath("catalogue")))
