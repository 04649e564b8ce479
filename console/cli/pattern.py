"""``healstream pattern template|new|own|lint|test|backtest|list|get|enable|disable``: the patterns of the folder.

``proposals``, ``accept`` and ``refuse`` stand in ``proposal.py``, ``audit`` in ``pattern_audit.py``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from console.cli.deeds import DRY
from console.cli.formats import Output
from console.cli.pattern_audit import audit
from console.cli.pattern_change import change_folder, shelf_of, try_stored, voice_of
from console.cli.people_here import people_of
from console.cli.proposal import add_proposal_verbs
from console.cli.show import AS, LIVE, NAME, OUTPUT, WHOLE, home, show, talk
from console.configuration import read_folder
from console.pattern_files import checked_catalogue, with_pattern
from console.pattern_words import disabled, enabled, wrote
from console.system_paths import shipped_patterns
from learning.backtest import BackTest
from learning.patterns.confirm import confirmer_of
from learning.patterns.loader import load_catalogue
from learning.patterns.lookup import Lookup
from learning.structure import clean_line
from schemas.errors import UsageError
from schemas.people import Right

PROBLEMS = 8
TEMPLATE: dict[str, object] = {
    "id": "tool-what-failed",
    "kind": "environment_config",
    "title": "what it means, in one line",
    "expressions": ["what the tool prints, in linear time"],
    "weight": 0.8,
    "transient": False,
    "examples": ["a line that must match", "another one"],
    "counter_examples": ["a near miss that must not", "another one"],
    "source": "where the tool's words are from",
    "since": "1.0",
}
FILES = typer.Argument(None, help="pattern files; the whole folder when none is given")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    for verb in (template, new, own, lint, backtest, get, enable, disable):
        noun.command(verb.__name__)(verb)
    add_proposal_verbs(noun)
    noun.command("test")(try_on)
    noun.command("list")(list_all)
    noun.command("audit")(audit)
    app.add_typer(noun, name="pattern", help=text)


def _text(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8", errors="replace")


def template() -> None:
    """Print a pattern to fill in, for `healstream pattern new`."""
    sys.stdout.write(json.dumps(TEMPLATE, indent=1) + "\n")


def new(file: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Add one pattern, a JSON file or - for standard input, to the folder; it shadows until another person accepts it."""
    voice, shelf = voice_of(name, who, Right.EDIT_PATTERN), shelf_of(name)
    try:
        row = json.loads(_text(file))
    except ValueError as error:
        raise UsageError(file, f"this is no JSON: {error}", "Begin with `healstream pattern template`") from error
    files = with_pattern(shelf, row)
    made = checked_catalogue({**shelf.files, **files}).by_id()[row["id"]]
    change_folder(name, wrote(shelf, made, voice), files, dry=dry)


def own(pattern: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Say that you wrote a pattern that stands in the folder already."""
    voice, shelf = voice_of(name, who, Right.EDIT_PATTERN), shelf_of(name)
    if shelf.author_of(pattern):
        raise UsageError(f"pattern {pattern}", f"{shelf.author_of(pattern)} wrote it", "Nothing is to be said")
    change_folder(name, wrote(shelf, shelf.named(pattern), voice), {}, dry=dry)


def lint(files: list[Path] = FILES, name: str = NAME) -> None:
    """Check pattern files; exit 8 with `file:line:column` when something is wrong."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in files} if files else _all_texts(name)
    loaded = load_catalogue(texts)
    if isinstance(loaded, list):
        sys.stdout.writelines(f"{problem}\n" for problem in loaded)
        raise typer.Exit(PROBLEMS)
    talk(f"{len(loaded.patterns)} patterns in {len(texts)} files: nothing is wrong")


def _all_texts(name: str) -> Mapping[str, str]:
    return read_folder(home(name).config, shipped_patterns()).patterns


def try_on(pattern: str, log: str, name: str = NAME, output: Output = OUTPUT) -> None:
    """Show the lines of a log, a file or - for standard input, that one pattern matches; exit 8 when there is none."""
    confirmer = confirmer_of(shelf_of(name).named(pattern))
    found = [
        {"line": number, "expression": part + 1, "text": clean_line(line), "captures": dict(captures)}
        for number, line in enumerate(_text(log).split("\n"), start=1)
        for part in range(len(confirmer.expressions))
        if (captures := confirmer.read(part, clean_line(line))) is not None
    ]
    show(found, output, ("line", "expression", "text"))
    if not found:
        raise typer.Exit(PROBLEMS)


def backtest(pattern: str, live: bool = LIVE, name: str = NAME, output: Output = OUTPUT) -> None:
    """Replay stored logs with one pattern; exit 8 when it would be refused."""
    shelf = shelf_of(name)
    report = try_stored(shelf, shelf.named(pattern), name, live=live)
    show([_report_row(report)] if output is Output.TABLE else [{**asdict(report), "digest": report.digest()}], output)
    for one in report.stolen:
        talk(f"stolen: {one.log} is {one.was} by {one.by}, and would be {one.becomes}")
    for why in report.refused:
        talk(f"refused: {why}")
    if report.refused:
        raise typer.Exit(PROBLEMS)


def _report_row(report: BackTest) -> dict[str, object]:
    lists: Sequence[str] = ("green", "wrong", "stolen", "gained", "silenced")
    counts: dict[str, object] = {key: len(getattr(report, key)) for key in lists}
    return {"pattern": report.pattern, "logs": report.logs, "successes": report.successes, "right": report.right, **counts}


def list_all(
    state: str = typer.Option("", help="only shadow, acting or disabled"),
    find: str = typer.Option("", help="only those that hold all these words"),
    name: str = NAME,
    output: Output = OUTPUT,
) -> None:
    """List the patterns with how far each goes."""
    shelf, people = shelf_of(name), people_of(home(name))
    known = shelf.catalogue.patterns
    rows: list[dict[str, object]] = [
        {"id": one.id, "kind": one.kind.value, "state": shelf.state(one, people).value, "title": one.title}
        for one in (Lookup(known).by_text(find, len(known)) if find else known)
    ]
    show([row for row in rows if state in {"", row["state"]}], output, ("id", "kind", "state", "title"))


def get(pattern: str, name: str = NAME, output: Output = WHOLE) -> None:
    """Show one pattern in full, with its state and the words on it."""
    shelf = shelf_of(name)
    found = shelf.named(pattern)
    words = [
        {"state": word.state.value, "by": word.by, "author": word.author, "at": word.at.isoformat()}
        for word in shelf.reviews
        if word.pattern == pattern
    ]
    row = {**found.model_dump(mode="json"), "state": shelf.state(found, people_of(home(name))).value, "words": words}
    show([row], output)


def disable(pattern: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Switch a pattern off, a shipped one too."""
    voice, shelf = voice_of(name, who, Right.EDIT_PATTERN), shelf_of(name)
    change_folder(name, disabled(shelf, shelf.named(pattern), voice), {}, dry=dry)


def enable(pattern: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Take back a switching off."""
    voice, shelf = voice_of(name, who, Right.EDIT_PATTERN), shelf_of(name)
    change_folder(name, enabled(shelf, shelf.named(pattern), voice), {}, dry=dry)
