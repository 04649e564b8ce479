"""``healstream incident list|get|explain|watch``, and a person's last word on one: ``run|force|hands-off|cancel|mark-healed|ack``."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial

import typer

from console.brake_words import acknowledgement_of
from console.casefile import case_json, case_markdown
from console.cli.deeds import DRY, YES, require_meant, sayer, tell
from console.cli.formats import Output, Row
from console.cli.last_word import incident_named, say_override, speaker_on_incidents
from console.cli.show import AS, NAME, OUTPUT, SINCE, WATCH, WHOLE, brokers_of, newer, show_changes, show_one, show_or_watch
from console.readmodel import IncidentView, summary_of
from console.topic_reader import read_model
from schemas.decisions import FORCEABLE
from schemas.errors import UsageError
from schemas.oversight import Override

_COLUMNS = ("id", "state", "kind", "target", "strategy", "reason")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    noun.command("get")(get)
    noun.command("explain")(explain)
    noun.command("watch")(follow)
    noun.command("mark-healed")(mark_healed)
    noun.command("run")(run)
    noun.command("force")(force)
    noun.command("hands-off")(hands_off)
    noun.command("cancel")(cancel)
    noun.command("ack")(ack)
    app.add_typer(noun, name="incident", help=text)


def list_all(
    name: str = NAME, output: Output = OUTPUT, limit: int = typer.Option(50, min=1), since: str = SINCE, watch: bool = WATCH
) -> None:
    """List the newest incidents."""
    newest = partial(read_model, brokers_of(name))

    def rows() -> list[Row]:
        return newer((summary_of(*row) for row in newest().newest_first()), since, "opened_at")[:limit]

    show_or_watch(rows, output, _COLUMNS, watch=watch)


def _found(name: str, incident: str) -> tuple[str, IncidentView]:
    model = read_model(brokers_of(name))
    found = incident_named(model, incident)
    return found, model.incidents[found]


def get(incident: str, name: str = NAME, output: Output = WHOLE) -> None:
    """Write everything that is known of one incident."""
    found, view = _found(name, incident)
    show_one(json.loads(case_json(found, view)), output, found)


def explain(incident: str, name: str = NAME) -> None:
    """Say in words what was seen, decided and done."""
    sys.stdout.write(case_markdown(*_found(name, incident)))


def follow(name: str = NAME, every_s: float = typer.Option(1.0, min=0.2), output: Output = OUTPUT) -> None:
    """Write an incident's line whenever it changes, until Ctrl-C."""
    newest = partial(read_model, brokers_of(name))
    show_changes(lambda: [(row[0], summary_of(*row)) for row in reversed(newest().newest_first())], _COLUMNS, output, every_s)


def mark_healed(incident: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Say that an incident's cause is gone: what waits for it is not acted upon, and the members of a storm may go."""
    _say(incident, Override("", mark_healed=True), who, name, dry=dry)


def run(incident: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Have it healed: a closed incident is opened again and another person approves; budgets do not count for an admin's word."""
    _say(incident, Override("", run=True), who, name, dry=dry)


def force(incident: str, verdict: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Force a stricter verdict on what waits, or on a closed incident that is opened again for it: observe, escalate or refuse."""
    if verdict not in FORCEABLE:
        known = ", ".join(sorted(FORCEABLE))
        raise UsageError(f"verdict {verdict}", "a person's word makes a verdict stricter, never looser", f"Force one of {known}")
    _say(incident, Override("", force_verdict=verdict), who, name, dry=dry)


def hands_off(incident: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Leave this incident to people: what waits ends refused. For a whole target: `healstream freeze hands-off`."""
    _say(incident, Override("", hands_off=True), who, name, dry=dry)


def cancel(incident: str, who: str = AS, name: str = NAME, dry: bool = DRY, yes: bool = YES) -> None:
    """Stop its healing: what waits ends refused, a run stops at its next safe point and is taken back."""
    _say(incident, Override("", cancel=True), who, name, dry=dry, is_sure=yes)


def ack(incident: str, note: str = "", who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Say that you look after it: nobody else on the ladder of `notices.yaml` is told."""
    speaker = speaker_on_incidents(name, who)
    found, view = _found(name, incident)
    sayer(name, dry=dry)(acknowledgement_of(found, note, speaker, datetime.now(UTC)))
    tell(f"{speaker.name} looks after {view.incident.target}", dry=dry)


def _say(incident: str, override: Override, who: str, name: str, *, dry: bool, is_sure: bool = True) -> None:
    speaker = speaker_on_incidents(name, who)
    found, view = _found(name, incident)
    said = next(field.name for field in fields(override) if field.name != "nonce" and getattr(override, field.name)).replace("_", " ")
    require_meant(f"{said} incident {found[:12]} of {view.incident.target}", is_sure=is_sure or dry)
    say_override(name, speaker, found, override, dry=dry)
    tell(f"{speaker.name} says {said} of {view.incident.target}", dry=dry)
