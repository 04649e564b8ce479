"""The independent eye on one shop: asks every service each second, sees when what failed is well again, and lets its person mend.

It knows nothing of healing; what it saw is judged by ``seen.py``. Started by ``play.py``, one a shop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from tests.outcomes.plan import BY_WAY, FILES, Failure, Way
from tests.outcomes.records import Begun, Watched
from tests.outcomes.shop import Shop, drifted_by

EVERY_S = 1.0


class Watcher:
    """Looks from a thread of its own until ``stop``; ``person_s`` is how long a person takes to come (None: nobody comes)."""

    def __init__(self, name: str, shop: Shop, person_s: float | None, was_rolled_back: Callable[[Begun], bool]) -> None:
        """Prepare; ``was_rolled_back`` tells whether healing gave a failure up and put it back."""
        self.shop = shop
        self.seen = Watched(name)
        self._person_s = person_s
        self._was_rolled_back = was_rolled_back
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._look_on, name=f"watch-{name}", daemon=True)
        self._broke: list[Exception] = []

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; raises what ended the looking before its time."""
        self._ending.set()
        self._thread.join()
        self._raise_what_broke()

    def begin(self, failure: Failure) -> None:
        """Let a failure begin, unless its target still lies there; raises what ended the looking."""
        self._raise_what_broke()
        begun = Begun(failure, self.shop.target_of(failure), datetime.now(UTC), self.shop.is_broken(failure))
        if not begun.was_broken:
            self.shop.fail(failure)
        with self._lock:
            self.seen.begun.append(begun)

    def _raise_what_broke(self) -> None:
        for error in self._broke:
            raise error

    def _look_on(self) -> None:
        try:
            looks_at = time.monotonic()
            while not self._ending.is_set():
                self._look()
                looks_at += EVERY_S
                self._ending.wait(max(0.0, looks_at - time.monotonic()))
        except Exception as error:  # noqa: BLE001 - the main thread raises it
            self._broke.append(error)

    def _look(self) -> None:
        for name, row in self.seen.answered.items():
            row.append(self.shop.answers(name))
        with self._lock:
            still = [one for one in self.seen.begun if one.well_at is None and not one.was_broken]
        for one in still:
            self._look_at(one, datetime.now(UTC))

    def _look_at(self, one: Begun, now: datetime) -> None:
        if one.put_back is None and one.failure.way in FILES and self._was_rolled_back(one):
            one.put_back = self.shop.config_file(one.failure.service).read_text(encoding="utf-8") == drifted_by(one.failure)
        # A service that lies shows the right file for a moment; only a hand makes it well.
        if (one.failure.way is not Way.LIED or one.by_hand) and self.shop.is_well(one.failure):
            one.well_at = now
            return
        row = BY_WAY[one.failure.way]
        # Nobody runs a job again that fails by its own fault.
        is_mendable = row.is_healable or bool(row.on)
        if self._person_s is not None and is_mendable and (now - one.at).total_seconds() >= self._person_s:
            one.by_hand = True
            self.shop.repair(one.failure)
