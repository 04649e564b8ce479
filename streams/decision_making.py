"""From the facts of an incident to a decision that can be made again from its own record; called by ``streams/decide.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.configuration import Configuration
from schemas.decisions import Decision, GateVerdict, Risk, Tier, Verdict, plan_hash_of
from schemas.incidents import Incident
from schemas.oversight import RolloutLevel
from schemas.policy import Policy, RuleThen
from schemas.vocabulary import Kind
from streams.canary import canary_point
from streams.depth import dependents
from streams.gates.facts import Finding, Gate, GateFacts, inputs_of
from streams.gates.risk_tier import NAME as RISK_GATE
from streams.gates.risk_tier import judge_tier
from streams.gates.rules import NAME as RULES_GATE
from streams.gates.rules import judge_findings
from streams.healing_history import HealingHistory
from streams.office_time import local_time
from streams.risk import RiskInputs, score_risk, tier_of
from streams.rule_findings import Ruled, ask_rules, inputs_of_values, rules_again
from streams.rule_values import Surroundings, values_of
from streams.strategy_choice import Asked, Choice, choose_strategy, is_allowed_on, is_healing_on, is_held_out

# The worst verdict of all gates wins: the further right, the less is done.
LADDER = (Verdict.HEAL, Verdict.ASK, Verdict.OBSERVE, Verdict.ESCALATE, Verdict.REFUSE)
_APPROVALS = {Tier.LOW: 0, Tier.MEDIUM: 0, Tier.HIGH: 1, Tier.CRITICAL: 2, Tier.NEVER: 0}
_RULED_APPROVALS = {RuleThen.ASK: 1, RuleThen.ASK_TWO: 2}


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be decided: an incident's attempt, and how the attempt before it failed."""

    incident: Incident
    incident_id: str
    attempt: int
    failed_as: Kind | None
    now: datetime
    # How many deployments run on the target now; somebody else's hands.
    deployments: int = 0


def worst_of(verdicts: Sequence[GateVerdict]) -> GateVerdict:
    """Return the first of the worst verdicts."""
    return max(verdicts, key=lambda gate: LADDER.index(gate.verdict))


def _given(question: Question, choice: Choice | None, configuration: Configuration, history: HealingHistory) -> RiskInputs:
    incident, policy, services = question.incident, configuration.policy, configuration.services
    strategy = choice.card.name if choice else ""
    owner = services.owner_of(incident.target)
    time = local_time(question.now, policy)
    return RiskInputs(
        confidence=incident.confidence,
        dependents=len(dependents(incident.target, services)),
        attempt=question.attempt,
        provenance=incident.provenance,
        from_run=incident.run is not None,
        failures=history.failures_on(incident.target, question.now),
        extra=policy.for_strategy(strategy).extra_risk,
        services=len(services.services),
        environment=owner.environment if owner else None,
        success_rate=history.track.success_rate(strategy, incident.target),
        time=(time.name, time.points),
        deployments=question.deployments,
    )


def _ask_rules(question: Question, choice: Choice | None, configuration: Configuration, history: HealingHistory) -> Ruled:
    incident, policy = question.incident, configuration.policy
    strategy = choice.card.name if choice else ""
    given = _given(question, choice, configuration, history)
    around = Surroundings(
        owner=configuration.services.owner_of(incident.target),
        strategy=strategy,
        level=history.levels.level_of(strategy, question.now, incident.target),
        commands=len(history.commands_on(incident.target, question.now)),
        given=given,
        time=local_time(question.now, policy),
        oversight=policy.oversight,
    )
    return ask_rules(policy, score_risk(choice.card, given) if choice else Risk(), values_of(incident, around))


def gather_facts(
    question: Question, choice: Choice | None, ruled: Ruled, configuration: Configuration, history: HealingHistory
) -> GateFacts:
    """Return everything that the gates may read."""
    incident, policy = question.incident, configuration.policy
    strategy = choice.card.name if choice else ""
    bounds = dict(choice.card.bounds) if choice else {}
    limit = bounds.get("max_attempts_per_commit", 2)
    return GateFacts(
        kind=incident.kind,
        confidence=incident.confidence,
        complete=incident.complete,
        abstained=incident.abstained,
        result=incident.result,
        provenance=incident.provenance,
        run=incident.run,
        target=incident.target,
        opened_by=incident.opened_by,
        attempt=question.attempt,
        strategy=strategy,
        level=history.levels.level_of(strategy, question.now, incident.target),
        target_allowed=is_allowed_on(configuration, strategy, incident.target),
        parameters_known=choice is not None and choice.parameters is not None,
        healing_on=is_healing_on(configuration, incident.target),
        confidence_needed=max(policy.minimum_confidence, choice.card.minimum_confidence if choice else 0.0),
        commands=history.commands_on(incident.target, question.now),
        loop_limit=policy.loop_limit,
        commit_reruns=history.reruns_of(incident),
        commit_limit=limit if isinstance(limit, int) else 0,
        failed_as=question.failed_as,
        forced=history.forced_on(incident),
        tier=tier_after(ruled.risk.score, ruled.findings, policy),
        oversight=policy.oversight,
        may_act=incident.may_act,
        canary_point=canary_point(question.incident_id, strategy),
        canary_share=policy.for_strategy(strategy).canary_share,
        findings=ruled.findings,
        cause=incident.cause(),
        held_out=choice is not None and is_held_out(policy, incident, _asked(question)),
    )


