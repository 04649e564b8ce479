"""What the topics and the recorded logs tell of patterns, and the command that shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.cli.main import run
from console.home import home_of
from console.init import init
from console.pattern_evidence import Evidence, evidence_of_topics
from console.periods import begin_of
from learning.pattern_audit import Word
from schemas.errors import UsageError
from schemas.events import Origin, Provenance, Trust
from schemas.ids import id_of
from schemas.incidents import Detection, DetectionStatus, Incident
from schemas.oversight import Feedback
from schemas.signing import sign
from schemas.vocabulary import Kind, Result
from tests.support.failures import KEYS, T0, at, configuration, failed_job, incident

PEOPLE = configuration().people
FORK = Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK)
JOB, FOUND = incident(), failed_job()
GREEN = replace(
    FOUND,
    status=DetectionStatus.SUMMARY,
    result=Result.SUCCESS,
    hits=(),
    signals=(("hits/pip-timeout", "2"), ("log", "seen"), ("shadow/mine", "1")),
    run=replace(FOUND.run, run_id="78") if FOUND.run else None,
)


def word(by: str = "olga", kind: Kind | None = None, seconds: float = 60, **more: object) -> Feedback:
    said = replace(Feedback(id_of(JOB), "person", by, at(seconds), kind), **more)  # type: ignore[arg-type]
    return sign(said, KEYS.get(by, KEYS["vera"]))


def lesson(reward: float, kind: Kind | None = None) -> Feedback:
    return Feedback(id_of(JOB), "outcome", "healstream", at(30), kind, reward=reward, verified=reward > 0)


def told(*records: Detection | Incident | Feedback) -> Evidence:
    return evidence_of_topics((FOUND, JOB, *records), PEOPLE)


def test_a_failed_and_a_successful_run_are_seen_with_what_hit_them() -> None:
    failed, green = told(GREEN).runs
    assert (failed.kind, dict(failed.lines)) == (JOB.kind, {"other": frozenset({1}), "pip-timeout": frozenset({3})})
    assert (green.kind, set(green.lines)) == (Kind.SUCCESS, {"pip-timeout", "mine"})


def test_what_a_fork_ran_and_what_is_older_than_asked_is_left_out() -> None:
    assert evidence_of_topics([replace(GREEN, provenance=FORK)], PEOPLE).runs == ()
    assert evidence_of_topics([GREEN], PEOPLE, GREEN.last_at + timedelta(seconds=1)).runs == ()
    assert len(evidence_of_topics([GREEN, GREEN], PEOPLE, GREEN.last_at).runs) == 1


def test_a_run_that_was_given_up_or_whose_log_nobody_read_is_no_success() -> None:
    for other in (replace(GREEN, result=Result.CANCELLATION), replace(GREEN, signals=())):
        [seen] = evidence_of_topics([other], PEOPLE).runs
        assert seen.kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("feedback", "is_right"),
    [
        ([word(kind=JOB.kind)], True),
        ([word(kind=Kind.DISK_FULL)], False),
        ([word(correct=True)], True),
        ([word(correct=False)], False),
        ([word(kind=Kind.DISK_FULL), word("anton", JOB.kind, 90)], True),
        ([lesson(1.0, Kind.DISK_FULL)], False),
        ([lesson(1.0, Kind.DISK_FULL), word(correct=True)], True),
    ],
)
def test_the_pattern_that_decided_is_judged_by_who_may_and_else_by_what_was_proven(feedback: list[Feedback], is_right: bool) -> None:
    [judged] = told(*feedback).words
    assert (judged.pattern, judged.is_right) == ("pip-timeout", is_right)


@pytest.mark.parametrize(
    "feedback",
    [
        [],
        [word("vera", Kind.DISK_FULL)],
        [word("nobody", Kind.DISK_FULL)],
        [word(weight=0.0, correct=False)],
        [replace(word(correct=False), signature="")],
        [replace(word("anton", correct=False), by="olga")],
        [replace(word(correct=True), correct=False)],
    ],
)
def test_without_a_counted_word_nothing_is_said_of_a_pattern(feedback: list[Feedback]) -> None:
    assert told(*feedback).words == ()


def test_a_green_rerun_shows_that_it_helped_and_not_that_the_kind_was_right() -> None:
    assert told(lesson(1.0)).words == (Word("pip-timeout", None, is_healed=True),)
    assert told(lesson(-1.0)).words == (Word("pip-timeout", None, is_healed=False),)


def test_what_only_a_model_named_is_no_word_on_a_pattern() -> None:
    alone = replace(JOB, kind=Kind.DISK_FULL)
    assert evidence_of_topics([FOUND, alone, word(correct=True, incident_id=id_of(alone))], PEOPLE).words == ()


def test_a_period_is_read_as_people_write_it() -> None:
    assert begin_of("24h", T0) == T0 - timedelta(days=1)
    assert begin_of("2w", T0) == T0 - timedelta(weeks=2)
    assert begin_of("2026-01-31T12:00", T0) == datetime(2026, 1, 31, 12, tzinfo=UTC)
    with pytest.raises(UsageError, match="no period"):
        begin_of("yesterday", T0)


def test_without_a_broker_the_recorded_logs_are_audited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HEALSTREAM_BROKERS", raising=False)
    init(home_of(places, ""), "ada")
    with pytest.raises(SystemExit) as ended:
        run(["pattern", "audit", "-o", "jsonl", "--all"])
    printed = capsys.readouterr()
    rows = {row["pattern"]: row for row in map(json.loads, printed.out.splitlines())}
    assert ended.value.code == 8
    assert "runs of the recorded logs" in printed.err
    full = rows["no-space-left"]
    assert (full["state"], full["findings"]) == ("acting", [])
    assert full["failed"] >= 5
    assert full["precision_low"] <= 1.0 == full["precision_high"]
    assert any("dead" in row["findings"] for row in rows.values())
    with pytest.raises(SystemExit) as ended:
        run(["pattern", "audit", "--own"])
    assert ended.value.code in {None, 0}
