"""``healstream pattern VERB``: the pattern database of the folder; its audit stands in ``pattern_audit.py``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import typer

from console.cli.pattern_audit import audit
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.configuration import load_configuration, read_folder
from console.pattern_files import PatternShelf, checked_catalogue, read_shelf, with_pattern, write_shelf
from console.pattern_words import Change, Voice, accepted, disabled, enabled, wrote
from console.recognition import load_recognizer
from console.stored import logs_on_topic, recorded_logs
from console.system_paths import shipped_patterns
from console.words import require_right, speaker_in
from infra.compiled_patterns import CompiledPatterns
from infra.kafka import deliver
from learning.backtest import BackTest, Budget, back_test
from learning.patterns.confirm import confirmer_of
from learning.patterns.loader import load_catalogue
from learning.patterns.lookup import Lookup
from learning.patterns.matcher import Matcher
from learning.patterns.model import Pattern
from learning.structure import clean_line
from schemas.avro_codec import Codec
from schemas.configuration import Keys
from schemas.errors import NotFoundError, UsageError
from schemas.oversight import AuditEntry
from schemas.people import Right

PROBLEMS = 8
FLUSH_S = 5.0
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
DRY = typer.Option(False, "--dry-run", help="check everything, change nothing")
LIVE = typer.Option(False, "--live", help="also try the runs that the log topic still holds")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    for verb in (template, new, own, lint, backtest, get, enable, disable, accept, refuse):
        noun.command(verb.__name__)(verb)
    noun.command("test")(try_on)
    noun.command("list")(list_all)
    noun.command("audit")(audit)
    app.add_typer(noun, name="pattern", help=text)


def _shelf(name: str) -> PatternShelf:
    return read_shelf(home(name).config, shipped_patterns())


def _change(name: str, change: Change, files: Mapping[str, str], *, dry: bool) -> None:
    """Write a change after the audit has it: what cannot be told is not done."""
    if dry:
        talk(f"{change.audit.action} {change.audit.subject}: nothing was changed (--dry-run)")
        return
    deliver(brokers_of(name), [change.audit], Codec([AuditEntry]), FLUSH_S)
    write_shelf(home(name).config, files, change.reviews)
    talk(f"{change.audit.action} {change.audit.subject}: written; workers take it up within seconds")


def _voice(name: str, who: str, right: Right) -> Voice:
    people = people_of(home(name))
    speaker = speaker_in(home(name).people, who)
    require_right(people, speaker, right)
    return Voice(speaker, people, datetime.now(UTC))


def _text(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8", errors="replace")


def template() -> None:
    """Print a pattern to fill in, for `healstream pattern new`."""
    sys.stdout.write(json.dumps(TEMPLATE, indent=1) + "\n")


def new(file: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Add one pattern, a JSON file or - for standard input, to the folder; it shadows until another person accepts it."""
    voice, shelf = _voice(name, who, Right.EDIT_PATTERN), _shelf(name)
    try:
        row = json.loads(_text(file))
    except ValueError as error:
        raise UsageError(file, f"this is no JSON: {error}", "Begin with `healstream pattern template`") from error
    files = with_pattern(shelf, row)
    made = checked_catalogue({**shelf.files, **files}).by_id()[row["id"]]
    _change(name, wrote(shelf, made, voice), files, dry=dry)


