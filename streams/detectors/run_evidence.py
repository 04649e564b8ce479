"""The evidence of one run attempt: which chunks came, what matched where, the last lines; bounded, and blind to order and repetition.

Every step is a function from evidence to evidence, called by ``job_log.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from learning.marks import LAST_ONLY, Mark, MarkKind
from learning.patterns.matcher import MAX_SHADOW_HITS, Reading
from learning.structure import Structure, structure_of
from schemas.door import redact
from schemas.events import LogChunk, Provenance, weakest
from schemas.incidents import MAX_UNEXPLAINED, MAX_UNEXPLAINED_LINE, EvidenceRef, HitSeen, RunRef
from schemas.vocabulary import Result
from streams.detectors.log_pieces import Piece, cut_chunk, join_pieces

MAX_HITS = 200
MAX_HITS_TEXT = 24 * 1024
MAX_MARKS = 100
MAX_SPANS = 256
MAX_SOURCES = 20
TAIL = 4096
_TAILS = 3


class LogMatcher(Protocol):
    """What finds patterns in bytes: ``learning.patterns.matcher.Matcher``."""

    @property
    def hints(self) -> frozenset[str]:
        """The ids of the patterns that explain nothing by themselves."""
        ...

    def read(self, text: bytes) -> Reading:
        """Return the hits and marks of a text, lines counted from 1."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Chunks ``first`` to ``last`` have all come."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ChunkNote:
    """A number about one chunk: the count of its line breaks, or its offset."""

    seq: int
    offset: int


@dataclass(frozen=True, slots=True)
class ChunkSeen:
    """A chunk's offset, and when we received it (microseconds)."""

    offset: int
    at: int


@dataclass(frozen=True, slots=True)
class Found:
    """A hit on ``line`` of chunk ``seq``, both as they are known; a hit placed in the whole log has seq 0."""

    seq: int
    line: int
    hit: HitSeen


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark on ``line`` of chunk ``seq``, placed as ``Found`` is; ``code`` is what something ended with."""

    seq: int
    line: int
    kind: MarkKind
    code: int


@dataclass(frozen=True, slots=True)
class TailText:
    """The last text of one chunk."""

    seq: int
    text: str


@dataclass(frozen=True, slots=True)
class RunEnd:
    """What JobFinished said, and when we received it (microseconds)."""

    run: RunRef
    result: Result
    finished_at: int
    received_at: int
    log_chunks: int | None
    ref: EvidenceRef
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is kept of one run attempt and job; ``base`` chunks from 0 on are settled and have ``base_lines`` breaks."""

    partition: int
    first_at: int
    touched_at: int = 0
    traceparent: str = ""
    spans: tuple[Span, ...] = ()
    last_seq: int | None = None
    base: int = 0
    base_lines: int = 0
    breaks: tuple[ChunkNote, ...] = ()
    hits: tuple[Found, ...] = ()
    marks: tuple[Marked, ...] = ()
    pieces: tuple[Piece, ...] = ()
    tails: tuple[TailText, ...] = ()
    sources: tuple[ChunkNote, ...] = ()
    provenance: Provenance | None = None
    end: RunEnd | None = None

    def provenance_with(self, end: RunEnd) -> Provenance:
        """Return what may be claimed of log and end together."""
        return weakest(end.provenance, self.provenance) if self.provenance else end.provenance


def new_evidence(partition: int, first_at: int, traceparent: str) -> Evidence:
    """Return the evidence of a run of which nothing has come yet."""
    return Evidence(partition=partition, first_at=first_at, traceparent=traceparent)


def is_complete(row: Evidence) -> bool:
    """Tell whether the end, the last chunk and every chunk before it are there."""
    if row.end is None:
        return False
    last = row.last_seq if row.last_seq is not None else None if row.end.log_chunks is None else row.end.log_chunks - 1
    if last is None:
        return False
    return last < 0 or (len(row.spans) == 1 and row.spans[0].first == 0 and row.spans[0].last >= last)


