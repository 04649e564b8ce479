"""``healstream backup DEST``."""

from __future__ import annotations

from pathlib import Path

import typer

from console.backup import back_up
from console.cli.show import NAME, home, talk


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("backup", help=text)(backup)


def backup(destination: Path, name: str = NAME) -> None:
    """Copy patterns, policy, services and people into a folder, with checksums; keys stay where they are."""
    names = back_up(home(name).config, destination)
    talk(f"{len(names)} files are in {destination}; `healstream restore {destination}` brings them back")