def own(pattern: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Say that you wrote a pattern that stands in the folder already."""
    voice, shelf = _voice(name, who, Right.EDIT_PATTERN), _shelf(name)
    if shelf.author_of(pattern):
        raise UsageError(f"pattern {pattern}", f"{shelf.author_of(pattern)} wrote it", "Nothing is to be said")
    _change(name, wrote(shelf, shelf.named(pattern), voice), {}, dry=dry)


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


def try_on(pattern: str, log: str, name: str = NAME) -> None:
    """Show the lines of a log, a file or - for standard input, that one pattern matches; exit 8 when there is none."""
    confirmer = confirmer_of(_shelf(name).named(pattern))
    found = [
        {"line": number, "expression": part + 1, "text": clean_line(line), "captures": dict(captures)}
        for number, line in enumerate(_text(log).split("\n"), start=1)
        for part in range(len(confirmer.expressions))
        if (captures := confirmer.read(part, clean_line(line))) is not None
    ]
    show(found, Output.TABLE, ("line", "expression", "text"))
    if not found:
        raise typer.Exit(PROBLEMS)


def _tried(shelf: PatternShelf, pattern: Pattern, name: str, *, live: bool) -> BackTest:
    logs = (*recorded_logs(), *(logs_on_topic(brokers_of(name)) if live else ()))
    matcher = Matcher(shelf.catalogue, CompiledPatterns.in_cache(os.environ))
    policy = load_configuration(home(name).config, shipped_patterns(), Keys()).policy
    budget = Budget(policy.trial_green_share, policy.trial_stolen)
    return back_test(pattern, logs, load_recognizer(shipped_patterns(), matcher), budget)


def backtest(pattern: str, live: bool = LIVE, name: str = NAME, output: Output = OUTPUT) -> None:
    """Replay stored logs with one pattern; exit 8 when it would be refused."""
    shelf = _shelf(name)
    report = _tried(shelf, shelf.named(pattern), name, live=live)
    show([_report_row(report)] if output is Output.TABLE else [{**asdict(report), "digest": report.digest()}], output)
    for one in report.stolen:
        talk(f"stolen: {one.log} is {one.was} by {one.by}, and would be {one.becomes}")
    for why in report.refused:
        talk(f"refused: {why}")
    if report.refused:
        raise typer.Exit(PROBLEMS)


def _report_row(report: BackTest) -> dict[str, object]:
    lists: Sequence[str] = ("green", "wrong", "stolen", "gained")
    counts: dict[str, object] = {key: len(getattr(report, key)) for key in lists}
    return {"pattern": report.pattern, "logs": report.logs, "successes": report.successes, "right": report.right, **counts}


def list_all(
    state: str = typer.Option("", help="only shadow, acting or disabled"),
    find: str = typer.Option("", help="only those that hold all these words"),
    name: str = NAME,
    output: Output = OUTPUT,
) -> None:
    """List the patterns with how far each goes."""
    shelf, people = _shelf(name), people_of(home(name))
    known = shelf.catalogue.patterns
    rows: list[dict[str, object]] = [
        {"id": one.id, "kind": one.kind.value, "state": shelf.state(one, people).value, "title": one.title}
        for one in (Lookup(known).by_text(find, len(known)) if find else known)
    ]
    show([row for row in rows if state in {"", row["state"]}], output, ("id", "kind", "state", "title"))


def get(pattern: str, name: str = NAME) -> None:
    """Show one pattern in full, with its state and the words on it."""
    shelf = _shelf(name)
    found = shelf.named(pattern)
    words = [
        {"state": word.state.value, "by": word.by, "author": word.author, "at": word.at.isoformat()}
        for word in shelf.reviews
        if word.pattern == pattern
    ]
    row = {**found.model_dump(mode="json"), "state": shelf.state(found, people_of(home(name))).value, "words": words}
    show([row], Output.JSON)


def accept(pattern: str, live: bool = LIVE, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Let another person's pattern act, after its back-test."""
    voice, shelf = _voice(name, who, Right.PROMOTE_MODEL), _shelf(name)
    found = shelf.named(pattern)
    _change(name, accepted(shelf, found, _tried(shelf, found, name, live=live), voice), {}, dry=dry)


def refuse(pattern: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Refuse a pattern of the folder: it is matched no more."""
    shelf = _shelf(name)
    if shelf.shipped.get(pattern) == shelf.named(pattern):
        raise NotFoundError(f"pattern {pattern}", "it is shipped, nobody proposed it", "Use `healstream pattern disable`")
    disable(pattern, who, name, dry)


def disable(pattern: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Switch a pattern off, a shipped one too."""
    voice, shelf = _voice(name, who, Right.EDIT_PATTERN), _shelf(name)
    _change(name, disabled(shelf, shelf.named(pattern), voice), {}, dry=dry)


def enable(pattern: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Take back a switching off."""
    voice, shelf = _voice(name, who, Right.EDIT_PATTERN), _shelf(name)
    _change(name, enabled(shelf, shelf.named(pattern), voice), {}, dry=dry)
