"""What decide remembers beyond one incident: commands a target and a commit had, failures, levels and people's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from schemas.configuration import Configuration
from schemas.control_words import why_not_counted
from schemas.decisions import Admission, AdmissionState
from schemas.incidents import Incident
from schemas.outputs import Emit, Output
from schemas.oversight import AuditEntry, Control, RolloutLevel
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.rollouts import (
    ROLLOUT_REFUSED,
    ROLLOUT_SET,
    RolloutRow,
    details_of,
    lower_of,
    may_raise,
    rollout_after,
    strategy_of,
)
from streams.demotions import Demotions, StrategyRow
from streams.rows import Rows
from streams.track_record import TrackRecord, TrackRow

MAX_ROWS = 50_000
MAX_TIMES = 50
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_FAILED = frozenset({OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED})


@dataclass(frozen=True, slots=True)
class Happening:
    """One command or failure and when it was."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TargetRow:
    """The newest commands and failed recoveries of one target, or re-runs of one job on one commit."""

    commands: tuple[Happening, ...] = ()
    failures: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True)
class WordRow:
    """A person's word on an incident: the verdict that it forces."""

    text: str


def commit_key(incident: Incident) -> str | None:
    """Return what re-runs on one commit are counted by."""
    run = incident.run
    return f"{run.source}/{run.project}/{run.job}@{run.commit}" if run else None


def _added(rows: tuple[Happening, ...], row: Happening) -> tuple[Happening, ...]:
    return rows if any(other.id == row.id for other in rows) else (*rows, row)[-MAX_TIMES:]


class HealingHistory:
    """Rows by target, commit, strategy and incident."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration) -> None:
        """Begin again from a snapshot's entries."""
        self._configuration = configuration
        self._targets = Rows("target/", TargetRow, MAX_ROWS)
        self._commits = Rows("commit/", TargetRow, MAX_ROWS)
        self._words = Rows("word/", WordRow, MAX_ROWS)
        self._rollouts = Rows("rollout/", RolloutRow, MAX_ROWS)
        for rows in (self._targets, self._commits, self._words, self._rollouts):
            rows.load(entries)
        self._take_up_old_levels()
        self._demotions = Demotions(entries)
        self.track = TrackRecord(entries)

    def _take_up_old_levels(self) -> None:
        # Before a level remembered who set it, it was a word alone; it still holds, and anybody who may can raise it.
        for key, word in self._words.items():
            strategy = key.removeprefix("level/")
            if strategy != key:
                self._rollouts.put(strategy, self._rollouts.get(strategy) or RolloutRow(RolloutLevel(word.text), "", _LONG_AGO))
                self._words.drop(key)

    def note_admission(self, admission: Admission, incident: Incident) -> None:
        """Count a command that was let through."""
        if admission.state is not AdmissionState.ADMITTED or not admission.command_id:
            return
        happening = Happening(admission.command_id, admission.at)
        row = self._targets.get(incident.target) or TargetRow()
        self._targets.put(incident.target, replace(row, commands=_added(row.commands, happening)))
        key = commit_key(incident)
        if key:
            again = self._commits.get(key) or TargetRow()
            self._commits.put(key, replace(again, commands=_added(again.commands, happening)))

    def note_outcome(self, outcome: RecoveryOutcome, now: datetime) -> Sequence[Output]:
        """Count what a recovery achieved; return what is said when its strategy is demoted for it."""
        if outcome.status in _FAILED:
            row = self._targets.get(outcome.target) or TargetRow()
            failure = Happening(outcome.command_id or outcome.decision_id, outcome.finished_at)
            self._targets.put(outcome.target, replace(row, failures=_added(row.failures, failure)))
        self.track.note_outcome(outcome)
        level = self.level_of(outcome.strategy or "", now)
        return self._demotions.note_outcome(outcome, level, self._configuration.policy)

    def note_control(self, control: Control) -> Sequence[Output]:
        """Keep a level or a forced verdict that a known person with the right has signed; return what is said of a level."""
        if why_not_counted(control, self._configuration.people):
            return ()
        if control.override and control.override.force_verdict:
            self._words.put(f"nonce/{control.override.nonce}", WordRow(control.override.force_verdict))
        return self._note_rollout(control) if control.rollout else ()

    def _note_rollout(self, control: Control) -> Sequence[Output]:
        strategy, people = strategy_of(control), self._configuration.people
        known = self._rollouts.get(strategy)
        if known and known.at >= control.at:
            return ()
        row = rollout_after(known, control, people, self._configuration.policy.oversight)
        if isinstance(row, str):
            return [Emit(AuditEntry("decide", ROLLOUT_REFUSED, strategy, control.at, (("by", control.by), ("why", row))))]
        self._rollouts.put(strategy, row)
        # Lowering is everybody's who may stop things; taking a demotion back is for those who may release a stop.
        if may_raise(control, people):
            self._demotions.note_raised(strategy, control.at)
        return [Emit(AuditEntry("decide", ROLLOUT_SET, strategy, control.at, details_of(row)))]

    def level_of(self, strategy: str, now: datetime) -> RolloutLevel:
        """Return how far a strategy may go: a person's control and its own failures can lower the policy's level, never raise it."""
        word = self._rollouts.get(strategy)
        said = word.level_at(now) if word else RolloutLevel.AUTOMATIC
        return lower_of(self._configuration.policy.for_strategy(strategy).level, self._demotions.cap(strategy), said)

    def forced_on(self, incident: Incident) -> str:
        """Return the verdict that the override which opened the incident forces, if any."""
        word = self._words.get(f"nonce/{incident.origin_key[0]}") if incident.reopens else None
        return word.text if word else ""

    def commands_on(self, target: str, now: datetime) -> tuple[str, ...]:
        """Return the times of the commands on a target inside the loop guard's window, oldest first."""
        since = now - timedelta(seconds=self._configuration.policy.loop_window_s)
        row = self._targets.get(target)
        return tuple(command.at.isoformat() for command in row.commands if command.at > since) if row else ()

    def failures_on(self, target: str, now: datetime) -> int:
        """Return how many recoveries of a target failed inside the loop guard's window."""
        since = now - timedelta(seconds=self._configuration.policy.loop_window_s)
        row = self._targets.get(target)
        return sum(failure.at > since for failure in row.failures) if row else 0

    def reruns_of(self, incident: Incident) -> int:
        """Return how often our commands ran the incident's job again on its commit."""
        key = commit_key(incident)
        row = self._commits.get(key) if key else None
        return len(row.commands) if row else 0

    def tables(self) -> tuple[Rows[TargetRow], Rows[TargetRow], Rows[WordRow], Rows[RolloutRow], Rows[StrategyRow], Rows[TrackRow]]:
        """Return the rows whose entries are this history's state."""
        return (self._targets, self._commits, self._words, self._rollouts, self._demotions.rows, self.track.rows)
