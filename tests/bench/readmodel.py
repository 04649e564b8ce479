"""How long the page's views take among 100,000 incidents, and how fast the read model is built from messages."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.casefile import case_json
from console.feedback_words import PERSON
from console.rollout_words import standings_of
from console.site import views
from console.site.brakes import budgets_in, circuits_in
from console.site.chronicle import AUDIT_KEPT, audit_rows, level_entries
from console.site.lessons import accuracy_rows, lesson_rows, verdicts_in
from console.site.seven import seven_targets
from console.site.store import take
from console.site.tables import connect
from console.site.ticks import ticks_in
from schemas.ids import Record, id_of
from schemas.oversight import AuditEntry, Control, Feedback, KillSwitch, SwitchMode
from schemas.people import People
from schemas.policy import Policy
from schemas.services import Services
from schemas.vocabulary import Kind
from streams.breakers import MAX_ROWS as MOST_CIRCUITS
from streams.budgets import MAX_ROWS as MOST_SPENT
from tests.bench.figures import Figure, at_least, below, quantile
from tests.support.brake_entries import chained
from tests.support.many_incidents import Tape, decision_on, incident_of, waiting, whole_story

BUILT, COPIES, WAITING, BATCH = 2_000, 50, 50, 1_000
INCIDENTS = BUILT * COPIES
ROUNDS, LIMIT_MS = 15, 200
NOW = datetime(2026, 2, 1, tzinfo=UTC)
POLICY = Policy()
SPAN = timedelta(days=30)
# The same rows under other ids and times: what a view reads is the same as if each had come from a topic.
_COPIES = """
WITH RECURSIVE copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < :copies - 1)
INSERT INTO {table} SELECT {columns} FROM {table} CROSS JOIN copy
"""
_SHIFT = ":step * n"
_TABLES = {
    "records": "NULL, kind, n || incident, raw",
    "incidents": (
        f"n || id, state, kind, target, strategy, opened - {_SHIFT}, ended - {_SHIFT}, waits, line, "
        "recover_s, detect_s, acted, by_two, back_s"
    ),
    "recoveries": f"n || id, n || incident, state, going, at - {_SHIFT}, line",
}


def fill(base: sqlite3.Connection) -> float:
    """Put the incidents in, and return how many a CPU second took from their messages."""
    tape, used = Tape(), 0.0
    for first in range(0, BUILT, BATCH):
        messages = tape.messages([row for n in range(first, first + BATCH) for row in whole_story(n, NOW - SPAN * n / BUILT)])
        began = time.process_time()
        take(base, messages)
        used += time.process_time() - began
    step = int((SPAN / INCIDENTS).total_seconds() * 1_000_000)
    for table, columns in _TABLES.items():
        base.execute(_COPIES.format(table=table, columns=columns), {"copies": COPIES, "step": step})
    for number in range(WAITING):
        incident = incident_of(BUILT + number, NOW - timedelta(minutes=1))
        decision = decision_on(incident)
        take(base, tape.messages([incident, decision, *waiting(decision)]))
    _fill_brakes(base)
    return BUILT / used


def _fill_brakes(base: sqlite3.Connection) -> None:
    """Put in as many breakers, budgeted commands and audit records as are ever kept."""
    at = int(NOW.timestamp() * 1_000_000)
    circuits = ((f"target/service:web-{n}", n % 5, at - n * 1_000_000, "") for n in range(MOST_CIRCUITS))
    base.executemany("INSERT INTO circuits VALUES (?, ?, ?, ?)", circuits)
    spent = (
        (f"c{n}", at - n * 50_000, f"service:web-{n % 900}", "service_restart", f"team-{n % 20}", f"g{n % 60}") for n in range(MOST_SPENT)
    )
    base.executemany("INSERT INTO spent VALUES (?, ?, ?, ?, ?, ?)", spent)
    said = [AuditEntry("admit", "command.admitted", f"service:web-{n % 50}", NOW, (("n", str(n)),)) for n in range(AUDIT_KEPT)]
    take(base, Tape().messages(list(chained(said, Ed25519PrivateKey.from_private_bytes(bytes(32))))))


def fill_words(base: sqlite3.Connection) -> None:
    """Let a person and a recovery judge as many incidents as are looked at, and people stop and let go all day."""
    tape = Tape()
    names = [(id_of(incident_of(n, NOW - SPAN * n / BUILT)), NOW - SPAN * n / BUILT) for n in range(BUILT)]
    words: list[Record] = [Feedback(name, PERSON, "olga", at, correct=n % 7 > 0) for n, (name, at) in enumerate(names)]
    words += [Feedback(name, "outcome", "healstream", at, Kind.SERVICE_DOWN, verified=True) for name, at in names]
    switch = KillSwitch(SwitchMode.HALT, "a bad day")
    words += [Control("killswitch/fleet", "olga", NOW - timedelta(seconds=n), killswitch=switch) for n in range(BUILT)]
    take(base, tape.messages(words))


def slowest(work: Callable[[], object]) -> float:
    """Return the 95th percentile of one view in milliseconds of CPU time."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1000)
    return quantile(taken, 0.95)


def measure() -> list[Figure]:
    """Return one figure for each view, and one for the building."""
    with tempfile.TemporaryDirectory() as folder:
        base = connect(Path(folder) / "read.sqlite")
        rate = fill(base)
        fill_words(base)
        views_size = sum(views.counts(base).values())
        name = id_of(incident_of(500, NOW - SPAN * 500 / BUILT))
        deep = f"{int((NOW - SPAN / 2).timestamp() * 1_000_000)}-x"
        asked: tuple[tuple[str, Callable[[], object]], ...] = (
            ("newest", lambda: views.incidents(base, views.Filters(), 200)),
            ("deep_page", lambda: views.incidents(base, views.Filters(), 200, deep)),
            ("filtered", lambda: views.incidents(base, views.Filters(state="escalated", target="service:web-3", strategy="x"), 200)),
            ("by_target", lambda: views.incidents(base, views.Filters(target="service:web-33"), 200)),
            ("case", lambda: case_json(*views.incident_named(base, name))),
            ("recoveries", lambda: views.recoveries(base, 200)),
            ("decisions", lambda: views.decisions(base, 200)),
            ("approvals", lambda: views.pending(base, NOW)),
            ("bars", lambda: views.bars(base, NOW)),
            ("targets", lambda: seven_targets(base, NOW)),
            ("counts", lambda: views.counts(base)),
            ("circuits", lambda: circuits_in(base, POLICY, NOW)),
            ("budgets", lambda: budgets_in(base, POLICY, Services(), NOW)),
            ("audit", lambda: audit_rows(base, "", 200)),
            ("audit_search", lambda: audit_rows(base, "admitted web-49 nowhere", 200)),
            ("levels", lambda: standings_of(level_entries(base), POLICY, People())),
            ("ticks", lambda: ticks_in(base, People(()), NOW)),
            ("accuracy", lambda: accuracy_rows(verdicts_in(base), NOW)),
            ("lessons", lambda: lesson_rows(base)),
        )
        how = f"p95 of {ROUNDS}, CPU time, among {views_size} incidents"
        figures = [below(f"readmodel_{label}", slowest(work), "ms", LIMIT_MS, how) for label, work in asked]
        base.close()
    return [*figures, at_least("readmodel_build", rate, "1/s", 100, f"incidents of three records a CPU second, {BATCH} a batch")]
