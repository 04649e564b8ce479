"""I1 and I2: each failure has one incident, each incident one final outcome, each command one outcome. Pure; read by ``invariants.py``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from console.audit_complete import without_one_incident
from schemas.decisions import Mode
from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from tests.support.history import History

# What several ends of a job say together has a key of its own, beside the incidents of the failures it is made of.
_OF_SEVERAL = frozenset({Kind.FLAKY_TEST, Kind.BRANCH_BROKEN})
_DID_NOT_ACT = frozenset({OutcomeStatus.REFUSED, OutcomeStatus.OBSERVED, OutcomeStatus.EXPIRED, OutcomeStatus.SELF_HEALED})


def check_i1(history: History) -> list[str]:
    """Check that each accepted failure event belongs to exactly one incident, and that each incident has exactly one final outcome."""
    return without_one_incident(history)


def check_i2(history: History) -> list[str]:
    """Check that a run or correlation key has one incident, and that commands and outcomes are one to one."""
    return [
        *_twin_incidents_of_runs(history),
        *_twins_of_several(history),
        *_overlaps_in_scopes(history),
        *_commands_without_one_outcome(history),
    ]


def _twin_incidents_of_runs(history: History) -> Iterator[str]:
    by_job: defaultdict[tuple[str, ...], list[Incident]] = defaultdict(list)
    for incident in history.incidents.values():
        if incident.run and not incident.reopens and incident.kind not in _OF_SEVERAL:
            run = incident.run
            by_job[run.source, run.project, run.run_id, run.job].append(incident)
    acted = Counter(one.incident_id for one in history.outcomes if one.command_id and one.status not in _DID_NOT_ACT)
    for job, incidents in by_job.items():
        ordered = sorted(incidents, key=lambda one: one.run.attempt if one.run else 0)
        for before, after in pairwise(ordered):
            caused_up_to = (before.run.attempt if before.run else 0) + acted[id_of(before)]
            if after.run and after.run.attempt <= caused_up_to:
                yield f"I2: {'/'.join(job)} attempt {after.run.attempt} was of incident {id_of(before)}, yet opened {id_of(after)}"


def _twins_of_several(history: History) -> Iterator[str]:
    by_key: defaultdict[tuple[str, ...], list[Incident]] = defaultdict(list)
    for incident in history.incidents.values():
        run = incident.run
        if run and not incident.reopens and incident.kind in _OF_SEVERAL:
            # A branch is broken by a commit once, however often its job is run; a test is flaky anew with each failure.
            failure = (run.run_id, str(run.attempt)) if incident.kind is Kind.FLAKY_TEST else ()
            by_key[incident.kind, run.source, run.project, run.job, run.commit, *failure].append(incident)
    for key, incidents in by_key.items():
        if len(incidents) > 1:
            yield f"I2: {'/'.join(key)} has the incidents {' and '.join(map(id_of, incidents))}"


def _overlaps_in_scopes(history: History) -> Iterator[str]:
    ended = {one.incident_id: one.finished_at for one in history.outcomes if one.final}
    by_scope: defaultdict[str, list[Incident]] = defaultdict(list)
    for incident in history.incidents.values():
        if incident.run is None and not incident.reopens:
            by_scope[incident.scope].append(incident)
    for scope, incidents in by_scope.items():
        for before, after in pairwise(sorted(incidents, key=lambda one: one.detected_at)):
            end = ended.get(id_of(before))
            if end is None or after.detected_at < end:
                yield f"I2: {scope} has incident {id_of(after)} while {id_of(before)} is open"


def _commands_without_one_outcome(history: History) -> Iterator[str]:
    commands = history.commands
    answers: defaultdict[str, dict[str, RecoveryOutcome]] = defaultdict(dict)
    for outcome in history.outcomes:
        if outcome.command_id:
            answers[outcome.command_id][id_of(outcome)] = outcome
    for name in commands.keys() | answers.keys():
        if name not in commands:
            yield f"I2: an outcome answers command {name}, which was never given"
        elif len(answers[name]) != 1:
            yield f"I2: command {name} ({commands[name].mode}) on {commands[name].target} has {len(answers[name])} outcomes"
    per_decision = Counter(one.decision_id for one in commands.values() if one.mode is not Mode.PLAN)
    yield from (f"I2: decision {name} has {count} commands" for name, count in per_decision.items() if count > 1)
