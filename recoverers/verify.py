"""Is it healed? At least two factors from different sources, all passing for the policy's stabilisation. Called by ``execute``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from recoverers.checked import checked_answer
from recoverers.contain import LOOK_S, ask, told, why_of
from recoverers.deadline import Deadline
from recoverers.journal import RunState
from recoverers.ports import Answer, Facts, Hands
from recoverers.steps import EntryStatus
from recoverers.terms import Terms, command_for, line, text_of
from schemas.decisions import HealingCommand
from schemas.ids import micros
from schemas.recoveries import JournalKind, JournalRecord

# Often enough that half a second of stabilisation is seen at all; each factor has a time-out of its own.
ASK_EVERY_S = 0.2
FEWEST_SOURCES = 2


@dataclass(frozen=True, slots=True)
class Question:
    """One factor, and the target that it is about."""

    factor: str
    command: HealingCommand
    facts: Facts


def verify(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Ask the factors until they settle; return the deciding round, or nothing when a person cancelled meanwhile."""
    began = hands.now()
    own = Deadline.after(began, terms.recipe.traits.verify_within_s)
    budget = Deadline.after(run.started_at or began, run.command.deadline_s, run.paused_s)
    since: datetime | None = None
    asked = questions_of(run, terms)
    while not hands.is_cancelled(run.command):
        answers = [(question.factor, _answer(question, terms, hands)) for question in asked]
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


def questions_of(run: RunState, terms: Terms) -> list[Question]:
    """Return what is asked: the card's factors; of a workflow those of the steps that were made, each about its own target."""
    if run.workflow is None:
        return [Question(factor, run.command, run.facts) for factor in terms.card.factors]
    made = {entry.name: entry for entry in run.entries if entry.status is EntryStatus.OPEN}
    named = ((factor, made.get(factor.partition(".")[0])) for factor in terms.card.factors)
    return [Question(factor, command_for(run, entry), entry.facts) for factor, entry in named if entry]


def _answer(question: Question, terms: Terms, hands: Hands) -> Answer:
    said = ask(lambda: checked_answer(terms.recipe.check(question.command, question.facts, question.factor)), LOOK_S, hands)
    return said if isinstance(said, Answer) else Answer(False, "recipe", why_of(said))


def _round(
    run: RunState, terms: Terms, answers: list[tuple[str, Answer]], verdict: str, since: datetime | None, now: datetime
) -> list[JournalRecord]:
    """Return one record per factor; the last one carries the verdict, so that the round decides exactly once."""
    records = []
    for number, (factor, answer) in enumerate(answers, start=1):
        status = verdict if number == len(answers) else "seen"
        seen: dict[str, object] = {"passed": answer.passed, "source": answer.source, "detail": told(answer.detail)}
        result = text_of(status=status, passing_since=micros(since) if since else None, **seen)
        records.append(replace(line(run, terms, JournalKind.VERIFIED, now), factor=factor, round=run.rounds + 1, result=result))
    return records
