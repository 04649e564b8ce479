"""The stored stream of decisions as a file and back: what decide read and what it said, so that another machine can decide it again.

Called by ``healstream replay``. A line holds a record's Avro bytes as they go over a topic, and its id as a check.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path

from console.home import write_file
from schemas.avro_codec import Codec, Undecodable
from schemas.errors import ConfigurationError, NotFoundError
from schemas.ids import Record, id_of
from schemas.topics import ALL_RECORDS

FORMAT = 1
_HEAD = {"format": FORMAT, "stream": "healstream decisions"}
_MEND = "Save it again with `healstream replay --save FILE`"


def save(records: Iterable[Record], file: Path) -> int:
    """Write the records in their order in one step; return how many there were."""
    codec = Codec(ALL_RECORDS)
    rows = [{"record": one.RECORD, "id": id_of(one), "avro": b64encode(codec.encode(one)).decode("ascii")} for one in records]
    write_file(file, "".join(json.dumps(row) + "\n" for row in (_HEAD, *rows)))
    return len(rows)


def load(file: Path) -> list[Record]:
    """Return the records of a file; raises NotFoundError or ConfigurationError with the line that is wrong."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(str(file), str(error), _MEND) from error
    if not lines or lines[0] != json.dumps(_HEAD):
        raise ConfigurationError(f"{file}:1", "this is no stream of decisions of this format", _MEND)
    return list(_records(file, lines[1:]))


def _records(file: Path, lines: list[str]) -> Iterator[Record]:
    codec = Codec(ALL_RECORDS)
    for number, line in enumerate(lines, 2):
        try:
            row = json.loads(line)
            found, name = codec.decode(b64decode(row["avro"], validate=True)), row["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{file}:{number}", f"this is no record: {error}", _MEND) from error
        if isinstance(found, Undecodable):
            raise ConfigurationError(f"{file}:{number}", found.why, _MEND)
        if id_of(found) != name:
            raise ConfigurationError(f"{file}:{number}", "the record is not the one that was saved", _MEND)
        yield found
