"""How every command shows rows: data to standard output as table, JSON or JSON lines, talk to standard error."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

import typer

from console.home import SHAPE, Home, brokers_here, home_of

Row = Mapping[str, object]


class Output(StrEnum):
    """The formats of ``--output``."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


OUTPUT = typer.Option(Output.TABLE, "--output", "-o", help="table, json or jsonl")
NAME = typer.Option("", "--name", help="which copy; `default` when not given")
DRY = typer.Option(False, "--dry-run", help="check everything, change nothing")
LIVE = typer.Option(False, "--live", help="also try the runs that the log topic still holds")
AS = typer.Option("", "--as", help="whose key of this machine speaks")


def talk(text: str) -> None:
    """Say something to the person."""
    sys.stderr.write(text + "\n")


def show(rows: Sequence[Mapping[str, object]], output: Output, columns: Sequence[str] = ()) -> None:
    """Write the rows; control characters of strangers' text are never sent to a terminal."""
    if output is Output.JSON:
        sys.stdout.write(json.dumps({"version": SHAPE, "items": list(rows)}, indent=2) + "\n")
    elif output is Output.JSONL:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)
    else:
        sys.stdout.write(table(rows, columns or (tuple(rows[0]) if rows else ())))


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Return the rows as aligned columns."""
    if not rows:
        return "nothing\n"
    cells = [[name.upper() for name in columns], *([printable(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
    return "".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in cells)


def printable(value: object) -> str:
    """Return a cell's text without anything that a terminal would obey."""
    text = "-" if value is None or value == "" else f"{value:.2f}" if isinstance(value, float) else str(value)
    return "".join(letter if letter.isprintable() else " " for letter in text)[:120]


def home(name: str) -> Home:
    """Return the folders of the named copy."""
    return home_of(os.environ, name)


def brokers_of(name: str, who: str = "operator") -> str:
    """Return the bootstrap address; raises UnreachableError when nothing runs and none is given."""
    return brokers_here(home(name), os.environ, who)


def show_changes(rows: Callable[[], Iterable[tuple[str, Row]]], columns: Sequence[str], output: Output, every_s: float) -> None:
    """Write a row whenever what stands under its key is another, oldest first, until Ctrl-C."""
    known: dict[str, Row] = {}
    while True:
        for key, row in rows():
            if known.get(key) != row:
                known[key] = row
                show([row], Output.JSONL if output is not Output.TABLE else output, columns)
                sys.stdout.flush()
        time.sleep(every_s)
