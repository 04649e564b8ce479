"""Has the recovery made something else worse? The neighbours before the first step, and again while the target is verified.

Called by ``perform`` (before) and ``verify`` (after); what was seen before is in the journal, so a successor compares with the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from recoverers.contain import LOOK_S, Hung, ask, told
from recoverers.journal import RunState
from recoverers.neighbour_lines import AFTER, BEFORE, lines_of, neighbours_after
from recoverers.ports import Answer, Hands, Raised
from recoverers.terms import Terms
from schemas.attempts import Sight
from schemas.neighbours import neighbours_of
from schemas.recoveries import NEIGHBOURS, Condition, Neighbour

# The nearest ones: a look at each takes connections and time, and what lies further away has other causes too.
MOST = 16


def baseline(run: RunState, terms: Terms, hands: Hands) -> dict[str, object]:
    """Return what the first intent keeps of the neighbours; nothing for a later one, or where there are none."""
    names = () if run.steps else names_of(run, terms)[:MOST]
    sights = _look(names, terms, hands) if names else ()
    return {BEFORE: lines_of(sights)} if sights else {}


def names_of(run: RunState, terms: Terms) -> tuple[str, ...]:
    """Return all neighbours, nearest first; of a workflow those of every target that it may touch."""
    if terms.around is None:
        return ()
    return neighbours_of(terms.around.services, run.command.target, wide=run.workflow is not None)


def compare(run: RunState, terms: Terms, hands: Hands) -> tuple[Answer, dict[str, object]]:
    """Look again; return the answer, and what the round's record keeps of it."""
    kept: dict[str, object] = {AFTER: lines_of(_look([row.target for row in run.neighbours], terms, hands))}
    rows = neighbours_after(run.neighbours, kept)
    return Answer(not any(row.is_worse for row in rows), NEIGHBOURS, _said(rows, len(names_of(run, terms)))), kept


def _look(names: Sequence[str], terms: Terms, hands: Hands) -> tuple[Sight, ...]:
    """Return one sight of each; nothing is known of one that nobody could look at."""
    around = terms.around
    if around is None:
        return tuple(Sight(name, Condition.UNREADABLE, "this executor has no catalogue") for name in names)
    said = ask(lambda: tuple(around.port.look(names)), LOOK_S, hands)
    seen = {sight.name: sight for sight in said} if isinstance(said, tuple) else {}
    found = (seen.get(name, Sight(name, Condition.UNREADABLE, _why_unseen(said))) for name in names)
    return tuple(replace(sight, detail=told(sight.detail)) for sight in found)


def _why_unseen(said: object) -> str:
    match said:
        case Raised(why):
            return f"the look broke: {why}"
        case Hung(after_s):
            return f"no answer within {after_s:.0f} s"
        case _:
            return "it was not looked at"


def _said(rows: Sequence[Neighbour], known: int) -> str:
    worse = [f"{row.target} was well and is {row.after}: {row.detail}" for row in rows if row.is_worse]
    parts = worse or [f"{len(rows)} looked at, none is worse"]
    unread = [row.target for row in rows if not row.is_worse and Condition.UNREADABLE in {row.before, row.after}]
    parts += [f"unreadable: {', '.join(unread)}"] if unread else []
    parts += [f"{known - len(rows)} further away not looked at"] if known > len(rows) else []
    return "; ".join(parts)
