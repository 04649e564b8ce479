"""The ends of log chunks, held until their neighbours are there, so that a line (or a few) across a border is matched whole.

A chunk leaves a head (up to a few lines after its first line break) and a tail; pieces that touch are joined, and a piece that is
closed on both sides is ready to be scanned. Joining is associative, so the order in which chunks arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

CONTEXT = 1024
MAX_PIECE = 4096
MAX_PIECES_TEXT = 24 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of the chunks ``first`` to ``last``: from line ``line`` of ``first`` on, ``joint`` breaks before the border."""

    first: int
    last: int
    text: str
    line: int
    joint: int
    open_left: bool
    open_right: bool

    def place(self, line: int) -> tuple[int, int]:
        """Return chunk and line in it for a line of this piece, both from 1; a line across the border belongs to the earlier chunk."""
        if line - 1 <= self.joint:
            return self.first, self.line + line - 1
        return self.last, line - self.joint


@dataclass(frozen=True, slots=True)
class Cut:
    """A chunk in its parts: the whole lines, the line they start on, and the ends that wait for neighbours."""

    inner: str
    inner_line: int
    ends: tuple[Piece, ...]


def cut_chunk(seq: int, text: str, *, eof: bool) -> Cut:
    """Cut a chunk; nothing is before chunk 0 and nothing is after the last."""
    opens_left, opens_right = seq > 0, not eof
    start = text.find("\n") + 1 if opens_left else 0
    stop = text.rfind("\n") + 1 if opens_right else len(text)
    if (opens_left and not start) or (opens_right and not stop):
        whole = _bounded(Piece(seq, seq, text, 1, text.count("\n"), opens_left, opens_right))
        # Nothing of an over-long line is left unread: what the piece cannot hold is scanned now.
        return Cut(text[: -len(whole.text)] if len(whole.text) < len(text) else "", 1, (whole,))
    ends = []
    if opens_left:
        # The head's first line ends at its first break, so no break of it lies before the border.
        stop_at = max(text.rfind("\n", 0, start + CONTEXT) + 1, start)
        ends.append(_bounded(Piece(seq, seq, text[:stop_at], 1, 0, open_left=True, open_right=False)))
    if opens_right:
        begin = max(text.find("\n", max(stop - CONTEXT, 0), stop) + 1, start) if stop > CONTEXT else start
        shown = text[begin:]
        tail = Piece(seq, seq, shown, 1 + text.count("\n", 0, begin), shown.count("\n"), open_left=False, open_right=True)
        ends.append(_bounded(tail))
    # A line longer than a piece is read at once too; its hits are recognised by place when it is read again.
    read_from = 0 if start > MAX_PIECE else start
    read_to = len(text) if len(text) - stop > MAX_PIECE else stop
    return Cut(text[read_from:read_to], 2 if read_from else 1, tuple(ends))


def _bounded(piece: Piece) -> Piece:
    cut = len(piece.text) - MAX_PIECE
    if cut <= 0:
        return piece
    gone = piece.text.count("\n", 0, cut)
    # When the border itself is cut off, a negative joint still tells the later chunk's lines.
    return replace(piece, text=piece.text[cut:], line=piece.line + gone, joint=piece.joint - gone)


def join_pieces(pieces: Iterable[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Join what touches; return the pieces still open and those that are ready."""
    joined: list[Piece] = []
    # At one chunk the head comes before the tail: the head is the one that is closed on its right.
    for piece in sorted(pieces, key=lambda one: (one.first, one.open_right)):
        before = joined[-1] if joined else None
        if before is not None and before.open_right and piece.open_left and before.last + 1 == piece.first:
            joined[-1] = _join(before, piece)
        else:
            joined.append(piece)
    still = [piece for piece in joined if piece.open_left or piece.open_right]
    ready = [piece for piece in joined if not (piece.open_left or piece.open_right)]
    # The bound of a run's evidence: the earliest pieces are read as they are rather than kept.
    while sum(len(piece.text) for piece in still) > MAX_PIECES_TEXT:
        ready.append(still.pop(0))
    return still, ready


def _join(left: Piece, right: Piece) -> Piece:
    joint = left.text.count("\n")
    return _bounded(Piece(left.first, right.last, left.text + right.text, left.line, joint, left.open_left, right.open_right))
