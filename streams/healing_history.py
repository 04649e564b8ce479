"""What decide remembers beyond one incident: commands a target and a commit had, failures, levels and people's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.configuration import Configuration
from schemas.control_words import why_not_counted
from schemas.decisions import Admission, AdmissionState
from schemas.incidents import Incident
from schemas.outputs import Output
from schemas.oversight import Control, RolloutLevel
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.rollouts import RolloutRow
from streams.choice_book import ArmRow, CaseRow, ChoiceBook, GroupRow
from streams.demotions import StrategyRow
from streams.levels import Levels
from streams.loops import LoopRow
from streams.rows import Rows
from streams.track_record import TrackRecord, TrackRow

MAX_ROWS = 50_000
MAX_TIMES = 50
_OLD_LEVEL = "level/"
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


HistoryRows = (
    Rows[TargetRow]
    | Rows[WordRow]
    | Rows[RolloutRow]
    | Rows[StrategyRow]
    | Rows[LoopRow]
    | Rows[TrackRow]
    | Rows[ArmRow]
    | Rows[GroupRow]
    | Rows[CaseRow]
)


class HealingHistory:
    """Rows by target, commit, strategy and incident."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration) -> None:
        """Begin again from a snapshot's entries."""
        self._configuration = configuration
        self._targets = Rows("target/", TargetRow, MAX_ROWS)
        self._commits = Rows("commit/", TargetRow, MAX_ROWS)
        self._words = Rows("word/", WordRow, MAX_ROWS)
        for rows in (self._targets, self._commits, self._words):
            rows.load(entries)
        self.levels = Levels(entries, configuration)
        for key, word in self._words.items():
            # Before a level remembered who set it, it was a word like these.
            if key.startswith(_OLD_LEVEL):
                self.levels.take_up(key.removeprefix(_OLD_LEVEL), RolloutLevel(word.text))
                self._words.drop(key)
        self.track = TrackRecord(entries)
        self.choices = ChoiceBook(entries, configuration)

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
        self.choices.note_outcome(outcome)
        return self.levels.note_outcome(outcome, now)

    def note_control(self, control: Control) -> Sequence[Output]:
        """Keep a level or a forced verdict that a known person with the right has signed; return what is said of a level."""
        if why_not_counted(control, self._configuration.people):
            return ()
        if control.override and control.override.force_verdict:
            self._words.put(f"nonce/{control.override.nonce}", WordRow(control.override.force_verdict))
        return self.levels.note_rollout(control) if control.rollout else ()

    def forced_on(self, incident: Incident) -> str:
        """Return the verdict that the override which opened the incident forces, if any."""
        word = self._words.get(f"nonce/{incident.origin_key[0]}") if incident.reopens else None
        return incident.forced or (word.text if word else "")

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

    def tables(self) -> tuple[HistoryRows, ...]:
        """Return the rows whose entries are this history's state."""
        return (self._targets, self._commits, self._words, *self.levels.tables(), self.track.rows, *self.choices.tables())
