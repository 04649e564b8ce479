"""Where a log may hold a secret: one scan of one Hyperscan automaton, so that ``schemas.door.redact`` reads only the lines it must.

Each expression is looser than its namesake in ``schemas/door.py`` and never stricter: it knows no word borders, and bytes beyond ASCII
pass as white space. Given to ``streams/ingest.py``; a property test holds the two redactions equal.
"""

from __future__ import annotations

import hyperscan

_SPACE = rb"[\s\x1c-\x1f\x80-\xff]{0,9}"
_EXPRESSIONS: tuple[bytes, ...] = (
    rb"gh[pousr]_[A-Za-z0-9]{20}",
    rb"github_pat_[A-Za-z0-9_]{20}",
    rb"glpat-[A-Za-z0-9_-]{20}",
    rb"A[KS]IA[A-Z0-9]{16}",
    rb"xox[abprs]-[A-Za-z0-9-]{10}",
    rb"eyJ[A-Za-z0-9_-]{8}",
    rb"://[^\s/:@]+:[^\s/@]+@",
    rb"npm_[A-Za-z0-9]{36}",
    rb"pypi-[A-Za-z0-9_-]{40}",
    rb"[Bb]earer [A-Za-z0-9._~+/=-]{12}",
    rb"(?i)(?:password|passwd|secret|token|api_?key)['\x22]?(?:_[A-Za-z0-9_]{1,40})?"
    + _SPACE
    + rb"[=:]"
    + _SPACE
    + rb"['\x22]?[^\s'\x22]{6}",
)
# A key spans lines, and three letters change their length or become ASCII when lowered: then the whole text is read.
_WHOLE: tuple[bytes, ...] = (rb"-----BEGIN", rb"\xe2\x84\xaa|\xc5\xbf|\xc4\xb0")
# A text that is nothing but hints is read at once rather than line by line.
MAX_HINTS = 1000


class SecretHints:
    """The automaton; one instance a thread."""

    def __init__(self) -> None:
        """Compile it, which takes some milliseconds."""
        expressions = [*_EXPRESSIONS, *_WHOLE]
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        count = len(expressions)
        self._database.compile(expressions=expressions, ids=list(range(count)), elements=count, flags=[0] * count)

    def ends(self, text: bytes) -> list[int] | None:
        """Return where whatever may be a secret ends, in order; None when the whole text has to be read."""
        found: list[int] = []
        is_whole = False

        def on_match(expression: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            nonlocal is_whole
            found.append(end)
            is_whole = expression >= len(_EXPRESSIONS) or len(found) > MAX_HINTS
            return is_whole

        try:
            self._database.scan(text, match_event_handler=on_match)
        except hyperscan.ScanTerminated:
            return None
        return None if is_whole else found
