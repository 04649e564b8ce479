"""One round over all followed logs after another: parts to the gateway, and how long to wait before the next; driven by ``ship.py``.

While the gateway asks for time nothing is read, so what waits is one part a log at most, and on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from console.backoff import Backoff
from console.shipper.logs import Log, Logs
from infra.adapters.log_door import Answer, Later, Refused, Taken

# What a build prints within so long travels together: each sending costs a millisecond and two writes to the disk.
POLL_S = 2.0
SCAN_S = 5.0
# After so many parts another log has its turn, and what is new is looked for.
_MOST_IN_A_ROW = 16


class Door(Protocol):
    """Where parts go: ``infra/adapters/log_door.py``."""

    def post(self, job: str, seq: int, content: bytes, *, is_end: bool) -> Answer:
        """Send one part; raises DeniedError or UnreachableError when it makes no sense to go on."""
        ...


@dataclass(slots=True)
class Rounds:
    """Where the shipper stands; ``draw`` gives a number in 0..1."""

    logs: Logs
    door: Door
    draw: Callable[[], float]
    tell_wait: Callable[[str, float], None]
    backoff: Backoff = field(default_factory=Backoff)
    scan_at_s: float = 0.0
    is_awaited: bool = False

    def go(self, now_s: float) -> float:
        """Send what is there; return the seconds until there may be more."""
        if not self.backoff.may_start(now_s):
            return self.backoff.not_before_s - now_s
        if now_s >= self.scan_at_s:
            self.logs.scan()
            self.scan_at_s = now_s + SCAN_S
        has_more = False
        for log in [log for log in self.logs.followed.values() if not log.is_refused]:
            sent = self._send(log, now_s)
            if sent is None:
                return max(self.backoff.not_before_s - now_s, 0.0)
            has_more |= sent == _MOST_IN_A_ROW
        return 0.0 if has_more else POLL_S

    def _send(self, log: Log, now_s: float) -> int | None:
        """Return how many parts of a log were taken, None when the gateway wants to be left alone."""
        for number in range(_MOST_IN_A_ROW):
            try:
                part = log.follower.part(now_s)
            except OSError as error:
                self.logs.tell(log.path, f"{error.strerror or error}; it is tried again")
                return number
            if part is None:
                return number
            answer = self.door.post(log.job.address, part.seq, part.content, is_end=part.is_end)
            match answer:
                case Taken(next_seq):
                    self.backoff, self.is_awaited = Backoff(), False
                    log.follower.taken(next_seq)
                case Later(why, wait_s):
                    self._wait(why, wait_s, now_s)
                    return None
                case Refused(why):
                    log.is_refused = True
                    self.logs.tell(log.path, f"the gateway refuses it: {why}; it is left alone until the next start")
                    return number
        return _MOST_IN_A_ROW

    def _wait(self, why: str, wait_s: float, now_s: float) -> None:
        grown = self.backoff.after_end(0.0, now_s, self.draw)
        self.backoff = Backoff(grown.failures, now_s + wait_s) if wait_s else grown
        if not self.is_awaited:
            self.tell_wait(why, self.backoff.not_before_s - now_s)
        self.is_awaited = True
