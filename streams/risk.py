"""The risk score of an action: factors with points that add up to 0..100, and the tier that the policy makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.decisions import Risk, RiskFactor, Tier
from schemas.events import Origin, Provenance, Trust
from schemas.policy import Policy
from schemas.services import Environment
from schemas.strategy_card import Reversibility, StrategyCard

MOST = 100.0
_CAP = "cap"
# Points: what cannot be undone weighs as much as a doubtful cause; many dependents as much as a doubtful sender.
_REVERSIBILITY = {Reversibility.FULL: 0.0, Reversibility.COMPENSATED: 5.0, Reversibility.NONE: 30.0}
_ORIGIN = {Origin.SIGNED_WEBHOOK: 0.0, Origin.LOCAL: 0.0, Origin.AUTHENTICATED_PRODUCER: 2.0, Origin.UNSIGNED: 15.0}
_TRUST = {Trust.PROTECTED: 0.0, Trust.SAME_REPOSITORY: 0.0, Trust.UNKNOWN: 5.0, Trust.FORK: 25.0}
_DOUBT = 50.0
_PER_DEPENDENT, _MOST_DEPENDENTS = 5.0, 25.0
# In a small catalogue every service is a big share, so a share says something from ten services on; all of them weigh as two dependents.
_SHARE, _SHARE_FROM = 10.0, 10
# Where customers are a slip hurts, where colleagues test it costs them an hour; what is no service has no environment.
_ENVIRONMENT = {Environment.PRODUCTION: 4.0, Environment.STAGING: 2.0, Environment.TEST: 1.0, Environment.DEVELOPMENT: 0.0}
# A strategy that never worked here weighs as one failed attempt.
_HISTORY = 10.0
# Two hands on one target make each other's plans wrong, so one deployment asks most strategies to wait for a person.
_PER_DEPLOYMENT, _MOST_DEPLOYMENTS = 25.0, 50.0
_PER_ATTEMPT = 10.0
_PER_FAILURE, _MOST_FAILURES = 10.0, 30.0


@dataclass(frozen=True, slots=True)
class RiskInputs:
    """What the score is made of; ``dependents``, ``failures`` and ``deployments`` are counts, ``services`` is the size of the catalogue.

    ``success_rate`` is that of the strategy on targets of this type; ``time`` is what the policy says of the hour, in points.
    """

    confidence: float
    dependents: int
    attempt: int
    provenance: Provenance
    from_run: bool
    failures: int
    extra: float
    services: int = 0
    environment: Environment | None = None
    success_rate: float = 1.0
    time: tuple[str, float] = ("office", 0.0)
    deployments: int = 0

    def share(self) -> float:
        """Return the dependents' share of the catalogue."""
        return self.dependents / self.services if self.services else 0.0


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
        RiskFactor("policy", "extra_risk", round(given.extra, 2)),
        *_surroundings(given),
    ]
    return capped(rows)


def _surroundings(given: RiskInputs) -> list[RiskFactor]:
    share = given.share() if given.services >= _SHARE_FROM else 0.0
    here = given.environment
    return [
        RiskFactor("dependents_share", f"{share:.2f}", round(share * _SHARE, 2)),
        RiskFactor("environment", here.value if here else "", _ENVIRONMENT[here] if here else 0.0),
        RiskFactor("history", f"{given.success_rate:.2f}", round((1.0 - given.success_rate) * _HISTORY, 2)),
        RiskFactor("time", given.time[0], round(given.time[1], 2)),
        RiskFactor("deployments", str(given.deployments), min(given.deployments * _PER_DEPLOYMENT, _MOST_DEPLOYMENTS)),
    ]


def capped(factors: Sequence[RiskFactor]) -> Risk:
    """Return the score of the factors; a last one takes off what is above 100."""
    rows = [row for row in factors if row.name != _CAP]
    over = round(sum(row.points for row in rows) - MOST, 2)
    if over > 0:
        rows.append(RiskFactor(_CAP, f"{MOST:.0f}", -over))
    return Risk(sum_points(tuple(rows)), tuple(rows))


def sum_points(factors: tuple[RiskFactor, ...]) -> float:
    """Return the score that the factors make."""
    return max(0.0, round(sum(row.points for row in factors), 2))


def tier_of(score: float, policy: Policy) -> Tier:
    """Return the tier of a score by the policy's thresholds."""
    if score >= policy.never_from:
        return Tier.NEVER
    if score >= policy.critical_from:
        return Tier.CRITICAL
    if score >= policy.high_from:
        return Tier.HIGH
    return Tier.MEDIUM if score >= policy.medium_from else Tier.LOW
