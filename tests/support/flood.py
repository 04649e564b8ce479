"""N12: CI events at ten times the rate that the figures of latency are taken under, for as long as it is told.

Whole jobs, most of which pass; one in fifty fails and is to have its end like any other. Each tick is sent when it is due, or at once when
the broker let it become late, so that nothing of the flood is left out on a slow machine.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime

from schemas.events import JobFinished, JobStarted, LogChunk
from schemas.ids import Record
from schemas.vocabulary import Result
from tests.support.chaos_scenario import LOGS, TRUSTED, Scenario, failed_run

ORDINARY_RATE = 200
TIMES = 10
FLOOD_S = float(os.environ.get("HEALSTREAM_FLOOD_S", "15"))
TICK_S = 0.1
LINES = 18
FAILS_EVERY = 50
LINE = "[INFO] module {} of the release build: compiling, linking and packing it took as long as the last time " + "." * 400 + "\n"


class Flood:
    """Begins when made; ``events`` and ``took_s`` say what it was, once it is over."""

    def __init__(self, scenario: Scenario, name: str) -> None:
        """Begin; jobs are numbered below ``name``."""
        self.events = 0
        self.took_s = 0.0
        self._scenario = scenario
        self._name = name
        self._expected: dict[str, str] = {}
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="flood")
        self._thread.start()

    def join(self) -> None:
        """Wait until all of it is with the broker; its failed jobs are expected to have their ends from now on."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        self._scenario.expected.update(self._expected)

    def _run(self) -> None:
        try:
            self._flow()
        except BaseException as failure:  # noqa: BLE001 - raised again by join
            self._failure = failure

    def _flow(self) -> None:
        # What is ten times as much is so without copies.
        self._scenario.fleet.copies = (1,)
        begun, jobs = time.monotonic(), 0
        per_tick = int(ORDINARY_RATE * TIMES * TICK_S) // (LINES + 2)
        for tick in range(int(FLOOD_S / TICK_S)):
            time.sleep(max(0.0, begun + tick * TICK_S - time.monotonic()))
            records = [record for number in range(jobs, jobs + per_tick) for record in self._job(number)]
            jobs += per_tick
            self.events += len(records)
            self._scenario.fleet.emit(records)
        self.took_s = time.monotonic() - begun

    def _job(self, number: int) -> list[Record]:
        run_id, now = f"{self._name}{number:06}", datetime.now(UTC)
        if number % FAILS_EVERY == 0:
            ending = sorted(LOGS)[number // FAILS_EVERY % len(LOGS)]
            self._expected[f"job:github/acme/cart/{run_id}/build"] = ending
            return failed_run(run_id, LOGS[ending], now, now)
        place, rest = ("github", "acme/flood", run_id, 1), ("ci", "build", "c" * 40, "main", "push")
        chunks = [LogChunk(*place, "build", seq, LINE.format(seq), seq == LINES - 1, now, provenance=TRUSTED) for seq in range(LINES)]
        started = JobStarted(*place, *rest, now, provenance=TRUSTED)
        return [started, *chunks, JobFinished(*place, *rest, Result.SUCCESS, now, log_chunks=LINES, provenance=TRUSTED)]
