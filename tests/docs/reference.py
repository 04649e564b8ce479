"""The pages of reference that are read off the code: gates, commands, exit codes, and every error with its next step."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

import schemas.errors
from console.cli.main import NOUNS, app_for
from schemas.errors import HealstreamError
from streams.decide import GATES
from tests.docs.marks import code, entities, sentence, table
from tests.docs.written import ROOT

_PACKAGES = ("schemas", "learning", "infra", "streams", "recoverers", "console")
EXIT_CODES: tuple[tuple[int, str], ...] = (
    (0, "done, and nothing is wrong"),
    (8, "looked, and found something: an unknown failure, a check that is not well, a mistake in a file, a decision that would be another"),
    (130, "ended by Ctrl-C"),
)


@dataclass(frozen=True, slots=True)
class Raised:
    """One place where an error is made: its type, and its three sentences with ``{...}`` where something is put in."""

    place: str
    error: str
    what: str
    why: str
    mend: str


def reference_pages() -> dict[str, str]:
    """Return the pages by their address."""
    return {
        "reference/gates.md": _gates(),
        "reference/commands.md": _commands(),
        "reference/exit-codes.md": _exit_codes(),
        "reference/errors.md": _errors(),
    }


def _gates() -> str:
    rows = [
        (f"{number}", code(gate.__name__.removeprefix("check_")), sentence(inspect.getdoc(inspect.getmodule(gate))))
        for number, gate in enumerate(GATES, 1)
    ]
    return (
        "# The gates\n\nEvery incident is asked about at each of these gates, in this order; all answers are kept in the decision. The "
        "strictest answer counts, and of equally strict ones the first. [How a decision is made](../decisions.md) says the rest.\n\n"
        f"{table(('', 'gate', 'does'), rows)}"
    )


def _commands() -> str:
    head = (
        "# Commands\n\nRead off the program. What follows `-o json` has a version of its own and stays readable for programs; talk goes to "
        "standard error, data to standard output. `--name` chooses a copy.\n"
    )
    parts = [head]
    for noun, text in NOUNS:
        root = get_command(app_for([noun]))
        command = root.commands[noun] if isinstance(root, TyperGroup) else root
        parts.append(f"## {noun}\n\n{text}.\n\n{table(('call', 'does', 'options'), _verbs(f'healstream {noun}', command))}")
    return "\n".join(parts)


def _verbs(call: str, command: object) -> Iterator[tuple[str, str, str]]:
    if isinstance(command, TyperGroup):
        for name, verb in command.commands.items():
            yield from _verbs(f"{call} {name}", verb)
    elif isinstance(command, TyperCommand):
        arguments = [_argument(param) for param in command.params if isinstance(param, TyperArgument)]
        options = [param for param in command.params if isinstance(param, TyperOption) and param.name not in {"name", "help", "output"}]
        yield code(" ".join((call, *arguments))), entities(command.help or ""), ", ".join(_option(param) for param in options)


def _argument(param: TyperArgument) -> str:
    name = (param.name or "").upper()
    return name if param.required else f"[{name}]"


def _option(param: TyperOption) -> str:
    words = "/".join((*param.opts, *param.secondary_opts))
    return f"{code(words)} {entities(param.help or '')}".strip() + (" (needed)" if param.required else "")


def _exit_codes() -> str:
    errors = [found for _, found in inspect.getmembers(schemas.errors, inspect.isclass) if issubclass(found, HealstreamError)]
    rows = [(str(number), said) for number, said in EXIT_CODES]
    rows += [(str(error.exit_code), f"{code(error.__name__)}: {sentence(inspect.getdoc(error))}") for error in errors]
    return (
        "# Exit codes\n\nEvery failure is said as `error: what: why` and ` next: what to do` on standard error; the code says what kind "
        f"of no it was.\n\n{table(('code', 'means'), sorted(rows, key=lambda row: int(row[0])))}"
    )


def _errors() -> str:
    rows = [
        (entities(one.what), entities(one.why), entities(one.mend)) for one in sorted(raised_in_code(), key=lambda one: (one.what, one.why))
    ]
    return (
        "# Every error and its next step\n\nRead off the code; `{...}` stands for what is put in. Search for a word of the message "
        f"that you see.\n\n{table(('what', 'why', 'next'), dict.fromkeys(rows))}"
    )


def raised_in_code() -> list[Raised]:
    """Return every place in the source that makes one of our errors with sentences of its own."""
    names = {name for name, found in inspect.getmembers(schemas.errors, inspect.isclass) if issubclass(found, HealstreamError)}
    found: list[Raised] = []
    for package in _PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and len(node.args) >= 3:
                    what, why, mend = (_said(part) for part in node.args[:3])
                    found.append(Raised(f"{path.relative_to(ROOT)}:{node.lineno}", node.func.id, what, why, mend))
    return found


def _said(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{...}" for part in node.values)
    return "{...}"
