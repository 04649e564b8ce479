"""``healstream classify --jsonl IN --output jsonl``: many logs, one JSON object a line in and out; no broker."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer

from console.cli.formats import Output
from console.recognition import load_recognizer, tell
from console.system_paths import shipped_patterns
from learning.classification import Recognizer
from schemas.errors import NotFoundError, UsageError
from schemas.vocabulary import result_from_word

_SHAPE = "Give one object a line: `id`, `text`, and `conclusion` where it is known"
LINES = typer.Option(Output.JSONL, "--output", "-o", help="jsonl")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("classify", help=text)(classify)


@contextmanager
def _lines(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdin
        return
    if not Path(name).is_file():
        raise NotFoundError(name, "there is no such file", "Give a file of JSON lines, or - for standard input")
    with Path(name).open(encoding="utf-8", errors="replace") as opened:
        yield opened


def row_of(place: str, text: str, recognizer: Recognizer) -> dict[str, object]:
    """Return the verdict on one line; raises UsageError with the place of a bad one."""
    try:
        asked = json.loads(text)
        log, conclusion = asked.get("text"), asked.get("conclusion")
    except (ValueError, AttributeError) as error:
        raise UsageError(place, f"no JSON object: {error}", _SHAPE) from error
    if not isinstance(log, str):
        raise UsageError(place, "it has no text under `text`", _SHAPE)
    result = result_from_word(conclusion) if isinstance(conclusion, str) else None
    return {"id": asked.get("id"), **tell(log, result, recognizer).row()}


def classify(
    jsonl: str = typer.Option(..., "--jsonl", help="a file of JSON lines with `id`, `text` and `conclusion`, or -"),
    output: Output = LINES,
) -> None:
    """Classify each line and write its verdict."""
    if output is not Output.JSONL:
        raise UsageError("--output", f"{output} is not for many logs", "Give --output jsonl")
    recognizer = load_recognizer(shipped_patterns())
    with _lines(jsonl) as source:
        for number, text in enumerate(source, 1):
            if text.strip():
                sys.stdout.write(json.dumps(row_of(f"{jsonl}:{number}", text, recognizer)) + "\n")
