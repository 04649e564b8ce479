"""The incidents that classify knows, open and closed, and what running commands caused in them; used by ``streams/classify.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.decisions import Admission, AdmissionState
from schemas.ids import id_of
from schemas.incidents import Detection, DetectionStatus, Incident, RunRef
from schemas.recoveries import OutcomeStatus, RecoveryOutcome, is_held_out
from streams.rows import Rows
from streams.steady_time import past_of

MAX_ROWS = 50_000
MAX_HELD = 20
_HELD_NO_MORE = frozenset({OutcomeStatus.HEALED, OutcomeStatus.SELF_HEALED})
_NEVER_ACTED = frozenset({OutcomeStatus.REFUSED, OutcomeStatus.OBSERVED, OutcomeStatus.EXPIRED, OutcomeStatus.SELF_HEALED})


@dataclass(frozen=True, slots=True)
class BookRow:
    """One incident: ``commands`` may have caused attempts, ``running`` has no outcome yet, ``held`` are firing and not yet judged.

    ``first`` is what it was opened by, as far as that has not ended.
    ``is_left_alone``: it was held out, and whether its condition clears by itself is still watched.
    """

    incident: Incident
    is_open: bool = True
    commands: tuple[str, ...] = ()
    running: str = ""
    settled_at: datetime | None = None
    firing: tuple[str, ...] = ()
    held: tuple[Detection, ...] = ()
    is_left_alone: bool = False
    first: tuple[Detection, ...] = ()

    def is_followed(self) -> bool:
        """Tell whether its end is still of interest."""
        return self.is_open or self.is_left_alone

    def caused_attempt(self, attempt: int) -> bool:
        """Tell whether a later attempt of the run is one that our commands made."""
        run = self.incident.run
        return run is not None and run.attempt < attempt <= run.attempt + len(self.commands)

    def explains(self, run: RunRef) -> bool:
        """Tell whether an attempt of its run is its own: the very one that it is about, or one that its commands caused."""
        own = self.incident.run
        return own is not None and ((own.job, own.attempt) == (run.job, run.attempt) or self.caused_attempt(run.attempt))

    def may_have_caused(self, run: RunRef) -> bool:
        """Tell whether a command that is not known yet may have caused an attempt of its run."""
        return self.is_open and self.incident.run is not None and self.incident.run.attempt < run.attempt


@dataclass(frozen=True, slots=True)
class Settled:
    """What a final outcome leaves behind: ``beyond`` has a cause of its own, ``remaining`` should end now that its cause has."""

    beyond: tuple[Detection, ...] = ()
    remaining: tuple[Detection, ...] = ()


# Names in the order of their coming, found by a key; one that goes costs no walk over the others.
_Index = dict[str, dict[str, None]]


def _run_key(run: RunRef) -> str:
    return f"{run.source}/{run.project}/{run.run_id}"


def _commit_key(run: RunRef) -> str:
    return f"{run.source}/{run.project}/{run.job}@{run.commit}"


def sign_of(detection: Detection) -> str:
    """Return what fires: a detector's probe, alert or rule on a target."""
    signals = dict(detection.signals)
    return f"{detection.detector}:{signals.get('probe') or signals.get('fingerprint') or ''}@{detection.target}"


