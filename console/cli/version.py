"""``healstream version``."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import typer


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("version", help=text)(show_version)


def show_version() -> None:
    """Write the installed version."""
    try:
        sys.stdout.write(version("healstream") + "\n")
    except PackageNotFoundError:
        sys.stdout.write("not installed\n")
