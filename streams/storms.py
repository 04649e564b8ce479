"""One failure in many repositories at once is one incident above theirs; used by ``streams/classify.py``.

A storm is counted by event time in windows that do not overlap, so within one the order of arrival changes nothing. It goes on in the
next window as long as its parent holds members back. Only failures that no single repository can cause count, and only where an
authenticated source vouches for the repository. Whether a known upstream or the whole fleet is the target, a log's text never says.
Services that fail in most groups at once are a storm too: their restarts wait for a person, since the cause lies beneath them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from schemas.configuration import Configuration
from schemas.events import Origin, Provenance, Trust
from schemas.ids import id_of, micros
from schemas.incidents import FLEET, STORM, Incident, IncidentUpdate, UpdateCause
from schemas.recoveries import HOLDING_ENDS, RecoveryOutcome
from schemas.services import UPSTREAM
from schemas.vocabulary import OUTSIDE_KINDS
from streams.rows import Rows

MAX_SAMPLE = 100
MAX_STORMS = 2_000
# A parent hears of new members no more often than this, however many there are.
TELL_EVERY = timedelta(seconds=10)

_COUNTING_TRUST = frozenset({Trust.PROTECTED, Trust.SAME_REPOSITORY})


@dataclass(frozen=True, slots=True)
class StormRow:
    """One fingerprint in one window: who counts, and how many members the parent was told of when; who counts empties at the opening.

    ``repositories`` holds service groups where services fail; ``ended`` says how many parents of this window are over, so that the
    next one has another id.
    """

    repositories: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    members: int = 0
    parent: str = ""
    opened_at: datetime | None = None
    told: int = 0
    told_at: datetime | None = None
    last_member: str = ""
    last_at: datetime | None = None
    ended: int = 0


def _counts(incident: Incident) -> bool:
    if incident.run is None:
        return incident.target.startswith("service:") and incident.reopens is None
    known_failure = incident.kind in OUTSIDE_KINDS and not incident.abstained and incident.may_act and incident.reopens is None
    return known_failure and is_vouched_for(incident.provenance)


def is_vouched_for(provenance: Provenance) -> bool:
    """Tell whether an authenticated source says whose run it was, and that it was no fork's."""
    return provenance.origin is not Origin.UNSIGNED and provenance.trust in _COUNTING_TRUST


def owner_of(repository: str) -> str:
    """Return whose repository it is: all of its path but the last part."""
    return repository.rpartition("/")[0]


