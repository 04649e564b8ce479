"""``healstream demo``."""

from __future__ import annotations

import typer

from console.demo.play import play


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("demo", help=text)(demo)


def demo(keep: bool = typer.Option(False, "--keep", help="leave the sandbox folder for a look")) -> None:
    """Play the planned failures; exit 0 only when each ended as planned."""
    raise typer.Exit(play(keep=keep))
