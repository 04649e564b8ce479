"""``healstream feedback give|list``: a person's signed answer to "was this right?", from which the classifier learns."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from console.cli.last_word import incident_named
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.feedback_words import feedback_of, feedback_rows, right_to_teach, said_of
from console.topic_reader import read_model
from console.words import FLUSH_S, require_right, speaker_in
from infra.kafka import codec_of, deliver, read_to_end
from schemas.oversight import Feedback

RIGHT = typer.Option(None, "--right/--wrong", help="was it judged rightly")
KIND = typer.Option("", "--kind", help="with --wrong: what it really was")
_COLUMNS = ("at", "incident", "by", "said", "kind", "signed", "note")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("give")(give)
    noun.command("list")(list_all)
    app.add_typer(noun, name="feedback", help=text)


def give(incident: str, right: bool | None = RIGHT, kind: str = KIND, note: str = "", who: str = AS, name: str = NAME) -> None:
    """Say whether an incident was judged rightly; the stage that learns asks your right again, and the audit says what it made of it."""
    speaker, people = speaker_in(home(name).people, who), people_of(home(name))
    require_right(people, speaker, right_to_teach(people, speaker.name))
    model = read_model(brokers_of(name))
    found = incident_named(model, incident)
    of = model.incidents[found].incident
    said = said_of(is_right=right, kind=kind, note=note, judged=of.kind)
    brokers = brokers_of(name)
    deliver(brokers, [feedback_of(found, said, speaker, datetime.now(UTC))], codec_of(brokers, [Feedback]), FLUSH_S)
    talk(f"{speaker.name} says {'right' if said.is_right else 'wrong'} of {of.kind} on {of.target}")


def list_all(name: str = NAME, output: Output = OUTPUT, limit: int = typer.Option(50, min=1)) -> None:
    """List what people have said, the newest first."""
    words = [record for record in read_to_end(brokers_of(name), "learning.feedback") if isinstance(record, Feedback)]
    show(feedback_rows(words, people_of(home(name)))[:limit], output, _COLUMNS)
