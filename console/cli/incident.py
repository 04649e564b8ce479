"""``healstream incident list|get|explain|watch|mark-healed``."""

from __future__ import annotations

import json
import secrets
import sys
import time
from datetime import UTC, datetime

import typer

from console.casefile import case_json, case_markdown
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.readmodel import IncidentView, summary_of
from console.topic_reader import read_model
from console.words import marked_healed_of, require_right, say, speaker_in
from schemas.errors import NotFoundError
from schemas.people import Right

WHOLE = typer.Option(Output.JSON, "--output", "-o", help="json or jsonl")
_COLUMNS = ("id", "state", "kind", "target", "strategy", "reason")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    noun.command("get")(get)
    noun.command("explain")(explain)
    noun.command("watch")(watch)
    noun.command("mark-healed")(mark_healed)
    app.add_typer(noun, name="incident", help=text)


def list_all(name: str = NAME, output: Output = OUTPUT, limit: int = typer.Option(50, min=1)) -> None:
    """List the newest incidents."""
    rows = [summary_of(*row) for row in read_model(brokers_of(name)).newest_first()[:limit]]
    show(rows, output, _COLUMNS)


def _found(name: str, incident: str) -> tuple[str, IncidentView]:
    model = read_model(brokers_of(name))
    names = model.named(incident)
    if len(names) != 1:
        why = f"{len(names)} incidents begin so" if names else "there is none"
        raise NotFoundError(f"incident {incident}", why, "List them with `healstream incident list -o json`")
    return names[0], model.incidents[names[0]]


def get(incident: str, name: str = NAME, output: Output = WHOLE) -> None:
    """Write everything that is known of one incident."""
    text = case_json(*_found(name, incident))
    sys.stdout.write((json.dumps(json.loads(text)) if output is Output.JSONL else text) + "\n")


def explain(incident: str, name: str = NAME) -> None:
    """Say in words what was seen, decided and done."""
    sys.stdout.write(case_markdown(*_found(name, incident)))


def watch(name: str = NAME, every_s: float = typer.Option(1.0, min=0.2), output: Output = OUTPUT) -> None:
    """Write an incident's line whenever it changes, until Ctrl-C."""
    known: dict[str, dict[str, object]] = {}
    while True:
        for incident, view in reversed(read_model(brokers_of(name)).newest_first()):
            row = summary_of(incident, view)
            if known.get(incident) != row:
                known[incident] = row
                show([row], Output.JSONL if output is not Output.TABLE else output, _COLUMNS)
                sys.stdout.flush()
        time.sleep(every_s)


def mark_healed(incident: str, who: str = AS, name: str = NAME) -> None:
    """Say that an incident's cause is gone: what waits for it is not acted upon, and the members of a storm may go."""
    speaker = speaker_in(home(name).people, who)
    require_right(people_of(home(name)), speaker, Right.OVERRIDE)
    found, view = _found(name, incident)
    say(brokers_of(name), marked_healed_of(found, speaker, secrets.token_hex(8), datetime.now(UTC)))
    talk(f"{speaker.name} marks {view.incident.target if view.incident else found} healed")
