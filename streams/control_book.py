"""What people have said on ``heal.control``, each word checked for who may say it; used by ``streams/admit.py``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from schemas.configuration import Configuration
from schemas.control_words import why_not_counted
from schemas.decisions import ApprovalGiven, Decision
from schemas.ids import content_id, id_of
from schemas.incidents import Incident
from schemas.matters import matter_of
from schemas.oversight import Control, Override
from schemas.people import Role
from streams.rows import Rows
from streams.switch_book import SwitchBook

MAX_ROWS = 50_000


class ControlBook:
    """Approvals, switches and overrides that count; the newest word of a key wins."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration) -> None:
        self.words = Rows("control/", Control, MAX_ROWS)
        self.switches = SwitchBook(entries)
        self.words.load(entries)
        self._people = configuration.people
        self._services = configuration.services
        self._oversight = configuration.policy.oversight
        self._frozen: dict[str, Control] = {}
        self._run_by_admin: frozenset[str] = frozenset()
        for word in self.words.values():
            self._note(word)

    def take(self, control: Control, now: datetime) -> str | None:
        """Take one word in; return why it does not count, None when it does."""
        why = why_not_counted(control, self._people)
        if why:
            return why
        if control.circuit is not None or control.ack is not None:
            # The one is done once, by whoever keeps the breakers; the other is for those who tell people.
            return None
        if control.killswitch is None:
            self.words.put(control.key, control)
            self._note(control)
            return None
        return self.switches.take(control, self._oversight, now)

    def passes_budgets(self, decision: Decision) -> bool:
        """Tell whether an admin said to run this incident, or the one that it was opened again for; budgets then do not count."""
        return decision.incident_id in self._run_by_admin

    @property
    def freezes(self) -> Collection[Control]:
        """The newest word on each freeze, those that are over among them."""
        return self._frozen.values()

    def subjects(self) -> frozenset[str]:
        """Return the decisions and incidents that anybody has said something of, so that thousands of others need not be looked up."""
        return frozenset(key.split("/")[1] for key, _ in self.words.items() if key.startswith(("approval/", "override/")))

    def approvals(self, decision: Decision, plan_hash: str, now: datetime) -> tuple[ApprovalGiven, ...]:
        """Return the yeses that count for exactly this plan now: not the proposer's, not expired, one a person."""
        return tuple(
            ApprovalGiven(control.by, plan_hash, control.approval.nonce, control.at)
            for control in self._words_on(decision)
            if control.approval is not None
            and control.approval.approve
            and control.approval.plan_hash == plan_hash
            and now < control.approval.expires_at
            and control.by != decision.proposer
        )

    def approvals_end(self, decision: Decision, plan_hash: str) -> datetime | None:
        """Return when the first of the yeses to this plan expires."""
        ends = [c.approval.expires_at for c in self._words_on(decision) if c.approval is not None and c.approval.plan_hash == plan_hash]
        return min(ends, default=None)

    def denier(self, decision: Decision) -> str | None:
        """Return who said no."""
        return next((c.by for c in self._words_on(decision) if c.approval is not None and not c.approval.approve), None)

    def _words_on(self, decision: Decision) -> Iterator[Control]:
        """Return the yeses and noes on a decision by people who may say them of its very target."""
        about = matter_of(decision.target, self._services, decision.tier, decision.strategy)
        prefix = f"approval/{id_of(decision)}/"
        words = (control for key, control in self.words.items() if key.startswith(prefix))
        return (control for control in words if why_not_counted(control, self._people, about) is None)

    def _note(self, word: Control) -> None:
        """Keep what every decision is asked about where it is found at once."""
        if word.freeze is not None:
            self._frozen[word.key] = word
        person = self._people.named(word.by)
        if word.override is not None and word.override.run and person is not None and Role.ADMIN in person.roles:
            self._run_by_admin |= {_overridden(word), content_id(Incident.RECORD, word.override.nonce)}

    def override_on(self, incident_id: str) -> tuple[str, Override] | None:
        """Return the newest override on an incident, and whose it is."""
        prefix = f"override/{incident_id}/"
        found = [c for key, c in self.words.items() if key.startswith(prefix) and c.override is not None]
        newest = max(found, key=lambda c: c.at, default=None)
        return (newest.by, newest.override) if newest is not None and newest.override is not None else None


def _overridden(word: Control) -> str:
    return word.key.removeprefix("override/").rpartition("/")[0]
