"""Recoveries as people see them, from any prefix of the journal; and what may be run, cancelled and rolled back, and what not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.brake_words import override_of
from console.cli.main import NOUNS
from console.cli.recovery import incident_to_run, require_healed
from console.cli.waiting import await_end, end_of
from console.readmodel import ReadModel
from console.recoveries import Recovery, found_in, recoveries_of, require_cancellable, require_rollback, row_of, whole_of
from console.words import Speaker
from recoverers.hands import is_cancelled_by
from schemas.control_words import why_not_counted
from schemas.decisions import Admission, AdmissionState, Mode
from schemas.errors import ApprovalNeededError, HealstreamError, NotFoundError, TimedOutError, UsageError
from schemas.ids import Record, id_of
from schemas.incidents import Incident
from schemas.lifecycle import Life
from schemas.oversight import Override
from schemas.people import People, Person, Role
from schemas.recoveries import JournalKind, OutcomeStatus, RecoveryOutcome
from schemas.signing import public_text
from schemas.vocabulary import Group, Kind
from tests.console import test_readmodel as readmodel
from tests.support.fakes import START, FakeHands
from tests.support.toys import FORKED, Toy, order, play

NAME = id_of(order(FORKED))


def lived(toy: Toy | None = None) -> FakeHands:
    hands = FakeHands()
    play(FORKED, toy or Toy(), hands)
    return hands


def admission(state: AdmissionState, decision: str = "waits") -> Admission:
    return Admission("incident-2", decision, state, "approval: one needed", START + timedelta(hours=1), target="toy:b", scope="toys")


def test_a_run_is_followed_from_its_acceptance_to_its_end_and_every_step_in_flight_is_named() -> None:
    hands = lived(Toy(wrong={"toy:d"}))
    outcomes = [record for record in hands.others if isinstance(record, RecoveryOutcome)]
    states: list[Life] = []
    steps: set[str] = set()
    for length in range(1, len(hands.journal) + 1):
        ended = outcomes if length == len(hands.journal) else []
        (row,) = recoveries_of([*hands.journal[:length], *ended])
        states += [] if states[-1:] == [row.state] else [row.state]
        steps.add(str(row_of(row)["step"]))
    assert states == [Life.RUNNING, Life.VERIFYING, Life.ROLLING_BACK, Life.ROLLED_BACK]
    assert {"b/one:b, d/one:d, e/one:e", "undo a/one:a", ""} <= steps
    whole = whole_of(recoveries_of([*hands.journal, *outcomes])[0])
    assert whole["planned"] == [f"{name}: toy" for name in "abcdef"]
    assert whole["finished_at"]


def test_what_waits_and_what_ended_early_is_listed_the_newest_first_and_a_plan_is_no_recovery() -> None:
    hands, shown = lived(), FakeHands()
    play(FORKED, Toy(), shown, order(FORKED, mode=Mode.PLAN))
    refused = replace(next(one for one in hands.others if isinstance(one, RecoveryOutcome)), command_id="early", decision_id="other")
    rows: list[Record] = [admission(AdmissionState.QUEUED), admission(AdmissionState.DENIED, "gone"), *hands.journal, *hands.others]
    found = recoveries_of([*rows, refused, *shown.journal, *shown.others])
    assert [(row.id, row.state) for row in found] == [("waits", Life.QUEUED), ("early", Life.HEALED), (NAME, Life.HEALED)]


def test_one_is_named_by_the_beginning_of_its_id_or_incident_and_not_by_two() -> None:
    rows = recoveries_of([admission(AdmissionState.QUEUED), *lived().journal])
    assert found_in(rows, NAME[:8]).id == NAME
    assert found_in(rows, "incident-2").id == "waits"
    for text in ("incident", "nope", ""):
        with pytest.raises(NotFoundError):
            found_in(rows, text)


def _in(state: Life) -> Recovery:
    return Recovery("command", "incident", "toy:a", state, START)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (Life.QUEUED, "has done nothing"),
        (Life.ROLLED_BACK, "nothing of it is in force"),
        (Life.HEALED, "its target may have changed since"),
        (Life.ESCALATED, "its target may have changed since"),
    ],
)
def test_what_does_not_run_is_not_rolled_back_and_the_refusal_says_why_and_what_to_do(state: Life, why: str) -> None:
    with pytest.raises(UsageError) as refusal:
        require_rollback(_in(state))
    assert why in refusal.value.why
    assert "`healstream " in refusal.value.mend


def test_what_runs_may_be_rolled_back_what_waits_cancelled_and_what_has_ended_neither() -> None:
    for state in (Life.RUNNING, Life.VERIFYING, Life.ROLLING_BACK):
        require_rollback(_in(state))
        require_cancellable(_in(state))
    require_cancellable(_in(Life.QUEUED))
    with pytest.raises(HealstreamError, match="it has ended as healed"):
        require_cancellable(_in(Life.HEALED))


def test_a_cancel_is_signed_counts_and_stops_exactly_the_run_of_its_incident() -> None:
    key = Ed25519PrivateKey.generate()
    people = People((Person("ada", frozenset({Role.OPERATOR}), public_text(key)),))
    word = override_of("incident", Override("n1", cancel=True), Speaker("ada", key), START)
    assert why_not_counted(word, people) is None
    assert is_cancelled_by({word.key: word}, order(FORKED))
    assert not is_cancelled_by({word.key: word}, order(FORKED, incident_id="other", decision_id="another"))


def test_only_an_ended_incident_is_run_again() -> None:
    incident = Incident(
        origin_key=("group:g", "1"), kind=Kind.SERVICE_DOWN, group=Group.RUNTIME, confidence=0.9, fingerprint="f", target="toy:all",
        scope="toys", severity="critical", complete=True, opened_at=START, detected_at=START,
    )  # fmt: skip
    name, model = id_of(incident), ReadModel()
    model.apply(incident)
    with pytest.raises(UsageError, match="still open"):
        incident_to_run(model, name[:10])
    outcome = next(one for one in lived().others if isinstance(one, RecoveryOutcome))
    model.apply(replace(outcome, incident_id=name))
    assert incident_to_run(model, name[:10]) == name
    with pytest.raises(NotFoundError):
        incident_to_run(model, "nope")


def test_the_noun_is_on_the_command_line_and_the_journal_has_what_it_shows() -> None:
    assert "recovery" in dict(NOUNS)
    assert JournalKind.PLANNED in lived().kinds()


OLD = readmodel.INCIDENT
AGAIN = replace(OLD, origin_key=("nonce", "n1"), reopens=id_of(OLD), opened_by="ada")
ASKED = replace(readmodel.DECISION, incident_id=id_of(AGAIN))
WAITS = Admission(id_of(AGAIN), id_of(ASKED), AdmissionState.QUEUED, "approval: one needed", readmodel.NOW)
ENDED = replace(readmodel.PLANNED, incident_id=id_of(AGAIN), decision_id=id_of(ASKED), final=True, status=OutcomeStatus.HEALED, plan=None)


@pytest.mark.parametrize(
    ("records", "before"),
    [((OLD, readmodel.ESCALATED), ()), ((OLD, AGAIN), ()), ((OLD, AGAIN, ENDED), (id_of(AGAIN),)), ((OLD, AGAIN, ASKED), ())],
    ids=["not opened yet", "not decided yet", "opened and ended before", "not at the door yet"],
)
def test_who_waits_is_told_with_exit_6_that_the_end_has_not_come_in_the_time(records: tuple[Record, ...], before: tuple[str, ...]) -> None:
    with pytest.raises(TimedOutError) as late:
        await_end(lambda: readmodel.model_of(*records), id_of(OLD), frozenset(before), 0.0)
    assert late.value.exit_code == 6


def test_who_waits_is_told_with_exit_7_whose_yes_is_missing_and_how_it_is_said() -> None:
    with pytest.raises(ApprovalNeededError, match=f"healstream approval approve {id_of(ASKED)}") as asked:
        end_of(readmodel.model_of(OLD, AGAIN, ASKED, WAITS), id_of(OLD), frozenset(), readmodel.NOW)
    assert asked.value.exit_code == 7


def test_who_waits_is_told_the_end_and_an_end_that_is_no_healing_is_an_error() -> None:
    healed = await_end(lambda: readmodel.model_of(OLD, AGAIN, ASKED, WAITS, ENDED), id_of(OLD), frozenset(), 0.0)
    assert healed == ENDED
    require_healed(healed)
    with pytest.raises(HealstreamError, match="it ended rolled_back"):
        require_healed(replace(ENDED, status=OutcomeStatus.ROLLED_BACK))
