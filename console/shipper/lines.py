"""What of the bytes that were read can be sent: whole lines, and a line that is too long in pieces of whole letters. Pure."""

from __future__ import annotations

PART_BYTES = 256 * 1024
# A letter of UTF-8 has at most so many bytes after its first.
_MOST_MORE = 3


def sendable(text: bytes, most: int = PART_BYTES) -> bytes:
    """Return the part of a text that is whole; what has no line end in ``most`` bytes is cut between two letters."""
    end = text.rfind(b"\n") + 1
    if end or len(text) < most:
        return text[:end]
    return text[: len(text) - _cut_letter(text)]


def _cut_letter(text: bytes) -> int:
    for back in range(1, _MOST_MORE + 1):
        byte = text[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
        if byte < 0x80:
            return 0
    return 0
