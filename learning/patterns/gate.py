"""The first look at a log: which of its lines hold a word that some expression needs; only these are given to the automaton.

The words are thousands of fixed texts and a few fragments of expressions, so a scan for them is several times faster than one for the
expressions themselves, and grows less with their number. A line too many costs a little time; none that any expression finds is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import hyperscan

from learning.patterns.covering import cover
from learning.patterns.required import needs_of

# A text that is nothing but hits is given on as a whole.
MAX_GATE_HITS = 4096

Span = tuple[int, int]


def compile_gate(expressions: Iterable[str]) -> bytes:
    """Return the serialised automaton of what the expressions need; each of them compiles."""
    needs = cover(need for expression in expressions for need in needs_of(expression))
    texts = [(need.text if need.is_fragment else re.escape(need.text)).encode() for need in needs]
    flags = [hyperscan.HS_FLAG_CASELESS if need.caseless else 0 for need in needs]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=texts, ids=list(range(len(texts))), elements=len(texts), flags=flags)
    return bytes(hyperscan.dumpb(database))


def lines_with_needs(gate: hyperscan.Database, text: bytes) -> list[Span]:
    """Return the spans of the lines to be read, each with its line break, in order; lines that follow each other are one span."""
    ends: list[int] = []

    def on_match(_text: int, _start: int, end: int, _flags: int, _context: object) -> bool:
        ends.append(end)
        return len(ends) >= MAX_GATE_HITS

    try:
        gate.scan(text, match_event_handler=on_match)
    except hyperscan.ScanTerminated:
        return [(0, len(text))]
    return _spans_of(text, ends)


def _spans_of(text: bytes, ends: Sequence[int]) -> list[Span]:
    spans: list[Span] = []
    first = stop = 0
    for end in ends:
        if end <= stop:
            continue
        # The line of the last letter that was matched.
        start = text.rfind(b"\n", stop, end - 1) + 1 or stop
        if start > stop and stop:
            spans.append((first, stop))
        first = start if start > stop or not stop else first
        stop = text.find(b"\n", end - 1) + 1 or len(text)
    return [*spans, (first, stop)] if stop else spans
