"""``healstream backup DEST`` and ``healstream backup --to PLACE``."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import typer

from console.backup import back_up, files_to_keep
from console.backup_places import GIT, S3, store_at
from console.cli.deeds import DRY, tell
from console.cli.show import NAME, home, talk
from schemas.errors import UsageError

DESTINATION = typer.Argument("", help="the same as --to")
TO = typer.Option("", "--to", help="a folder, git:PATH, or s3:BUCKET/PREFIX")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("backup", help=text)(backup)


def backup(destination: str = DESTINATION, to: str = TO, name: str = NAME, dry: bool = DRY) -> None:
    """Keep patterns, policy, services and people, with checksums, in a folder, a git repository or a bucket; keys stay where they are."""
    if bool(destination) is bool(to):
        raise UsageError("backup", "one place is asked for", "Write `healstream backup --to PLACE`")
    place = destination or to
    if dry:
        store_at(place, os.environ)
        tell(f"{len(files_to_keep(home(name).config))} files are kept in {place}", dry=True)
        return
    made = back_up(home(name).config, store_at(place, os.environ), datetime.now(UTC))
    back = f"{place}@{made.name}" if place.startswith((GIT, S3)) else place
    talk(f"{len(made.files)} files are in {made.name}; `healstream restore --from {back}` brings them back")
