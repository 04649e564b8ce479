"""From an outcome to what ``/metrics`` counts of it; called by ``recoverers/worker.py`` once the outcome is durable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from schemas.outputs import Count, Observe
from schemas.recoveries import OutcomeStatus, RecoveryOutcome

_ROLLED = frozenset({OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED})
# An outcome's reason is a sentence; a label takes only these words, told by the sentence's beginning.
# How a run ends that began; the door counts those that never did.
_ENDS = (OutcomeStatus.HEALED, OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED, OutcomeStatus.ESCALATED)
_OTHER = "other"
_REASONS = (("verification failed", "verification"), ("step ", "step"), ("deadline", "deadline"), ("cancelled", "cancelled"))


def measures_of(outcome: RecoveryOutcome) -> Sequence[Count | Observe]:
    """Return the counts and durations (seconds) of one outcome; a plan that was only shown counts for nothing."""
    if outcome.status is OutcomeStatus.PLANNED:
        return ()
    strategy = ("strategy", outcome.strategy or "none")
    found: list[Count | Observe] = [
        Count("healstream_recoveries_total", (strategy, ("outcome", outcome.status.value)), trace=outcome.traceparent)
    ]
    for factor in outcome.verification:
        verdict = "passed" if factor.passed else "failed"
        found.append(Count("healstream_verifications_total", (("factor", factor.factor), ("outcome", verdict))))
    if outcome.started_at:
        took_s = (outcome.finished_at - outcome.started_at).total_seconds()
        found.append(Observe("healstream_recovery_duration_seconds", took_s, (strategy,), outcome.traceparent))
    if outcome.time_to_recover_s is not None:
        found.append(Observe("healstream_time_to_recover_seconds", outcome.time_to_recover_s, trace=outcome.traceparent))
    return (*found, *_rollback(outcome))


def never_yet(strategies: Iterable[str]) -> Sequence[Count]:
    """Return every way in which runs and rollbacks may end, none of them yet: a series that begins with its first end shows no increase."""
    words = (*(word for _, word in _REASONS), _OTHER)
    rollbacks = [(("reason", word), ("outcome", status.value)) for word in words for status in sorted(_ROLLED)]
    ends = [(("strategy", strategy), ("outcome", status.value)) for strategy in sorted(strategies) for status in _ENDS]
    return [
        *(Count("healstream_rollbacks_total", labels, 0) for labels in rollbacks),
        *(Count("healstream_recoveries_total", labels, 0) for labels in ends),
    ]


def _rollback(outcome: RecoveryOutcome) -> list[Count | Observe]:
    if outcome.status not in _ROLLED:
        return []
    reason = next((word for begin, word in _REASONS if outcome.reason.startswith(begin)), _OTHER)
    found: list[Count | Observe] = [
        Count("healstream_rollbacks_total", (("reason", reason), ("outcome", outcome.status.value))),
    ]
    if outcome.rollback_s is not None:
        found.append(Observe("healstream_rollback_duration_seconds", outcome.rollback_s, trace=outcome.traceparent))
    return found
