"""A measured figure as machines and people read it; written by ``python -m tests.bench``."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: ``target`` in words, ``ok`` whether it is met, ``how`` it was taken."""

    name: str
    value: float
    unit: str
    target: str
    ok: bool
    how: str


def at_least(name: str, value: float, unit: str, target: float, how: str) -> Figure:
    """Return a figure that should be high."""
    return Figure(name, round(value, 4), unit, f">= {target:g}", value >= target, how)


def below(name: str, value: float, unit: str, target: float, how: str) -> Figure:
    """Return a figure that should be low."""
    return Figure(name, round(value, 4), unit, f"< {target:g}", value < target, how)


def quantile(values: list[float], share: float) -> float:
    """Return the value below which that share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def commit() -> str:
    """Return the commit that was measured."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607 - the developer's git
    return found.stdout.strip()


def write(figures: list[Figure], path: Path, seed: int = 0) -> None:
    """Write the figures with the commit, the core count and the seed beside them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(figure), "commit": commit(), "cores": os.cpu_count(), "seed": seed} for figure in figures]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
