"""What recipes print: short and without secrets. Put in place of standard output and error by ``worker.py``; everybody else writes through.

A recipe's words are its results' details; what it prints is only for whoever writes it.
"""

from __future__ import annotations

import io
import threading
from typing import TextIO

from typing_extensions import override

from recoverers.crew import ATTEMPT
from schemas.door import redact

# Letters that one attempt may print, enough for a trace.
MAX_PRINTED = 4096
_FULL = "\n[the recipe printed more]\n"


class Hushed(io.TextIOBase):
    """A stream that masks and cuts what attempts write to it."""

    def __init__(self, through: TextIO) -> None:
        """Write through to the stream."""
        super().__init__()
        self._through = through
        self._printed = threading.local()

    @override
    def write(self, text: str, /) -> int:
        """Write through, or as much as an attempt may print; the rest is as good as written."""
        if threading.current_thread().name != ATTEMPT:
            return self._through.write(text)
        before = int(getattr(self._printed, "letters", 0))
        self._printed.letters = before + len(text)
        shown = text[: max(0, MAX_PRINTED - before)]
        is_cut = before <= MAX_PRINTED < before + len(text)
        self._through.write(redact(shown) + (_FULL if is_cut else ""))
        return len(text)

    @override
    def flush(self) -> None:
        """Flush what is below."""
        self._through.flush()
