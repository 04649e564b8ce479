"""``healstream config view|check``."""

from __future__ import annotations

import sys

import typer

from console.cli.show import NAME, home, talk
from console.configuration import configuration_of, read_folder
from console.system_paths import shipped_patterns
from schemas.configuration import Configuration, Keys

PROBLEMS = 8
_SECRET = "***"  # noqa: S105 - what is shown instead of one


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("view")(view)
    noun.command("check")(check)
    app.add_typer(noun, name="config", help=text)


def check(name: str = NAME) -> None:
    """Check the folder; every mistake as file:line:column on standard output, exit 8 when there is one."""
    found = configuration_of(read_folder(home(name).config, shipped_patterns()), Keys())
    if isinstance(found, Configuration):
        counts = f"{len(found.services.services)} services, {len(found.workflows)} workflows, {len(found.patterns)} pattern files"
        talk(f"{home(name).config}: {counts}, version {found.version}")
        return
    for problem in found:
        sys.stdout.write(f"{problem}\n")
    raise typer.Exit(PROBLEMS)


def view(name: str = NAME) -> None:
    """Write the files as they stand, literals to mask left out."""
    read = read_folder(home(name).config, shipped_patterns())
    found = configuration_of(read, Keys())
    secrets = found.policy.secrets if isinstance(found, Configuration) else ()
    for file, text in sorted(read.texts.items()):
        shown = text
        for secret in secrets:
            shown = shown.replace(secret, _SECRET)
        sys.stdout.write(f"# {home(name).config / file}\n{shown}\n")
