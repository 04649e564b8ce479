"""A decision made again: bit for bit from its own record alone, and under other rules from the stored stream it was made from. Pure.

Called by ``healstream replay``. Nothing here is ever sent: what comes out is a comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import get_args, get_origin, get_type_hints

from schemas.configuration import Configuration
from schemas.decisions import Admission, Decision, GateVerdict, Tier, Verdict, plan_hash_of
from schemas.ids import Record, id_of
from schemas.incidents import Incident, IncidentUpdate, RunRef
from schemas.outputs import Emit, Place
from schemas.oversight import Control, RolloutLevel
from schemas.policy import Policy
from schemas.recoveries import RecoveryOutcome
from streams.choice_record import rechoose
from streams.decide import GATES, Decide, DecideEvent, DecideRules
from streams.decision_making import approvals_for, tier_after, worst_of
from streams.gates.facts import GateFacts, findings_in
from streams.risk import sum_points

_ACTS = frozenset({Verdict.HEAL, Verdict.ASK})
_RUN = "run:"
_HINTS = get_type_hints(GateFacts)
# What decide reads, and what it said: enough to decide again.
STREAM_TOPICS = ("heal.incidents", "heal.decisions", "heal.admissions", "recovery.outcomes", "heal.control")
_ANYWHERE = Place("", 0, 0)


def facts_of(decision: Decision) -> GateFacts:
    """Return what the gates read, from the record alone; raises ValueError with the name of what the record does not hold."""
    inputs = dict(decision.inputs)
    given: dict[str, object] = {name: getattr(decision, name) for name in ("kind", "provenance", "target", "attempt", "strategy")}
    given |= {"run": _run_of(decision, inputs), "tier": _tier_of(decision, inputs)}
    given["findings"] = findings_in(inputs.get("findings", "[]"))
    for field in fields(GateFacts):
        if field.name in given:
            continue
        if field.name in inputs:
            given[field.name] = _read(_HINTS[field.name], inputs[field.name])
        elif field.default is MISSING:
            raise ValueError(f"the record does not hold {field.name}")
    return GateFacts(**given)  # type: ignore[arg-type]


def _read(hint: object, text: str) -> object:
    options = [one for one in get_args(hint) if one is not type(None)]
    if get_origin(hint) is tuple:
        return tuple(part for part in text.split(",") if part)
    if options:
        return _read(options[0], text) if text else None
    if hint is bool:
        return text == "true"
    if hint in {int, float} or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return hint(text)
    return text


def _run_of(decision: Decision, inputs: Mapping[str, str]) -> RunRef | None:
    # Only what runs in CI has such a scope; what gates read of a run beyond it are its commit and who started it.
    if not decision.scope.startswith(_RUN):
        return None
    source, _, rest = decision.scope.removeprefix(_RUN).partition("/")
    project, _, run = rest.rpartition("/")
    job = decision.target.rpartition("/")[2]
    return RunRef(source, project, run, decision.attempt, job, commit=inputs.get("commit", ""), trigger=inputs.get("trigger", ""))


def _tier_of(decision: Decision, inputs: Mapping[str, str]) -> Tier:
    names = ("medium_from", "high_from", "critical_from")
    missing = [name for name in names if name not in inputs]
    if missing:
        raise ValueError(f"the record does not hold {missing[0]}")
    medium, high, critical = (float(inputs[name]) for name in names)
    # A decision of before there was this tier, or a rule, never reached them.
    policy = Policy(medium_from=medium, high_from=high, critical_from=critical, never_from=float(inputs.get("never_from", "inf")))
    return tier_after(sum_points(decision.risk.factors), findings_in(inputs.get("findings", "[]")), policy)


def rebuilt(decision: Decision) -> Decision:
    """Return the decision that its own record's facts lead to; raises ValueError when it does not hold one of them.

    Everything that was concluded is made anew; what was only noted (the target, the times, the versions) is taken as it stands.
    """
    facts = facts_of(decision)
    asked = {gate.name for gate in decision.gates}
    # A release that has more gates asks only those that there were.
    answers = tuple(answer for answer in (gate(facts) for gate in GATES) if answer.name in asked)
    worst = worst_of(answers)
    # One that was decided before choices were recorded, or without a strategy, chose nothing again.
    strategy, chances = rechoose(decision) or (decision.strategy, ())
    known = dict(chances)
    again = tuple(replace(row, propensity=known.get(row.strategy, 0.0)) for row in decision.candidates)
    plan = (strategy, decision.recipe_version, decision.target, decision.parameters, decision.bounds)
    return replace(
        decision,
        risk=replace(decision.risk, score=sum_points(decision.risk.factors)),
        tier=facts.tier,
        gates=answers,
        strategy=strategy,
        candidates=again if known else decision.candidates,
        verdict=worst.verdict,
        reason=f"{worst.name}: {worst.reason}",
        approvals_required=approvals_for(facts) if worst.verdict is Verdict.ASK else 0,
        plan_hash=plan_hash_of(*plan) if decision.strategy else "",
        dry_run=worst.verdict in _ACTS and facts.level is RolloutLevel.SHADOW,
    )


def altered_fields(decision: Decision) -> list[str]:
    """Return the fields in which a record is not what its own facts lead to; none when it is rebuilt bit for bit."""
    try:
        again = rebuilt(decision)
    except ValueError as error:
        return [str(error)]
    return [field.name for field in fields(Decision) if getattr(again, field.name) != getattr(decision, field.name)]


@dataclass(frozen=True, slots=True)
class Judged:
    """What matters of a decision to whoever compares policies; ``holds`` are the gates that stand against acting at once."""

    verdict: str
    strategy: str
    tier: str
    approvals: int
    dry_run: bool
    holds: tuple[str, ...]
    plan_hash: str
    reason: str

    def changes(self, other: Judged) -> tuple[str, ...]:
        """Return the names of what is different; the words of the reason are no difference by themselves."""
        names = [field.name for field in fields(self) if field.name != "reason"]
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


def judged(decision: Decision) -> Judged:
    """Return what matters of a decision."""
    return Judged(
        decision.verdict.value,
        decision.strategy,
        decision.tier.value,
        decision.approvals_required,
        decision.dry_run,
        _holds(decision.gates),
        decision.plan_hash,
        decision.reason,
    )


def _holds(gates: Iterable[GateVerdict]) -> tuple[str, ...]:
    return tuple(gate.name for gate in gates if gate.verdict is not Verdict.HEAL)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One stored decision beside the one that the candidate would have made; None when it would not have come to it."""

    before: Decision
    after: Decision | None

    @property
    def changed(self) -> tuple[str, ...]:
        """Return the names of what is different."""
        return judged(self.before).changes(judged(self.after)) if self.after else ("verdict",)


