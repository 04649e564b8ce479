"""``healstream deadletter list|get``: what the stages could not read or use, and why; it changes nothing."""

from __future__ import annotations

import typer

from console.cli.formats import Output, Row
from console.cli.show import NAME, OUTPUT, SINCE, WATCH, WHOLE, brokers_of, newer, show, show_or_watch, talk
from console.dead_letters import complaint_rows, letter_rows, letters_at
from infra.kafka import read_to_end
from schemas.oversight import DeadLetter

EACH = typer.Option(False, "--each", help="every letter by itself, not one line for all that say the same")
ORIGIN = typer.Argument(help="TOPIC/PARTITION/OFFSET, as the list shows it")
_COLUMNS = ("origin", "at", "stage", "count", "reason", "shown")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    noun.command("get")(get)
    app.add_typer(noun, name="deadletter", help=text)


def _letters(name: str) -> list[DeadLetter]:
    return [record for record in read_to_end(brokers_of(name), "heal.deadletter") if isinstance(record, DeadLetter)]


def list_all(
    name: str = NAME,
    output: Output = OUTPUT,
    limit: int = typer.Option(50, min=1),
    each: bool = EACH,
    since: str = SINCE,
    watch: bool = WATCH,
) -> None:
    """List what was put aside, the newest first: of all letters of one topic, stage and reason the newest, and how many there are."""

    def rows() -> list[Row]:
        letters = _letters(name)
        found = newer(letter_rows(letters) if each else complaint_rows(letters), since, "at")
        talk(f"{len(letters)} dead letters are kept; {min(limit, len(found))} of {len(found)} lines are shown")
        return found[:limit]

    show_or_watch(rows, output, _COLUMNS, watch=watch)


def get(origin: str = ORIGIN, name: str = NAME, output: Output = WHOLE) -> None:
    """Show all that is kept of one record: its key, headers, hash and redacted text."""
    show(letters_at(_letters(name), origin), output)
