"""``healstream policy explain|test``: what the folder's policy makes of a decision that was made, and the cases that it must keep."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from console.cli.formats import printable
from console.cli.people_here import people_of
from console.cli.show import NAME, brokers_of, home, talk
from console.configuration import load_policy
from console.policy_cases import broken_cases, read_cases
from console.policy_story import story_of
from console.topic_reader import read_model
from schemas.errors import NotFoundError

PROBLEMS = 8


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("explain")(explain)
    noun.command("test")(check_cases)
    app.add_typer(noun, name="policy", help=text)


def explain(incident: str, name: str = NAME) -> None:
    """Say why the last decision on an incident was made, and what this folder's rules and thresholds make of it."""
    model = read_model(brokers_of(name))
    names = model.named(incident)
    decisions = model.incidents[names[0]].decisions if len(names) == 1 else []
    if not decisions:
        why = f"{len(names)} incidents begin so" if len(names) != 1 else "nothing is decided yet"
        raise NotFoundError(f"incident {incident}", why, "List them with `healstream incident list -o json`")
    for line in story_of(decisions[-1], load_policy(home(name).config)):
        sys.stdout.write(f"{printable(line)}\n")


def check_cases(file: str = typer.Argument(help="a YAML file of cases"), name: str = NAME) -> None:
    """Check that the folder's policy and rules on people keep the cases; exit 8 when one is broken."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(file, str(error), "Give a file of cases; docs/policy.md shows one") from error
    cases = read_cases(file, text)
    problems = cases if isinstance(cases, list) else broken_cases(cases, load_policy(home(name).config), people_of(home(name)))
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    if problems or isinstance(cases, list):
        raise typer.Exit(PROBLEMS)
    talk(f"{file}: {cases.count()} cases are kept")
