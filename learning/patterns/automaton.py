"""One Hyperscan automaton over all expressions and marks: what proposes candidate lines; ``re`` confirms them on the clean line.

An expression may propose too much, never too little, so it is loosened before it is compiled: anchors go, because a raw line may
begin with a clock that its clean form has not, and long counted gaps become open ones, which compile many times faster.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from hashlib import blake2b
from importlib.metadata import version

import hyperscan

from learning.marks import MARK_RULES
from learning.patterns.gate import compile_gate
from learning.patterns.loader import Catalogue
from learning.patterns.store import Store
from schemas.errors import ConfigurationError

# A counted repeat up to here is kept as it is: it tells lines apart and costs little.
LONGEST_COUNT = 8
# The automaton counts bytes: a letter of UTF-8 has up to four.
LETTER_BYTES = 4
# To be changed when the same expressions give another automaton or another gate.
AUTOMATON_FORM, GATE_FORM = "automaton 1", "gate 4"
_TOKEN = re.compile(
    r"(?P<wide>\\[SWD]|\.|\[\^\]?(?:\\.|[^\]\\])*\])(?P<count>\?|\{\d+,\d+\})|\\.|\[\]?(?:\\.|[^\]\\])*\]|\{(?P<least>\d+),(?P<most>\d*)\}|.",
    re.DOTALL,
)


def loosened(expression: str) -> str:
    """Return an expression that finds every line which the given one confirms."""
    parts = [_loosened_token(found) for found in _TOKEN.finditer(expression)]
    loose = "".join(parts)
    # What could match nothing would propose every byte.
    return expression if re.search(loose, "") else loose


def _loosened_token(found: re.Match[str]) -> str:
    text = found.group()
    if text in {"^", "$"}:
        return ""
    if found["wide"]:
        least, _, most = "0,1".partition(",") if found["count"] == "?" else found["count"][1:-1].partition(",")
        return found["wide"] + _counted(least, str(LETTER_BYTES * int(most)), LETTER_BYTES * LONGEST_COUNT)
    return text if found["least"] is None else _counted(found["least"], found["most"], LONGEST_COUNT)


def _counted(least: str, most: str, longest: int) -> str:
    if most and int(most) <= longest:
        return f"{{{least},{most}}}"
    return {"0": "*", "1": "+"}.get(least, f"{{{least},}}")


def expressions_of(catalogue: Catalogue) -> list[str]:
    """Return what is compiled: the patterns' expressions in order, then the marks' hints."""
    found = [loosened(expression) for pattern in catalogue.patterns for expression in pattern.expressions]
    return [*found, *(rule.hint for rule in MARK_RULES)]


def key_of(form: str, expressions: Sequence[str]) -> str:
    """Return the name of a compiled form: it holds for these expressions, as they are written, in this version of the library."""
    content = "\0".join((version("hyperscan"), form, *expressions))
    return blake2b(content.encode(), digest_size=16).hexdigest()


def compile_database(catalogue: Catalogue) -> bytes:
    """Compile all expressions into one automaton and return its serialised form; raises ConfigurationError that names the pattern."""
    expressions = expressions_of(catalogue)
    try:
        return _compiled(expressions)
    except hyperscan.error as error:
        raise ConfigurationError(
            "patterns", _culprit(catalogue) or str(error), "Write the expression with less: shorter counts, no look-around"
        ) from error


def database_for(catalogue: Catalogue, store: Store | None) -> hyperscan.Database:
    """Return the automaton ready to scan, from the store when it has it."""
    return _ready(key_of(AUTOMATON_FORM, _as_written(catalogue)), lambda: compile_database(catalogue), store)


def gate_for(catalogue: Catalogue, store: Store | None) -> hyperscan.Database:
    """Return what finds the lines worth the automaton, ready to scan, from the store when it has it."""
    expressions = _as_written(catalogue)
    return _ready(key_of(GATE_FORM, expressions), lambda: compile_gate(expressions), store)


def _as_written(catalogue: Catalogue) -> list[str]:
    return [*(one for pattern in catalogue.patterns for one in pattern.expressions), *(rule.hint for rule in MARK_RULES)]


def _ready(key: str, compile_anew: Callable[[], bytes], store: Store | None) -> hyperscan.Database:
    kept = store.get(key) if store else None
    database = _loaded(kept) if kept else None
    if database is None:
        compiled = compile_anew()
        if store:
            store.put(key, compiled)
        database = hyperscan.loadb(compiled, mode=hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database


def _loaded(kept: bytes) -> hyperscan.Database | None:
    try:
        return hyperscan.loadb(kept, mode=hyperscan.HS_MODE_BLOCK)
    except hyperscan.error:
        # It was made for another processor, or is none: it is compiled again.
        return None


def _compiled(expressions: Sequence[str]) -> bytes:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    count = len(expressions)
    flags = [hyperscan.HS_FLAG_MULTILINE] * count
    database.compile(expressions=[one.encode() for one in expressions], ids=list(range(count)), elements=count, flags=flags)
    return bytes(hyperscan.dumpb(database))


def _culprit(catalogue: Catalogue) -> str:
    for pattern in catalogue.patterns:
        for expression in pattern.expressions:
            try:
                _compiled([loosened(expression)])
            except hyperscan.error as error:
                return f"{pattern.id}: the automaton refuses {expression!r}: {error}"
    return ""
