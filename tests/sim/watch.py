"""What one simulated worker hears of admit and of people; fits ``recoverers.hands.Watch``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.configuration import Configuration
from schemas.control_words import SWITCH_PREFIX, SwitchRow, switch_after, why_not_counted
from schemas.errors import UnreachableError
from schemas.oversight import Control, Lease, SwitchMode
from tests.sim.log import Log
from tests.sim.timeline import START


@dataclass
class Watch:
    """Follows ``heal.lease`` and ``heal.control``, and looks for the stop file."""

    log: Log
    configuration: Configuration
    now: Callable[[], datetime]
    has_stop_file: Callable[[], bool]
    words: dict[str, Control] = field(default_factory=dict)
    rows: dict[str, SwitchRow] = field(default_factory=dict)
    position: int = 0

    @property
    def lease(self) -> tuple[Lease | None, float]:
        """The newest lease and the virtual second of its receipt."""
        known = self.log.known("heal.lease")
        newest = known[-1] if known else None
        if not isinstance(newest, Lease):
            return None, 0.0
        return newest, (self.log.rows["heal.lease", 0][-1].at - START).total_seconds()

    @property
    def controls(self) -> Mapping[str, Control]:
        """The newest words that count by key."""
        self._follow()
        return self.words

    @property
    def switches(self) -> tuple[tuple[str, SwitchMode], ...]:
        """The switches that are on, by scope."""
        self._follow()
        return tuple((key.removeprefix(SWITCH_PREFIX), row.mode) for key, row in self.rows.items() if row.is_on(self.now()))

    @property
    def is_stopped(self) -> bool:
        """Whether the stop file is there."""
        return self.has_stop_file()

    def catch_up(self) -> None:
        """Read control to its end; without a broker nobody knows where that is."""
        if self.log.is_away:
            raise UnreachableError("heal.control", "the broker is away", "Wait for it")
        self._follow()

    def _follow(self) -> None:
        known = self.log.known("heal.control")
        for record in known[self.position :]:
            if isinstance(record, Control) and why_not_counted(record, self.configuration.people) is None:
                self._hear(record)
        self.position = len(known)

    def _hear(self, control: Control) -> None:
        if control.killswitch is None:
            self.words[control.key] = control
            return
        row = switch_after(self.rows.get(control.key), control, self.configuration.policy.oversight, self.now())
        if row is None:
            self.rows.pop(control.key, None)
        elif isinstance(row, SwitchRow):
            self.rows[control.key] = row
