"""``healstream approval list|approve|deny``: a person's signed word on exactly the plan that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import typer

from console.approving import answer, row_of
from console.cli.deeds import DRY, sayer, tell
from console.cli.formats import Output, Row
from console.cli.show import AS, NAME, OUTPUT, WATCH, brokers_of, home, show_or_watch
from console.configuration import load_people
from console.readmodel import Pending
from console.topic_reader import read_model


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    noun.command("approve")(approve)
    noun.command("deny")(deny)
    app.add_typer(noun, name="approval", help=text)


def list_all(name: str = NAME, output: Output = OUTPUT, watch: bool = WATCH) -> None:
    """List what waits for a person."""
    brokers, people = brokers_of(name), load_people(home(name).config)

    def rows() -> list[Row]:
        now = datetime.now(UTC)
        return [row_of(row, people, now) for row in read_model(brokers).pending(now)]

    show_or_watch(rows, output, ("decision", "target", "strategy", "risk", "steps", "given", "needed"), watch=watch)


def _say(decision: str, who: str, name: str, *, yes: bool, dry: bool) -> None:
    brokers = brokers_of(name)

    def waiting() -> Sequence[Pending]:
        return read_model(brokers).pending(datetime.now(UTC))

    tell(answer(home(name), who, waiting, decision, sayer(name, dry=dry), yes=yes), dry=dry)


def approve(decision: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Say yes to a decision's plan."""
    _say(decision, who, name, yes=True, dry=dry)


def deny(decision: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Say no: the incident ends refused."""
    _say(decision, who, name, yes=False, dry=dry)
