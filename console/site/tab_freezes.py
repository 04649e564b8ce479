"""The tab of what is left alone and how far each strategy may go: freezes, holds on single incidents, and the rollout ladder."""

from __future__ import annotations

import json
import sqlite3

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from console.brake_words import freeze_rows
from console.site.api_brakes import freezes_here, rollout_rows
from console.site.entrance import SiteHere, VisitorHere
from console.site.frame import whole
from console.site.place import Site
from console.site.store import controls_in
from schemas.catalogue import CARDS
from schemas.control_words import why_not_counted
from schemas.oversight import RolloutLevel
from schemas.rollouts import LADDER

FREEZES_TAB = APIRouter(include_in_schema=False)
_OVERRIDE = "override/"
Row = dict[str, object]


@FREEZES_TAB.get("/freezes")
def freezes_tab(visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return the tab."""
    with site.base() as base:
        values: dict[str, object] = {
            "freezes": freeze_rows(freezes_here(base, site), site.policy(), site.now()),
            "holds": holds_in(base, site),
            "rollouts": [_with_rungs(row) for row in rollout_rows(base, site)],
            "ladder": [level.value for level in LADDER],
        }
    return whole("freezes", site, visitor, values)


def holds_in(base: sqlite3.Connection, site: Site) -> list[Row]:
    """Return the incidents that a counted word keeps hands off, as long as they have not ended, the newest word first."""
    people = site.people()
    words = [
        word
        for word in controls_in(base, _OVERRIDE)
        if word.override is not None and word.override.hands_off and why_not_counted(word, people) is None
    ]
    rows: list[Row] = []
    for word in sorted(words, key=lambda one: one.at, reverse=True):
        incident = word.key.split("/")[1]
        found = base.execute("SELECT line FROM incidents WHERE id = ? AND ended IS NULL", (incident,)).fetchone()
        if found:
            rows.append({**json.loads(found[0]), "by": word.by, "said_at": word.at.isoformat()})
    return rows


def _with_rungs(row: Row) -> Row:
    """Return a strategy's row with the levels next to the one that holds, and the kinds that it heals.

    Up leads only as far as the policy allows: a word that goes further has no effect.
    """
    rung, allowed = (LADDER.index(RolloutLevel(str(row[name]))) for name in ("level", "policy"))
    heals = next((card.heals for card in CARDS if card.name == row["strategy"]), frozenset())
    return {
        **row,
        "kinds": sorted(kind.value for kind in heals),
        "up": LADDER[rung + 1].value if rung < allowed else "",
        "down": LADDER[rung - 1].value if rung else "",
    }
