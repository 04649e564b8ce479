"""Whether a written call is one that the real command line takes: noun, verb, options, arguments and the types of both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import typer
from typer._click.core import Command
from typer._click.exceptions import MissingParameter
from typer.core import TyperGroup, TyperOption
from typer.main import get_command

from console.cli.main import NOUNS, app_for
from tests.docs.written import ROOT, Call

_PLACE = re.compile(r"[A-Z][A-Z0-9_/:@.-]*")
_KNOWN = re.compile(r"is not one of '([^']+)'")
_TARGET = re.compile(r"^([a-z][a-z-]*):.*## ", re.MULTILINE)


def fault_of(call: Call) -> str:
    """Say what is wrong with a call, or return the empty string."""
    if call.program == "make":
        return _fault_of_make(call.argv)
    try:
        _parse(call.argv, in_text=call.in_text)
    except typer.Exit:
        # --help
        return ""
    except typer.TyperException as error:
        # Some have no message of their own: their type says it.
        return str(getattr(error, "message", "")) or type(error).__name__
    return ""


def targets_of_make() -> frozenset[str]:
    """Return what ``make`` lists."""
    return frozenset(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))


def _fault_of_make(argv: Sequence[str]) -> str:
    unknown = [word for word in argv if "=" not in word and not word.startswith("-") and word not in targets_of_make()]
    return f"no target of the Makefile: {', '.join(unknown)}" if unknown else ""


def _parse(argv: Sequence[str], *, in_text: bool) -> None:
    if argv and argv[0] not in {"--help", *dict(NOUNS)}:
        raise typer.BadParameter(f"no such command: {argv[0]}")
    command = _program(argv[0] if argv else "")
    rest = list(argv)
    while isinstance(command, TyperGroup):
        if (in_text and not rest) or rest[:1] == ["--help"]:
            return
        if not rest or rest[0] not in command.commands:
            raise typer.BadParameter(f"no such command: {' '.join(argv)}")
        command, rest = command.commands[rest[0]], rest[1:]
    _parse_leaf(command, rest, in_text=in_text)


@cache
def _program(noun: str) -> Command:
    return get_command(app_for([noun]))


def options_of(argv: Sequence[str]) -> frozenset[str]:
    """Return the options that the called command takes."""
    command = _program(argv[0])
    for word in argv:
        if not isinstance(command, TyperGroup):
            break
        command = command.commands[word]
    return frozenset(option for param in command.params for option in param.opts)


def is_named_only(call: Call) -> bool:
    """Tell whether a sentence names a command and leaves out what it needs: nothing that could be typed."""
    return call.in_text and bool(fault_of(replace(call, in_text=False)))


def _parse_leaf(command: Command, rest: list[str], *, in_text: bool) -> None:
    if in_text and not rest:
        # A command named in a sentence, not a call.
        return
    for param in command.params:
        if isinstance(param, TyperOption):
            param.prompt = None
            # What the environment may say need not stand in the call.
            param.required = param.required and not param.envvar
    try:
        command.make_context(command.name, list(rest))
    except typer.BadParameter as error:
        changed = _with_sample(rest, error.message)
        if changed != rest:
            _parse_leaf(command, changed, in_text=in_text)
        elif not (in_text and isinstance(error, MissingParameter)):
            raise


def _with_sample(rest: list[str], said: str) -> list[str]:
    """Return the words with the place holder that the message complains of, such as LEVEL, replaced by a value that is taken."""
    known = _KNOWN.search(said)
    place = next((number for number, word in enumerate(rest) if _PLACE.fullmatch(word) and word in said), None)
    return rest if place is None else [*rest[:place], known[1] if known else "1", *rest[place + 1 :]]
