"""The measure of recovery success can fail and its faults bite: rows of the scenario table under one fault, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.attempts import CORDONED
from schemas.events import HealthCheck
from schemas.incidents import Incident
from schemas.oversight import DeadLetter
from schemas.recoveries import JournalKind, JournalRecord, OutcomeStatus, RecoveryOutcome
from tests.bench.recovery import WITHOUT, Played, by_faults, figures_of, judge, light, line_of, play
from tests.bench.recovery_faults import DRAWS, FAULTS, Fault, Harm, draw_harm, put_on
from tests.bench.recovery_rows import HEAL, REFUSE, ROWS, Row
from tests.support.chance import seeded
from tests.support.memory_flow import MemoryFlow

DEAD = next(row for row in ROWS if row.number == 21)
LOST = next(row for row in ROWS if row.name == "runner lost")
DEAF = next(row for row in ROWS if row.number == 13)
STUCK = next(row for row in ROWS if row.name == "stuck pod")
STARVED = next(row for row in ROWS if row.number == 17)
TESTS = next(row for row in ROWS if row.name == "failing test")


@pytest.fixture(autouse=True)
def _light() -> Iterator[None]:
    with light():
        yield


def under(harm: Harm, row: Row = DEAD) -> tuple[MemoryFlow, Played]:
    """Play a row under one fault until a while after it is over."""
    flow = row.begin()
    put_on(flow, harm, seeded(1))
    row.fail(flow)
    flow.pass_time(harm.over_s + 18.0)
    return flow, judge(flow, row, 1, harm.fault.value)


def journal(flow: MemoryFlow) -> list[JournalRecord]:
    return flow.of(JournalRecord, "recovery.journal")


def first_end(flow: MemoryFlow) -> OutcomeStatus:
    return flow.of(RecoveryOutcome, "recovery.outcomes")[0].status


@pytest.mark.parametrize("boundary", [2, 5, 6])
def test_an_executor_that_dies_at_a_boundary_ends_its_run_in_its_next_life_with_one_start(boundary: int) -> None:
    flow, played = under(Harm(Fault.EXECUTOR_DIES, 0.0, 3.0, boundary))
    assert (played.succeeded, played.ends, played.found) == (True, ("healed",), ())
    assert [row[:2] for row in flow.world.processes.ledger] == [("start", "api")]


def slow(flow: MemoryFlow, _: Played) -> bool:
    done = [row for row in journal(flow) if row.kind in {JournalKind.INTENT, JournalKind.DONE}]
    return (done[1].at - done[0].at).total_seconds() >= 3.0


def in_doubt(flow: MemoryFlow, _: Played) -> bool:
    return any(row.kind is JournalKind.PROBED for row in journal(flow))


BITES: list[tuple[Harm, Callable[[MemoryFlow, Played], bool]]] = [
    (Harm(Fault.OUTAGE, 0.5, 15.0), lambda flow, _: journal(flow)[0].at.second >= 15),
    (Harm(Fault.SLEEPS, 0.0, 10.0, 3), lambda flow, _: (journal(flow)[-1].at - journal(flow)[0].at).total_seconds() >= 10),
    (Harm(Fault.COPIES, 0.0, 5.0, 3), lambda flow, _: len(flow.of(HealthCheck, "infra.health")) > 2 * 10 * 20),
    (Harm(Fault.POISON, 0.5, much=9), lambda flow, _: len(flow.of(DeadLetter, "heal.deadletter")) == 9),
    (Harm(Fault.HANGS, 0.0, much=1), slow),
    (Harm(Fault.LOSES, 0.0, much=1), in_doubt),
    (Harm(Fault.LIES, 0.0, much=1), lambda flow, _: first_end(flow) is not OutcomeStatus.HEALED),
    (Harm(Fault.SWITCH, 0.5, 20.0), lambda flow, _: next(row.at for row in journal(flow) if row.kind is JournalKind.INTENT).second >= 25),
]


@pytest.mark.parametrize(("harm", "bites"), BITES, ids=[row[0].fault.value for row in BITES])
def test_a_fault_is_felt_and_survived(harm: Harm, bites: Callable[[MemoryFlow, Played], bool]) -> None:
    flow, played = under(harm)
    assert bites(flow, played)
    assert played.found == ()


def test_a_lost_runner_whose_taking_out_was_a_lie_is_out_of_the_pool_in_the_end() -> None:
    flow, played = under(Harm(Fault.LIES, 0.0, much=1), LOST)
    assert (played.succeeded, played.ends) == (True, ("healed",))
    assert flow.world.ci.runners["build-1"].labels == (CORDONED,)


def test_a_container_whose_limit_was_raised_in_word_only_is_not_called_healed() -> None:
    flow, played = under(Harm(Fault.LIES, 0.0, much=1), STARVED)
    assert first_end(flow) is not OutcomeStatus.HEALED
    assert played.found == ()


WRONG_CLOCKS: list[tuple[Row, float, int]] = [(STUCK, 0.0, -1), (DEAF, 0.0, -1), (DEAF, 1.0, 1)]


@pytest.mark.parametrize(("row", "at_s", "hours"), WRONG_CLOCKS, ids=[f"{row[0].name}, {row[2]} h" for row in WRONG_CLOCKS])
def test_a_run_is_not_out_of_time_because_its_executors_clock_is_set(row: Row, at_s: float, hours: int) -> None:
    flow, played = under(Harm(Fault.CLOCK, at_s, 5.0, hours, "executor"), row)
    assert (played.succeeded, played.ends, played.found) == (True, ("healed",), ())
    [outcome] = flow.of(RecoveryOutcome, "recovery.outcomes")
    assert flow.now - timedelta(minutes=1) < outcome.finished_at < flow.now, "it is stamped by the clock, which is right again"


def test_a_clock_that_is_set_back_after_the_end_makes_no_second_incident_of_what_is_healed() -> None:
    flow, played = under(Harm(Fault.CLOCK, 3.9, 3.0, -1, "classify"), STUCK)
    assert (played.succeeded, played.ends) == (True, ("healed",))
    assert len(flow.of(Incident, "heal.incidents")) == 1


def test_a_target_that_never_gives_in_is_no_success() -> None:
    flow, played = under(Harm(Fault.FAILS, 0.0, much=1000))
    assert flow.world.processes.ledger == []
    assert played.succeeded is False


def test_a_refused_failure_whose_target_was_touched_is_no_right_refusal() -> None:
    flow, played = under(Harm(Fault.STAGE_DIES, 0.5, on="classify"), TESTS)
    assert played.succeeded is True
    flow.world.ci.asked += 1
    assert judge(flow, TESTS, 1, "none").succeeded is False


@pytest.mark.parametrize("name", [DEAD.name, "flaky test", "branch broken"])
def test_a_row_without_a_fault_succeeds_and_keeps_the_invariants(name: str) -> None:
    row = next(row for row in ROWS if row.name == name)
    assert play(row, WITHOUT) == Played(row.number, name, WITHOUT, "no fault", ("healed",), succeeded=True)


def test_every_fault_is_drawn_and_every_row_is_played() -> None:
    drawn = {draw_harm(seeded(number)).fault for number in range(300)}
    assert drawn == set(Fault) == set(FAULTS) == set(DRAWS)
    assert {row.number for row in ROWS} == {*HEAL, *REFUSE}
    assert {row.number for row in ROWS if not row.heals} == set(REFUSE)


def test_the_figures_count_what_was_played_with_a_fault_and_not_what_was_played_without() -> None:
    well = Played(21, DEAD.name, 1, "f", ("healed",), succeeded=True)
    bad = replace(well, seed=2, ends=("escalated",), succeeded=False, found=("I5: x",))
    refused = replace(well, number=15, name=TESTS.name, ends=("refused",))
    without = replace(bad, seed=WITHOUT)
    found = [well, bad, refused, without]
    assert [(row.value, row.ok) for row in figures_of(found)] == [(50.0, False), (100.0, True), (0, True)]
    assert by_faults([well, bad, refused]) == ["service process dead, seed 2, f: I5: x"]
    assert line_of(DEAD, found) == " 21   1 of 2 healed  service process dead; 1 x escalated under f"
