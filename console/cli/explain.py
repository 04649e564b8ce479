"""``healstream explain FILE|-``: one log, its verdict, the line that speaks for it, and what would be done; no broker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import typer

from console.cli.formats import Output, printable
from console.cli.show import OUTPUT, show
from console.recognition import load_recognizer, tell
from console.system_paths import shipped_patterns
from schemas.errors import NotFoundError
from schemas.vocabulary import result_from_word

MAX_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
UNKNOWN = 8


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("explain", help=text)(explain)


def read_log(name: str) -> str:
    """Return a file's or standard input's text; of a longer one the last 8 MiB, and no more than twice that is ever held."""
    if name == "-":
        return _tail_of(sys.stdin.buffer)
    try:
        with Path(name).open("rb") as opened:
            return _tail_of(opened)
    except OSError as error:
        raise NotFoundError(name, str(error.strerror), "Give a log file, or - for standard input") from error


def _tail_of(stream: BinaryIO) -> str:
    kept = bytearray()
    while chunk := stream.read(_CHUNK_BYTES):
        kept += chunk
        if len(kept) > 2 * MAX_BYTES:
            del kept[:-MAX_BYTES]
    return kept[-MAX_BYTES:].decode("utf-8", "replace")


def explain(
    file: str = typer.Argument(help="a log file, or -"),
    result: str = typer.Option("failure", help="how the job ended"),
    output: Output = OUTPUT,
) -> None:
    """Explain one log; exit 8 when the failure is unknown."""
    row = tell(read_log(file), result_from_word(result), load_recognizer(shipped_patterns())).row()
    if output in {Output.TABLE, Output.WIDE}:
        for name in ("kind", "group", "confidence", "line", "text", "would"):
            sys.stdout.write(f"{name:<11} {printable(row[name])}\n")
        reasons = row["reasons"]
        for reason in reasons if isinstance(reasons, list) else []:
            sys.stdout.write(f"{'because':<11} {printable(reason)}\n")
    else:
        show([row], output)
    if row["abstained"]:
        raise typer.Exit(UNKNOWN)
