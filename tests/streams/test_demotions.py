"""A strategy that stops working goes down its ladder by one rung a breach; a person's signed word takes that back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from schemas.authorization import DEFAULT_RULES
from schemas.decisions import Decision, Verdict
from schemas.ids import id_of
from schemas.outputs import Count, Output
from schemas.oversight import AuditEntry, Control, Rollout, RolloutLevel
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.signing import sign
from streams.decide import Decide, DecideRules
from tests.support.failures import KEYS, PLACE, T0, at, configuration, incident, outcome, records

RULES = DecideRules(configuration())
HEALED, FAILED = OutcomeStatus.HEALED, OutcomeStatus.ROLLED_BACK


def stage(entries: Mapping[str, str] | None = None) -> Decide:
    return Decide.from_state(entries or {}, RULES)


def ended(status: OutcomeStatus, number: int) -> RecoveryOutcome:
    return replace(
        outcome(incident(), status, number, attempt=2, command=f"c{number}"), incident_id=f"other-{number}", target=f"job:{number}"
    )


def play(decide: Decide, *statuses: OutcomeStatus, start: int = 0) -> list[Output]:
    return [output for n, status in enumerate(statuses) for output in decide.on_event(ended(status, start + n), PLACE, T0)]


def decided(decide: Decide, run: str = "77") -> Decision:
    job = replace(incident(), origin_key=("github", "acme/api", run, "build", "1"))
    [decision] = records(decide.on_event(job, PLACE, at(500)), Decision)
    return cast("Decision", decision)


def raised(by: str, seconds: float) -> Control:
    return sign(Control("rollout/rerun_job", by, at(seconds), rollout=Rollout(RolloutLevel.AUTOMATIC)), KEYS[by])


def test_a_strategy_that_works_is_left_alone() -> None:
    decide = stage()
    assert play(decide, *[HEALED, HEALED, HEALED, FAILED] * 20) == []
    assert decided(decide).verdict is Verdict.HEAL


def levels(outputs: list[Output]) -> list[str]:
    return [dict(entry.details)["level"] for entry in records(outputs, AuditEntry) if isinstance(entry, AuditEntry)]


def test_four_failures_after_steady_success_take_one_rung_and_every_further_breach_takes_another() -> None:
    decide = stage()
    assert play(decide, *[HEALED] * 30, *[FAILED] * 3) == []
    said = play(decide, FAILED, start=33)
    [entry] = records(said, AuditEntry)
    assert isinstance(entry, AuditEntry)
    assert (entry.action, entry.subject, dict(entry.details)["level"]) == ("strategy.demoted", "rerun_job", "canary")
    assert [row.labels for row in said if isinstance(row, Count)] == [(("model", "strategy/rerun_job"),)]
    assert dict(decided(decide).inputs)["level"] == "canary"
    assert levels(play(decide, *[FAILED] * 36, start=34)) == ["approve", "shadow", "observe", "observe"]
    assert decided(decide, "78").verdict is Verdict.OBSERVE


def test_what_never_worked_is_found_by_its_share_before_anything_changed_and_the_policy_says_which() -> None:
    one_of_four = [FAILED, FAILED, FAILED, HEALED] * 3
    [entry] = records(play(stage(), *one_of_four), AuditEntry)
    assert isinstance(entry, AuditEntry)
    assert dict(entry.details)["level"] == "canary"
    assert dict(entry.details)["why"].startswith("2 of its last 10 recoveries healed, surely fewer than 50 %")
    assert play(Decide.from_state({}, DecideRules(configuration(policy=Policy(demote_below=0.2)))), *one_of_four) == []


def test_what_says_nothing_of_the_strategy_and_what_comes_twice_is_not_counted() -> None:
    decide = stage()
    quiet = [OutcomeStatus.REFUSED, OutcomeStatus.EXPIRED, OutcomeStatus.SELF_HEALED, OutcomeStatus.OBSERVED] * 10
    assert play(decide, *quiet) == []
    assert [output for _ in range(30) for output in decide.on_event(ended(FAILED, 1), PLACE, T0)] == []
    assert [output for n in range(30) for output in decide.on_event(replace(ended(FAILED, n), dry_run=True), PLACE, T0)] == []
    assert decided(decide).verdict is Verdict.HEAL


def test_only_a_later_word_of_who_may_release_raises_it_again_and_never_above_the_policy() -> None:
    decide = stage()
    play(decide, *[FAILED] * 18)
    for word in (raised("vera", 100), raised("anton", 1), replace(raised("anton", 100), signature="")):
        decide.on_event(word, PLACE, T0)
        assert decided(decide, str(id_of(word)) + word.by + word.signature[:4]).verdict is Verdict.ASK
    decide.on_event(raised("anton", 100), PLACE, T0)
    assert decided(decide).verdict is Verdict.HEAL
    low = Decide.from_state(decide.snapshot(), DecideRules(configuration(RolloutLevel.OBSERVE)))
    assert decided(low, "79").verdict is Verdict.OBSERVE


def test_who_may_only_stop_takes_no_demotion_back() -> None:
    no_release = DEFAULT_RULES + 'forbid (principal == Person::"anton", action == Action::"release_switch", resource);'
    known = replace(configuration(), people=replace(configuration().people, rules=no_release))
    decide = Decide.from_state({}, DecideRules(known))
    play(decide, *[FAILED] * 18)
    decide.on_event(raised("anton", 100), PLACE, T0)
    assert dict(decided(decide).inputs)["level"] == "approve"
    decide.on_event(raised("olga", 101), PLACE, T0)
    assert dict(decided(decide, "78").inputs)["level"] == "automatic"


def test_a_level_that_a_person_set_before_levels_knew_who_still_holds_and_anybody_who_may_raises_it() -> None:
    decide = stage({"word/level/rerun_job": '[0,{"text":"shadow"}]'})
    assert dict(decided(decide).inputs)["level"] == "shadow"
    assert "word/level/rerun_job" not in decide.snapshot()
    assert decide.take_changes()["word/level/rerun_job"] is None
    decide.on_event(raised("anton", 100), PLACE, T0)
    assert dict(decided(decide, "78").inputs)["level"] == "automatic"


def test_a_restart_after_every_outcome_changes_nothing() -> None:
    plain, broken = stage(), stage()
    kept: dict[str, str] = {}
    for number in range(60):
        status = HEALED if number < 30 else FAILED
        assert play(plain, status, start=number) == play(broken, status, start=number)
        for name, text in broken.take_changes().items():
            kept.pop(name, None) if text is None else kept.update({name: text})
        broken = stage(kept)
    assert broken.snapshot() == plain.snapshot()
    assert dict(decided(broken).inputs)["level"] == "shadow"
