"""``healstream circuit list|get|reset``: which breakers have counted failures, and a person's word that the cause is mended."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from console.brake_words import circuit_rows
from console.braking import closed
from console.cli.deeds import DRY
from console.cli.formats import Output
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, WATCH, brokers_of, home, show, show_or_watch, talk
from console.configuration import load_policy
from console.words import require_right, say, speaker_in
from infra.state_log import read_entries
from schemas.errors import NotFoundError
from schemas.people import Right

STATE, ANSWER_S = "heal.state.admit", 30.0
_COLUMNS = ("circuit", "state", "failures", "last_failure", "tried_by")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    for verb in (get, reset):
        noun.command(verb.__name__)(verb)
    app.add_typer(noun, name="circuit", help=text)


def _rows(name: str) -> list[dict[str, object]]:
    return circuit_rows(read_entries(brokers_of(name), STATE, 0, ANSWER_S), load_policy(home(name).config), datetime.now(UTC))


def _named(name: str, circuit: str) -> dict[str, object]:
    found = [row for row in _rows(name) if str(row["circuit"]).startswith(circuit)]
    exact = [row for row in found if row["circuit"] == circuit] or found
    if len(exact) != 1:
        why = f"{len(found)} breakers begin so" if found else "no breaker of that name has counted a failure"
        raise NotFoundError(f"circuit {circuit}", why, "List them with `healstream circuit list`")
    return exact[0]


def list_all(name: str = NAME, output: Output = OUTPUT, watch: bool = WATCH) -> None:
    """List the breakers that have counted failures, the open ones first; all others are closed."""
    show_or_watch(lambda: _rows(name), output, _COLUMNS, watch=watch)


def get(circuit: str, name: str = NAME, output: Output = OUTPUT) -> None:
    """Show one breaker, named by its beginning: target/service:web, strategy/service_restart or pattern/KIND/FINGERPRINT."""
    show([_named(name, circuit)], output, _COLUMNS)


def reset(circuit: str, reason: str = typer.Option(..., help="why"), who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Close a breaker at once, for its cause is mended; the next failures are counted from none."""
    # Who may not is told so before the topics are read.
    require_right(people_of(home(name)), speaker_in(home(name).people, who), Right.OVERRIDE)
    found = str(_named(name, circuit)["circuit"])
    word = closed(home(name), who, found, reason, datetime.now(UTC))
    if not dry:
        say(brokers_of(name), word)
    talk(f"{found} {'would be' if dry else 'is'} closed by {word.by}")
