"""One failure in many repositories at once is one incident above theirs; used by ``streams/classify.py``.

A storm is counted by event time in windows that do not overlap, so the order of arrival changes nothing: the same failures make the same
parent. Only failures that no single repository can cause count, and only where an authenticated source vouches for the repository.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.events import Origin, Provenance, Trust
from schemas.ids import id_of, micros
from schemas.incidents import Incident, IncidentUpdate, UpdateCause
from schemas.vocabulary import Kind
from streams.rows import Rows

FLEET = "fleet"
MAX_SAMPLE = 100
MAX_STORMS = 2_000
# A parent hears of new members no more often than this, however many there are.
TELL_EVERY = timedelta(seconds=10)

# What a party outside of every repository causes.
STORM_KINDS = frozenset(
    {
        Kind.NETWORK_CONNECTIVITY,
        Kind.DNS_RESOLUTION,
        Kind.TLS_CERTIFICATE,
        Kind.REMOTE_SERVICE_ERROR,
        Kind.RATE_LIMITED,
        Kind.SERVICE_UNAVAILABLE,
    }
)
_COUNTING_TRUST = frozenset({Trust.PROTECTED, Trust.SAME_REPOSITORY})


@dataclass(frozen=True, slots=True)
class StormLimits:
    """``repositories`` distinct ones, at most ``per_owner`` of one owner, within ``window_s`` seconds make a storm; 0 is never."""

    repositories: int = 0
    window_s: float = 600.0
    per_owner: int = 5


@dataclass(frozen=True, slots=True)
class StormRow:
    """One fingerprint in one window: who counts, and how many members the parent was told of when; ``sample`` empties at the opening."""

    repositories: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    members: int = 0
    parent: str = ""
    told: int = 0
    told_at: datetime | None = None
    last_member: str = ""
    last_at: datetime | None = None


def _counts(incident: Incident, provenance: Provenance) -> bool:
    known_failure = incident.kind in STORM_KINDS and not incident.abstained and incident.may_act and incident.reopens is None
    return known_failure and is_vouched_for(provenance)


def is_vouched_for(provenance: Provenance) -> bool:
    """Tell whether an authenticated source says whose run it was, and that it was no fork's."""
    return provenance.origin is not Origin.UNSIGNED and provenance.trust in _COUNTING_TRUST


def owner_of(repository: str) -> str:
    """Return whose repository it is: all of its path but the last part."""
    return repository.rpartition("/")[0]


class Storms:
    """The storms of late, recognised or not; the oldest row goes first when ``bound`` is passed."""

    def __init__(self, entries: Mapping[str, str], limits: StormLimits, bound: int = MAX_STORMS) -> None:
        """Begin again from a snapshot."""
        self.rows = Rows("storm/", StormRow, bound)
        self.rows.load(entries)
        self._limits = limits

    def join(self, incident: Incident, now: datetime) -> tuple[Incident, Incident | None]:
        """Count an incident that is new; return it with its parent named where one is open, and the parent when this one opens it."""
        run = incident.run
        if not self._limits.repositories or run is None or not _counts(incident, incident.provenance):
            return incident, None
        window = micros(incident.opened_at) // round(self._limits.window_s * 1e6)
        key = f"{incident.fingerprint}/{window}"
        row = self._with_member(self.rows.get(key) or StormRow(), f"{run.source}/{run.project}", incident)
        if row.parent:
            self.rows.put(key, row)
            return replace(incident, parent=row.parent), None
        if len(row.repositories) < self._limits.repositories:
            self.rows.put(key, row)
            return incident, None
        parent = _parent_of(incident, row, window, now)
        name = id_of(parent)
        self.rows.put(key, replace(row, repositories=(), sample=(), parent=name, told=row.members, told_at=now))
        return replace(incident, parent=name), parent

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

    def _with_member(self, row: StormRow, repository: str, incident: Incident) -> StormRow:
        name = id_of(incident)
        counted = replace(row, members=row.members + 1, last_member=name, last_at=incident.opened_at)
        if row.parent:
            return counted
        of_owner = sum(owner_of(known) == owner_of(repository) for known in row.repositories)
        is_new = repository not in row.repositories and of_owner < self._limits.per_owner
        repositories = (*row.repositories, repository) if is_new else row.repositories
        return replace(counted, repositories=repositories, sample=(*row.sample, name)[:MAX_SAMPLE])


def _parent_of(member: Incident, row: StormRow, window: int, now: datetime) -> Incident:
    # Nothing of a log names the target; and a person is told, since no strategy heals a whole fleet.
    return Incident(
        origin_key=("storm", member.fingerprint, str(window)),
        kind=member.kind,
        group=member.group,
        confidence=member.confidence,
        fingerprint=member.fingerprint,
        target=FLEET,
        scope=FLEET,
        severity=member.severity,
        complete=member.complete,
        opened_at=member.opened_at,
        detected_at=max(now, member.opened_at),
        reasons=(f"the same failure in {len(row.repositories)} repositories",),
        member_count=row.members,
        sample=row.sample,
        catalogue=member.catalogue,
        model=member.model,
        provenance=member.provenance,
        traceparent=member.traceparent,
        may_act=False,
    )
