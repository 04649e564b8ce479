"""Follows one log over its rotations: from files and what is kept of them to the next part to send; driven by ``ship.py``.

Nothing is remembered that is not kept on disk: to go on after a look is the same as to go on after a crash. A part is kept before it is
sent, for what is sent again must be the same bytes even if the file is gone by then.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from console.shipper.lines import PART_BYTES, sendable
from console.shipper.position import Kept, Part, Position
from console.shipper.whereabouts import Generation, find_generation, start_of
from infra.adapters.log_files import LogFile, LogFolder, Seen, UnpackError

_NO_FILE = (0, 0)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of stillness after which a line without an end is sent, a rotated file is left, and a log, there or gone, is at its end."""

    open_line_s: float = 10.0
    rotated_s: float = 5.0
    end_s: float = math.inf
    gone_s: float = 10.0


class Memory(Protocol):
    """Where what is kept of one log lies."""

    def put(self, kept: Kept) -> None:
        """Keep it durably; raises OSError."""
        ...


@dataclass(slots=True)
class Follower:
    """One log; ``tell`` takes what an operator has to know."""

    folder: LogFolder
    name: str
    kept: Kept
    memory: Memory
    patience: Patience
    tell: Callable[[str], None]
    _looked: Seen | None = None
    _wake_s: float = -math.inf
    _quiet_of: tuple[int, int] = (-1, -1)
    _quiet_s: float = -math.inf
    _packed: LogFile | None = field(default=None, repr=False)

    def part(self, now_s: float) -> Part | None:
        """Return what is to be sent next, kept already; None while there is nothing. Raises OSError when it cannot be read or kept."""
        if self.kept.part is not None:
            return self.kept.part
        seen = self.folder.seen(self.name)
        if seen == self._looked and now_s < self._wake_s:
            return None
        # Until it is known what there is, the next look is at once: what fails now is tried again.
        self._looked, self._wake_s = seen, now_s
        if self.kept.position is None and seen:
            # From its first look on it is followed wherever it goes, even if nothing of it could be read yet.
            self._keep(replace(self.kept, position=start_of(self.name, seen)))
        try:
            kept = self._next(now_s)
        except FileNotFoundError:
            # It was renamed or packed between two calls: the next look finds it where it is then.
            return None
        if kept is not None:
            self._keep(kept)
        return self.kept.part

    def _keep(self, kept: Kept) -> None:
        self.memory.put(kept)
        self.kept = kept

    def taken(self, next_seq: int) -> None:
        """Go on behind the part that the gateway has."""
        self.kept = replace(self.kept, seq=next_seq, part=None)
        # Else it is kept with the next part: what is sent twice from the same number becomes the same records.
        if self.kept.is_ended:
            self.memory.put(self.kept)

    def close(self) -> None:
        """Let go of what is open."""
        if self._packed is not None:
            self._packed.close()
            self._packed = None

    def _next(self, now_s: float) -> Kept | None:
        while True:
            position = self.kept.position
            here = find_generation(self.folder, self.name, position)
            mark = (here.seen.inode, here.seen.size) if here else _NO_FILE
            if mark != self._quiet_of:
                self._quiet_of, self._quiet_s = mark, now_s
            if here is None:
                return self._without_file(now_s)
            if here.is_after_gap and position:
                # A log that was at its end had nothing left to lose.
                if position.offset and not position.is_packed and not self.kept.is_ended:
                    self.tell(f"what stood behind byte {position.offset} is gone: that file is neither renamed nor copied beside the log")
                found: Kept | None = _at_start(self.kept, (here.name, here.seen), b"")
            else:
                found = self._from(here, now_s)
            if found is None or found.part is not None:
                return found
            # A file is over and nothing of it was left to send: on with the next one.
            self.kept = found

    def _from(self, here: Generation, now_s: float) -> Kept | None:
        offset = self.kept.position.offset if self.kept.position else 0
        file = self._opened(here)
        try:
            text = self._read(file, here.name, offset)
            whole = sendable(text)
            if whole:
                return _behind(self.kept, file, offset, whole)
            quiet_s = now_s - self._quiet_s
            if here.newer is not None:
                is_over = file.is_packed or quiet_s >= self.patience.rotated_s
                return _at_start(self.kept, here.newer, text) if is_over else None
            if quiet_s >= self.patience.end_s and not self.kept.is_ended:
                return replace(_behind(self.kept, file, offset, text, is_end=True), is_ended=True)
            if text and quiet_s >= self.patience.open_line_s:
                return _behind(self.kept, file, offset, text)
            self._wait(here.name, has_text=bool(text))
            return None
        finally:
            if file is not self._packed:
                file.close()

    def _wait(self, name: str, *, has_text: bool) -> None:
        waits = ([self.patience.open_line_s] if has_text else []) + ([] if self.kept.is_ended else [self.patience.end_s])
        # Of a log that was renamed and not begun anew, the new file is awaited.
        self._wake_s = self._quiet_s + min(waits, default=math.inf) if name == self.name else -math.inf

    def _opened(self, here: Generation) -> LogFile:
        if self._packed is not None and self._packed.seen.inode == here.seen.inode:
            return self._packed
        self.close()
        file = self.folder.opened(here.name)
        if file.is_packed:
            # To find a place in it is to unpack all that stands before: it stays open until it is over.
            self._packed = file
        return file

    def _read(self, file: LogFile, name: str, offset: int) -> bytes:
        try:
            return file.read_at(offset, PART_BYTES)
        except UnpackError as error:
            self.tell(f"{name}: {error}; what stands behind byte {offset} of its text is left out")
            return b""

    def _without_file(self, now_s: float) -> Kept | None:
        if self.kept.position is None or self.kept.is_ended:
            self._wake_s = math.inf
            return None
        if now_s - self._quiet_s < min(self.patience.gone_s, self.patience.end_s):
            return None
        return replace(self.kept, part=Part(self.kept.seq, b"", is_end=True), is_ended=True)


def _behind(kept: Kept, file: LogFile, offset: int, text: bytes, *, is_end: bool = False) -> Kept:
    to = offset + len(text)
    position = Position(file.seen.inode, to, "" if file.is_packed else file.edges(to), file.seen.mtime_ns, file.is_packed)
    has_open_line = not text.endswith(b"\n") if text else kept.has_open_line
    return Kept(kept.seq, position, Part(kept.seq, text, is_end), has_open_line)


def _at_start(kept: Kept, newer: tuple[str, Seen], rest: bytes) -> Kept:
    # The next file begins a line: what was left open is ended, so that the two are not read as one.
    part = Part(kept.seq, rest + b"\n") if rest or kept.has_open_line else None
    return replace(kept, position=start_of(*newer), part=part, has_open_line=False)