def replay(records: Sequence[Record], candidate: Configuration, since: datetime | None = None) -> list[Comparison]:
    """Decide every stored incident again under other rules, in the order of their times, and return each pair.

    What happened after a decision happened because of the stored one: it is history for the later ones under either rules.
    """
    decisions = {(row.incident_id, row.attempt): row for row in reversed(_all(records, Decision))}
    stage = Decide.from_state({}, DecideRules(candidate))
    again: dict[tuple[str, int], Decision] = {}
    for at, event in _in_order(records, decisions):
        for output in (*stage.on_tick(at), *stage.on_event(event, _ANYWHERE, at)):
            if isinstance(output, Emit) and isinstance(output.record, Decision):
                again.setdefault((output.record.incident_id, output.record.attempt), output.record)
    last = max((row.decided_at for row in decisions.values()), default=None)
    for output in stage.on_tick(last) if last else ():
        if isinstance(output, Emit) and isinstance(output.record, Decision):
            again.setdefault((output.record.incident_id, output.record.attempt), output.record)
    chosen = sorted((row for row in decisions.values() if since is None or row.decided_at >= since), key=lambda row: row.decided_at)
    return [Comparison(row, again.get((row.incident_id, row.attempt))) for row in chosen]


def _all(records: Iterable[Record], wanted: type[Decision]) -> list[Decision]:
    return [record for record in records if isinstance(record, wanted)]


def _in_order(records: Sequence[Record], decisions: Mapping[tuple[str, int], Decision]) -> list[tuple[datetime, DecideEvent]]:
    """Return what decide read by the time at which it read it, as far as the records tell; equal times by attempt, then by rank.

    What follows from a decision comes after it, whatever another machine's clock wrote: also after what led to that decision.
    """
    decided = {key: row.decided_at for key, row in decisions.items()}
    by_id = {id_of(row): row for row in decisions.values()}
    runs = {id_of(row): row.run.attempt for row in records if isinstance(row, Incident) and row.run}
    found: list[tuple[datetime, int, int, DecideEvent]] = []
    for record in records:
        match record:
            case Incident():
                at = decided.get((id_of(record), 1))
                # One that was never decided has no place in a comparison.
                if at is not None:
                    found.append((at, 0, 1, record))
            case IncidentUpdate():
                caused_by = (record.run_attempt or 0) - runs.get(record.incident_id, 0)
                earliest = decided.get((record.incident_id, max(caused_by, 1)), record.at)
                found.append((max(record.at, earliest), caused_by, 2, record))
            case RecoveryOutcome():
                earliest = decided.get((record.incident_id, record.attempt), record.finished_at)
                found.append((max(record.finished_at, earliest), record.attempt, 3, record))
            case Admission():
                decision = by_id.get(record.decision_id)
                attempt, earliest = (decision.attempt, decision.decided_at) if decision else (0, record.at)
                found.append((max(record.at, earliest), attempt, 2, record))
            case Control():
                found.append((record.at, 0, 0, record))
            case _:
                continue
    ordered = sorted(found, key=lambda row: row[:3])
    return [(at, event) for at, _, _, event in ordered]
