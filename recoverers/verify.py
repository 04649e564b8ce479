"""Is it healed? At least two factors from different sources, all passing for the policy's stabilisation. Called by ``execute``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from recoverers.deadline import Deadline
from recoverers.journal import RunState
from recoverers.ports import Answer, Hands
from recoverers.terms import Terms, line, text_of
from schemas.ids import micros
from schemas.recoveries import JournalKind, JournalRecord

# Often enough that half a second of stabilisation is seen at all; each factor has a time-out of its own.
ASK_EVERY_S = 0.2
FEWEST_SOURCES = 2


def verify(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Ask the factors until they settle; return the deciding round, or nothing when a person cancelled meanwhile."""
    began = hands.now()
    own = Deadline.after(began, terms.recipe.traits.verify_within_s)
    budget = Deadline.after(run.started_at or began, run.command.deadline_s, run.paused_s)
    since: datetime | None = None
    while not hands.is_cancelled(run.command):
        answers = [(factor, terms.recipe.check(run.command, run.facts, factor)) for factor in terms.card.factors]
        now = hands.now()
        passed = all(answer.passed for _, answer in answers) and len({answer.source for _, answer in answers}) >= FEWEST_SOURCES
        since = (since or now) if passed else None
        if since and (now - since).total_seconds() >= terms.stabilise_s:
            return _round(run, terms, answers, "settled", since, now)
        hopeless = any(answer.settled and not answer.passed for _, answer in answers)
        if not passed and (hopeless or own.is_over(now) or budget.is_over(now)):
            return _round(run, terms, answers, "failed", None, now)
        hands.wait(ASK_EVERY_S)
    return []


def _round(
    run: RunState, terms: Terms, answers: list[tuple[str, Answer]], verdict: str, since: datetime | None, now: datetime
) -> list[JournalRecord]:
    """Return one record per factor; the last one carries the verdict, so that the round decides exactly once."""
    records = []
    for number, (factor, answer) in enumerate(answers, start=1):
        status = verdict if number == len(answers) else "seen"
        seen: dict[str, object] = {"passed": answer.passed, "source": answer.source, "detail": answer.detail[:300]}
        result = text_of(status=status, passing_since=micros(since) if since else None, **seen)
        records.append(replace(line(run, terms, JournalKind.VERIFIED, now), factor=factor, round=run.rounds + 1, result=result))
    return records
