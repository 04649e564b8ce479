"""A pattern that hits successful runs is demoted once, by its event's time, and not by one tenant alone; a person's word lifts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from learning.green_evidence import GreenRow, GreenRun, with_hit
from learning.patterns.reviewed import digest_of
from schemas.configuration import Configuration
from schemas.events import Origin, Provenance, Trust
from schemas.incidents import Detection, EvidenceRef, Incident
from schemas.outputs import Count, Output
from schemas.oversight import AuditEntry
from schemas.pattern_review import PatternDemotion, PatternReview, PatternState
from schemas.signing import sign
from schemas.vocabulary import Kind, Result
from streams.classify import Classify, ClassifyRules
from streams.green_watch import GreenWatch
from tests.learning.test_back_test import pattern
from tests.support.failures import KEYS, PLACE, at, classify_hits, configuration, failed_job, passed_job, records

CONFIGURATION = configuration()
RULES = ClassifyRules(CONFIGURATION, classify_hits)


def passed(number: int, *patterns: str, owner: str = "acme", **more: object) -> Detection:
    """Return a successful run of its own in which these patterns hit."""
    job = passed_job(1, number)
    assert job.run is not None
    signals = (*((f"hits/{name}", "1") for name in patterns), ("log", "seen"))
    run = replace(job.run, run_id=str(number), project=f"{owner}/api")
    evidence = (EvidenceRef("ci.events", 0, number, f"run-{owner}-{number}"),)
    return replace(job, run=run, signals=signals, evidence=evidence, **more)  # type: ignore[arg-type]


def play(stage: Classify, *runs: Detection) -> list[Output]:
    return [output for run in runs for output in stage.on_event(run, PLACE, at(0))]


def demotions(outputs: Sequence[Output]) -> list[PatternDemotion]:
    return [cast("PatternDemotion", row) for row in records(outputs, PatternDemotion)]


def demoted(watch: Classify | None = None) -> tuple[Classify, list[Output]]:
    stage = watch or Classify.from_state({}, RULES)
    return stage, play(stage, *(passed(number, "broad") for number in range(12)))


def test_a_pattern_that_hits_every_green_run_is_demoted_once_and_told() -> None:
    stage, outputs = demoted()
    [row] = demotions(outputs)
    [entry] = records(outputs, AuditEntry)
    assert isinstance(entry, AuditEntry)
    assert (row.pattern, row.green, row.runs, row.at) == ("broad", 10, 10, at(9))
    assert (entry.action, entry.subject, dict(entry.details)["why"]) == ("pattern.demoted", "broad", row.why)
    assert row.why == "it hit 10 of the last 10 successful runs, 10% are borne"
    assert [out.labels for out in outputs if isinstance(out, Count)] == [(("model", "pattern/broad"),)]
    assert play(stage, *(passed(number, "broad") for number in range(50, 90))) == []


@pytest.mark.parametrize("every", [10, 12, 20])
def test_a_pattern_within_its_share_is_left_alone(every: int) -> None:
    stage = Classify.from_state({}, RULES)
    assert play(stage, *(passed(number, *(("retried",) if number % every == 0 else ())) for number in range(600))) == []


def test_other_patterns_in_the_same_runs_are_left_alone() -> None:
    stage = Classify.from_state({}, RULES)
    runs = [passed(number, "broad", *(("rare",) if number % 10 == 0 else ())) for number in range(200)]
    assert [row.pattern for row in demotions(play(stage, *runs))] == ["broad"]


@pytest.mark.parametrize(
    "more",
    [
        {"provenance": Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK)},
        {"provenance": Provenance(Origin.UNSIGNED, Trust.UNKNOWN)},
        {"result": Result.CANCELLATION},
    ],
    ids=["a fork", "unsigned", "given up"],
)
def test_what_nobody_vouches_for_and_what_did_not_succeed_says_nothing(more: Mapping[str, Any]) -> None:
    stage = Classify.from_state({}, RULES)
    assert play(stage, *(passed(number, "broad", **more) for number in range(40))) == []


def test_the_same_run_told_again_is_counted_once() -> None:
    stage = Classify.from_state({}, RULES)
    assert play(stage, *[passed(number // 5, "broad") for number in range(45)]) == []


def test_one_tenant_among_others_silences_nobody_and_two_who_meet_it_do() -> None:
    alone = Classify.from_state({}, RULES)
    runs = [passed(number, *(("broad",) if number % 3 else ()), owner="mallory" if number % 3 else "acme") for number in range(200)]
    assert play(alone, *runs) == []
    both = Classify.from_state({}, RULES)
    assert len(demotions(play(both, *(passed(number, "broad", owner="acme" if number % 2 else "other") for number in range(30))))) == 1


def test_from_the_next_detection_on_its_hits_decide_nothing() -> None:
    watch = GreenWatch({}, CONFIGURATION)
    for number in range(12):
        watch.on_passed(passed(number, "other"))
    assert [hit.shadow for hit in watch.shadowed(failed_job()).hits] == [True, False]
    stage = Classify.from_state({}, RULES)
    play(stage, *(passed(number, "other") for number in range(12)))
    [incident] = records(play(stage, failed_job()), Incident)
    assert isinstance(incident, Incident)
    assert [hit.pattern for hit in incident.hits] == ["pip-timeout"]


def word(seconds: float, by: str = "anton", state: PatternState = PatternState.ACTING) -> PatternReview:
    made = pattern("flux .+", Kind.DISK_FULL)
    return sign(PatternReview("broad", digest_of(made), state, "olga", by, at(seconds), "report"), KEYS[by])


def held_by(state: Mapping[str, str], *words: PatternReview) -> bool:
    configured: Configuration = replace(CONFIGURATION, reviews=words)
    return "broad" in GreenWatch(state, configured).held_back


def test_only_a_later_word_of_who_may_lifts_it_and_it_can_be_demoted_again() -> None:
    stage, _ = demoted()
    kept = stage.snapshot()
    assert held_by(kept)
    assert held_by(kept, word(5))
    assert held_by(kept, replace(word(100), signature=""))
    assert held_by(kept, word(100, "olga"))
    assert held_by(kept, word(100, state=PatternState.SHADOW))
    assert not held_by(kept, word(100))
    lifted = Classify.from_state(kept, replace(RULES, configuration=replace(CONFIGURATION, reviews=(word(100),))))
    [again] = demotions(play(lifted, *(passed(number, "broad") for number in range(200, 220))))
    assert again.at > at(100)


def test_a_restart_after_every_run_changes_nothing() -> None:
    plain, broken = Classify.from_state({}, RULES), Classify.from_state({}, RULES)
    kept: dict[str, str] = {}
    for number in range(30):
        run = passed(number, *(("broad",) if number % 3 else ()), owner="acme" if number % 2 else "other")
        assert play(plain, run) == play(broken, run)
        for name, text in broken.take_changes().items():
            kept.pop(name, None) if text is None else kept.update({name: text})
        broken = Classify.from_state(kept, RULES)
    assert broken.snapshot() == plain.snapshot()


def test_between_two_hits_the_runs_that_were_not_hit_take_evidence_away() -> None:
    row, _ = with_hit(GreenRow(), GreenRun(1, "acme", 1), 0.1)
    soon, _ = with_hit(row, GreenRun(2, "acme", 1), 0.1)
    late, _ = with_hit(row, GreenRun(100, "acme", 1), 0.1)
    assert soon.evidence > row.evidence == late.evidence
    assert (late.first, late.hits) == (100, 1)
