"""``healstream model list|get|promote|rollback``: which classifier acts, and a person's word on another one."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from console.cli.deeds import DRY, YES, require_meant
from console.cli.formats import Output
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, WHOLE, brokers_of, home, show, talk
from console.model_words import ModelShelf, before, promotion_of, shelf_of
from console.words import require_right, speaker_in
from infra.kafka import codec_of, deliver, read_to_end
from schemas.oversight import ModelRecord
from schemas.people import Right

FLUSH_S = 5.0
_COLUMNS = ("version", "state", "author", "at", "said_by", "reason")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    for verb in (get, promote, rollback):
        noun.command(verb.__name__)(verb)
    app.add_typer(noun, name="model", help=text)


def _shelf(name: str) -> ModelShelf:
    records = (record for record in read_to_end(brokers_of(name), "learning.models") if isinstance(record, ModelRecord))
    return shelf_of(records, people_of(home(name)))


def list_all(name: str = NAME, output: Output = OUTPUT) -> None:
    """List the versions: the one that acts, the one that waits for a person, those to go back to; none is the shipped model alone."""
    show(_shelf(name).rows(), output, _COLUMNS)


def get(version: str, name: str = NAME, output: Output = WHOLE) -> None:
    """Show one version, named by its beginning, with what was said of it."""
    shelf = _shelf(name)
    found = shelf.named(version)
    [row] = [row for row in shelf.rows() if row["version"] == found]
    show([{**row, "words": shelf.words_on(found, people_of(home(name)))}], output)


def promote(version: str, who: str = AS, name: str = NAME, dry: bool = DRY, yes: bool = YES) -> None:
    """Let a proposed version act, by a person who did not make it."""
    shelf = _shelf(name)
    _say(shelf, shelf.named(version), who, name, dry=dry, is_sure=yes)


def rollback(who: str = AS, name: str = NAME, dry: bool = DRY, yes: bool = YES) -> None:
    """Let the version act again that acted before the present one."""
    shelf = _shelf(name)
    _say(shelf, before(shelf).version, who, name, dry=dry, is_sure=yes)


def _say(shelf: ModelShelf, version: str, who: str, name: str, *, dry: bool, is_sure: bool) -> None:
    people, speaker = people_of(home(name)), speaker_in(home(name).people, who)
    require_right(people, speaker, Right.PROMOTE_MODEL)
    word = promotion_of(shelf, version, speaker, people, datetime.now(UTC))
    if dry:
        talk(f"{version} would act by the word of {speaker.name}; nothing was said (--dry-run)")
        return
    require_meant(f"let model {version} act", is_sure=is_sure)
    brokers = brokers_of(name)
    deliver(brokers, [word], codec_of(brokers, [ModelRecord]), FLUSH_S)
    talk(f"{version}: promoted by {speaker.name}; workers take it up within seconds, `healstream model rollback` goes back")
