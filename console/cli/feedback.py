"""``healstream feedback give|wrong-action|list``: a person's signed answer to "was this right?", from which the classifier learns."""

from __future__ import annotations

import typer

from console.cli.deeds import DRY, sayer, tell
from console.cli.formats import Output, Row
from console.cli.last_word import incident_named
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, SINCE, WATCH, brokers_of, home, newer, show_or_watch
from console.feedback_words import feedback_rows
from console.readmodel import IncidentView
from console.teaching import Typed, teach
from console.topic_reader import read_model
from infra.kafka import read_to_end
from schemas.oversight import Feedback

RIGHT = typer.Option(None, "--right/--wrong", help="was it judged rightly")
KIND = typer.Option("", "--kind", help="with --wrong: what it really was")
_COLUMNS = ("at", "incident", "by", "said", "kind", "signed", "note")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("give")(give)
    noun.command("wrong-action")(wrong_action)
    noun.command("list")(list_all)
    app.add_typer(noun, name="feedback", help=text)


def give(  # noqa: PLR0913, PLR0917 - an option each
    incident: str, right: bool | None = RIGHT, kind: str = KIND, note: str = "", who: str = AS, name: str = NAME, dry: bool = DRY
) -> None:
    """Say whether an incident was judged rightly; the stage that learns asks your right again, and the audit says what it made of it."""
    _teach(incident, Typed(right, kind, note), who, name, dry=dry)


def wrong_action(incident: str, note: str = "", who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Say that an incident was judged rightly, and that what was done about it was the wrong thing."""
    _teach(incident, Typed(is_right=True, note=note, is_action_wrong=True), who, name, dry=dry)


def _teach(incident: str, typed: Typed, who: str, name: str, *, dry: bool) -> None:
    def found() -> tuple[str, IncidentView]:
        model = read_model(brokers_of(name))
        whole = incident_named(model, incident)
        return whole, model.incidents[whole]

    tell(teach(home(name), who, found, typed, sayer(name, dry=dry)), dry=dry)


def list_all(
    name: str = NAME, output: Output = OUTPUT, limit: int = typer.Option(50, min=1), since: str = SINCE, watch: bool = WATCH
) -> None:
    """List what people have said, the newest first."""

    def rows() -> list[Row]:
        words = [record for record in read_to_end(brokers_of(name), "learning.feedback") if isinstance(record, Feedback)]
        return newer(feedback_rows(words, people_of(home(name))), since, "at")[:limit]

    show_or_watch(rows, output, _COLUMNS, watch=watch, named="incident")
