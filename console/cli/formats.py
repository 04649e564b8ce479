"""From rows to the text of each ``--output``: tables for people, JSON, YAML, CSV and names for programs; called by ``show.py``. Pure.

Control characters of strangers' text never reach a terminal: JSON and YAML escape them, all others leave a space in their place.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from ruamel.yaml import YAML

from console.home import SHAPE

Row = Mapping[str, object]
MAX_CELL = 120


class Output(StrEnum):
    """The formats of ``--output``: ``wide`` cuts nothing and leaves out no column, ``name`` is one name a line for another command."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    CSV = "csv"
    NAME = "name"


def clean(text: str) -> str:
    """Return a text without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def printable(value: object) -> str:
    """Return a cell's text without anything that a terminal would obey, at most 120 letters of it."""
    return _cell(value)[:MAX_CELL]


def _cell(value: object) -> str:
    return clean("-" if value is None or value == "" else f"{value:.2f}" if isinstance(value, float) else str(value))


def table(rows: Sequence[Row], columns: Sequence[str], cell: Callable[[object], str] = printable) -> str:
    """Return the rows as aligned columns."""
    if not rows:
        return "nothing\n"
    cells = [[name.upper() for name in columns], *([cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
    return "".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in cells)


def every_column(rows: Sequence[Row], columns: Sequence[str]) -> tuple[str, ...]:
    """Return the given columns and after them all others that a row has."""
    return tuple(dict.fromkeys((*columns, *(name for row in rows for name in row))))


def csv_text(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Return a line of names and a line a row, RFC 4180; what is no plain value is JSON in its cell, what is absent is empty."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = every_column(rows, columns)
    writer.writerow(names)
    writer.writerows([_plain(row.get(name)) for name in names] for row in rows)
    return out.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    return json.dumps(value) if isinstance(value, bool | Mapping | list | tuple) else value


def yaml_text(document: object) -> str:
    """Return one YAML document that reads back as the JSON would."""
    out, writer = io.StringIO(), YAML(typ="safe", pure=True)
    writer.default_flow_style = writer.allow_unicode = False
    # The order of the columns says what matters most.
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.explicit_start = True
    writer.dump(json.loads(json.dumps(document)), out)
    return out.getvalue()


def listed(rows: Sequence[Row]) -> dict[str, object]:
    """Return the shape of lists, the same for the command line and the interface."""
    return {"version": SHAPE, "items": list(rows)}


def _names(rows: Sequence[Row], columns: Sequence[str]) -> str:
    return "".join(f"{clean(str(row.get(columns[0], '')))}\n" for row in rows)


_TEXTS: Mapping[Output, Callable[[Sequence[Row], Sequence[str]], str]] = {
    Output.TABLE: table,
    Output.WIDE: lambda rows, columns: table(rows, every_column(rows, columns), _cell),
    Output.JSON: lambda rows, _columns: json.dumps(listed(rows), indent=2) + "\n",
    Output.JSONL: lambda rows, _columns: "".join(json.dumps(row) + "\n" for row in rows),
    Output.YAML: lambda rows, _columns: yaml_text(listed(rows)),
    Output.CSV: csv_text,
    Output.NAME: _names,
}


def text_of(rows: Sequence[Row], output: Output, columns: Sequence[str], named: str = "") -> str:
    """Return the rows in the format; ``named`` is the column of what names a row, the first of ``columns`` when not given."""
    chosen = tuple(columns) or (tuple(rows[0]) if rows else ())
    return _TEXTS[output](rows, (named, *chosen) if named and output is Output.NAME else chosen)


def text_of_one(document: Row, output: Output, name: str) -> str:
    """Return one thing that is more than a row: JSON and YAML as it is, for people and CSV a line a field, its name alone for ``name``."""
    if output is Output.NAME:
        return f"{clean(name)}\n"
    if output in {Output.JSON, Output.JSONL}:
        return json.dumps(document, indent=None if output is Output.JSONL else 2) + "\n"
    if output is Output.YAML:
        return yaml_text(document)
    fields = [{"field": field, "value": value if isinstance(value, str) else json.dumps(value)} for field, value in document.items()]
    return text_of(fields, output, ("field", "value"))
