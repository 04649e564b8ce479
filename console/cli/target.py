"""``healstream target list|get|explain``: what the configuration folder says of each target; it needs no broker and changes nothing."""

from __future__ import annotations

import sys

import typer

from console.cli.formats import Output
from console.cli.show import NAME, OUTPUT, WHOLE, home, show
from console.configuration import load_without_patterns
from console.targets import target_card, target_named, target_row, target_story, targets_of
from schemas.configuration import Configuration

TARGET = typer.Argument(help="a typed name, or how it begins: service:web")
_COLUMNS = ("target", "scope", "team", "environment", "healing", "strategies")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    for verb in (get, explain):
        noun.command(verb.__name__)(verb)
    app.add_typer(noun, name="target", help=text)


def _known(name: str) -> Configuration:
    return load_without_patterns(home(name).config)


def list_all(name: str = NAME, output: Output = OUTPUT) -> None:
    """List every target of the catalogue, with the level that the policy gives each strategy; `rollout list` shows what is left of it."""
    known = _known(name)
    show([target_row(known, target) for target in targets_of(known.services)], output, _COLUMNS)


def get(target: str = TARGET, name: str = NAME, output: Output = WHOLE) -> None:
    """Show one target: its probes, its strategies by kind, and those that the policy leaves out."""
    known = _known(name)
    show([target_card(known, target_named(known.services, target))], output)


def explain(target: str = TARGET, name: str = NAME) -> None:
    """Say in words whose it is, how it is looked at and what would be done about each kind of failure."""
    known = _known(name)
    for line in target_story(known, target_named(known.services, target)):
        sys.stdout.write("".join(letter if letter.isprintable() else " " for letter in line) + "\n")
