"""The risk score of an action: factors with points that add up to 0..100, and the tier that the policy makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.decisions import Risk, RiskFactor, Tier
from schemas.events import Origin, Provenance, Trust
from schemas.policy import Policy
from schemas.strategy_card import Reversibility, StrategyCard

MOST = 100.0
# Points: what cannot be undone weighs as much as a doubtful cause; many dependents as much as a doubtful sender.
_REVERSIBILITY = {Reversibility.FULL: 0.0, Reversibility.COMPENSATED: 5.0, Reversibility.NONE: 30.0}
_ORIGIN = {Origin.SIGNED_WEBHOOK: 0.0, Origin.LOCAL: 0.0, Origin.AUTHENTICATED_PRODUCER: 2.0, Origin.UNSIGNED: 15.0}
_TRUST = {Trust.PROTECTED: 0.0, Trust.SAME_REPOSITORY: 0.0, Trust.UNKNOWN: 5.0, Trust.FORK: 25.0}
_DOUBT = 50.0
_PER_DEPENDENT, _MOST_DEPENDENTS = 5.0, 25.0
_PER_ATTEMPT = 10.0
_PER_FAILURE, _MOST_FAILURES = 10.0, 30.0


@dataclass(frozen=True, slots=True)
class RiskInputs:
    """What the score is made of; ``dependents`` and ``failures`` are counts."""

    confidence: float
    dependents: int
    attempt: int
    provenance: Provenance
    from_run: bool
    failures: int
    extra: float


def score_risk(card: StrategyCard, given: RiskInputs) -> Risk:
    """Return the score and its factors; a last factor takes off what is above 100, so that they always add up."""
    # Whose code ran matters for a run's log; a probe of ours reads no such thing.
    trust = _TRUST[given.provenance.trust] if given.from_run else 0.0
    rows = [
        RiskFactor("strategy", card.name, card.base_risk),
        RiskFactor("reversibility", card.reversibility.value, _REVERSIBILITY[card.reversibility]),
        RiskFactor("confidence", f"{given.confidence:.2f}", round(max(0.0, 1.0 - given.confidence) * _DOUBT, 2)),
        RiskFactor("dependents", str(given.dependents), min(given.dependents * _PER_DEPENDENT, _MOST_DEPENDENTS)),
        RiskFactor("attempt", str(given.attempt), (given.attempt - 1) * _PER_ATTEMPT),
        RiskFactor("provenance", f"{given.provenance.origin}/{given.provenance.trust}", _ORIGIN[given.provenance.origin] + trust),
        RiskFactor("recent_failures", str(given.failures), min(given.failures * _PER_FAILURE, _MOST_FAILURES)),
        RiskFactor("policy", "extra_risk", given.extra),
    ]
    over = round(sum(row.points for row in rows) - MOST, 2)
    if over > 0:
        rows.append(RiskFactor("cap", f"{MOST:.0f}", -over))
    return Risk(sum_points(tuple(rows)), tuple(rows))


def sum_points(factors: tuple[RiskFactor, ...]) -> float:
    """Return the score that the factors make."""
    return max(0.0, round(sum(row.points for row in factors), 2))


def tier_of(score: float, policy: Policy) -> Tier:
    """Return the tier of a score by the policy's thresholds."""
    if score >= policy.critical_from:
        return Tier.CRITICAL
    if score >= policy.high_from:
        return Tier.HIGH
    return Tier.MEDIUM if score >= policy.medium_from else Tier.LOW
