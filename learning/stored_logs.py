"""From the compressed recordings of ``learning/corpus`` to logs whose cause is known; read by accuracy, back-tests and simulations.

Each file is ``<family>.jsonl.xz``: one JSON object a line, ordered by id, written by ``make corpus``. Nothing here reads a disk: the
caller hands over the bytes by file name.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.errors import ConfigurationError
from schemas.vocabulary import Kind, Result

_WORDS = ("id", "tool", "family", "language", "fault", "label", "conclusion", "ci", "recipe", "text")
# A family of recordings is some 2 MB of text; a file that unfolds to more than this is no recording of ours.
MAX_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredLog:
    """One recorded log; ``kind`` is true by construction of ``fault``, ``exit_code`` is what the step ended with (128 + n for signal n).

    ``language`` is that of the project (``none`` where there is none), ``ci`` the dialect that the log is dressed in (``github``,
    ``gitlab``, ``jenkins`` or ``plain``), ``recipe`` the id of what made it, ``text`` the log with its newlines.
    """

    id: str
    tool: str
    family: str
    language: str
    fault: str
    kind: Kind
    result: Result
    ci: str
    text: str
    exit_code: int = 0
    recipe: str = ""


def load_stored_logs(files: Mapping[str, bytes]) -> tuple[StoredLog, ...]:
    """Return the logs of all files, ordered by id; ``files`` holds the compressed bytes by file name.

    Raises ConfigurationError, naming file and line, for bytes that do not unfold, a row that is no log, or an id that is there twice.
    """
    found: dict[str, StoredLog] = {}
    for name in sorted(files):
        for place, log in _logs_of(name, files[name]):
            if log.id in found:
                raise ConfigurationError(place, f"the id {log.id} is recorded twice", "Record the family again with `make corpus`.")
            found[log.id] = log
    return tuple(found[key] for key in sorted(found))


def _logs_of(name: str, packed: bytes) -> Iterator[tuple[str, StoredLog]]:
    for number, line in enumerate(_unfold(name, packed).split(b"\n"), start=1):
        if line.strip():
            place = f"{name}:{number}"
            yield place, _read_log(place, line)


def _unfold(name: str, packed: bytes) -> bytes:
    opener = lzma.LZMADecompressor()
    try:
        text = opener.decompress(packed, MAX_FILE_BYTES)
    except lzma.LZMAError as error:
        raise ConfigurationError(f"{name}:1", f"it is no xz file ({error})", "Record the family again with `make corpus`.") from error
    if opener.eof:
        return text
    raise ConfigurationError(f"{name}:1", "it is cut off or larger than 64 MiB", "Record the family again with `make corpus`.")


def _read_log(place: str, line: bytes) -> StoredLog:
    try:
        row = json.loads(line)
        words = {key: str(row[key]) for key in _WORDS}
        kind, result = Kind(words.pop("label")), Result(words.pop("conclusion"))
        return StoredLog(kind=kind, result=result, exit_code=int(row["exit_code"]), **words)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(place, f"it is no recorded log ({error!r})", "Record the family again with `make corpus`.") from error
