"""``healstream recovery list|get|watch|run|rollback|cancel``."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import typer

from console.brake_words import override_of
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.readmodel import ReadModel
from console.recoveries import (
    COLUMNS,
    TOPICS,
    Recovery,
    found_in,
    recoveries_of,
    require_cancellable,
    require_rollback,
    row_of,
    whole_of,
)
from console.topic_reader import read_model
from console.words import require_right, say, speaker_in
from infra.kafka import read_to_end
from schemas.errors import NotFoundError, UsageError
from schemas.oversight import Override
from schemas.people import Right

WHOLE = typer.Option(Output.JSON, "--output", "-o", help="json or jsonl")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    noun.command("get")(get)
    noun.command("watch")(watch)
    noun.command("run")(run)
    noun.command("rollback")(rollback)
    noun.command("cancel")(cancel)
    app.add_typer(noun, name="recovery", help=text)


def list_all(name: str = NAME, output: Output = OUTPUT, limit: int = typer.Option(50, min=1)) -> None:
    """List the newest recoveries: what waits, what runs, and how the others ended."""
    show([row_of(row) for row in _read(name)[:limit]], output, COLUMNS)


def get(recovery: str, name: str = NAME, output: Output = WHOLE) -> None:
    """Write everything that is known of one recovery, named by the beginning of its id or its incident's."""
    found = whole_of(found_in(_read(name), recovery))
    sys.stdout.write(json.dumps(found, indent=None if output is Output.JSONL else 2) + "\n")


def watch(name: str = NAME, every_s: float = typer.Option(1.0, min=0.2), output: Output = OUTPUT) -> None:
    """Write a recovery's line whenever it changes, until Ctrl-C."""
    known: dict[str, dict[str, object]] = {}
    while True:
        for row in reversed(_read(name)):
            shown = row_of(row)
            if known.get(row.id) != shown:
                known[row.id] = shown
                show([shown], Output.JSONL if output is not Output.TABLE else output, COLUMNS)
                sys.stdout.flush()
        time.sleep(every_s)


def run(incident: str, who: str = AS, name: str = NAME) -> None:
    """Open an ended incident again, so that it is decided and healed anew; it passes every gate as any other."""
    model = read_model(brokers_of(name))
    found = incident_to_run(model, incident)
    _say(name, who, found, lambda nonce: Override(nonce, run=True))
    talk(f"incident {found} is opened again; follow it with `healstream incident watch`")


def incident_to_run(model: ReadModel, text: str) -> str:
    """Return the ended incident that begins so; raises NotFoundError, or UsageError while it is open."""
    names = model.named(text) if text else []
    if len(names) != 1:
        why = f"{len(names)} incidents begin so" if names else "there is none"
        raise NotFoundError(f"incident {text}", why, "List them with `healstream incident list -o json`")
    if model.incidents[names[0]].final() is None:
        mend = "Say yes to what waits with `healstream approval approve`, or wait until it has ended"
        raise UsageError(f"incident {names[0]}", "it is still open and takes its course", mend)
    return names[0]


def rollback(recovery: str, who: str = AS, name: str = NAME) -> None:
    """Stop a running recovery and take back what it did; one that has ended is not touched."""
    found = found_in(_read(name), recovery)
    require_rollback(found)
    _cancel(name, who, found)


def cancel(recovery: str, who: str = AS, name: str = NAME) -> None:
    """Take a recovery out of the queue, or stop it and take back what it did."""
    found = found_in(_read(name), recovery)
    require_cancellable(found)
    _cancel(name, who, found)


def _cancel(name: str, who: str, found: Recovery) -> None:
    _say(name, who, found.incident_id, lambda nonce: Override(nonce, cancel=True))
    what = "is told to end, and takes back what it did" if found.is_running else "leaves the queue"
    talk(f"recovery {found.id} on {found.target} {what}; follow it with `healstream recovery watch`")


def _say(name: str, who: str, incident: str, word: Callable[[str], Override]) -> None:
    speaker = speaker_in(home(name).people, who)
    require_right(people_of(home(name)), speaker, Right.OVERRIDE)
    say(brokers_of(name), override_of(incident, word(secrets.token_hex(8)), speaker, datetime.now(UTC)))


def _read(name: str) -> tuple[Recovery, ...]:
    brokers = brokers_of(name)
    return recoveries_of(record for topic in TOPICS for record in read_to_end(brokers, topic))
