"""A whole Faust worker around the smallest stage that has state: it counts log chunks per partition and says each number once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from infra.logging import configure
from infra.settings import WorkerSettings
from schemas.avro_codec import Codec
from schemas.errors import HealstreamError
from schemas.events import LogChunk
from schemas.ids import Record
from schemas.outputs import Emit, Output, Place
from schemas.oversight import AuditEntry
from schemas.topics import ALL_RECORDS
from streams.agents import Bound
from streams.app import serve
from streams.doors import PlainDoor
from streams.flow import FLOW

AT = datetime(2026, 1, 2, tzinfo=UTC)


class Counting:
    """Counts; a text of ``explode`` breaks it in the middle of a change."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._changed = False

    def on_event(self, event: Record, place: Place, now: datetime) -> Sequence[Output]:  # noqa: ARG002 - the Protocol's shape
        self._count += 1
        self._changed = True
        if isinstance(event, LogChunk) and event.text == "explode":
            raise ZeroDivisionError("a defect of the stage")
        run = getattr(event, "run_id", "")
        return (Emit(AuditEntry("tiny", str(self._count), run, AT, (("partition", str(place.partition)),))),)

    def on_tick(self, now: datetime) -> Sequence[Output]:  # noqa: ARG002 - the Protocol's shape
        return ()

    def take_changes(self) -> Mapping[str, str | None]:
        changed, self._changed = self._changed, False
        return {"count": str(self._count)} if changed else {}

    def snapshot(self) -> Mapping[str, str]:
        return {"count": str(self._count)}


def main() -> int:
    configure("tiny")
    codec = Codec(ALL_RECORDS)
    # Both ways to write the state are tried: after each event, and of many events before their offsets are committed.
    later = os.environ.get("TINY_WRITES_LATER") == "yes"
    bound = Bound(FLOW[0], PlainDoor(codec), lambda entries: Counting(int(entries.get("count", "0"))), codec, writes_later=later)
    try:
        serve(WorkerSettings.from_environment(os.environ), [bound], "healstream-tiny")
    except HealstreamError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
