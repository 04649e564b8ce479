"""The tables of the read model in SQLite: what is kept of the topics, and how far each partition was read.

``records`` are the messages' own bytes; everything beside them is folded from them and may be thrown away. Used by ``store.py``.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from schemas.errors import HealstreamError

FORMAT = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS built (anew INTEGER);
INSERT INTO built SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM built);
CREATE TABLE IF NOT EXISTS offsets (topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (seq INTEGER PRIMARY KEY, kind TEXT, incident TEXT, raw BLOB);
CREATE INDEX IF NOT EXISTS records_of_incident ON records (incident, seq);
CREATE INDEX IF NOT EXISTS records_of_kind ON records (kind, seq);
CREATE TABLE IF NOT EXISTS controls (key TEXT PRIMARY KEY, raw BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (id TEXT PRIMARY KEY, incident TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS incidents (
  id TEXT PRIMARY KEY, state TEXT, kind TEXT, target TEXT, strategy TEXT, opened INTEGER, ended INTEGER, waits INTEGER, line TEXT,
  recover_s REAL, detect_s REAL, acted INTEGER, by_two INTEGER, back_s REAL
);
CREATE INDEX IF NOT EXISTS incidents_opened ON incidents (opened, id);
CREATE INDEX IF NOT EXISTS incidents_state ON incidents (state, opened, id);
CREATE INDEX IF NOT EXISTS incidents_kind ON incidents (kind, opened, id);
CREATE INDEX IF NOT EXISTS incidents_target ON incidents (target, opened, id);
CREATE INDEX IF NOT EXISTS incidents_strategy ON incidents (strategy, opened, id);
CREATE INDEX IF NOT EXISTS incidents_waiting ON incidents (id) WHERE waits = 1;
CREATE INDEX IF NOT EXISTS incidents_ended ON incidents (ended, state, recover_s, detect_s, acted, by_two, back_s) WHERE ended IS NOT NULL;
CREATE TABLE IF NOT EXISTS recoveries (id TEXT PRIMARY KEY, incident TEXT, state TEXT, going INTEGER, at INTEGER, line TEXT);
CREATE INDEX IF NOT EXISTS recoveries_at ON recoveries (at, id);
CREATE INDEX IF NOT EXISTS recoveries_going ON recoveries (at) WHERE going = 1;
CREATE INDEX IF NOT EXISTS recoveries_incident ON recoveries (incident);
CREATE TABLE IF NOT EXISTS judged (at INTEGER, is_right INTEGER);
CREATE INDEX IF NOT EXISTS judged_at ON judged (at, is_right);
CREATE TABLE IF NOT EXISTS circuits (name TEXT PRIMARY KEY, failures INTEGER, last INTEGER, probe TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS circuits_failures ON circuits (failures, last);
CREATE TABLE IF NOT EXISTS spent (command TEXT PRIMARY KEY, at INTEGER, target TEXT, strategy TEXT, team TEXT, grp TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spent_at ON spent (at, target, strategy, team, grp);
CREATE TABLE IF NOT EXISTS audit (sequence INTEGER PRIMARY KEY, actor TEXT, action TEXT, said TEXT, raw BLOB);
CREATE INDEX IF NOT EXISTS audit_levels ON audit (sequence)
  WHERE actor = 'decide' AND action IN ('rollout.set', 'rollout.refused', 'strategy.demoted');
CREATE TABLE IF NOT EXISTS chain (line TEXT);
CREATE TABLE IF NOT EXISTS changes (seq INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, id TEXT);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, making it (for its owner only) when there is none; raises HealstreamError when it cannot be used."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
        found = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
        found.execute("PRAGMA journal_mode=WAL")
        # What a crash of the machine takes away is read from the topics again: the offsets go with the rows.
        found.execute("PRAGMA synchronous=NORMAL")
        format_found = int(found.execute("PRAGMA user_version").fetchone()[0])
        if format_found > FORMAT:
            raise HealstreamError(
                f"read model {path}", f"its format is {format_found}, this release reads {FORMAT}", f"Remove the file. {_MEND}"
            )
        if format_found < FORMAT:
            _make(found, format_found)
    except (sqlite3.Error, OSError) as error:
        raise HealstreamError(f"read model {path}", str(error), _MEND) from error
    return found


def _make(base: sqlite3.Connection, format_found: int) -> None:
    """Make the tables; those of an earlier release go, offsets too: the feed reads the topics again from their beginning."""
    base.execute("BEGIN IMMEDIATE")
    # Another process may have made them while this one waited.
    if int(base.execute("PRAGMA user_version").fetchone()[0]) == format_found:
        if format_found:
            names = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
            for name in names:
                base.execute(f'DROP TABLE "{name}"')
        for statement in filter(None, map(str.strip, _TABLES.split(";"))):
            base.execute(statement)
        base.execute(f"PRAGMA user_version={FORMAT}")
    base.execute("COMMIT")


_MEND = "Build it anew from the topics with `healstream site rebuild`"


_KEPT = ("offsets", "records", "controls", "owners", "incidents", "recoveries", "circuits", "spent", "audit", "chain", "judged")


def times_built(base: sqlite3.Connection) -> int:
    """Return how often the model was begun anew: who had read for the one before begins anew too."""
    return int(base.execute("SELECT anew FROM built").fetchone()[0])


def forget(base: sqlite3.Connection) -> None:
    """Empty the model, offsets too, in one transaction; the topics still hold everything."""
    base.execute("BEGIN IMMEDIATE")
    for name in _KEPT:
        base.execute(f"DELETE FROM {name}")  # noqa: S608 - the names are ours
    base.execute("UPDATE built SET anew = anew + 1")
    base.execute("COMMIT")
