"""What is kept of one followed log: how far it has been read, and the part that is on its way; stored by ``checkpoints.py``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """How far one file has been read: ``edges`` is a digest of its first bytes and of those before ``offset``.

    ``mtime_ns`` is when it had last been written when it was read: whatever holds these bytes was not last written before.
    """

    inode: int
    offset: int
    edges: str
    mtime_ns: int
    is_packed: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a log as it is sent: sent again from the same ``seq`` it has to be the same bytes."""

    seq: int
    content: bytes
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """One log: the next number, the position after ``part``, and the part that the gateway may or may not have.

    ``has_open_line`` says that what was sent last does not end a line, ``is_ended`` that the gateway has been told of the end.
    """

    seq: int = 0
    position: Position | None = None
    part: Part | None = None
    has_open_line: bool = False
    is_ended: bool = False
