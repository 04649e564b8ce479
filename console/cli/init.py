"""``healstream init``."""

from __future__ import annotations

import getpass

import typer

from console.cli.show import NAME, home, talk
from console.init import init


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("init", help=text)(make)


def make(name: str = NAME, person: str = typer.Option("", help="the first person; your user name when not given")) -> None:
    """Make what is missing; nothing is overwritten."""
    place = home(name)
    made = init(place, person or getpass.getuser())
    for path in made:
        talk(f"made {path}")
    talk(f"private keys (mode 600) are in {place.people} and {place.keys}; next: `healstream up`" if made else "everything was there")
