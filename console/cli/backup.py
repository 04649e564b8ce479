"""``healstream backup DEST`` and ``healstream backup --to PLACE``."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import typer

from console.backup import back_up
from console.backup_places import GIT, S3, store_at
from console.cli.show import NAME, home, talk
from schemas.errors import UsageError

DESTINATION = typer.Argument("", help="the same as --to")
TO = typer.Option("", "--to", help="a folder, git:PATH, or s3:BUCKET/PREFIX")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("backup", help=text)(backup)


def backup(destination: str = DESTINATION, to: str = TO, name: str = NAME) -> None:
    """Keep patterns, policy, services and people, with checksums, in a folder, a git repository or a bucket; keys stay where they are."""
    if bool(destination) is bool(to):
        raise UsageError("backup", "one place is asked for", "Write `healstream backup --to PLACE`")
    place = destination or to
    made = back_up(home(name).config, store_at(place, os.environ), datetime.now(UTC))
    back = f"{place}@{made.name}" if place.startswith((GIT, S3)) else place
    talk(f"{len(made.files)} files are in {made.name}; `healstream restore --from {back}` brings them back")
