"""``healstream killswitch engage|release|status|refused``: the stop file first, then the word; it works with Kafka down too."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from console.brake_words import refused_rows, switches_in
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.configuration import load_policy
from console.topic_reader import read_model
from console.words import FLEET, require_right, say, speaker_in, switch_of
from infra.adapters.launch import write_whole
from infra.kafka import read_to_end
from infra.stop_file import stop_mode
from schemas.authorization import Matter
from schemas.avro_codec import Codec
from schemas.control_words import SwitchRow
from schemas.decisions import Oversight
from schemas.errors import DeniedError, UnreachableError, UsageError
from schemas.oversight import Control, Lease, SwitchMode
from schemas.people import Right

CONTROL = "heal.control"
_HERE = {SwitchMode.HALT: "are stopped", SwitchMode.DRAIN: "begin nothing new"}
MODE = typer.Option(SwitchMode.HALT, help="halt stops at the next safe point, drain admits nothing new")
SCOPE = typer.Option(FLEET, help="fleet, or one scope such as group:shop")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("engage")(engage)
    noun.command("release")(release)
    noun.command("status")(status)
    noun.command("refused")(refused)
    app.add_typer(noun, name="killswitch", help=text)


def engage(
    reason: str = typer.Option(..., help="why"),
    scope: str = SCOPE,
    mode: SwitchMode = MODE,
    who: str = AS,
    name: str = NAME,
) -> None:
    """Stop healing."""
    if mode is SwitchMode.OFF:
        raise UsageError("--mode", "off is a release", "Use `healstream killswitch release`")
    place = home(name)
    speaker = speaker_in(place.people, who)
    require_right(people_of(place), speaker, Right.ENGAGE_SWITCH, Matter(scope))
    control = switch_of(scope, mode, reason, speaker, datetime.now(UTC))
    if scope == FLEET and mode is SwitchMode.HALT:
        # Empty, whatever it said before: an empty file halts, and a full disk takes one.
        place.stop_file.write_bytes(b"")
    try:
        say(brokers_of(name), control)
    except UnreachableError as error:
        write_whole(place.pending_word(control.key), Codec([Control]).encode(control))
        if scope == FLEET and not place.stop_file.exists():
            write_whole(place.stop_file, mode.value.encode())
        here = f"the executors of this host {_HERE[stop_mode(place.stop_file)]} by the stop file; " if place.stop_file.exists() else ""
        raise UnreachableError(
            error.what, f"{error.why}; {here}other hosts hold no lease without Kafka", "The supervisor publishes the switch when it answers"
        ) from error
    talk(f"{mode} of {scope} is engaged by {speaker.name}; another person releases it with `healstream killswitch release`")


def release(scope: str = SCOPE, reason: str = typer.Option("released", help="why"), who: str = AS, name: str = NAME) -> None:
    """Let healing go on; another person than the one who engaged it."""
    place = home(name)
    speaker, people = speaker_in(place.people, who), people_of(place)
    require_right(people, speaker, Right.RELEASE_SWITCH, Matter(scope))
    found = engaged(name).get(scope)
    if found and found[0].by == speaker.name and _is_two_person(name):
        raise DeniedError(speaker.name, "who engaged a switch does not release it", "Ask another person")
    say(brokers_of(name), switch_of(scope, SwitchMode.OFF, reason, speaker, datetime.now(UTC)))
    if scope == FLEET:
        place.stop_file.unlink(missing_ok=True)
    talk(f"{scope} is released by {speaker.name}")


def _is_two_person(name: str) -> bool:
    return load_policy(home(name).config).oversight is Oversight.TWO_PERSON


def status(name: str = NAME, output: Output = OUTPUT) -> None:
    """Show the switches, the stop file and the newest lease."""
    brokers = brokers_of(name)
    switches = engaged(name)
    rows: list[dict[str, object]] = [
        {
            "scope": scope,
            "mode": row.mode.value,
            "by": row.by,
            "at": word.at.isoformat(),
            "reason": word.killswitch.reason if word.killswitch else "",
        }
        for scope, (row, word) in sorted(switches.items())
    ]
    here = stop_mode(home(name).stop_file)
    if here is not SwitchMode.OFF:
        rows.append({"scope": "this host", "mode": here.value, "by": "stop file", "at": "", "reason": ""})
    leases = [row for row in read_to_end(brokers, "heal.lease") if isinstance(row, Lease)]
    age = f"{(datetime.now(UTC) - leases[-1].at).total_seconds():.1f} s old" if leases else "none"
    talk(f"newest lease: {age}")
    show(rows, output, ("scope", "mode", "by", "at", "reason"))
    if rows:
        talk("what it holds back: `healstream killswitch refused`")


def refused(name: str = NAME, output: Output = OUTPUT) -> None:
    """List every decision that a kill switch kept from going, what became of it, and the runs that stand still by one now."""
    model = read_model(brokers_of(name))
    rows = refused_rows(model, engaged(name))
    show(rows, output, ("at", "target", "strategy", "reason", "now", "incident"))


def engaged(name: str) -> dict[str, tuple[SwitchRow, Control]]:
    """Return the switches that are on by scope, with the word that engaged each."""
    place = home(name)
    words = (record for record in read_to_end(brokers_of(name), CONTROL) if isinstance(record, Control))
    return switches_in(words, people_of(place), load_policy(place.config).oversight, datetime.now(UTC))
