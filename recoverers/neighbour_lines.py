"""What a run's neighbours looked like, as its journal keeps it: written by ``neighbours``, read by ``journal``.

The first step's intent has the sights of before, a verification's round those of after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from schemas.attempts import Sight
from schemas.recoveries import Condition, Neighbour

BEFORE, AFTER = "neighbours_before", "neighbours_after"


def lines_of(sights: Iterable[Sight]) -> list[list[str]]:
    """Return sights as a journal keeps them."""
    return [[sight.name, sight.condition.value, sight.detail] for sight in sights]


def neighbours_after(known: tuple[Neighbour, ...], result: Mapping[str, object]) -> tuple[Neighbour, ...]:
    """Return the neighbours after one more record; the first sights of before count for the whole run."""
    before, after = _rows(result, BEFORE), _rows(result, AFTER)
    if before and not known:
        return tuple(Neighbour(name, Condition(condition), detail=detail) for name, condition, detail in before)
    found = {name: (Condition(condition), detail) for name, condition, detail in after}
    return tuple(replace(row, after=found[row.target][0], detail=found[row.target][1]) if row.target in found else row for row in known)


def _rows(result: Mapping[str, object], name: str) -> list[list[str]]:
    return cast("list[list[str]]", result.get(name, []))