class IncidentBook:
    """Rows by incident, found by scope or by run; the oldest row goes first when the book is full."""

    def __init__(self, entries: Mapping[str, str], bound: int = MAX_ROWS) -> None:
        """Begin again from a snapshot."""
        self.rows = Rows("incident/", BookRow, bound)
        self.rows.load(entries)
        self._by_scope: dict[str, str] = {}
        self._by_run: _Index = {}
        self._by_commit: _Index = {}
        self.left_alone = LeftAlone(self.rows)
        for name, row in self.rows.items():
            self._index(name, row.incident)

    def _index(self, name: str, incident: Incident) -> None:
        if incident.run is None:
            self._by_scope[incident.scope] = name
        else:
            for index, key in self._indexes(incident.run):
                index.setdefault(key, {})[name] = None

    def _indexes(self, run: RunRef) -> list[tuple[_Index, str]]:
        of_commit = [(self._by_commit, _commit_key(run))] if run.commit else []
        return [(self._by_run, _run_key(run)), *of_commit]

    def _forget(self, name: str, incident: Incident) -> None:
        if self._by_scope.get(incident.scope) == name:
            del self._by_scope[incident.scope]
        for index, key in self._indexes(incident.run) if incident.run else ():
            names = index.get(key, {})
            names.pop(name, None)
            if not names:
                index.pop(key, None)

    def open(self, incident: Incident, firing: tuple[Detection, ...]) -> None:
        """Write a new incident down; its features and evidence stay on the topic."""
        slim = incident.slim()
        name = id_of(incident)
        oldest = self.rows.oldest()
        signs = tuple(dict.fromkeys(sign_of(detection) for detection in firing))
        first = tuple(replace(detection, features=()) for detection in firing if detection.target == incident.target)[-MAX_HELD:]
        if self.rows.put(name, BookRow(slim, firing=signs, first=first)) and oldest:
            self._forget(oldest[0], oldest[1].incident)
        self._index(name, slim)

    def newest_in(self, scope: str) -> tuple[str, BookRow] | None:
        """Return the newest incident of a scope, open or closed."""
        name = self._by_scope.get(scope, "")
        row = self.rows.get(name)
        return (name, row) if row else None

    def of_run(self, run: RunRef) -> list[tuple[str, BookRow]]:
        """Return the incidents of a run, newest first."""
        names = reversed(self._by_run.get(_run_key(run), {}))
        return [(name, row) for name in names if (row := self.rows.get(name))]

    def of_commit(self, run: RunRef) -> list[tuple[str, BookRow]]:
        """Return the incidents of the same job on the same commit in other runs, oldest first; none where no commit is named."""
        names = self._by_commit.get(_commit_key(run), {}) if run.commit else {}
        rows = [(name, row) for name in names if (row := self.rows.get(name))]
        return [(name, row) for name, row in rows if row.incident.run and row.incident.run.run_id != run.run_id]

    def note(self, name: str, detection: Detection) -> bool:
        """Keep what fires in a runtime incident; return whether its target fires on no detector any more."""
        row = self.rows.get(name)
        if row is None:
            return False
        sign = sign_of(detection)
        firing = tuple(other for other in row.firing if other != sign)
        held = tuple(other for other in row.held if sign_of(other) != sign)
        first = tuple(other for other in row.first if sign_of(other) != sign)
        if detection.status is DetectionStatus.FIRING:
            firing = (*firing, sign)
            held = (*held, replace(detection, features=()))[-MAX_HELD:]
        self.rows.put(name, replace(row, firing=firing, held=held, first=first))
        return not any(other.endswith(f"@{row.incident.target}") for other in firing)

    def admit(self, admission: Admission) -> None:
        """Note that a command of ours runs from now on."""
        row = self.rows.get(admission.incident_id)
        command = admission.command_id
        if not row or not row.is_open or not command or admission.state is not AdmissionState.ADMITTED or command in row.commands:
            return
        self.rows.put(admission.incident_id, replace(row, commands=(*row.commands, command), running=command))

    def settle(self, outcome: RecoveryOutcome, now: datetime) -> Settled:
        """Note how a command ended; return what of its scope still fires at a final outcome."""
        row = self.rows.get(outcome.incident_id)
        # What answers the order of a plan changed nothing; the door says whether the incident ends with it.
        has_ended = outcome.final or outcome.status is OutcomeStatus.ROLLED_BACK
        if row is None or not row.is_open or not has_ended:
            return Settled()
        unused = outcome.dry_run or outcome.status in _NEVER_ACTED
        # An outcome may be read before the admission of its command: what acted was given, too.
        acted = (outcome.command_id,) if outcome.command_id and not unused else ()
        commands = tuple(dict.fromkeys((*(name for name in row.commands if name != outcome.command_id or acted), *acted)))
        # An executor's clock may have been ahead: what fails from now on is not of this command's doing.
        settled = past_of(outcome.verified_at or outcome.finished_at, now)
        held = () if outcome.final and not is_held_out(outcome) else row.held
        self.rows.put(
            outcome.incident_id,
            replace(
                row,
                is_open=not outcome.final,
                commands=commands,
                running="",
                settled_at=settled,
                held=held,
                first=() if outcome.final else row.first,
            ),
        )
        if not outcome.final:
            return Settled()
        if is_held_out(outcome):
            self.left_alone.begin(outcome.incident_id)
            return Settled()
        has_run = bool(row.running or acted)
        beyond = tuple(detection for detection in row.held if _outlives(detection, row.incident, settled if has_run else None))
        others = tuple(one for one in row.held if one not in beyond and one.target != row.incident.target)
        # What was healed and falls before its probes saw it well is told by no probe again.
        others = (*others, *row.first)
        return Settled(beyond, others if outcome.status in _HELD_NO_MORE else ())


class LeftAlone:
    """Which incidents were held out, so that it is watched whether their condition clears by itself."""

    def __init__(self, rows: Rows[BookRow]) -> None:
        """Find them in the book's rows."""
        self._rows = rows
        self._names = {name for name, row in rows.items() if row.is_left_alone}

    def begin(self, name: str) -> None:
        """Watch an incident."""
        row = self._rows.get(name)
        if row:
            self._rows.put(name, replace(row, is_left_alone=True))
            self._names.add(name)

    def end(self, name: str, successor: str = "") -> tuple[Detection, ...]:
        """Watch an incident no longer; its successor knows what fires, and without one what still fires beside it is returned."""
        row, after = self._rows.get(name), self._rows.get(successor)
        self._names.discard(name)
        if row is None or not row.is_left_alone:
            return ()
        self._rows.put(name, replace(row, is_left_alone=False, held=()))
        if after is None:
            return tuple(detection for detection in row.held if detection.target != row.incident.target)
        self._rows.put(successor, replace(after, firing=row.firing, held=row.held))
        return ()

    def since_before(self, time: datetime) -> list[tuple[str, BookRow]]:
        """Return what has been left alone since before a time."""
        rows = [(name, row) for name in sorted(self._names) if (row := self._rows.get(name))]
        return [(name, row) for name, row in rows if row.settled_at is not None and row.settled_at <= time]


def _outlives(detection: Detection, incident: Incident, settled: datetime | None) -> bool:
    """Tell whether what fires has a cause of its own; ``settled`` is the end of the incident's command, if one ran."""
    # A drifted file stays drifted when the service above it is healed: it was only waiting for its turn.
    own_cause = detection.target.startswith("config:") and detection.target != incident.target
    return own_cause or (settled is not None and detection.last_at > settled)
