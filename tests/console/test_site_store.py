"""The read model in SQLite says what the read model in memory says, in any batches and after any crash, and lists by filter and page."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.readmodel import ReadModel, summary_of
from console.recoveries import recoveries_of, row_of
from console.site import views
from console.site.seven import seven_targets
from console.site.store import CODEC, Message, decoded, offsets_in, take
from console.site.tables import connect, forget
from schemas.avro_shape import record_from_plain
from schemas.errors import HealstreamError, NotFoundError, UsageError
from schemas.ids import Record, from_micros, id_of
from schemas.oversight import Approval, Control, Feedback
from schemas.recoveries import JournalRecord, OutcomeStatus
from tests.support.many_incidents import Tape, decision_on, ended, incident_of, waiting, whole_story

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)


@pytest.fixture
def base(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    found = connect(tmp_path / "site" / "read.sqlite")
    yield found
    found.close()


def stories(count: int) -> list[Record]:
    return [record for number in range(count) for record in whole_story(number, NOW - timedelta(minutes=number))]


def in_memory(messages: list[Message]) -> ReadModel:
    model = ReadModel()
    model.apply_all(decoded(message.raw for message in messages))
    return model


def all_incidents(base: sqlite3.Connection, limit: int = 200) -> list[dict[str, object]]:
    found, after = [], ""
    while True:
        page = views.incidents(base, views.Filters(), limit, after)
        found += page.items
        after = page.next
        if not after:
            return found


def test_what_is_begun_anew_holds_nothing_of_before_but_the_numbers_of_its_changes(base: sqlite3.Connection) -> None:
    take(base, Tape().messages([*stories(2), Feedback(id_of(incident_of(0, NOW)), "person", "olga", NOW, correct=True)]))
    assert base.execute("SELECT at, is_right FROM judged").fetchall() != []
    forget(base)
    names = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    assert {name for name in names if base.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]} == {"built", "changes"}  # noqa: S608 - ours


@given(cut=st.lists(st.integers(0, 30), max_size=4), back=st.integers(0, 5))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_batches_with_any_redelivery_give_what_memory_gives(tmp_path: Path, cut: list[int], back: int) -> None:
    messages = Tape().messages(stories(6))
    base = connect(tmp_path / "x")
    forget(base)
    begin = 0
    for end in [*sorted(cut), len(messages)]:
        take(base, messages[max(0, begin - back) : end])
        begin = max(begin, end)

    model = in_memory(messages)

    assert all_incidents(base, 2) == [summary_of(*row) for row in model.newest_first()]
    base.close()


def stored_journal(name: str) -> list[JournalRecord]:
    rows = json.loads((Path(__file__).parents[1] / "replay" / f"{name}.json").read_text(encoding="utf-8"))["journal"]
    return [cast("JournalRecord", record_from_plain(JournalRecord)({**row, "at": from_micros(row["at"])})) for row in rows]


@pytest.mark.parametrize("name", ["service_restart-healed-0.1.0", "config_restore-rolled_back-0.1.0"])
def test_recoveries_are_those_of_the_command_line_with_their_journal(base: sqlite3.Connection, name: str) -> None:
    journal = stored_journal(name)
    for until in (2, len(journal)):
        take(base, [Message("recovery.journal", 0, number, CODEC.encode(row)) for number, row in enumerate(journal[:until])])

        assert views.recoveries(base, 100).items == [row_of(row) for row in recoveries_of(journal[:until])]


def test_a_journal_line_that_nobody_can_read_stops_nothing(base: sqlite3.Connection) -> None:
    torn = replace(stored_journal("service_restart-healed-0.1.0")[0], result="{")
    take(base, Tape().messages([torn, *whole_story(1, NOW)]))
    assert len(all_incidents(base)) == 1


def test_a_batch_that_fails_leaves_rows_and_offsets_as_they_were(base: sqlite3.Connection) -> None:
    messages = Tape().messages(stories(2))
    take(base, messages[:3])

    def torn() -> Iterator[Message]:
        yield messages[3]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        take(base, torn())

    assert len(all_incidents(base)) == 1
    assert offsets_in(base) == {(message.topic, 0): 1 for message in messages[:3]}
    assert take(base, messages) == 3


def test_filters_and_pages_show_each_incident_once(base: sqlite3.Connection) -> None:
    take(base, Tape().messages(stories(60)))

    healed = views.incidents(base, views.Filters(state="healed", target="service:web-1"), 200).items
    recent = views.incidents(base, views.Filters(since=NOW - timedelta(minutes=9), until=NOW), 200).items

    assert len(all_incidents(base, 7)) == 60
    assert {str(row["target"]) for row in healed} == {f"service:web-{n}" for n in (1, 10, 11, 12, 15, 16, 17)}
    assert len(recent) == 9
    assert views.incidents(base, views.Filters(target="service:web_1"), 200).items == []
    with pytest.raises(UsageError):
        views.incidents(base, views.Filters(), 5, "nonsense")


def test_what_waits_is_listed_until_it_ends_with_what_was_said_of_it(base: sqlite3.Connection) -> None:
    incident = incident_of(1, NOW)
    decision = decision_on(incident)
    yes = Control(f"approval/{id_of(decision)}/ada", "ada", NOW, approval=Approval("shown-plan", True, NOW + timedelta(hours=1), "n"))
    tape = Tape()
    take(base, tape.messages([incident, decision, *waiting(decision), yes]))

    [row] = views.pending(base, NOW)

    assert (row.plan_hash, row.words, row.steps) == ("shown-plan", (yes,), ("restart:web",))
    assert views.pending(base, NOW + timedelta(hours=2)) == []
    take(base, tape.messages([ended(decision)]))
    assert views.pending(base, NOW) == []


def test_each_change_has_a_number_and_forgotten_ones_are_a_gap(base: sqlite3.Connection) -> None:
    tape = Tape()
    take(base, tape.messages(whole_story(1, NOW)[:1]))
    first = views.last_change(base)
    take(base, tape.messages(whole_story(1, NOW)[1:]))

    assert [what for _, what, _ in views.changes_after(base, first)] == ["incident"]
    assert not views.has_gap(base, first)
    assert views.has_gap(base, first + 100)
    base.execute("DELETE FROM changes WHERE seq = ?", (first,))
    assert views.has_gap(base, first - 1)


def test_bars_and_targets_are_sums_of_what_ended(base: sqlite3.Connection) -> None:
    tape = Tape()
    take(base, tape.messages(stories(10)))
    take(base, tape.messages([Feedback(id_of(incident_of(1, NOW)), "person", "ada", NOW, correct=True)]))

    rows = views.bars(base, NOW)
    seven = {str(row["name"]): row for row in seven_targets(base, NOW + timedelta(hours=1))}

    assert json.loads(json.dumps(rows))[-1]["ends"] == {"healed": 6, "escalated": 2, "rolled_back": 2}
    assert len(rows) == 24
    assert (seven["avoided"]["value"], seven["avoided"]["met"]) == (60.0, False)
    assert (seven["verified"]["value"], seven["undone"]["value"], seven["recognised"]["value"]) == (100.0, 100.0, 100.0)
    assert len(seven) == 7


def test_what_nobody_could_tell_yet_is_not_called_met(base: sqlite3.Connection) -> None:
    assert {row["met"] for row in seven_targets(base, NOW)} == {None}


def test_a_case_is_found_by_the_beginning_of_its_id_only(base: sqlite3.Connection) -> None:
    take(base, Tape().messages(stories(20)))
    name = id_of(incident_of(3, NOW - timedelta(minutes=3)))

    found, view = views.incident_named(base, name[:12])

    assert (found, view.outcomes[0].status) == (name, OutcomeStatus.ESCALATED)
    for wrong in ("", "zz"):
        with pytest.raises(NotFoundError):
            views.incident_named(base, wrong)


def test_a_file_of_another_release_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "read.sqlite"
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA user_version = 99")
    with pytest.raises(HealstreamError, match="healstream site rebuild"):
        connect(path)
