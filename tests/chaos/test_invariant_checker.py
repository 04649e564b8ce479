"""The checkers can fail: a history in which all is well passes, and each spoiled one is found by the invariant that it breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.kafka import Located
from schemas.decisions import ApprovalGiven, Decision, HealingCommand, Tier, Verdict
from schemas.ids import Record, id_of
from schemas.incidents import Detection, DetectionStatus, Incident, IncidentUpdate
from schemas.oversight import AuditRecord, DeadLetter, DeadOrigin, Lease
from schemas.recoveries import JournalKind, JournalRecord, OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from tests.support.good_history import FAILED, FILE, FLAKY, SERVICE, STORIES, at, good_history
from tests.support.history import Effect, History
from tests.support.invariants import INVARIANTS, violations
from tests.support.record_invariants import check_i14
from tests.support.true_times import true_times

REFUSED, HEALED, ROLLED_BACK, RERUN = STORIES
ENDS = {FAILED: "refused", SERVICE: "healed", FILE: "rolled_back", FLAKY: "healed"}
Which = Callable[[Record], bool]
Mutant = Callable[[History], History]


def without(which: Which) -> Mutant:
    return lambda history: replace(history, records=tuple(record for record in history.records if not which(record)))


def plus(*more: Record) -> Mutant:
    return lambda history: replace(history, records=(*history.records, *more))


def changed(which: Which, **fields: object) -> Mutant:
    def spoil(history: History) -> History:
        return replace(history, records=tuple(replace(one, **fields) if which(one) else one for one in history.records))  # type: ignore[type-var]

    return spoil


def effect(*more: Effect) -> Mutant:
    return lambda history: replace(history, effects=(*history.effects, *more))


def is_outcome(target: str) -> Which:
    return lambda record: isinstance(record, RecoveryOutcome) and record.target == target


def is_line(kind: JournalKind, step: str = "", scope: str = "") -> Which:
    def look(record: Record) -> bool:
        return isinstance(record, JournalRecord) and record.kind is kind and step in {"", record.step} and scope in {"", record.scope}

    return look


def is_a(kind: type[Record], target: str = "") -> Which:
    return lambda record: isinstance(record, kind) and target in {"", getattr(record, "target", "")}


def swapped(scope: str) -> Mutant:
    """Roll back in the order of doing."""

    def spoil(history: History) -> History:
        lines = [one for one in history.records if is_line(JournalKind.UNDO_INTENT, scope=scope)(one)]
        rest = iter(lines[::-1])
        return replace(history, records=tuple(next(rest) if one in lines else one for one in history.records))

    return spoil


def later_audit(history: History) -> History:
    """Edit one entry of the chain and leave its hash."""
    chain = [one for one in history.records if isinstance(one, AuditRecord)]
    edited = replace(chain[3], entry=replace(chain[3].entry, actor="nobody"))
    return replace(history, records=tuple(edited if one == chain[3] else one for one in history.records))


def second_run(history: History) -> History:
    """Let another command change the service's scope in the middle of its recovery."""
    other = replace(HEALED.command(), decision_id="other")
    line = next(one for one in HEALED.journal() if one.kind is JournalKind.INTENT)
    place = next(number for number, one in enumerate(history.records) if is_line(JournalKind.DONE, "start:web")(one))
    meddling = replace(line, command_id=id_of(other), step="start:other")
    return replace(history, records=(*history.records[:place], other, meddling, *history.records[place:]))


def tier(approvals: tuple[ApprovalGiven, ...]) -> Mutant:
    def spoil(history: History) -> History:
        high = changed(is_a(Decision, SERVICE), tier=Tier.HIGH, approvals_required=1)(history)
        return changed(is_a(HealingCommand, SERVICE), tier=Tier.HIGH, approvals=approvals)(high)

    return spoil


def other_scope_incident(history: History) -> History:
    twin = replace(HEALED.incident(), origin_key=("twin",), detected_at=at(12), evidence=())
    return plus(twin, replace(HEALED.outcome(), incident_id=id_of(twin), decision_id="twin", command_id=None))(history)


