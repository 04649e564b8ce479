"""Later attempts of a run: whichever topic is read first, what a command of ours caused is known to be its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from schemas.ids import id_of
from schemas.incidents import Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Emit, Output
from schemas.recoveries import OutcomeStatus
from streams.classify import Classify, ClassifyEvent, ClassifyRules
from streams.incident_book import IncidentBook
from streams.later_attempts import LaterAttempts
from tests.support.failures import (
    PLACE,
    admitted,
    at,
    classify_hits,
    configuration,
    failed_job,
    incident,
    outcome,
    override,
    probe,
    records,
    run_of,
)

RULES = ClassifyRules(configuration(), classify_hits, "m1", "c1")
OUR_JOB = replace(incident(), run=run_of())


def merged(first: Sequence[ClassifyEvent], second: Sequence[ClassifyEvent]) -> Iterator[list[ClassifyEvent]]:
    """Yield every way in which two topics can be read, each in its own order."""
    total = len(first) + len(second)
    for places in combinations(range(total), len(first)):
        one, other = iter(first), iter(second)
        yield [next(one) if number in places else next(other) for number in range(total)]


def orders(*topics: Sequence[ClassifyEvent]) -> list[list[ClassifyEvent]]:
    """Return every order in which these topics can be read."""
    found: list[list[ClassifyEvent]] = [[]]
    for topic in topics:
        found = [order for begun in found for order in merged(begun, topic)]
    return found


def said(events: Sequence[ClassifyEvent], *, restarts: bool = False) -> tuple[list[str], dict[str, set[str]]]:
    """Return the runs that opened an incident, and which detections each incident was told of."""
    classify, outputs = Classify.from_state({}, RULES), list[Output]()
    for number, event in enumerate(events):
        outputs += classify.on_event(event, PLACE, at(10 + number))
        outputs += classify.on_tick(at(10 + number))
        classify = Classify.from_state(classify.snapshot(), RULES) if restarts else classify
    told: dict[str, set[str]] = {}
    for output in outputs:
        if isinstance(output, Emit) and isinstance(output.record, IncidentUpdate) and output.record.cause is UpdateCause.EVIDENCE:
            told.setdefault(output.record.incident_id, set()).add(output.record.detection_id)
    opened = [record for record in records(outputs, Incident) if isinstance(record, Incident)]
    return sorted(f"{one.run.job} {one.run.attempt}" for one in opened if one.run), told


TWICE = (admitted(id_of(OUR_JOB), 1, "c1"), admitted(id_of(OUR_JOB), 5, "c2"))
ENDS = (outcome(OUR_JOB, OutcomeStatus.ROLLED_BACK, 4, 1, "c1"), outcome(OUR_JOB, OutcomeStatus.ESCALATED, 9, 2, "c2"))


def test_in_whatever_order_topics_are_read_two_reruns_stay_one_incident_and_a_persons_rerun_is_another() -> None:
    #   build 1 fails -- c1: build 2 fails -- c2: build 3 fails -- a person: build 4 fails
    failures = (failed_job(2, 3), failed_job(3, 8), failed_job(4, 20))
    for number, order in enumerate(orders(failures, TWICE, ENDS)):
        opened, told = said([failed_job(), *order], restarts=number % 30 == 0)
        assert opened == ["build 1", "build 4"]
        assert told == {id_of(OUR_JOB): {id_of(one) for one in failures[:2]}}


def test_another_job_of_a_caused_attempt_waits_with_it() -> None:
    failures = (failed_job(2, 3, job="lint"), failed_job(2, 3), failed_job(3, 20, job="lint"))
    for order in orders(failures, TWICE[:1], (outcome(OUR_JOB, OutcomeStatus.ESCALATED, 4),)):
        opened, told = said([failed_job(), *order])
        assert opened == ["build 1", "lint 3"]
        assert told == {id_of(OUR_JOB): {id_of(one) for one in failures[:2]}}


def test_a_command_that_never_acted_leaves_the_attempt_to_whoever_made_it() -> None:
    refused = outcome(OUR_JOB, OutcomeStatus.REFUSED, 4)
    for order in orders((failed_job(2, 3),), (refused, TWICE[0])):
        assert said([failed_job(), *order]) == (["build 1", "build 2"], {})


def test_an_incident_opened_again_does_not_take_what_the_first_one_caused() -> None:
    ended = outcome(OUR_JOB, OutcomeStatus.ESCALATED, 4)
    opened, told = said([failed_job(), TWICE[0], ended, override(id_of(OUR_JOB), "ada"), failed_job(2, 3)])
    assert opened == ["build 1", "build 1"]
    assert told == {id_of(OUR_JOB): {id_of(failed_job(2, 3))}}


def test_what_fires_beyond_the_end_is_not_lost_when_the_end_is_read_before_the_admission() -> None:
    """Store fails 0s -- healed 5s -- store fails again 7s: the next incident, although nobody has read yet that a command was given."""
    classify = Classify.from_state({}, RULES)
    [first] = records(classify.on_event(probe("service:store", 0), PLACE, at(0)), Incident)
    assert isinstance(first, Incident)
    assert not records(classify.on_event(probe("service:store", 7), PLACE, at(7)), Incident)
    assert records(classify.on_event(outcome(first, OutcomeStatus.HEALED, 5), PLACE, at(8)), Incident)


def test_when_too_many_wait_an_attempt_is_judged_at_once_rather_than_lost() -> None:
    book, later = IncidentBook({}), LaterAttempts({}, bound=1)
    book.open(OUR_JOB, ())
    assert later.keep(book, failed_job(2))
    assert not later.keep(book, failed_job(3))


def test_an_attempt_whose_incident_was_forgotten_is_judged_as_time_passes() -> None:
    classify = Classify.from_state({}, replace(RULES, bound=1))
    classify.on_event(failed_job(), PLACE, at(0))
    assert classify.on_event(failed_job(2, 3), PLACE, at(4)) == ()
    classify.on_event(probe("service:store", 5), PLACE, at(6))
    [found] = records(classify.on_tick(at(7)), Incident)
    assert isinstance(found, Incident)
    assert found.run == run_of(2)