def add_chunk(row: Evidence, chunk: LogChunk, arrived: ChunkSeen, matcher: LogMatcher, secrets: tuple[str, ...]) -> Evidence | None:
    """Return the evidence with a chunk; None when that chunk was there already."""
    spans = _with_seq(row.spans, chunk.seq)
    if spans is None:
        return None
    cut = cut_chunk(chunk.seq, chunk.text, eof=chunk.eof)
    inner = matcher.read(cut.inner.encode()) if cut.inner else Reading()
    found = [Found(chunk.seq, seen.line + cut.inner_line - 1, seen) for seen in _seen_in(inner)]
    marked = [Marked(chunk.seq, mark.line + cut.inner_line - 1, mark.kind, mark.code) for mark in inner.marks]
    still, ready = join_pieces((*row.pieces, *cut.ends))
    for piece in ready:
        hits, marks = _read_piece(piece, matcher, secrets)
        found += hits
        marked += marks
    sources = (*row.sources, ChunkNote(chunk.seq, arrived.offset)) if inner.hits else row.sources
    grown = replace(
        row,
        spans=spans,
        last_seq=chunk.seq if chunk.eof else row.last_seq,
        breaks=(*row.breaks, ChunkNote(chunk.seq, chunk.text.count("\n"))),
        touched_at=arrived.at,
        hits=_merged(row.hits, found) if found else row.hits,
        marks=_kept(row.marks, marked) if marked else row.marks,
        pieces=tuple(still),
        tails=tuple(sorted((*row.tails, TailText(chunk.seq, chunk.text[-TAIL:])), key=lambda tail: tail.seq)[-_TAILS:]),
        sources=tuple(sorted(sources, key=lambda at: at.seq)[-MAX_SOURCES:]),
        provenance=weakest(row.provenance, chunk.provenance) if row.provenance else chunk.provenance,
    )
    return _settled(grown)


def close_evidence(row: Evidence, matcher: LogMatcher, secrets: tuple[str, ...]) -> Evidence:
    """Read the pieces whose neighbours never came; nothing comes after this."""
    read = [_read_piece(piece, matcher, secrets) for piece in row.pieces]
    hits = _merged(row.hits, [hit for hits, _ in read for hit in hits])
    marks = _kept(row.marks, [mark for _, marks in read for mark in marks])
    return _settled(replace(row, hits=hits, marks=marks, pieces=()))


def structure_in(row: Evidence) -> Structure:
    """Return the structure of a closed run's log; where chunks are missing, of what came."""
    total = row.base_lines + sum(note.offset for note in row.breaks) + 1
    window = tail_of(row).split("\n")
    marks = [Mark(mark.kind, mark.line, mark.code) for mark in row.marks]
    return structure_of(marks, total, window, max(total - len(window) + 1, 1))


def tail_of(row: Evidence) -> str:
    """Return the last text of the log: of the last chunks that follow each other."""
    text, wanted = "", None
    for tail in reversed(row.tails):
        if (wanted is not None and tail.seq != wanted) or len(text) >= TAIL:
            break
        text, wanted = tail.text + text, tail.seq - 1
    return text[-TAIL:]


