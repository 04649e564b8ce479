"""What the verbs that change something share: ``--dry-run`` checks all and changes nothing, ``--yes`` answers what is asked before."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from console.cli.show import brokers_of, talk
from console.words import say
from schemas.errors import HealstreamError
from schemas.ids import Record

DRY = typer.Option(False, "--dry-run", help="check everything, change nothing")
YES = typer.Option(False, "--yes", help="do not ask at the terminal whether it is meant")


def tell(text: str, *, dry: bool) -> None:
    """Say what was done, or that it was not."""
    talk(f"{text}; nothing was changed (--dry-run)" if dry else text)


def sayer(name: str, *, dry: bool) -> Callable[[Record], None]:
    """Return how a word is said: on its topic, or for ``--dry-run`` not at all, though the broker must be there."""
    brokers = brokers_of(name)
    return (lambda _word: None) if dry else (lambda word: say(brokers, word))


def require_meant(what: str, *, is_sure: bool) -> None:
    """Ask the person at the terminal; a program has said what it means by its call. Raises HealstreamError for a no."""
    if is_sure or not sys.stdin.isatty():
        return
    if not typer.confirm(f"{what}?", err=True):
        raise HealstreamError(what, "the answer was no", "Nothing was changed; answer y, or give --yes")
