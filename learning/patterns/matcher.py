"""From bytes of a log to hits and marks: a gate for lines, one Hyperscan automaton on what it lets through, ``re`` on its candidates.

Called by ``streams/detect.py`` on chunks and by ``classification.py`` on whole logs, so that both see the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import hyperscan

from learning.marks import LAST_ONLY, MARK_RULES, Mark, MarkRule
from learning.patterns.automaton import database_for, gate_for
from learning.patterns.confirm import Captures, Confirmer, chains, confirmer_of
from learning.patterns.gate import Span, lines_with_needs
from learning.patterns.loader import Catalogue
from learning.patterns.model import Pattern
from learning.patterns.store import Store
from learning.structure import clean_line
from schemas.vocabulary import Kind

MAX_TEXT_BYTES = 256 * 1024
MAX_HIT_TEXT = 500
MAX_HITS = 200
# What only shadows is shown, not judged: a few hits tell what it would have said.
MAX_SHADOW_HITS = 20
MAX_HITS_A_PATTERN = 12
MAX_MARKS_A_RULE = 40
# A chunk that is nothing but matches must not hold the loop: past this many the rest is skipped and the tail, where causes stand, is read.
MAX_RAW_MATCHES = 20_000
TAIL_BYTES = 32 * 1024
# A candidate line is confirmed on the part before the match's end, so that a line without breaks costs the same as a short one.
_BACK_BYTES = 3000
_AHEAD_BYTES = 600
_OVERWRITTEN = re.compile(rb"(?m)^(?![^\n]*travis_fold:start:after_)[^\n]*\r(?=[^\n]*[^\s])")
_ANSI = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[()][0-9A-B]|[=>78cDEHM])")


@dataclass(frozen=True, slots=True)
class Hit:
    """One pattern's match; ``line`` counts from 1 in the scanned text and is the line of the last expression."""

    pattern: str
    kind: Kind
    line: int
    text: str
    captures: Captures = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text shows: its hits, the marks that tell its structure, and the hits of patterns in shadow, each in line order."""

    hits: tuple[Hit, ...] = ()
    marks: tuple[Mark, ...] = ()
    shadow: tuple[Hit, ...] = ()


_NOTHING = Reading()


def strip_ansi(text: bytes) -> bytes:
    """Remove terminal escapes, the CR of line ends and what a CR overwrote; the text itself when it has none, the common case."""
    if b"\x1b" in text:
        text = _ANSI.sub(b"", text)
    return _OVERWRITTEN.sub(b"", text.replace(b"\r\n", b"\n")) if b"\r" in text else text


class Matcher:
    """A catalogue ready for scanning; the automaton comes from ``store`` or is compiled, at the first text that is read.

    ``by_id`` are the patterns that may decide; those whose ids are in ``shadow`` are matched and told apart, and decide nothing.
    ``hints`` are the ids of those that explain nothing by themselves.
    """

    def __init__(self, catalogue: Catalogue, store: Store | None = None, shadow: frozenset[str] = frozenset()) -> None:
        """Compile nothing yet: a process that only looks patterns up never pays for scanning."""
        self.catalogue = catalogue
        self.by_id = {name: pattern for name, pattern in catalogue.by_id().items() if name not in shadow}
        self.hints = frozenset(name for name, pattern in self.by_id.items() if pattern.is_hint)
        self._store = store
        self._gate: hyperscan.Database | None = None
        self._database: hyperscan.Database | None = None
        self._parts = [(number, part) for number, pattern in enumerate(catalogue.patterns) for part in range(len(pattern.expressions))]
        self._marks = [(rule, re.compile(rule.expression)) for rule in MARK_RULES]
        self._confirmers: dict[int, Confirmer] = {}

    def make_ready(self) -> None:
        """Load or compile the automaton now, so that the first text does not wait for it; raises ConfigurationError."""
        if self._database is None:
            self._gate = gate_for(self.catalogue, self._store)
            self._database = database_for(self.catalogue, self._store)

    def scan(self, text: bytes) -> tuple[Hit, ...]:
        """Return the confirmed hits of a text in line order, at most ``MAX_HITS``, the latest ones when there are more."""
        return self.read(text).hits

    def read(self, text: bytes) -> Reading:
        """Return the confirmed hits and marks of a text; of one longer than ``MAX_TEXT_BYTES`` its end is read."""
        self.make_ready()
        plain = strip_ansi(text[-MAX_TEXT_BYTES:])
        # It is there: ``make_ready`` made it.
        spans = lines_with_needs(cast("hyperscan.Database", self._gate), plain)
        kept = b"".join([plain[start:stop] for start, stop in spans])
        raw = self._raw_matches(kept) if kept else ()
        if not raw:
            return _NOTHING
        lines = _Lines(plain, spans, kept)
        ends: dict[int, dict[int, int]] = defaultdict(dict)
        for expression, end in raw:
            ends[expression].setdefault(lines.number_at(end), end)
        # Lines are counted in the caller's text even when its head was beyond the cap.
        skipped = text.count(b"\n", 0, max(len(text) - MAX_TEXT_BYTES, 0))
        found = {self._parts[number]: at for number, at in ends.items() if number < len(self._parts)}
        hits = [hit for number in sorted({key[0] for key in found}) for hit in self._confirmed(number, found, lines, skipped)]
        marks = [mark for number, at in ends.items() if number >= len(self._parts) for mark in self._marked(number, at, lines, skipped)]
        hits.sort(key=lambda hit: (hit.line, hit.pattern))
        return Reading(
            tuple([hit for hit in hits if hit.pattern in self.by_id][-MAX_HITS:]),
            tuple(sorted(marks, key=lambda mark: mark.line)),
            tuple([hit for hit in hits if hit.pattern not in self.by_id][-MAX_SHADOW_HITS:]),
        )

    def _marked(self, number: int, ends: dict[int, int], lines: _Lines, skipped: int) -> list[Mark]:
        rule, expression = self._marks[number - len(self._parts)]
        marks: list[Mark] = []
        for line in sorted(ends, reverse=True)[: 4 * MAX_MARKS_A_RULE]:
            found = expression.search(lines.around(line, ends[line]))
            if found:
                marks.append(Mark(rule.kind, line + 1 + skipped, _code_of(rule, found)))
            if len(marks) >= (1 if rule.kind in LAST_ONLY else MAX_MARKS_A_RULE):
                break
        return marks

    def _raw_matches(self, plain: bytes) -> list[tuple[int, int]]:
        raw = self._scan_once(plain, 0)
        if len(raw) < MAX_RAW_MATCHES:
            return raw
        start = max(len(plain) - TAIL_BYTES, 0)
        return raw + self._scan_once(plain[start:], start)

    def _scan_once(self, plain: bytes, offset: int) -> list[tuple[int, int]]:
        raw: list[tuple[int, int]] = []

        def on_match(expression: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            raw.append((expression, end + offset))
            return len(raw) >= MAX_RAW_MATCHES

        try:
            # It is there too.
            cast("hyperscan.Database", self._database).scan(plain, match_event_handler=on_match)
        except hyperscan.ScanTerminated:
            return raw
        return raw

    def _confirmed(self, number: int, found: dict[tuple[int, int], dict[int, int]], lines: _Lines, skipped: int) -> list[Hit]:
        pattern: Pattern = self.catalogue.patterns[number]
        confirmer = self._confirmers.get(number) or self._confirmers.setdefault(number, confirmer_of(pattern))
        read: list[dict[int, Captures]] = []
        for part in range(len(pattern.expressions)):
            ends = found.get((number, part), {})
            kept = sorted(ends)[-4 * MAX_HITS_A_PATTERN :]
            captured = {line: confirmer.read(part, lines.around(line, ends[line])) for line in kept}
            read.append({line: groups for line, groups in captured.items() if groups is not None})
        joined = chains([sorted(part) for part in read], pattern.span)[-MAX_HITS_A_PATTERN:]
        return [
            Hit(
                pattern.id,
                pattern.kind,
                chain[-1] + 1 + skipped,
                lines.around(chain[-1], found[number, len(chain) - 1][chain[-1]]).strip()[:MAX_HIT_TEXT],
                tuple(group for part, line in enumerate(chain) for group in read[part][line]),
            )
            for chain in joined
        ]


def _code_of(rule: MarkRule, found: re.Match[str]) -> int:
    named = found.groupdict().get("code")
    return int(named[:9]) if named else rule.code


class _Lines:
    """The lines that the gate let through, one after the other in ``kept``: its offsets become line numbers of the whole text (from 0)."""

    def __init__(self, plain: bytes, spans: Sequence[Span], kept: bytes) -> None:
        self._kept = kept
        self._starts = [0, *(found.end() for found in re.finditer(rb"\n", kept))]
        self._numbers: list[int] = []
        number = at = 0
        for start, stop in spans:
            number += plain.count(b"\n", at, start)
            inside = plain.count(b"\n", start, stop)
            # The last line of a text may have no break, and what follows the last break is a line too.
            self._numbers += range(number, number + inside + 1 if stop == len(plain) else number + inside)
            number, at = number + inside, stop

    def number_at(self, end: int) -> int:
        """Return the line that holds the last byte of a match."""
        return self._numbers[bisect_right(self._starts, max(end - 1, 0)) - 1]

    def around(self, line: int, end: int) -> str:
        """Return the clean line, cut around a match when it is very long."""
        at = bisect_left(self._numbers, line)
        start = self._starts[at]
        stop = self._starts[at + 1] - 1 if at + 1 < len(self._starts) else len(self._kept)
        return clean_line(self._kept[max(start, end - _BACK_BYTES) : min(stop, end + _AHEAD_BYTES)].decode("utf-8", errors="replace"))