def unexplained_in(explaining: Iterable[HitSeen], structure: Structure, secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the last lines of the last error block, fit to be kept and shown; none when an explaining hit is in it."""
    if any(structure.is_in_block(hit.line) for hit in explaining):
        return ()
    # Whole lines are redacted again: a secret that a chunk's border cut in two has passed the door in halves.
    shown = (_shown(redact(line, secrets)) for line in structure.block)
    return tuple(line for line in shown if line)[-MAX_UNEXPLAINED:]


def _shown(line: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in line[: 4 * MAX_UNEXPLAINED_LINE]).strip()[:MAX_UNEXPLAINED_LINE]


def _seen_in(reading: Reading) -> list[HitSeen]:
    """Return the hits of a reading, those that only shadow too, each on its line of what was read."""
    judged = [(hit, False) for hit in reading.hits] + [(hit, True) for hit in reading.shadow]
    return [HitSeen(hit.pattern, hit.kind, hit.line, hit.text[:500], hit.captures, shadow) for hit, shadow in judged]


def _read_piece(piece: Piece, matcher: LogMatcher, secrets: tuple[str, ...]) -> tuple[list[Found], list[Marked]]:
    # A secret cut in two by the border has passed the door in halves: it is masked here, where it is whole again.
    read = matcher.read(redact(piece.text, secrets).encode())
    hits = [Found(*piece.place(seen.line), seen) for seen in _seen_in(read)]
    return hits, [Marked(*piece.place(mark.line), mark.kind, mark.code) for mark in read.marks]


def _kept(known: Iterable[Marked], fresh: Iterable[Marked]) -> tuple[Marked, ...]:
    """Return the marks that tell a structure: of some kinds the last one, of the others the latest ones."""
    ordered = sorted({*known, *fresh}, key=lambda mark: (mark.seq, mark.line, mark.kind))
    last = {mark.kind: mark for mark in ordered if mark.kind in LAST_ONLY}
    return tuple([mark for mark in ordered if last.get(mark.kind, mark) is mark][-MAX_MARKS:])


def _with_seq(spans: Sequence[Span], seq: int) -> tuple[Span, ...] | None:
    if any(span.first <= seq <= span.last for span in spans):
        return None
    joined: list[Span] = []
    for span in sorted((*spans, Span(seq, seq)), key=lambda one: one.first):
        if joined and joined[-1].last + 1 == span.first:
            joined[-1] = Span(joined[-1].first, span.last)
        else:
            joined.append(span)
    # More gaps than this is no log any more: the latest part is kept, and the run stays incomplete.
    return tuple(joined[-MAX_SPANS:])


def _merged(known: Iterable[Found], found: Iterable[Found]) -> tuple[Found, ...]:
    by_place: dict[tuple[int, int, str], Found] = {}
    for one in (*known, *found):
        place = (one.seq, one.line, one.hit.pattern)
        other = by_place.get(place)
        # The same line may be read alone and with its neighbours: the fuller reading stays, whichever came first.
        if other is None or _fullness(one) > _fullness(other):
            by_place[place] = one
    ordered = sorted(by_place.values(), key=lambda one: (one.seq, one.line, one.hit.pattern))
    # However much a pattern in shadow hits, it pushes out nothing that decides.
    shadow = [one for one in ordered if one.hit.shadow][-MAX_SHADOW_HITS:]
    newest = [*shadow, *[one for one in ordered if not one.hit.shadow][-MAX_HITS:]]
    size = 0
    for number in range(len(newest) - 1, -1, -1):
        size += len(newest[number].hit.text) + sum(len(name) + len(text) for name, text in newest[number].hit.captures)
        if size > MAX_HITS_TEXT:
            return tuple(newest[number + 1 :])
    return tuple(newest)


def _fullness(found: Found) -> tuple[int, int, str]:
    return len(found.hit.captures), len(found.hit.text), found.hit.text


def _settled(row: Evidence) -> Evidence:
    """Count the lines of the chunks from 0 on that can change no more, and place their hits in the whole log."""
    known = {note.seq: note.offset for note in row.breaks}
    held = min((piece.first for piece in row.pieces), default=None)
    base, lines, starts = row.base, row.base_lines, {}
    while base in known and (held is None or base < held):
        starts[base] = lines
        lines += known.pop(base)
        base += 1
    if base == row.base:
        return row
    # Chunks before the base have been placed already, and keep seq 0.
    placed = [Found(0, one.line + starts[one.seq], one.hit) if one.seq in starts else one for one in row.hits]
    marked = tuple(replace(one, seq=0, line=one.line + starts[one.seq]) if one.seq in starts else one for one in row.marks)
    left = tuple(ChunkNote(seq, count) for seq, count in known.items() if seq >= base)
    return replace(
        row, base=base, base_lines=lines, breaks=left[-MAX_SPANS * 4 :], hits=_merged((), placed) if placed else (), marks=marked
    )