class Storms:
    """The storms of late, recognised or not; the oldest row goes first when ``bound`` is passed."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration, bound: int = MAX_STORMS) -> None:
        """Begin again from a snapshot."""
        self.rows = Rows("storm/", StormRow, bound)
        self.rows.load(entries)
        self._policy = configuration.policy
        groups = {service.group for service in configuration.services.services}
        most = max(self._policy.storm_groups, ceil(len(groups) * self._policy.storm_groups_share))
        self._groups_needed = most if self._policy.storm_groups else 0

    def join(self, incident: Incident, upstream: str, now: datetime) -> tuple[Incident, Incident | None]:
        """Count an incident that is new; return it with its parent named where one is open, and the parent when this one opens it."""
        needed = self._policy.storm_repositories if incident.run else self._groups_needed
        if not needed or not _counts(incident):
            return incident, None
        window = micros(incident.opened_at) // round(self._policy.storm_window_s * 1e6)
        key = f"{incident.fingerprint}/{window}"
        going_on = self._going_on(incident, window)
        if going_on is not None:
            return replace(incident, parent=self._add_to(going_on, window, incident)), None
        row = self._with_member(self._row(key), incident)
        self.rows.put(key, row)
        many_runs = bool(upstream and self._policy.storm_runs) and len(row.runs) >= self._policy.storm_runs
        if len(row.repositories) < needed and not many_runs:
            return incident, None
        return self._open(incident, key, upstream, now)

    def note_end(self, outcome: RecoveryOutcome) -> None:
        """Take in how an incident ended: after a parent that is over for its members too, counting begins anew."""
        is_parent = outcome.target == FLEET or outcome.target.startswith(f"{UPSTREAM}:")
        if outcome.final and is_parent and outcome.status not in HOLDING_ENDS:
            self._end(outcome.incident_id)

    def note_marked_healed(self, incident_id: str) -> None:
        """Take in a person's word that a parent's cause is gone."""
        self._end(incident_id)

    def tell_due(self, now: datetime) -> Sequence[IncidentUpdate]:
        """Return what parents have not heard yet of their members, for each at most once in ``TELL_EVERY``."""
        updates: list[IncidentUpdate] = []
        for key, row in self.rows.items():
            if not row.parent or row.told == row.members or row.told_at is None or now - row.told_at < TELL_EVERY:
                continue
            self.rows.put(key, replace(row, told=row.members, told_at=now))
            at = row.last_at or now
            updates.append(IncidentUpdate(row.parent, UpdateCause.MEMBERS, row.last_member, at, member_count=row.members))
        return updates

    def _row(self, key: str) -> StormRow:
        return self.rows.get(key) or StormRow()

    def _going_on(self, incident: Incident, window: int) -> int | None:
        """Return the window of the storm that the incident belongs to: its own, or one beside it that still holds members."""
        for other in (window, window - 1, window + 1):
            row = self._row(f"{incident.fingerprint}/{other}")
            lasts_until = (row.opened_at or incident.opened_at) + timedelta(seconds=self._policy.storm_hold_s)
            if row.parent and (other == window or incident.opened_at < lasts_until):
                return other
        return None

    def _add_to(self, going_on: int, window: int, incident: Incident) -> str:
        """Count a member of an open storm and return the parent; the row follows its newest window, so that a long storm stays one."""
        old, new = f"{incident.fingerprint}/{going_on}", f"{incident.fingerprint}/{max(going_on, window)}"
        row = self._row(old)
        if new != old:
            self.rows.drop(old)
        self.rows.put(new, replace(row, members=row.members + 1, last_member=id_of(incident), last_at=incident.opened_at))
        return row.parent

    def _with_member(self, row: StormRow, incident: Incident) -> StormRow:
        run, name = incident.run, id_of(incident)
        repository = f"{run.source}/{run.project}" if run else incident.scope
        one_run = f"{repository}/{run.run_id}" if run else ""
        of_owner = sum(owner_of(known) == owner_of(repository) for known in row.repositories) if run else 0
        is_new = repository not in row.repositories and of_owner < self._policy.storm_per_owner
        counts_run = bool(one_run) and one_run not in row.runs and len(row.runs) < self._policy.storm_runs
        return replace(
            row,
            repositories=(*row.repositories, repository) if is_new else row.repositories,
            runs=(*row.runs, one_run) if counts_run else row.runs,
            sample=(*row.sample, name)[:MAX_SAMPLE],
            members=row.members + 1,
            last_member=name,
            last_at=incident.opened_at,
        )

    def _open(self, incident: Incident, key: str, upstream: str, now: datetime) -> tuple[Incident, Incident]:
        row = self._row(key)
        parent = _parent_of(incident, row, key, upstream, now)
        name = id_of(parent)
        told = replace(row, repositories=(), runs=(), sample=(), parent=name, opened_at=incident.opened_at, told=row.members, told_at=now)
        self.rows.put(key, told)
        return replace(incident, parent=name), parent

    def _end(self, incident_id: str) -> None:
        for key, row in self.rows.items():
            if row.parent == incident_id:
                self.rows.put(key, StormRow(ended=row.ended + 1))


def _parent_of(member: Incident, row: StormRow, key: str, upstream: str, now: datetime) -> Incident:
    # A fleet has no strategy that heals it: a person is told. A known upstream may be waited for.
    target = f"{UPSTREAM}:{upstream}" if upstream else FLEET
    whose = "repositories" if member.run else "service groups"
    many = f"the same failure in {len(row.repositories)} {whose} and {row.members} incidents"
    again = (str(row.ended),) if row.ended else ()
    return Incident(
        origin_key=(STORM, *key.split("/"), *again),
        kind=member.kind,
        group=member.group,
        confidence=member.confidence,
        fingerprint=member.fingerprint,
        target=target,
        scope=target,
        severity=member.severity,
        complete=member.complete,
        opened_at=member.opened_at,
        detected_at=max(now, member.opened_at),
        reasons=(many, f"they name the known upstream {upstream}") if upstream else (many,),
        member_count=row.members,
        sample=row.sample,
        catalogue=member.catalogue,
        model=member.model,
        provenance=member.provenance,
        traceparent=member.traceparent,
        may_act=bool(upstream),
    )
