"""The few pieces of Markdown and HTML that the generated pages are made of; what stands in them may come from logs and is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def code(text: object) -> str:
    """Return a text as code inside a table of Markdown, whatever letters it holds."""
    return f"<code>{entities(str(text))}</code>" if str(text) else ""


def entities(text: str) -> str:
    """Return a text of which Markdown takes no letter for a mark."""
    return "".join(letter if letter.isalnum() or letter in " ,.:;" else f"&#{ord(letter)};" for letter in text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown; the cells are Markdown already, in one line each."""
    lines = [" | ".join(cell.replace("\n", " ") for cell in row) for row in (heads, ["---"] * len(heads), *rows)]
    return "".join(f"| {line} |\n" for line in lines)


def raw_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of HTML of plain texts, each cell as code; many rows are drawn far quicker so than by Markdown."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "\n".join(f"<tr>{''.join(f'<td><code>{escape(cell)}</code></td>' for cell in row)}</tr>" for row in rows)
    # An empty line would end the block.
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n"


def sentence(docstring: str | None) -> str:
    """Return a docstring as one paragraph of Markdown."""
    return " ".join((docstring or "").replace("``", "`").split())
