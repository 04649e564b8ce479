"""How often each strategy healed on each type of target, for the risk of the next time; kept by ``streams/healing_history.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.recoveries import RecoveryOutcome
from streams.demotions import SAYS_FAILED
from streams.rows import Rows

MAX_TRACKS = 2_000
MAX_ENDS = 50
# Until its own outcomes speak, three failures in ten are taken for usual, as ``demotions.py`` takes them; ten outcomes weigh as much.
PRIOR_RATE, PRIOR_WEIGHT = 0.7, 10.0


@dataclass(frozen=True, slots=True)
class End:
    """How one command ended."""

    command: str
    healed: bool


@dataclass(frozen=True, slots=True)
class TrackRow:
    """The newest ends of one strategy on one type of target."""

    ends: tuple[End, ...] = ()


class TrackRecord:
    """Rows by strategy and target type."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.rows = Rows("track/", TrackRow, MAX_TRACKS)
        self.rows.load(entries)

    def note_outcome(self, outcome: RecoveryOutcome) -> None:
        """Count what a command achieved, once; what was refused, observed or never run says nothing of the strategy."""
        has_failed = SAYS_FAILED.get(outcome.status)
        if has_failed is None or not outcome.strategy or not outcome.command_id or outcome.dry_run:
            return
        key = _key(outcome.strategy, outcome.target)
        row = self.rows.get(key) or TrackRow()
        if all(end.command != outcome.command_id for end in row.ends):
            self.rows.put(key, TrackRow((*row.ends, End(outcome.command_id, not has_failed))[-MAX_ENDS:]))

    def success_rate(self, strategy: str, target: str) -> float:
        """Return the share of its recoveries that healed on targets of this type, drawn to what is usual while they are few."""
        row = self.rows.get(_key(strategy, target)) or TrackRow()
        healed = sum(end.healed for end in row.ends)
        return round((healed + PRIOR_RATE * PRIOR_WEIGHT) / (len(row.ends) + PRIOR_WEIGHT), 4)


def _key(strategy: str, target: str) -> str:
    return f"{strategy}@{target.partition(':')[0]}"