def of_several(kind: Kind, run_id: str, key: str = "") -> Incident:
    """Return an incident of what several ends of the failed job say together."""
    failure = REFUSED.incident()
    assert failure.run
    return replace(failure, kind=kind, run=replace(failure.run, run_id=run_id), origin_key=(kind, key or run_id), evidence=())


def late_undo(record: Record) -> bool:
    return is_line(JournalKind.UNDONE, "write:x")(record)


MUTANTS: list[tuple[str, str, Mutant]] = [
    ("I1", "a failed job is lost before classify", without(is_a(Incident, FAILED))),
    ("I1", "a firing target is told to nobody", without(is_a(IncidentUpdate))),
    ("I1", "an incident never ends", without(is_outcome(FAILED))),
    ("I1", "an incident ends twice", plus(replace(HEALED.outcome(), command_id=None, decision_id="again"))),
    ("I1", "one outcome's id says two things", plus(replace(HEALED.outcome(), status=OutcomeStatus.ESCALATED))),
    ("I1", "an outcome without an incident", plus(replace(REFUSED.outcome(), incident_id="nowhere", decision_id="nowhere"))),
    ("I1", "one failure opens two incidents", plus(replace(REFUSED.incident(), origin_key=("twin",)))),
    ("I2", "what our re-run caused opens an incident", plus(RERUN.incident(attempt=2))),
    ("I2", "two incidents are open in a scope", other_scope_incident),
    ("I2", "a commit breaks its branch twice", plus(*(of_several(Kind.BRANCH_BROKEN, run) for run in ("77", "78")))),
    ("I2", "a test is flaky twice by one failure", plus(*(of_several(Kind.FLAKY_TEST, "77", key) for key in ("one", "two")))),
    ("I2", "a command without an outcome", without(is_outcome(FLAKY))),
    ("I2", "an outcome for a command that nobody gave", without(is_a(HealingCommand, SERVICE))),
    ("I2", "a command with two outcomes", plus(replace(RERUN.outcome(), final=False, status=OutcomeStatus.ROLLED_BACK))),
    ("I3", "no probe after a crash: a start is repeated", effect(Effect(SERVICE, "start", "key of start:web", at(13)))),
    ("I3", "a job is run again twice", effect(Effect(FLAKY, "rerun", "", at(33)))),
    ("I4", "an act without a journal", effect(Effect(SERVICE, "start", "unknown", at(13)))),
    ("I4", "the act comes before its intent", changed(is_line(JournalKind.INTENT, "start:web"), at=at(13))),
    ("I4", "a re-run before its intent", changed(is_line(JournalKind.INTENT, "rerun:job"), at=at(33))),
    ("I4", "a stop without an intent to undo", effect(Effect(SERVICE, "stop", "key of start:web", at(15)))),
    ("I5", "rollback in the order of doing", swapped("group:oracle")),
    ("I5", "a done step is not taken back", without(is_line(JournalKind.UNDONE, "write:x"))),
    ("I5", "a healed run takes a step back", plus(replace(list(ROLLED_BACK.journal())[8], command_id=id_of(HEALED.command())))),
    ("I5", "the rollback is slower than a minute", changed(late_undo, at=at(90))),
    ("I5", "the state is not what it was", lambda history: replace(history, images=(("write:x", json.dumps({"hash": "new"})),))),
    ("I6", "two commands change one scope", second_run),
    ("I6", "a fenced executor wakes and writes on", plus(replace(list(HEALED.journal())[3], step_try=1, owner="here/2"))),
    ("I6", "a fenced owner of the lease writes on", plus(Lease(1, 2, at(3)))),
    ("I6", "an older owner's command comes later", plus(replace(HEALED.command(), decision_id="later", epoch=0))),
    ("I7", "an entry is edited", later_audit),
    ("I7", "an entry is cut out", without(lambda one: isinstance(one, AuditRecord) and one.sequence == 3)),
    ("I7", "the newest entries are cut off", without(lambda one: isinstance(one, AuditRecord) and one.sequence > 10)),
    ("I7", "a checkpoint is signed by another key", lambda history: replace(history, notary_key="AAAA")),
    ("I7", "a decision is not written down", plus(replace(REFUSED.decision(), attempt=2))),
    ("I9", "a command without a decision", without(is_a(Decision, SERVICE))),
    ("I9", "a command on a refused incident", changed(is_a(Decision, SERVICE), verdict=Verdict.REFUSE)),
    ("I9", "a high tier without approval", tier(())),
    ("I9", "an approval of another plan", tier((ApprovalGiven("ada", "other", "n", at(11)),))),
    ("I9", "an approval by the proposer", tier((ApprovalGiven("healstream", "plan", "n", at(11)),))),
    (
        "I11",
        "healed on one source's word",
        without(lambda one: is_line(JournalKind.VERIFIED, scope="group:shop")(one) and "source-1" in str(one)),
    ),
]


