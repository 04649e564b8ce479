"""Where the bytes that were read stand now: in the log, in a file that it was renamed or copied to, or nowhere; for ``follower.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.shipper.generations import generations
from console.shipper.position import Position
from infra.adapters.log_files import PACKED, LogFolder, Seen, UnpackError


@dataclass(frozen=True, slots=True)
class Generation:
    """One file of a log, the next newer one if there is one, and whether the file that was read before it is gone."""

    name: str
    seen: Seen
    newer: tuple[str, Seen] | None = None
    is_after_gap: bool = False


def find_generation(folder: LogFolder, log: str, position: Position | None) -> Generation | None:
    """Return the file to go on with, None when the log has none. Raises FileNotFoundError when one is renamed meanwhile."""
    seen = folder.seen(log)
    if position is None:
        return Generation(log, seen) if seen else None
    if seen and seen.inode == position.inode and _holds(folder, log, position):
        return Generation(log, seen)
    rows = folder.listed()
    chain = generations(log, rows)
    if not chain:
        return None
    at = _place_in(folder, chain, rows, position)
    is_gone = at is None
    if at is None:
        # Of what is there only that is surely unread which was written after the last look.
        at = next((number for number, name in enumerate(chain) if rows[name].mtime_ns > position.mtime_ns), len(chain) - 1)
    newer = chain[at + 1] if at + 1 < len(chain) else None
    return Generation(chain[at], rows[chain[at]], (newer, rows[newer]) if newer else None, is_gone)


def start_of(name: str, seen: Seen) -> Position:
    """Return the position before the first byte of a file."""
    is_packed = name.endswith(PACKED)
    # What stands there already is unread, so whatever bears the same time may be unread, too. A packed file is known by its time.
    mtime_ns = seen.mtime_ns if is_packed else seen.mtime_ns - (seen.size > 0)
    return Position(seen.inode, 0, "", mtime_ns, is_packed)


def _place_in(folder: LogFolder, chain: tuple[str, ...], rows: Mapping[str, Seen], position: Position) -> int | None:
    same = (number for number, name in enumerate(chain) if rows[name].inode == position.inode)
    for number in same:
        # A packed file never changes.
        if rows[chain[number]].mtime_ns == position.mtime_ns if position.is_packed else _holds(folder, chain[number], position):
            return number
    if position.is_packed or not position.offset:
        return None
    # Copied away before the log was emptied, or packed: a file of its own that holds the same bytes and was not written before them.
    later = (number for number, name in enumerate(chain[:-1]) if rows[name].mtime_ns >= position.mtime_ns)
    return next((number for number in later if _holds(folder, chain[number], position)), None)


def _holds(folder: LogFolder, name: str, position: Position) -> bool:
    try:
        with folder.opening(name) as file:
            return (file.is_packed or file.seen.size >= position.offset) and file.edges(position.offset) == position.edges
    except UnpackError:
        return False