def _asked(question: Question) -> Asked:
    return Asked(question.incident_id, question.attempt, question.now)


def _thresholds(policy: Policy) -> tuple[tuple[str, str], ...]:
    return (
        ("medium_from", repr(policy.medium_from)),
        ("high_from", repr(policy.high_from)),
        ("critical_from", repr(policy.critical_from)),
        ("never_from", repr(policy.never_from)),
    )


def make_decision(
    question: Question, gates: tuple[Gate, ...], configuration: Configuration, history: HealingHistory, model: str
) -> Decision:
    """Ask every gate, take the worst answer, and keep all that it rests on."""
    incident, policy = question.incident, configuration.policy
    choice = choose_strategy(configuration, incident, _asked(question), history)
    ruled = _ask_rules(question, choice, configuration, history)
    facts = gather_facts(question, choice, ruled, configuration, history)
    answers = tuple(gate(facts) for gate in gates)
    worst = worst_of(answers)
    card = choice.card if choice else None
    parameters = (choice.parameters or ()) if choice else ()
    return Decision(
        incident_id=question.incident_id,
        target=incident.target,
        scope=incident.scope,
        kind=incident.kind,
        fingerprint=incident.fingerprint,
        opened_at=incident.opened_at,
        detected_at=incident.detected_at,
        attempt=question.attempt,
        max_attempts=card.max_attempts if card else 1,
        verdict=worst.verdict,
        decided_at=question.now,
        expires_at=question.now + timedelta(seconds=policy.decision_valid_s),
        strategy=card.name if card else "",
        recipe_version=card.recipe_version if card else 0,
        parameters=parameters,
        bounds=card.bounds if card else (),
        plan_hash=plan_hash_of(card.name, card.recipe_version, incident.target, parameters, card.bounds) if card else "",
        tier=facts.tier,
        approvals_required=approvals_for(facts) if worst.verdict is Verdict.ASK else 0,
        proposer=incident.opened_by,
        parent=incident.parent,
        provenance=incident.provenance,
        risk=ruled.risk,
        gates=answers,
        candidates=choice.candidates if choice else (),
        inputs=inputs_of(facts, incident, (*_thresholds(policy), *(choice.inputs if choice else ()), *inputs_of_values(ruled.values))),
        catalogue=configuration.version,
        model=model or incident.model,
        oversight=policy.oversight,
        reason=f"{worst.name}: {worst.reason}",
        dry_run=worst.verdict in {Verdict.HEAL, Verdict.ASK} and facts.level is RolloutLevel.SHADOW,
        traceparent=incident.traceparent,
    )


def tier_after(score: float, findings: Sequence[Finding], policy: Policy) -> Tier:
    """Return the tier of a score, which a rule can make the one that nobody automates."""
    is_never = any(row.then is RuleThen.NEVER and not row.failure for row in findings)
    return Tier.NEVER if is_never else tier_of(score, policy)


def approvals_for(facts: GateFacts) -> int:
    """Return how many people are asked: as many as the tier or a rule wants, and one at least."""
    ruled = [_RULED_APPROVALS.get(row.then, 0) for row in facts.findings if not row.failure]
    return max(_APPROVALS[facts.tier], *ruled, 1)


def redecide(decision: Decision, policy: Policy) -> Verdict:
    """Return the verdict that a policy's rules and thresholds give by a decision's record; its other gates' answers stand.

    What the record gives by itself, whole, is ``console/redecide.py``'s ``rebuilt``.
    """
    ruled = rules_again(decision, policy)
    anew = [
        judge_findings(ruled.findings, decision.oversight),
        judge_tier(tier_after(ruled.risk.score, ruled.findings, policy), decision.oversight, RolloutLevel(dict(decision.inputs)["level"])),
    ]
    return worst_of([*(gate for gate in decision.gates if gate.name not in {RISK_GATE, RULES_GATE}), *anew]).verdict
