"""What people have said on ``heal.control``, each word checked for who may say it; used by ``streams/admit.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.configuration import Configuration
from schemas.decisions import ApprovalGiven, Decision, Oversight
from schemas.ids import id_of
from schemas.oversight import Control, Override, SwitchMode
from schemas.people import Right
from schemas.signing import is_signed_by
from streams.rows import Rows

MAX_ROWS = 50_000
FLEET = "killswitch/fleet"
# With one operator only, a release waits this long after it was typed, so that a slip can be taken back.
SINGLE_OPERATOR_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """A switch: who engaged it and how hard; a release that must wait holds from ``released_at`` on."""

    mode: SwitchMode
    by: str
    released_at: datetime | None = None


class ControlBook:
    """Approvals, switches and overrides that count; the newest word of a key wins."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration) -> None:
        self.words = Rows("control/", Control, MAX_ROWS)
        self.switches = Rows("switch/", SwitchRow, MAX_ROWS)
        self.words.load(entries)
        self.switches.load(entries)
        self._people = configuration.people
        self._oversight = configuration.policy.oversight

    def take(self, control: Control, now: datetime) -> str | None:
        """Take one word in; return why it does not count, None when it does."""
        person = self._people.named(control.by)
        if person is None or not is_signed_by(control, person.public_key):
            return "not signed by a person of people.yaml"
        if control.killswitch is not None:
            return self._switch(control, control.killswitch.mode, now)
        right = Right.APPROVE if control.approval is not None else Right.OVERRIDE
        if not self._people.may(control.by, right):
            return f"{control.by} has no right to {right}"
        if control.approval is not None and control.key.rpartition("/")[2] != control.by:
            return "an approval stands under its own person's name"
        self.words.put(control.key, control)
        return None

    def _switch(self, control: Control, mode: SwitchMode, now: datetime) -> str | None:
        right = Right.RELEASE_SWITCH if mode is SwitchMode.OFF else Right.ENGAGE_SWITCH
        if not self._people.may(control.by, right):
            return f"{control.by} has no right to {right}"
        if mode is not SwitchMode.OFF:
            self.switches.put(control.key, SwitchRow(mode, control.by))
            return None
        engaged = self.switches.get(control.key)
        if engaged is None:
            return None
        if self._oversight is Oversight.TWO_PERSON and engaged.by == control.by:
            return "releasing takes another person than the one who engaged it"
        if self._oversight is Oversight.SINGLE_OPERATOR:
            self.switches.put(control.key, SwitchRow(engaged.mode, engaged.by, now + timedelta(seconds=SINGLE_OPERATOR_WAIT_S)))
            return None
        self.switches.drop(control.key)
        return None

    def is_fleet_halted(self, now: datetime) -> bool:
        """Tell whether everything is halted."""
        return any(key == FLEET and row.mode is SwitchMode.HALT for key, row in _engaged(self.switches, now))

    def halted_scopes(self, now: datetime) -> tuple[str, ...]:
        """Return the scopes that are halted by themselves."""
        return tuple(
            key.removeprefix("killswitch/") for key, row in _engaged(self.switches, now) if key != FLEET and row.mode is SwitchMode.HALT
        )

    def stops(self, scope: str, now: datetime) -> str | None:
        """Return the switch that keeps new commands from the scope."""
        return next((f"{row.mode} by {row.by}" for key, row in _engaged(self.switches, now) if key in {FLEET, f"killswitch/{scope}"}), None)

    def approvals(self, decision: Decision, plan_hash: str, now: datetime) -> tuple[ApprovalGiven, ...]:
        """Return the yeses that count for exactly this plan now: not the proposer's, not expired, one a person."""
        return tuple(
            ApprovalGiven(control.by, plan_hash, control.approval.nonce, control.at)
            for control in _words_on(self.words, decision)
            if control.approval is not None
            and control.approval.approve
            and control.approval.plan_hash == plan_hash
            and now < control.approval.expires_at
            and control.by != decision.proposer
        )

    def approvals_end(self, decision: Decision, plan_hash: str) -> datetime | None:
        """Return when the first of the yeses to this plan expires."""
        ends = [
            c.approval.expires_at for c in _words_on(self.words, decision) if c.approval is not None and c.approval.plan_hash == plan_hash
        ]
        return min(ends, default=None)

    def denier(self, decision: Decision) -> str | None:
        """Return who said no."""
        return next((c.by for c in _words_on(self.words, decision) if c.approval is not None and not c.approval.approve), None)

    def override_on(self, incident_id: str) -> tuple[str, Override] | None:
        """Return the newest override on an incident, and whose it is."""
        prefix = f"override/{incident_id}/"
        found = [c for key, c in self.words.items() if key.startswith(prefix) and c.override is not None]
        newest = max(found, key=lambda c: c.at, default=None)
        return (newest.by, newest.override) if newest is not None and newest.override is not None else None


def _engaged(switches: Rows[SwitchRow], now: datetime) -> Iterator[tuple[str, SwitchRow]]:
    return ((key, row) for key, row in switches.items() if row.released_at is None or now < row.released_at)


def _words_on(words: Rows[Control], decision: Decision) -> Iterator[Control]:
    prefix = f"approval/{id_of(decision)}/"
    return (control for key, control in words.items() if key.startswith(prefix))