def test_a_history_in_which_all_is_well_passes_every_check() -> None:
    assert violations(good_history()) == {name: [] for name in INVARIANTS}
    assert check_i14(good_history(), ENDS) == []


@pytest.mark.parametrize(("invariant", "spoil"), [row[::2] for row in MUTANTS], ids=[f"{row[0]}: {row[1]}" for row in MUTANTS])
def test_a_spoiled_history_is_found_by_the_invariant_that_it_breaks(invariant: str, spoil: Mutant) -> None:
    spoiled = spoil(good_history())
    assert spoiled != good_history()
    found = violations(spoiled)
    assert found[invariant] != [], found
    assert all(sentence.startswith(f"{invariant}: ") for sentence in found[invariant])


def test_every_invariant_has_a_history_that_violates_it() -> None:
    assert {row[0] for row in MUTANTS} == set(INVARIANTS)


@pytest.mark.parametrize("target", sorted(ENDS))
def test_an_end_that_a_fault_changed_or_swallowed_is_found(target: str) -> None:
    assert check_i14(without(is_outcome(target))(good_history()), ENDS)
    assert check_i14(changed(is_outcome(target), status=OutcomeStatus.EXPIRED)(good_history()), ENDS)


def test_a_failed_job_in_the_dead_letters_or_the_side_output_needs_no_incident() -> None:
    lost = replace(REFUSED.event(), run_id="77")
    history = good_history()
    history = replace(history, events=(*history.events, Located(lost, "ci.events", 3, 9)))
    assert violations(history)["I1"]
    letter = DeadLetter(DeadOrigin("ci.events", 3, 9, at(0)), "ingest", "undecodable", 1, "0" * 64)
    assert violations(plus(letter)(history))["I1"] == []
    assert violations(replace(history, side=frozenset({id_of(lost)})))["I1"] == []


def test_a_target_that_turns_back_at_once_needs_no_incident_but_one_that_stays_does() -> None:
    flap = replace(HEALED.detection("tcp"), first_at=at(50), last_at=at(50))
    back = replace(flap, status=DetectionStatus.RESOLVED, last_at=at(51), evidence=())
    assert violations(plus(flap)(good_history()))["I1"]
    assert violations(plus(flap, back)(good_history()))["I1"] == []
    assert isinstance(flap, Detection)
    assert violations(plus(flap, replace(back, last_at=at(50) + timedelta(minutes=1)))(good_history()))["I1"]


def test_times_that_a_wrong_clock_wrote_are_set_right_and_others_stay() -> None:
    about = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    right = Lease(epoch=1, sequence=1, at=about - timedelta(minutes=20))
    ahead = replace(right, at=right.at + timedelta(hours=1))
    behind = replace(right, at=right.at - timedelta(hours=1))
    history = History(records=(right, ahead, behind))
    assert true_times(history, about).records == (right, right, right)
