"""The end of a fetched log as chunks, the same ones however often it is fetched. Pure; for ``console/fetch_logs.py``.

Where the beginning was left out the first chunk has the number 1: the gap says that a part of the log was not read.
"""

from __future__ import annotations

from console.gateway.logs import CHUNK_LETTERS, Cutter, Place, valid
from console.github.wanted import Wanted
from infra.adapters.ci_logs import LogEnd
from schemas.events import LogChunk

SOURCE_BOM = "\ufeff"


def chunks_of(wanted: Wanted, end: LogEnd) -> tuple[LogChunk, ...]:
    """Return the chunks; secrets of known formats are masked in each."""
    text = valid(end.content.decode("utf-8", "replace")).removeprefix(SOURCE_BOM)
    # Half a line could hold half of a secret, which no rule would know.
    text = text if end.is_whole else text.partition("\n")[2] or text[-CHUNK_LETTERS:]
    place = Place(wanted.server.source, wanted.project, wanted.run_id, wanted.job, wanted.attempt)
    cutter = Cutter()
    pieces = [*cutter.feed(text), cutter.rest]
    first = 0 if end.is_whole else 1
    return tuple(
        place.chunk(first + number, piece, number == len(pieces) - 1, wanted.at, wanted.provenance) for number, piece in enumerate(pieces)
    )
