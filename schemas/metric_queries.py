"""What a Prometheus is asked again and again so that its answers become metrics of targets: run by ``streams/prober.py``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PLACEHOLDER = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One PromQL query to a server of the catalogue; each series of its answer becomes a sample named ``metric``.

    ``target`` is a typed name in which ``{label}`` stands for a label of the series: ``service:{job}``. A name that the catalogue does
    not know is left out, so that no label can make a target.
    """

    name: str
    server: str
    query: str
    metric: str
    target: str
    unit: str = ""
    every_s: float = 30.0
    timeout_s: float = 5.0

    def target_of(self, labels: Mapping[str, str]) -> str | None:
        """Return the typed name for a series; None when it lacks a label."""
        if any(name not in labels for name in placeholders(self.target)):
            return None
        return _PLACEHOLDER.sub(lambda found: labels[found[1]], self.target)


def placeholders(text: str) -> list[str]:
    """Return the labels that a target's text names."""
    return _PLACEHOLDER.findall(text)


@dataclass(frozen=True, slots=True)
class Polled:
    """One series of an answer: its labels, its value, and the moment that the server gave it (seconds since 1970)."""

    labels: tuple[tuple[str, str], ...]
    value: float
    at: float
