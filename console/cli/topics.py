"""``healstream topics create|check`` and ``healstream topics acls apply|list|check``."""

from __future__ import annotations

from pathlib import Path

import typer

from console.cli.deeds import DRY, tell
from console.cli.formats import Output
from console.cli.show import NAME, OUTPUT, brokers_of, home, show, talk
from infra.rights_admin import apply_rights, make_known, rights_in_force
from infra.topics_admin import create_topics, topic_problems, topics_missing
from schemas.principals import PRINCIPALS, all_rights, faults_of, is_ours, rights_of

PROBLEMS = 8
LOGINS = typer.Option("", "--logins", help="the folder of the login files; that of this copy when not given")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("create")(create)
    noun.command("check")(check)
    acls = typer.Typer(no_args_is_help=True, help="Who may do what on the broker: apply, list, check")
    acls.command("apply")(apply)
    acls.command("list")(list_rights)
    acls.command("check")(check_rights)
    noun.add_typer(acls, name="acls")
    app.add_typer(noun, name="topics", help=text)


def create(name: str = NAME, dry: bool = DRY) -> None:
    """Create what is missing."""
    brokers = brokers_of(name, "admin")
    made = sorted(topics_missing(brokers)) if dry else create_topics(brokers)
    tell("\n".join(f"created {topic}" for topic in made) or "all topics are there", dry=dry)


def check(name: str = NAME) -> None:
    """Name what is missing or has another partition count; exit 8 when there is any."""
    _tell(topic_problems(brokers_of(name)), "all topics are as they should be")


def apply(logins: str = LOGINS, name: str = NAME, dry_run: bool = DRY) -> None:
    """Make the login files that are missing, tell the broker their passwords, and put exactly the table of rights in force."""
    brokers = brokers_of(name, "admin")
    if dry_run:
        found, wanted = rights_in_force(brokers), all_rights()
        given, taken = wanted - found, frozenset(filter(is_ours, found - wanted))
    else:
        folder = Path(logins) if logins else home(name).logins
        made = make_known(brokers, folder)
        given, taken = apply_rights(brokers)
        talk(f"logins in {folder}: {', '.join(made)} made" if made else f"logins in {folder}: all there")
    for right in sorted(given):
        talk(f"given: {right}")
    for right in sorted(taken):
        talk(f"taken: {right}")
    talk("nothing was changed: a dry run" if dry_run else "what the table says is in force, and nothing else")


def list_rights(output: Output = OUTPUT) -> None:
    """Show the table: what each process may do, and nothing else may be done."""
    rows = [
        {
            "principal": right.principal,
            "operation": str(right.operation),
            "on": str(right.resource),
            "name": right.name,
            "prefix": right.is_prefix,
        }
        for principal in PRINCIPALS
        for right in sorted(rights_of(principal))
    ]
    show(rows, output)


def check_rights(name: str = NAME) -> None:
    """Name every difference between the table and the broker's rules; exit 8 when there is any."""
    _tell(faults_of(rights_in_force(brokers_of(name, "admin"))), "the broker's rules are those of the table")


def _tell(problems: list[str], well: str) -> None:
    talk("\n".join(problems) or well)
    if problems:
        raise typer.Exit(PROBLEMS)
