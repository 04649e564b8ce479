"""Everything that came in is accounted for, or it is named; what may still be under way or is too old to be whole is not judged.

Which spoiled history each check finds is in ``tests/chaos/test_invariant_checker.py``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from console.audit_complete import Window, unchained, unread, unwritten, without_one_incident
from console.audit_retention import retention_faults
from infra.kafka import Located
from schemas.avro_codec import Undecodable
from schemas.events import Alert, AlertStatus
from schemas.ids import Record, id_of
from schemas.incidents import Detection, DetectionStatus, EvidenceRef
from schemas.oversight import AuditRecord, DeadLetter, DeadOrigin
from schemas.recoveries import RecoveryOutcome
from schemas.topics import BY_NAME
from tests.support.good_history import STORIES, at, good_history
from tests.support.history import History

REFUSED, HEALED, *_ = STORIES
ALERT = Alert("service:web", "SlowWeb", AlertStatus.FIRING, "critical", at(5), fingerprint="f")


def plus(history: History, *more: Record) -> History:
    return replace(history, records=(*history.records, *more))


def came(*events: Located) -> History:
    return replace(good_history(), events=(*good_history().events, *events))


def letter(offset: int) -> DeadLetter:
    return DeadLetter(DeadOrigin("infra.alerts", 1, offset, at(0)), "ingest", "undecodable", 1, "0" * 64)


def test_a_whole_history_is_accounted_for() -> None:
    found = good_history()

    assert [*without_one_incident(found), *unread(found), *unwritten(found)] == []


def test_what_cannot_be_read_needs_a_dead_letter() -> None:
    found = came(Located(Undecodable("empty value"), "infra.alerts", 1, 7))

    assert unread(found) == ["I1: infra.alerts/1 offset 7 cannot be read (empty value) and has no dead letter"]
    assert unread(plus(found, letter(7))) == []
    assert unread(plus(found, letter(8))) != []


def test_an_alert_that_fires_is_told_to_somebody_or_stands_aside() -> None:
    found = came(Located(ALERT, "infra.alerts", 1, 7))
    ref = EvidenceRef("infra.alerts", 1, 7, id_of(ALERT))
    told = Detection(DetectionStatus.FIRING, "service:web", "group:shop", "alert", True, at(5), at(5), "critical", (ref,))

    assert unread(found) == ["I1: the alert at infra.alerts/1 offset 7 was told to nobody"]
    assert unread(plus(found, told)) == []
    ended = replace(ref, id=id_of(replace(ALERT, status=AlertStatus.RESOLVED)))
    assert unread(plus(found, replace(told, status=DetectionStatus.RESOLVED, evidence=(ended,)))) == []
    assert unread(replace(found, side=frozenset({id_of(ALERT)}))) == []
    assert unread(came(Located(replace(ALERT, status=AlertStatus.RESOLVED), "infra.alerts", 1, 7))) == []
    assert unread(found, Window(until=at(5))) == []


def without_end() -> History:
    kept = tuple(one for one in good_history().records if not (isinstance(one, RecoveryOutcome) and one.target == HEALED.target))
    return replace(good_history(), records=kept)


def test_an_incident_may_be_open_until_its_decision_and_its_command_have_expired() -> None:
    expired = at(3600) + timedelta(seconds=HEALED.command().deadline_s)

    assert without_one_incident(without_end(), Window(until=expired)) == []
    assert len(without_one_incident(without_end(), Window(until=expired + timedelta(seconds=1)))) == 1


def test_what_is_older_than_every_topic_keeps_is_not_judged() -> None:
    opening = tuple(one for one in good_history().records if not isinstance(one, AuditRecord))
    bare = replace(without_end(), records=tuple(one for one in opening if not isinstance(one, RecoveryOutcome)))

    assert without_one_incident(bare) != []
    assert unwritten(bare) != []
    assert without_one_incident(bare, Window(since=at(100))) == []
    assert unwritten(bare, Window(since=at(100))) == []


def test_the_chain_holds_every_entry_that_lies_before_its_end_and_no_other() -> None:
    chain = [one for one in good_history().records if isinstance(one, AuditRecord)]
    entries = {one.entry_offset: one.entry for one in chain}
    other = replace(chain[3].entry, actor="nobody")

    assert unchained(entries, chain) == []
    # What is still to come is no fault, and neither is what the entries' topic no longer holds.
    assert unchained({**entries, 100: other}, chain) == []
    assert unchained({offset: entry for offset, entry in entries.items() if offset > 4}, chain) == []
    # A retry's second copy is chained once.
    assert unchained({**entries, 3: chain[2].entry}, [*chain[:3], *chain[4:]]) == []
    assert unchained(entries, [*chain[:3], *chain[4:]]) == ["I7: the entry at offset 3 is not in the chain"]
    assert unchained(entries, [*chain[:3], replace(chain[3], entry=other), *chain[4:]]) == [
        "I7: the entry at offset 3 is not in the chain",
        "I7: the chain has another entry than lies at offset 3",
    ]
    assert unchained(entries, []) == []


def test_a_health_check_that_turned_back_at_once_is_no_failure() -> None:
    flap = replace(HEALED.detection("tcp"), first_at=at(50), last_at=at(50))
    back = replace(flap, status=DetectionStatus.RESOLVED, last_at=at(51), evidence=())

    assert len(without_one_incident(plus(good_history(), flap))) == 1
    assert without_one_incident(plus(good_history(), flap, back)) == []


@pytest.mark.parametrize(("seconds", "faults"), [(1.0, 0), (-9.0, 1)])
def test_a_symptom_that_outlives_its_incident_opens_the_next_one_and_no_other(seconds: float, faults: int) -> None:
    """Given two incidents of one evidence, then the second must have begun when the first had ended."""
    end = HEALED.outcome()
    opened_at = end.finished_at + timedelta(seconds=seconds)
    second = replace(HEALED.incident(attempt=2), opened_at=opened_at)
    ended = replace(end, incident_id=id_of(second), command_id=None, opened_at=opened_at, finished_at=at(90))

    said = without_one_incident(plus(good_history(), second, ended))

    assert [sentence.partition(" belongs to ")[2].partition(":")[0] for sentence in said] == ["several incidents"] * faults


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({}, 0),
        ({"retention.ms": str(365 * 24 * 3600 * 1000), "retention.bytes": str(512 * 1024 * 1024), "cleanup.policy": "delete"}, 0),
        ({"retention.ms": "-1", "retention.bytes": "-1"}, 0),
        ({"retention.ms": "1000", "retention.bytes": "-1"}, 1),
        ({"retention.ms": "1000", "retention.bytes": "1000"}, 2),
        ({"cleanup.policy": "compact,delete"}, 1),
    ],
)
def test_a_topic_that_keeps_the_audit_for_less_than_is_promised_is_a_fault(settings: dict[str, str], faults: int) -> None:
    assert len(retention_faults(BY_NAME["heal.audit"], settings)) == faults
