"""Each gate by itself: what it lets pass and what it stops, and that the worst word wins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.decisions import GateVerdict, Oversight, Tier, Verdict
from schemas.events import Origin, Provenance, Trust
from schemas.oversight import RolloutLevel
from schemas.policy import RuleThen
from schemas.vocabulary import Kind, Result
from streams.decide import GATES
from streams.decision_making import LADDER, worst_of
from streams.gates.facts import Finding, GateFacts
from tests.support.failures import TRUSTED, run_of

GOOD = GateFacts(
    kind=Kind.NETWORK_CONNECTIVITY, confidence=0.95, complete=True, abstained=False, result=Result.FAILURE, provenance=TRUSTED,
    run=run_of(), target="job:a", opened_by="healstream", attempt=1, strategy="rerun_job", level=RolloutLevel.AUTOMATIC,
    target_allowed=True, parameters_known=True, healing_on=True, confidence_needed=0.9, commands=(), loop_limit=3, commit_reruns=0,
    commit_limit=2, failed_as=None, forced="", tier=Tier.LOW, oversight=Oversight.TWO_PERSON,
)  # fmt: skip
PULL = replace(run_of(), trigger="pull_request")
TARGETED = replace(run_of(), trigger="pull_request_target")
STRANGE = Provenance(Origin.SIGNED_WEBHOOK, Trust.UNKNOWN)

CASES = [
    ("failure_kind", replace(GOOD, kind=Kind.COMPILE_ERROR), Verdict.REFUSE),
    ("failure_kind", replace(GOOD, kind=Kind.SUCCESS), Verdict.REFUSE),
    ("failure_kind", replace(GOOD, kind=Kind.AUTH_CREDENTIALS), Verdict.REFUSE),
    ("failure_kind", replace(GOOD, kind=Kind.ENVIRONMENT_CONFIG), Verdict.REFUSE),
    ("failure_kind", replace(GOOD, kind=Kind.UNKNOWN), Verdict.ESCALATE),
    ("failure_kind", replace(GOOD, abstained=True), Verdict.ESCALATE),
    ("ended_on_purpose", replace(GOOD, result=Result.CANCELLATION), Verdict.REFUSE),
    ("provenance", replace(GOOD, provenance=Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK)), Verdict.REFUSE),
    ("provenance", replace(GOOD, provenance=Provenance(Origin.UNSIGNED, Trust.SAME_REPOSITORY)), Verdict.ASK),
    ("push_race", replace(GOOD, kind=Kind.SCM_CHECKOUT, cause="git-push-race"), Verdict.REFUSE),
    ("healing_switch", replace(GOOD, healing_on=False), Verdict.REFUSE),
    ("previous_attempt", replace(GOOD, attempt=2), Verdict.ESCALATE),
    ("previous_attempt", replace(GOOD, attempt=2, failed_as=Kind.SUCCESS), Verdict.ESCALATE),
    ("previous_attempt", replace(GOOD, attempt=2, failed_as=Kind.DISK_FULL), Verdict.ESCALATE),
    ("loop_guard", replace(GOOD, commands=("a", "b", "c")), Verdict.ESCALATE),
    ("same_commit", replace(GOOD, commit_reruns=2), Verdict.ESCALATE),
    ("strategy", replace(GOOD, parameters_known=False), Verdict.ESCALATE),
    ("strategy", replace(GOOD, strategy="", parameters_known=False), Verdict.ESCALATE),
    ("confidence", replace(GOOD, confidence=0.89), Verdict.ESCALATE),
    ("confidence", replace(GOOD, may_act=False), Verdict.ESCALATE),
    ("completeness", replace(GOOD, complete=False), Verdict.ASK),
    ("override", replace(GOOD, opened_by="olga"), Verdict.ASK),
    ("override", replace(GOOD, forced="escalate"), Verdict.ESCALATE),
    ("trigger", replace(GOOD, run=PULL, provenance=STRANGE), Verdict.ASK),
    ("trigger", replace(GOOD, run=TARGETED, provenance=STRANGE), Verdict.ASK),
    ("rollout", replace(GOOD, level=RolloutLevel.OBSERVE), Verdict.OBSERVE),
    ("rollout", replace(GOOD, level=RolloutLevel.APPROVE), Verdict.ASK),
    ("rollout", replace(GOOD, target_allowed=False), Verdict.OBSERVE),
    ("holdout", replace(GOOD, held_out=True), Verdict.OBSERVE),
    ("risk_tier", replace(GOOD, tier=Tier.HIGH), Verdict.ASK),
    ("rollout", replace(GOOD, level=RolloutLevel.CANARY, canary_point=0.1, canary_share=0.1), Verdict.ASK),
    ("risk_tier", replace(GOOD, tier=Tier.CRITICAL, oversight=Oversight.SINGLE_OPERATOR), Verdict.REFUSE),
    ("risk_tier", replace(GOOD, tier=Tier.NEVER), Verdict.ESCALATE),
    ("rules", replace(GOOD, findings=(Finding("r", RuleThen.ASK, "why"),)), Verdict.ASK),
    ("rules", replace(GOOD, findings=(Finding("r", RuleThen.ASK_TWO, "why"),)), Verdict.ASK),
    ("rules", replace(GOOD, findings=(Finding("r", RuleThen.OBSERVE, "why"),)), Verdict.OBSERVE),
    ("rules", replace(GOOD, findings=(Finding("r", RuleThen.ESCALATE, "why"),)), Verdict.ESCALATE),
    ("rules", replace(GOOD, findings=(Finding("r", RuleThen.NEVER, "why"),)), Verdict.ESCALATE),
    ("rules", replace(GOOD, findings=(Finding("r", RuleThen.REFUSE, "why"),)), Verdict.REFUSE),
    ("rules", replace(GOOD, findings=(Finding("r", RuleThen.RISK, "why", failure="no such key"),)), Verdict.ESCALATE),
    (
        "rules",
        replace(GOOD, oversight=Oversight.SINGLE_OPERATOR, findings=(Finding("r", RuleThen.ASK_TWO, "why"),)),
        Verdict.REFUSE,
    ),
]


def answers(facts: GateFacts) -> dict[str, GateVerdict]:
    return {answer.name: answer for answer in (gate(facts) for gate in GATES)}


@pytest.mark.parametrize(("gate", "facts", "verdict"), CASES)
def test_exactly_the_one_gate_stops_what_it_is_there_for(gate: str, facts: GateFacts, verdict: Verdict) -> None:
    found = answers(facts)
    assert found[gate].verdict is verdict
    assert found[gate].reason
    assert [name for name, answer in found.items() if answer.verdict is not Verdict.HEAL] == [gate]


@pytest.mark.parametrize(
    "facts",
    [
        GOOD,
        replace(GOOD, run=None),
        replace(GOOD, run=PULL),
        replace(GOOD, kind=Kind.SCM_CHECKOUT, cause="git-push-race", strategy="push_rebase"),
        replace(GOOD, attempt=2, failed_as=GOOD.kind),
        replace(GOOD, level=RolloutLevel.SHADOW, tier=Tier.CRITICAL),
        replace(GOOD, level=RolloutLevel.CANARY),
        replace(GOOD, level=RolloutLevel.CANARY, canary_point=0.0999, canary_share=0.1),
        replace(GOOD, findings=(Finding("r", RuleThen.RISK, "why", 5.0),)),
        replace(GOOD, forced="heal"),
    ],
)
def test_what_is_in_order_passes_every_gate(facts: GateFacts) -> None:
    assert {answer.verdict for answer in answers(facts).values()} == {Verdict.HEAL}


@pytest.mark.parametrize("facts", [replace(GOOD, confidence=0.1), replace(GOOD, may_act=False), replace(GOOD, commands=("a",) * 3)])
def test_a_person_who_asks_turns_caution_into_a_question_to_another(facts: GateFacts) -> None:
    assert worst_of(list(answers(replace(facts, opened_by="olga")).values())).verdict is Verdict.ASK


@pytest.mark.parametrize("trigger", ["push", "pull_request", "pull_request_target", "schedule", ""])
@pytest.mark.parametrize("opened_by", ["healstream", "olga"])
@pytest.mark.parametrize("origin", list(Origin))
def test_nobody_and_nothing_lets_a_forks_job_run_again(trigger: str, opened_by: str, origin: Origin) -> None:
    fork = replace(GOOD, run=replace(run_of(), trigger=trigger), opened_by=opened_by, provenance=Provenance(origin, Trust.FORK))
    assert worst_of(list(answers(fork).values())).verdict is Verdict.REFUSE


def test_the_worst_word_wins_and_the_first_of_equals_gives_the_reason() -> None:
    words = [GateVerdict(str(number), verdict, "") for number, verdict in enumerate(LADDER)]
    assert worst_of(words).verdict is Verdict.REFUSE
    assert worst_of([words[3], replace(words[3], name="later")]).name == "3"
    assert len({gate(GOOD).name for gate in GATES}) == len(GATES)
