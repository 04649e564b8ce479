"""Logs that are asked for: nothing is passed by before it is dealt with, limits are kept, and what cannot be had is given up in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.github.chunks import chunks_of
from console.github.errands import MOST_HELD, Errand, Errands, Fate, Spot, wait_after
from console.github.wanted import Wanted, wanted_of
from infra.adapters.ci_answers import Heard, Trouble
from infra.adapters.ci_logs import LogEnd
from schemas.events import JobFinished, Origin, Provenance, Trust
from schemas.ids import id_of
from schemas.services import CiServer, Services
from schemas.vocabulary import Result

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SERVER = CiServer("github", "https://api.example", "", ("acme/shop",), fetch_logs=True)
OTHER = replace(SERVER, api_url="https://other.example", projects=("acme/api",))
SERVICES = Services(ci=(SERVER,))
FORK = Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK, "eve")
JOB = JobFinished(
    source="github", project="acme/shop", run_id="7", attempt=2, workflow="ci", job="build", commit="c" * 40, branch="main",
    trigger="push", result=Result.FAILURE, finished_at=NOW, url="https://github.example/acme/shop/actions/runs/7/job/70", provenance=FORK,
)  # fmt: skip
AWAY, GONE = Trouble(Heard.AWAY, "HTTP 502"), Trouble(Heard.GONE, "HTTP 410")
MISSING, LIMITED = Trouble(Heard.MISSING, "HTTP 404"), Trouble(Heard.LIMITED, "HTTP 429", 90.0)


def wanted(event: JobFinished = JOB) -> Wanted:
    found = wanted_of(event, SERVICES)
    assert found is not None
    return found


def errands(count: int = 1, partition: int = 0) -> Errands:
    made = Errands(lambda: 0.5)
    for number in range(count):
        made.pass_by(Spot(partition, number), wanted(), NOW)
    return made


def take(made: Errands, now: datetime = NOW, most: int = 10) -> list[Errand]:
    return list(made.take_due(now, most))


def test_a_failed_job_of_a_configured_project_is_in_want_of_its_log() -> None:
    assert wanted() == Wanted(SERVER, "acme/shop", "7", 2, "build", 70, NOW, FORK)


def test_a_job_whose_address_names_another_run_is_looked_up_by_its_name() -> None:
    assert wanted(replace(JOB, url="https://github.example/acme/shop/actions/runs/8/job/70")).job_id == 0
    assert wanted(replace(JOB, url="")).job_id == 0


@pytest.mark.parametrize(
    "event",
    [
        replace(JOB, result=Result.SUCCESS),
        replace(JOB, log_chunks=3),
        replace(JOB, project="acme/other"),
        replace(JOB, source="gitlab"),
        replace(JOB, run_id="check-99"),
        replace(JOB, run_id="deployment-5"),
    ],
)
def test_what_passed_has_its_log_is_not_configured_or_has_none_is_left_alone(event: JobFinished) -> None:
    assert wanted_of(event, SERVICES) is None
    assert wanted_of(JOB, Services(ci=(replace(SERVER, fetch_logs=False),))) is None


def test_a_whole_log_becomes_the_same_chunks_each_time_with_the_trust_of_its_job() -> None:
    end = LogEnd(b"\xef\xbb\xbf2026-03-04T05:00:00.1Z token=abcdef0123456789\n" * 2000, is_whole=True)
    first, again = chunks_of(wanted(), end), chunks_of(wanted(), end)
    assert [id_of(chunk) for chunk in first] == [id_of(chunk) for chunk in again]
    assert [chunk.seq for chunk in first] == list(range(len(first)))
    assert [chunk.eof for chunk in first] == [False] * (len(first) - 1) + [True]
    assert {chunk.provenance for chunk in first} == {FORK}
    assert "abcdef" not in "".join(chunk.text for chunk in first)


def test_of_a_log_whose_beginning_is_missing_the_first_chunk_is_missing_too() -> None:
    [chunk] = chunks_of(wanted(), LogEnd(b"half a secret\nError: no space left\n", is_whole=False))
    assert (chunk.seq, chunk.text, chunk.eof) == (1, "Error: no space left\n", True)


def test_a_position_is_passed_only_when_everything_before_it_is_dealt_with() -> None:
    made = errands(3)
    made.pass_by(Spot(1, 5), None, NOW)
    first, second, third = take(made)
    made.done(third, 0.0, NOW)
    assert made.positions() == {0: 0, 1: 6}
    made.done(first, 0.0, NOW)
    assert made.positions() == {0: 1, 1: 6}
    assert made.failed(second, GONE, NOW) is Fate.GIVEN_UP
    assert made.positions() == {0: 3, 1: 6}


def test_what_is_under_way_is_not_asked_for_a_second_time() -> None:
    made = errands(3)
    assert (len(take(made, most=2)), len(take(made)), take(made)) == (2, 1, [])


def test_a_server_that_is_away_is_asked_again_after_longer_and_longer_waits_and_keeps_its_place() -> None:
    made, now, waits = errands(), NOW, []
    for _ in range(12):
        [errand] = take(made, now)
        assert made.failed(errand, AWAY, now) is Fate.AGAIN
        begun = now
        while not (due := take(made, now)):
            now += timedelta(seconds=0.25)
        made.failed(due[0], AWAY, now)
        waits.append((now - begun).total_seconds())
        now += timedelta(seconds=400)
    assert waits == sorted(waits)
    assert (waits[0], max(waits)) == (0.75, 225.0)
    assert made.positions() == {0: 0}


def test_the_limit_of_a_server_holds_all_of_its_logs_and_those_of_no_other() -> None:
    made = errands(2)
    made.pass_by(Spot(0, 2), replace(wanted(), server=OTHER), NOW)
    first = take(made, most=1)[0]
    made.failed(first, LIMITED, NOW)
    assert [one.wanted.server for one in take(made)] == [OTHER]
    assert take(made, NOW + timedelta(seconds=89)) == []
    assert len(take(made, NOW + timedelta(seconds=91))) == 2


def test_the_last_request_of_a_window_holds_the_next_one_back() -> None:
    made = errands(2)
    made.done(take(made, most=1)[0], 30.0, NOW)
    assert (take(made), len(take(made, NOW + timedelta(seconds=31)))) == ([], 1)


@pytest.mark.parametrize(
    ("trouble", "after_s", "fate"),
    [
        (GONE, 0, Fate.GIVEN_UP),
        (Trouble(Heard.REFUSED, "a bomb"), 0, Fate.GIVEN_UP),
        (MISSING, 60, Fate.AGAIN),
        (MISSING, 121, Fate.GIVEN_UP),
        (AWAY, 5 * 3600, Fate.AGAIN),
        (LIMITED, 5 * 3600, Fate.AGAIN),
        (Trouble(Heard.DENIED, "HTTP 401"), 5 * 3600, Fate.AGAIN),
        (AWAY, 6 * 3600 + 1, Fate.GIVEN_UP),
    ],
)
def test_what_can_never_come_is_given_up_at_once_and_the_rest_when_no_one_waits_for_it_any_more(
    trouble: Trouble, after_s: int, fate: Fate
) -> None:
    made = errands()
    [errand] = take(made)
    assert made.failed(errand, trouble, NOW + timedelta(seconds=after_s)) is fate


def test_at_a_first_start_what_is_too_old_to_explain_anything_is_passed_by() -> None:
    made = Errands(lambda: 0.5)
    made.pass_by(Spot(0, 0), wanted(replace(JOB, finished_at=NOW - timedelta(hours=7))), NOW)
    assert (take(made), made.positions()) == ([], {0: 1})


def test_a_partition_that_is_anothers_now_is_let_go() -> None:
    made = errands(2)
    [errand] = take(made, most=1)
    made.forget(0)
    assert (take(made), made.positions()) == ([], {})
    assert made.failed(errand, GONE, NOW) is Fate.AGAIN
    assert made.positions() == {}
    # When it comes back, it is asked for again.
    made.pass_by(Spot(0, 0), wanted(), NOW)
    assert len(take(made)) == 1


def test_so_many_are_held_and_no_more_is_read() -> None:
    assert (errands(MOST_HELD - 1).is_full, errands(MOST_HELD).is_full) == (False, True)


def test_what_a_server_asks_for_is_waited_at_least() -> None:
    assert wait_after(1, LIMITED, lambda: 0.0) == 90.0
    assert wait_after(1, LIMITED, lambda: 1.0) == 91.0
    assert wait_after(40, AWAY, lambda: 1.0) == 300.0
    assert wait_after(40, MISSING, lambda: 1.0) == 15.0
