"""``healstream init``."""

from __future__ import annotations

import getpass

import typer

from console.cli.deeds import DRY, tell
from console.cli.hints import for_copy
from console.cli.show import NAME, home, talk
from console.init import absent_files, init


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("init", help=text)(make)


def make(name: str = NAME, person: str = typer.Option("", help="the first person; your user name when not given"), dry: bool = DRY) -> None:
    """Make what is missing; nothing is overwritten."""
    place = home(name)
    if dry:
        absent = absent_files(place)
        tell(f"made {', '.join(map(str, absent))}" if absent else "everything was there", dry=True)
        return
    made = init(place, person or getpass.getuser())
    for path in made:
        talk(f"made {path}")
    hint = f"private keys (mode 600) are in {place.people} and {place.keys}; next: `healstream up`"
    talk(for_copy(hint, name) if made else "everything was there")
