"""The door's breakers and budgets as rows: from the entries of admit's state topic to tables, and what people see of them.

Fed by ``store.py`` in the transaction of each batch; admit alone writes those entries, here they are only shown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from schemas.ids import from_micros, micros
from schemas.policy import Policy
from schemas.services import Services
from streams.breakers import CIRCUIT_PREFIX, TARGET, Circuit, Failures, circuit_state
from streams.breakers import MAX_ROWS as MOST_CIRCUITS
from streams.budgets import MAX_ROWS as MOST_SPENT
from streams.budgets import SPENT_PREFIX, Spent, changeable_groups
from streams.rows import Rows

Row = dict[str, object]
Entries = Mapping[str, str | None]


def take_brakes(base: sqlite3.Connection, entries: Entries) -> Iterable[str]:
    """Take the newest text of each entry in (None takes it away), and return the breakers that are other than before."""
    gone = [name for name, text in entries.items() if text is None]
    said = {name: text for name, text in entries.items() if text is not None}
    circuits, spent = Rows(CIRCUIT_PREFIX, Failures, MOST_CIRCUITS), Rows(SPENT_PREFIX, Spent, MOST_SPENT)
    circuits.load(said)
    spent.load(said)
    closed = _without(gone, CIRCUIT_PREFIX)
    base.executemany("DELETE FROM circuits WHERE name = ?", [(name,) for name in closed])
    base.executemany("DELETE FROM spent WHERE command = ?", [(name,) for name in _without(gone, SPENT_PREFIX)])
    counted = [(name, row.count, micros(row.last_at), row.probe) for name, row in circuits.items()]
    base.executemany("INSERT OR REPLACE INTO circuits VALUES (?, ?, ?, ?)", counted)
    commands = [(name, micros(row.at), row.target, row.strategy, row.team, row.group) for name, row in spent.items()]
    base.executemany("INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?, ?, ?)", commands)
    return [*closed, *(name for name, *_ in counted)]


def _without(names: Iterable[str], prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def circuits_in(base: sqlite3.Connection, policy: Policy, now: datetime, limit: int = 200) -> list[Row]:
    """Return the breakers that have counted failures, those that let nothing through first, then by how much they have counted."""
    ask = """
    SELECT name, failures, last, probe FROM circuits
    ORDER BY failures >= CASE WHEN name LIKE 'target/%' THEN ? ELSE ? END DESC, last DESC LIMIT ?
    """
    found = base.execute(ask, (policy.breaker_failures, policy.breaker_wide_failures, limit)).fetchall()
    return [_circuit(name, Failures(count, from_micros(last), probe), policy, now) for name, count, last, probe in found]


def _circuit(name: str, row: Failures, policy: Policy, now: datetime) -> Row:
    state = circuit_state(name, row, policy, now)
    half_opens_at = row.last_at + timedelta(seconds=policy.breaker_open_s)
    needed = policy.breaker_failures if name.startswith(f"{TARGET}/") else policy.breaker_wide_failures
    return {
        "circuit": name,
        "state": state.name.lower(),
        "failures": row.count,
        "needed": needed,
        # A breaker opens with the failure that it counts last.
        "since": row.last_at.isoformat(),
        "half_opens_at": half_opens_at.isoformat() if state is Circuit.OPEN else "",
        "tried_by": row.probe if state is Circuit.HALF_OPEN else "",
    }


def budgets_in(base: sqlite3.Connection, policy: Policy, services: Services, now: datetime, limit: int = 50) -> list[Row]:
    """Return how much of each budget its window has seen, the fleet's first, then of each kind the fullest."""
    fleet = policy.fleet_budget
    rows = [_budget("fleet", _count(base, "COUNT(*)", now, fleet.window_s), fleet.limit, fleet.window_s)]
    changed = _count(base, "COUNT(DISTINCT NULLIF(grp, ''))", now, policy.change_window_s)
    rows.append(_budget("service groups changed", changed, changeable_groups(policy, services), policy.change_window_s))
    for kind, budget in (("team", policy.team_budget), ("strategy", policy.strategy_budget), ("target", policy.target_budget)):
        # ``kind`` is one of our three words.
        ask = f"SELECT {kind}, COUNT(*) FROM spent WHERE at > ? AND {kind} <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"  # noqa: S608
        found = base.execute(ask, (_since(now, budget.window_s), limit)).fetchall()
        rows += [_budget(f"{kind}/{name}", used, budget.limit, budget.window_s) for name, used in found]
    return rows


def _since(now: datetime, window_s: float) -> int:
    return micros(now - timedelta(seconds=window_s))


def _count(base: sqlite3.Connection, what: str, now: datetime, window_s: float) -> int:
    return int(base.execute(f"SELECT {what} FROM spent WHERE at > ?", (_since(now, window_s),)).fetchone()[0])  # noqa: S608 - ours


def _budget(name: str, used: int, limit: int, window_s: float) -> Row:
    return {"budget": name, "used": used, "limit": limit, "window_s": window_s, "spent_out": used >= limit}


def has_circuit(base: sqlite3.Connection, name: str) -> bool:
    """Tell whether a breaker of that whole name has counted a failure."""
    return base.execute("SELECT 1 FROM circuits WHERE name = ?", (name,)).fetchone() is not None
