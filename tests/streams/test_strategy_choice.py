"""decide chooses among the strategies that policy allows, learns from verified outcomes, and holds out what policy asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import cast

import pytest

from console.redecide import rebuilt
from schemas.catalogue import CARDS, card_named
from schemas.configuration import Configuration
from schemas.decisions import Decision, Verdict
from schemas.events import Provenance, Trust
from schemas.ids import id_of
from schemas.incidents import Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Output
from schemas.oversight import AuditEntry, RolloutLevel
from schemas.policy import Policy, StrategyPolicy
from schemas.recoveries import FactorResult, OutcomeStatus, RecoveryOutcome
from schemas.strategy_card import Reversibility, StrategyCard
from schemas.vocabulary import Kind
from streams.choice_book import UNTOUCHED, ChoiceBook
from streams.choice_record import rechoose
from streams.decide import Decide, DecideRules
from tests.support.failures import PLACE, at, configuration, incident, outcome, records

RERUN = cast("StrategyCard", card_named(CARDS, "rerun_job"))
OTHER = replace(RERUN, name="cache_clear", title="Clear the cache and run the job again")
GROUP = "network_connectivity|job"
HOUR = 3600.0


def rules_with(
    level: RolloutLevel = RolloutLevel.AUTOMATIC, card: StrategyCard = OTHER, policy: Policy | None = None, targets: tuple[str, ...] = ()
) -> Configuration:
    known = configuration(policy=policy)
    rows = (*known.policy.strategies, StrategyPolicy(card.name, level, targets))
    return replace(known, policy=replace(known.policy, strategies=rows), cards=(*CARDS, card))


def stage(rules: Configuration, entries: dict[str, str] | None = None) -> Decide:
    return Decide.from_state(entries or {}, DecideRules(rules, "m1"))


def failure(number: int, **more: object) -> Incident:
    job = incident()
    run = replace(job.run, run_id=str(number), project=f"acme/{number % 10}") if job.run else None
    found = replace(
        job, origin_key=("github", "acme/api", str(number), "build", "1"), target=f"job:github/acme/api/{number}/build", run=run
    )
    return replace(found, **more)  # type: ignore[arg-type]


def decided(decide: Decide, of: Incident, seconds: float = 0) -> Decision:
    [found] = records(decide.on_event(of, PLACE, at(seconds)), Decision)
    return cast("Decision", found)


def ended(of: Incident, strategy: str, seconds: float, *, is_good: bool) -> RecoveryOutcome:
    plain = outcome(of, OutcomeStatus.HEALED if is_good else OutcomeStatus.ROLLED_BACK, seconds, command=f"c{seconds}")
    return replace(plain, strategy=strategy, verification=(FactorResult("attempt_concluded_success", "ci", is_good),))


def play(decide: Decide, numbers: range, breaks: bool = False) -> Iterator[Sequence[Output]]:
    """Let incidents come every hour: the first strategy heals two of three of them, the other one all, or none when it breaks."""
    for number in numbers:
        seconds, of = number * HOUR, failure(number)
        outputs = decide.on_event(of, PLACE, at(seconds))
        [found] = cast("list[Decision]", records(outputs, Decision))
        yield outputs
        is_good = not breaks if found.strategy == OTHER.name else number % 3 > 0
        decide.on_event(ended(of, found.strategy, seconds + 60, is_good=is_good), PLACE, at(seconds + 60))


def decisions_of(played: Iterable[Sequence[Output]]) -> list[Decision]:
    return [cast("Decision", record) for outputs in played for record in records(outputs, Decision)]


def book_of(decide: Decide, rules: Configuration) -> ChoiceBook:
    return ChoiceBook(decide.snapshot(), rules)


def test_the_first_of_the_catalogue_is_chosen_most_and_the_other_within_its_share() -> None:
    decide = stage(rules_with())
    found = [decided(decide, failure(number)) for number in range(400)]
    tried = [decision for decision in found if decision.strategy == OTHER.name]
    assert 0.03 < len(tried) / 400 < 0.12
    for decision in (found[0], tried[0]):
        chances = {row.strategy: row.propensity for row in decision.candidates}
        assert sum(chances.values()) == pytest.approx(1.0)
        assert chances["rerun_job"] >= 0.9
        assert decision.verdict is rebuilt(decision).verdict is Verdict.HEAL
        assert rechoose(decision) == (decision.strategy, tuple(chances.items()))


def test_a_share_of_nothing_is_the_static_choice() -> None:
    decide = stage(rules_with(policy=Policy(exploration_share=0.0)))
    assert {decided(decide, failure(number)).strategy for number in range(200)} == {"rerun_job"}


@pytest.mark.parametrize(
    "rules",
    [
        rules_with(RolloutLevel.OBSERVE),
        # To pretend, or to ask, where the other acts would be worse.
        rules_with(RolloutLevel.SHADOW),
        rules_with(RolloutLevel.APPROVE),
        rules_with(targets=("job:another",)),
        rules_with(card=replace(OTHER, reversibility=Reversibility.NONE)),
        rules_with(card=replace(OTHER, heals=frozenset({Kind.DISK_FULL}))),
    ],
)
def test_what_policy_does_not_let_act_as_freely_or_cannot_be_undone_is_never_tried(rules: Configuration) -> None:
    decide = stage(rules)
    assert {decided(decide, failure(number)).strategy for number in range(200)} == {"rerun_job"}


@pytest.mark.parametrize(
    "more", [{"parent": "storm"}, {"opened_by": "olga", "reopens": "old"}, {"provenance": Provenance(trust=Trust.FORK)}]
)
def test_storms_people_and_forks_are_no_experiment_and_teach_nothing(more: dict[str, object]) -> None:
    rules = rules_with(policy=Policy(holdout_share=0.2))
    decide = stage(rules)
    for number in range(60):
        of = failure(number, **more)
        found = decided(decide, of)
        assert (found.strategy, dict(found.inputs)["held_out"]) == ("rerun_job", "false")
        decide.on_event(ended(of, "rerun_job", 60, is_good=True), PLACE, at(60))
    assert book_of(decide, rules).worth(GROUP, "rerun_job", at(60)).cases == 0


def test_a_better_strategy_takes_the_lead_once_and_gives_it_back_when_it_breaks() -> None:
    """Given a strategy that heals all where the first heals two of three, then it leads by evidence; when it breaks, no more."""
    rules = rules_with()
    decide = stage(rules)
    played = list(play(decide, range(350)))
    found = decisions_of(played)
    led = [decision.candidates[1].propensity >= 0.9 for decision in found]
    assert not any(led[:50])
    assert all(led[300:])
    told = [cast("AuditEntry", row) for outputs in played for row in records(outputs, AuditEntry)]
    assert (OTHER.name, "rerun_job") in [(row.subject, dict(row.details)["before"]) for row in told if row.action == "strategy.leads"]
    assert sum(row.action == "strategy.leads" for row in told) == sum(now != before for before, now in pairwise(led))
    assert all(
        rechoose(decision) == (decision.strategy, tuple((c.strategy, c.propensity) for c in decision.candidates)) for decision in found
    )
    again = stage(rules, dict(decide.snapshot()))
    assert (
        decided(again, failure(900), 350 * HOUR).candidates
        == decided(stage(rules, dict(decide.snapshot())), failure(900), 350 * HOUR).candidates
    )
    broken = decisions_of(play(decide, range(350, 400), breaks=True))
    assert broken[0].candidates[1].propensity >= 0.9
    assert all(decision.candidates[0].propensity >= 0.9 for decision in broken[30:])


def test_where_the_leader_is_not_allowed_the_first_is_chosen_and_the_lead_stays() -> None:
    known = rules_with()
    decide = stage(known)
    list(play(decide, range(350)))
    entries = dict(decide.snapshot())
    assert decided(stage(known, dict(entries)), failure(900), 350 * HOUR).candidates[1].propensity >= 0.9
    elsewhere = stage(rules_with(targets=("job:another",)), entries)
    outputs = elsewhere.on_event(failure(901), PLACE, at(350 * HOUR))
    assert cast("Decision", records(outputs, Decision)[0]).strategy == "rerun_job"
    assert [cast("AuditEntry", row).action for row in records(outputs, AuditEntry)] == ["decision.heal"]
    assert book_of(elsewhere, known).group(GROUP).leader == OTHER.name


def test_after_a_failed_attempt_nothing_is_tried() -> None:
    decide = stage(rules_with())
    tried = next(of for of in map(failure, range(400)) if decided(decide, of).strategy == OTHER.name)
    decide.on_event(ended(tried, OTHER.name, 5, is_good=False), PLACE, at(5))
    seen = IncidentUpdate(id_of(tried), UpdateCause.EVIDENCE, "x", at(6), 2, tried.kind, 0.97)
    [second] = cast("list[Decision]", records(decide.on_event(seen, PLACE, at(6)), Decision))
    assert (second.attempt, second.strategy, second.candidates[0].propensity) == (2, "rerun_job", 1.0)


@pytest.mark.parametrize(
    ("status", "verified", "cases"),
    [
        (OutcomeStatus.HEALED, True, 1), (OutcomeStatus.HEALED, False, 0), (OutcomeStatus.ROLLED_BACK, False, 1),
        (OutcomeStatus.ROLLBACK_FAILED, False, 1), (OutcomeStatus.REFUSED, False, 0), (OutcomeStatus.OBSERVED, False, 0),
        (OutcomeStatus.EXPIRED, False, 0), (OutcomeStatus.ESCALATED, False, 0), (OutcomeStatus.SELF_HEALED, True, 0),
    ],
)  # fmt: skip
def test_only_verified_outcomes_teach_once(status: OutcomeStatus, verified: bool, cases: int) -> None:
    rules = rules_with()
    decide, of = stage(rules), failure(1)
    strategy = decided(decide, of).strategy
    end = replace(outcome(of, status, 60), strategy=strategy, verification=(FactorResult("a", "ci", True),) if verified else ())
    for _ in range(2):
        decide.on_event(end, PLACE, at(60))
    worth = book_of(decide, rules).worth(GROUP, strategy, at(60))
    assert (round(worth.cases, 6), worth.rate) == (cases, float(cases and verified))


def test_what_heals_by_itself_is_recorded_and_nobodys_merit_unless_a_person_says_so() -> None:
    rules = rules_with()
    decide = stage(rules)
    for number, reason in enumerate(("condition cleared", "already_healthy", "marked")):
        of = failure(number)
        decided(decide, of)
        decide.on_event(replace(outcome(of, OutcomeStatus.SELF_HEALED, 60), reason=reason), PLACE, at(60))
    book = book_of(decide, rules)
    assert book.group(GROUP).self_healed == 2
    assert book.worth(GROUP, "rerun_job", at(60)).cases == 0


def test_a_held_out_incident_is_only_looked_at_and_its_end_is_counted() -> None:
    """Given a hold-out of one in five, when a third of the held-out ones clear within the hour, then that share heals by itself."""
    rules = rules_with(policy=Policy(holdout_share=0.2))
    decide = stage(rules)
    held = [of for of in map(failure, range(300)) if decided(decide, of).verdict is Verdict.OBSERVE]
    assert 0.13 < len(held) / 300 < 0.27
    for number, of in enumerate(held[:30]):
        if number % 3 == 0:
            cleared = IncidentUpdate(id_of(of), UpdateCause.RESOLVED, f"d{number}", at(120))
            for _ in range(2):
                decide.on_event(cleared, PLACE, at(120))
    restarted = stage(rules, dict(decide.snapshot()))
    restarted.on_tick(at(3_000))
    assert book_of(restarted, rules).worth(GROUP, UNTOUCHED, at(3_000)).cases == pytest.approx(10.0, rel=0.1)
    restarted.on_tick(at(3_700))
    worth = book_of(restarted, rules).worth(GROUP, UNTOUCHED, at(3_700))
    assert worth.cases == pytest.approx(len(held), rel=0.2)
    assert worth.rate == pytest.approx(10 / len(held), abs=0.03)


def test_a_hold_out_follows_from_the_incident_and_says_why() -> None:
    rules = rules_with(policy=Policy(holdout_share=0.2))
    first, second = ([decided(stage(rules), failure(number)) for number in range(60)] for _ in range(2))
    assert first == second
    held = next(decision for decision in first if decision.verdict is Verdict.OBSERVE)
    assert held.reason == "holdout: left alone to see whether it heals by itself"
    assert rebuilt(held).verdict is Verdict.OBSERVE
    plain = stage(rules_with())
    assert all(decided(plain, failure(number)).verdict is Verdict.HEAL for number in range(60))
