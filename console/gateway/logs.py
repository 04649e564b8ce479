"""A job's log to chunks: cut at line ends by a rule that depends on the text alone, so that what is sent again has the same ids.

Pure; ``log_upload.py`` feeds it from a request.
"""

from __future__ import annotations

import codecs
import zlib
from dataclasses import dataclass, field
from datetime import datetime

from schemas.door import redact
from schemas.errors import UsageError
from schemas.events import LogChunk, Provenance

CHUNK_LETTERS = 32 * 1024
MAX_LOG_BYTES = 256 * 1024 * 1024
# Logs shrink ten- to fiftyfold; a bomb a thousandfold.
MAX_RATIO = 200
RATIO_FROM_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 256 * 1024
_GZIP_WINDOW = 31
_KEY_BEGIN, _KEY_END, _KEY, _MASK = "-----BEGIN ", "-----END ", "PRIVATE KEY-----", "[redacted]"
_KEY_LETTERS = 8_000


@dataclass(frozen=True, slots=True)
class Place:
    """Whose log it is: one job of one attempt of a run."""

    source: str
    project: str
    run_id: str
    job: str
    attempt: int
    step: str | None = None

    @property
    def key(self) -> str:
        """Return one text for it."""
        return f"{self.source}/{self.project}/{self.run_id}/{self.job}/{self.attempt}"

    def chunk(self, seq: int, text: str, eof: bool, at: datetime, provenance: Provenance) -> LogChunk:
        """Return one chunk of it, secrets masked."""
        row = (self.source, self.project, self.run_id, self.attempt, self.job)
        return LogChunk(*row, seq, _without_cut_key(redact(text)), eof, at, self.step, provenance)


def place_of(run: str, attempt: str, step: str) -> Place:
    """Return the place that ``SOURCE/PROJECT/RUN_ID/JOB`` names, the project may hold slashes; raises UsageError."""
    words = run.split("/")
    if len(words) < 4 or not all(words) or len(run) > 1000 or not run.isprintable():
        raise UsageError("the path", "it does not name a job", "Post to /ingest/logs/SOURCE/PROJECT/RUN_ID/JOB, each percent-encoded")
    return Place(words[0], "/".join(words[1:-2]), words[-2], words[-1], number_of("attempt", attempt or "1"), step[:200] or None)


def number_of(name: str, text: str) -> int:
    """Return the count in a query; raises UsageError."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 6:
        raise UsageError(name, f"{text[:40]!r} is no count", "Give a whole number from 0 to 999999")
    return int(text)


@dataclass(slots=True)
class Cutter:
    """Cuts a text that comes in parts; what it returns depends on the whole text only, never on how it came."""

    rest: str = ""

    def feed(self, text: str) -> list[str]:
        """Return the pieces that are whole now."""
        self.rest += text
        pieces: list[str] = []
        start = 0
        while len(self.rest) - start > CHUNK_LETTERS:
            end = self.rest.rfind("\n", start, start + CHUNK_LETTERS) + 1 or start + CHUNK_LETTERS
            pieces.append(self.rest[start:end])
            start = end
        self.rest = self.rest[start:]
        return pieces


def chunks_of(place: Place, text: str, at: datetime, provenance: Provenance) -> tuple[LogChunk, ...]:
    """Return a whole log as chunks."""
    cutter = Cutter()
    pieces = [*cutter.feed(valid(text)), cutter.rest]
    return tuple(place.chunk(seq, piece, seq == len(pieces) - 1, at, provenance) for seq, piece in enumerate(pieces))


def valid(text: str) -> str:
    """Return the text as UTF-8 can hold it: JSON may name halves of letters."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@dataclass(slots=True)
class Unpacker:
    """Bytes as they come over the line to text: unpacked where they are gzip, bounded, wrong UTF-8 replaced. Raises UsageError."""

    is_gzip: bool
    size: int = 0
    received: int = 0
    _text: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))
    _zip: zlib._Decompress = field(default_factory=lambda: zlib.decompressobj(_GZIP_WINDOW))

    def feed(self, piece: bytes) -> list[str]:
        """Return the text in a piece, in parts of a bounded size; each is checked before the next is unpacked."""
        self.received += len(piece)
        if not self.is_gzip:
            return [self._counted(piece)]
        parts: list[str] = []
        while piece:
            try:
                parts.append(self._counted(self._zip.decompress(piece, _PIECE_BYTES)))
            except zlib.error as error:
                raise UsageError("the body", f"it is no gzip: {error}", "Send gzip, or leave Content-Encoding out") from error
            piece = self._zip.unconsumed_tail
        return parts

    def end(self) -> str:
        """Return what was left of the last letter; raises UsageError when the gzip is not whole."""
        if self.is_gzip and not self._zip.eof:
            raise UsageError("the body", "the gzip ends before its end", "Send it again from this seq")
        return self._text.decode(b"", final=True)

    def _counted(self, plain: bytes) -> str:
        self.size += len(plain)
        if self.size > MAX_LOG_BYTES:
            raise LogTooLargeError(f"one request may hold {MAX_LOG_BYTES >> 20} MiB of log")
        if self.is_gzip and self.size > RATIO_FROM_BYTES and self.size > MAX_RATIO * self.received:
            raise LogTooLargeError(f"it unpacks to more than {MAX_RATIO} times its size")
        return self._text.decode(plain)


class LogTooLargeError(UsageError):
    """A log in one request is larger than may be; send its end, or the rest from the next seq."""

    def __init__(self, why: str) -> None:
        """Say which bound it breaks."""
        super().__init__("the log", why, "Send the last part of the log, where the failure stands, or the rest from next_seq")


def _without_cut_key(text: str) -> str:
    # A private key that a chunk's border cuts in two is masked on both sides, as far as a key can reach.
    begun = text.rfind(_KEY_BEGIN)
    if begun >= 0 and _KEY in text[begun : begun + 60] and _KEY_END not in text[begun:]:
        text = text[:begun] + _MASK + text[begun + _KEY_LETTERS :]
    over = text.find(_KEY_END)
    is_cut = over >= 0 and _KEY in text[over : over + 60] and _KEY_BEGIN not in text[:over]
    return text[: max(over - _KEY_LETTERS, 0)] + _MASK + text[over:] if is_cut else text
