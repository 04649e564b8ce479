"""What came of one try of a step, as journal records: done, failed, to be made again after a while, or in doubt.

Called by ``flights.py`` and ``perform.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from recoverers.contain import told
from recoverers.journal import RunState
from recoverers.steps import StepRun
from recoverers.terms import Terms, line, text_of
from schemas.backoff import wait_before_s
from schemas.decisions import Parameters
from schemas.recoveries import JournalKind, JournalRecord
from schemas.workflows import ONCE, Retry, Use

# An uncertain result is looked into and made again so often; more would go on until somebody looks.
MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Try:
    """How one try ended; ``paused_s`` seconds it was kept from its work."""

    status: str
    detail: str = ""
    paused_s: float = 0.0
    outputs: Parameters = ()


def ended_of(run: RunState, step: StepRun, terms: Terms, at: datetime, ended: Try, wait_s: float | None = None) -> JournalRecord:
    """Return that a try has ended; with a wait it is made again after so many seconds."""
    more: dict[str, object] = {"wait_s": wait_s} if wait_s is not None else {}
    # What later steps may read is as short as a detail.
    outputs = {name: told(value) if isinstance(value, str) else value for name, value in ended.outputs}
    more |= {"outputs": outputs} if outputs else {}
    result = text_of(status=ended.status, detail=ended.detail, paused_s=ended.paused_s, **more)
    return replace(line(run, terms, JournalKind.DONE, at, step.name), step_try=step.tries, result=result)


def failed_of(run: RunState, step: StepRun, terms: Terms, at: datetime, failed: Try, *, may_retry: bool) -> JournalRecord:
    """Return that a try left nothing behind: the step is made again, or has failed."""
    retry = retry_of(run, step.name)
    if not may_retry or step.failures + 1 >= retry.attempts:
        return ended_of(run, step, terms, at, failed)
    return ended_of(run, step, terms, at, replace(failed, status="again"), wait_before_s(retry, step.failures + 1, step.key))


def timeout_of(run: RunState, step: str) -> float | None:
    """Return how many seconds one try of a step may take."""
    use = use_of(run, step)
    return use.timeout_s if use else None


def use_of(run: RunState, step: str) -> Use | None:
    """Return the workflow's step that a recipe's step belongs to, None in a recipe's own run."""
    entry = run.entry_of(step)
    return run.workflow.use(entry.name) if run.workflow and entry else None


def retry_of(run: RunState, step: str) -> Retry:
    """Return how often a step may be made."""
    use = use_of(run, step)
    return use.retry if use else ONCE


def doubt_of(run: RunState, step: StepRun, terms: Terms, at: datetime, why: str = "") -> JournalRecord:
    """Return that nobody knows whether a step acted."""
    doubted = line(run, terms, JournalKind.IN_DOUBT, at, step.name)
    return replace(doubted, step_try=step.tries, result=text_of(doubt=why) if why else "")
