"""How far each strategy may go, as decide told the audit chain of it, and a person's signed word on it; called by ``healstream rollout``.

Pure. Decide judges the word again: what it would refuse is refused here already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from console.words import Speaker
from schemas.catalogue import CARDS
from schemas.control_words import ROLLOUT_PREFIX, why_not_counted
from schemas.decisions import Oversight
from schemas.errors import DeniedError
from schemas.oversight import AuditEntry, Control, Rollout, RolloutLevel
from schemas.people import People
from schemas.policy import Policy
from schemas.rollouts import DEMOTED, LADDER, ROLLOUT_REFUSED, ROLLOUT_SET, RolloutRow, lower_of, may_raise, rollout_after, row_from
from schemas.signing import sign

DECIDE = "decide"


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds one strategy: the policy, people's words and its own failures; ``story`` is what decide told of it, oldest first."""

    strategy: str
    allowed: RolloutLevel
    canary_share: float
    said: RolloutRow | None = None
    demoted_to: RolloutLevel | None = None
    why: str = ""
    story: tuple[AuditEntry, ...] = ()

    def level_at(self, now: datetime) -> RolloutLevel:
        """Return the level that holds now: the lowest of the three."""
        said = self.said.level_at(now) if self.said else RolloutLevel.AUTOMATIC
        return lower_of(self.allowed, said, self.demoted_to or RolloutLevel.AUTOMATIC)

    def row(self, now: datetime) -> dict[str, object]:
        """Return the standing as a row for people."""
        return {
            "strategy": self.strategy,
            "level": self.level_at(now).value,
            "policy": self.allowed.value,
            "people": self.said.level_at(now).value if self.said else "",
            "by": self.said.by if self.said else "",
            "demoted_to": self.demoted_to.value if self.demoted_to else "",
            "why": self.why,
            "canary_share": self.canary_share,
        }


def standings_of(entries: Iterable[AuditEntry], policy: Policy, people: People) -> Mapping[str, Standing]:
    """Return every strategy's standing; entries of others than decide, and of strategies that are no more, are skipped."""
    rows = {card.name: policy.for_strategy(card.name) for card in CARDS}
    found = {name: Standing(name, row.level, row.canary_share) for name, row in rows.items()}
    for entry in entries:
        if entry.actor == DECIDE and entry.subject in found and entry.action in _TAKES:
            known = found[entry.subject]
            found[entry.subject] = replace(_TAKES[entry.action](known, entry, people), story=(*known.story, entry))
    return found


def rollout_word(standing: Standing, level: RolloutLevel, speaker: Speaker, people: People, oversight: Oversight, at: datetime) -> Control:
    """Return the signed word; raises DeniedError when decide would refuse it."""
    control = sign(Control(f"{ROLLOUT_PREFIX}{standing.strategy}", speaker.name, at, rollout=Rollout(level)), speaker.key)
    why = why_not_counted(control, people)
    if why:
        raise DeniedError(speaker.name, why, "Ask somebody whom policy/*.cedar allows it")
    row = rollout_after(standing.said, control, people, oversight)
    if isinstance(row, str):
        raise DeniedError(speaker.name, row, "Ask another person to say `healstream rollout set`")
    return control


def said_of(standing: Standing, level: RolloutLevel) -> str:
    """Return what a person should know of a word that was said."""
    if LADDER.index(level) > LADDER.index(standing.allowed):
        return f"the policy allows {standing.allowed}: no word goes further, raise `level` in policy/*.yaml for that"
    return "decide takes it up with its next event; `healstream rollout get` shows it"


def _set(known: Standing, entry: AuditEntry, people: People) -> Standing:
    row = row_from(entry.details, entry.at)
    is_lifted = may_raise(Control(f"{ROLLOUT_PREFIX}{known.strategy}", row.by, entry.at), people)
    return replace(known, said=row, demoted_to=None, why="") if is_lifted else replace(known, said=row)


def _demoted(known: Standing, entry: AuditEntry, people: People) -> Standing:
    del people
    told = dict(entry.details)
    return replace(known, demoted_to=RolloutLevel(told["level"]), why=told["why"])


def _told(known: Standing, entry: AuditEntry, people: People) -> Standing:
    del entry, people
    return known


_TAKES = {ROLLOUT_SET: _set, DEMOTED: _demoted, ROLLOUT_REFUSED: _told}
