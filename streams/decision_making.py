"""From the facts of an incident to a decision that can be made again from its own record; called by ``streams/decide.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.configuration import Configuration
from schemas.decisions import Decision, GateVerdict, Risk, Tier, Verdict, plan_hash_of
from schemas.incidents import Incident
from schemas.oversight import RolloutLevel
from schemas.policy import Policy
from schemas.vocabulary import Kind
from streams.depth import dependents
from streams.gates.facts import Gate, GateFacts, inputs_of
from streams.gates.risk_tier import NAME as RISK_GATE
from streams.gates.risk_tier import judge_tier
from streams.healing_history import HealingHistory
from streams.risk import RiskInputs, score_risk, sum_points, tier_of
from streams.strategy_choice import Asked, Choice, choose_strategy, is_allowed_on, is_healing_on, is_held_out

# The worst verdict of all gates wins: the further right, the less is done.
LADDER = (Verdict.HEAL, Verdict.ASK, Verdict.OBSERVE, Verdict.ESCALATE, Verdict.REFUSE)
_APPROVALS = {Tier.LOW: 0, Tier.MEDIUM: 0, Tier.HIGH: 1, Tier.CRITICAL: 2}


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be decided: an incident's attempt, and how the attempt before it failed."""

    incident: Incident
    incident_id: str
    attempt: int
    failed_as: Kind | None
    now: datetime


def worst_of(verdicts: Sequence[GateVerdict]) -> GateVerdict:
    """Return the first of the worst verdicts."""
    return max(verdicts, key=lambda gate: LADDER.index(gate.verdict))


def _risk_of(question: Question, choice: Choice, configuration: Configuration, history: HealingHistory) -> Risk:
    incident = question.incident
    given = RiskInputs(
        confidence=incident.confidence,
        dependents=len(dependents(incident.target, configuration.services)),
        attempt=question.attempt,
        provenance=incident.provenance,
        from_run=incident.run is not None,
        failures=history.failures_on(incident.target, question.now),
        extra=configuration.policy.for_strategy(choice.card.name).extra_risk,
    )
    return score_risk(choice.card, given)


def gather_facts(question: Question, choice: Choice | None, tier: Tier, configuration: Configuration, history: HealingHistory) -> GateFacts:
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
        level=history.level_of(strategy),
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
        tier=tier,
        oversight=policy.oversight,
        may_act=incident.may_act,
        held_out=choice is not None and is_held_out(policy, incident, _asked(question)),
    )


def _asked(question: Question) -> Asked:
    return Asked(question.incident_id, question.attempt, question.now)


def _thresholds(policy: Policy) -> tuple[tuple[str, str], ...]:
    return (
        ("medium_from", repr(policy.medium_from)),
        ("high_from", repr(policy.high_from)),
        ("critical_from", repr(policy.critical_from)),
    )


def make_decision(
    question: Question, gates: tuple[Gate, ...], configuration: Configuration, history: HealingHistory, model: str
) -> Decision:
    """Ask every gate, take the worst answer, and keep all that it rests on."""
    incident, policy = question.incident, configuration.policy
    choice = choose_strategy(configuration, incident, _asked(question), history)
    risk = _risk_of(question, choice, configuration, history) if choice else Risk()
    tier = tier_of(risk.score, policy)
    facts = gather_facts(question, choice, tier, configuration, history)
    answers = tuple(gate(facts) for gate in gates)
    worst = worst_of(answers)
    card = choice.card if choice else None
    parameters = (choice.parameters or ()) if choice else ()
    asks = worst.verdict is Verdict.ASK
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
        tier=tier,
        approvals_required=max(_APPROVALS[tier], 1) if asks else 0,
        proposer=incident.opened_by,
        parent=incident.parent,
        provenance=incident.provenance,
        risk=risk,
        gates=answers,
        candidates=choice.candidates if choice else (),
        inputs=inputs_of(facts, incident, (*_thresholds(policy), *(choice.inputs if choice else ()))),
        catalogue=configuration.version,
        model=model or incident.model,
        oversight=policy.oversight,
        reason=f"{worst.name}: {worst.reason}",
        dry_run=worst.verdict in {Verdict.HEAL, Verdict.ASK} and facts.level is RolloutLevel.SHADOW,
        traceparent=incident.traceparent,
    )


def redecide(decision: Decision) -> Verdict:
    """Return the verdict that a decision's record gives by itself: its gates' answers, the tier anew from the risk's factors."""
    inputs = dict(decision.inputs)
    policy = Policy(
        medium_from=float(inputs["medium_from"]), high_from=float(inputs["high_from"]), critical_from=float(inputs["critical_from"])
    )
    tier = tier_of(sum_points(decision.risk.factors), policy)
    others = [gate for gate in decision.gates if gate.name != RISK_GATE]
    return worst_of([*others, judge_tier(tier, decision.oversight, RolloutLevel(inputs["level"]))]).verdict
