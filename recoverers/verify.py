"""Is it healed? At least two factors from different sources, all passing for the policy's stabilisation, and no neighbour worse.

Called by ``execute``. The factors are the card's, and the metrics that the catalogue gives the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from recoverers.checked import checked_answer
from recoverers.contain import LOOK_S, ask, told, why_of
from recoverers.deadline import Deadline
from recoverers.journal import RunState
from recoverers.log_silence import silence
from recoverers.metric_factors import ask_metric, metrics_of
from recoverers.neighbours import compare
from recoverers.ports import Answer, Facts, Hands
from recoverers.steps import EntryStatus
from recoverers.terms import Terms, command_for, line, text_of
from schemas.decisions import HealingCommand
from schemas.ids import micros
from schemas.recoveries import LOG_SILENCE, NEIGHBOURS, JournalKind, JournalRecord

# Often enough that half a second of stabilisation is seen at all; each factor has a time-out of its own.
ASK_EVERY_S = 0.2
# Neighbours are many, and none of them is what is healed.
LOOK_AROUND_EVERY_S = 1.0
FEWEST_SOURCES = 2


@dataclass(frozen=True, slots=True)
class Question:
    """One factor by its name, and who answers it."""

    factor: str
    ask: Callable[[], Answer]


@dataclass(frozen=True, slots=True)
class Said:
    """What one factor says, and what more of it the journal keeps."""

    factor: str
    answer: Answer
    kept: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Glance:
    """What lies around, as it was last seen and heard; asked again when that was a while ago, or when all hangs on it."""

    run: RunState
    terms: Terms
    hands: Hands
    last: list[Said] = field(default_factory=list)
    due_at: datetime | None = None

    def seen(self, since: datetime, now: datetime, *, is_last: bool) -> list[Said]:
        """Return what is said of the neighbours, and by the detectors since the factors pass; nothing where there is neither."""
        if is_last or self.due_at is None or now >= self.due_at:
            heard = silence(self.run, self.terms, since, self.hands)
            self.last = [Said(LOG_SILENCE, heard)] if heard else []
            self.last += [Said(NEIGHBOURS, *compare(self.run, self.terms, self.hands))] if self.run.neighbours else []
            self.due_at = self.hands.steady() + timedelta(seconds=LOOK_AROUND_EVERY_S)
        return self.last


def verify(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Ask the factors until they settle; return the deciding round, or nothing when a person cancelled meanwhile."""
    began = hands.steady()
    own = Deadline.after(began, terms.recipe.traits.verify_within_s)
    budget = Deadline.after(run.started_at or began, run.command.deadline_s, run.paused_s)
    since: datetime | None = None
    asked, around = questions_of(run, terms), Glance(run, terms, hands)
    while not hands.is_cancelled(run.command):
        said = [Said(question.factor, _answer(question, hands)) for question in asked]
        now = hands.steady()
        if _agree(said):
            since = since or now
            passed_at = hands.now() - (now - since)
            is_over = (now - since).total_seconds() >= terms.stabilise_s
            said += around.seen(passed_at, now, is_last=is_over)
            since = since if all(row.answer.passed for row in said) else None
            if since and is_over:
                return _round(run, terms, said, "settled", passed_at, hands.now())
        else:
            since = None
        hopeless = any(row.answer.settled and not row.answer.passed for row in said)
        if not since and (hopeless or own.is_over(now) or budget.is_over(now)):
            return _round(run, terms, said, "failed", None, hands.now())
        hands.wait(ASK_EVERY_S)
    return []


def _agree(said: Sequence[Said]) -> bool:
    """Tell whether all pass, and come from enough different sources."""
    return all(row.answer.passed for row in said) and len({row.answer.source for row in said}) >= FEWEST_SOURCES


def questions_of(run: RunState, terms: Terms) -> list[Question]:
    """Return what is asked: the card's factors, of a workflow those of the steps that were made, and the metrics of what was healed."""
    return [*_of_recipe(run, terms), *(Question(name, partial(ask_metric, terms, probe)) for name, probe in metrics_of(run, terms))]


def _of_recipe(run: RunState, terms: Terms) -> list[Question]:
    def asking(factor: str, command: HealingCommand, facts: Facts) -> Question:
        return Question(factor, lambda: terms.recipe.check(command, facts, factor))

    if run.workflow is None:
        return [asking(factor, run.command, run.facts) for factor in terms.card.factors]
    made = {entry.name: entry for entry in run.entries if entry.status is EntryStatus.OPEN}
    named = ((factor, made.get(factor.partition(".")[0])) for factor in terms.card.factors)
    return [asking(factor, command_for(run, entry), entry.facts) for factor, entry in named if entry]


def _answer(question: Question, hands: Hands) -> Answer:
    said = ask(lambda: checked_answer(question.ask()), LOOK_S, hands)
    return said if isinstance(said, Answer) else Answer(False, "recipe", why_of(said))


def _round(run: RunState, terms: Terms, said: Sequence[Said], verdict: str, since: datetime | None, now: datetime) -> list[JournalRecord]:
    """Return one record per factor; the last one carries the verdict, so that the round decides exactly once."""
    records = []
    for number, row in enumerate(said, start=1):
        status = verdict if number == len(said) else "seen"
        seen: dict[str, object] = {"passed": row.answer.passed, "source": row.answer.source, "detail": told(row.answer.detail), **row.kept}
        result = text_of(status=status, passing_since=micros(since) if since else None, **seen)
        records.append(replace(line(run, terms, JournalKind.VERIFIED, now), factor=row.factor, round=run.rounds + 1, result=result))
    return records
