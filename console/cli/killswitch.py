"""``healstream killswitch engage|release|status|refused``: the stop file first, then the word; it works with Kafka down too."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from console.brake_words import refused_rows, switches_in
from console.cli.deeds import DRY, YES, require_meant, tell
from console.cli.formats import Output
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, WATCH, brokers_of, home, show, show_or_watch, talk
from console.config_sources import published
from console.configuration import load_policy
from console.home import Home
from console.switching import Order, checked_engagement, checked_release, release_by, switch_rows
from console.switching import engage as engage_switch
from console.topic_reader import read_model
from console.words import FLEET, say
from infra.kafka import read_to_end
from schemas.control_words import SwitchRow
from schemas.decisions import Oversight
from schemas.errors import ConfigurationError
from schemas.oversight import Control, Lease, SwitchMode
from schemas.people import People

CONTROL = "heal.control"
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
    dry: bool = DRY,
) -> None:
    """Stop healing."""
    if dry:
        speaker, _ = checked_engagement(home(name), who, Order(scope, mode, reason))
        tell(f"{mode} of {scope} is engaged by {speaker.name}", dry=True)
        return
    # The address is asked for when the word is sent: with nothing running the stop file is there already.
    talk(engage_switch(home(name), who, Order(scope, mode, reason), lambda word: say(brokers_of(name), word)))


def release(
    scope: str = SCOPE,
    reason: str = typer.Option("released", help="why"),
    who: str = AS,
    name: str = NAME,
    dry: bool = DRY,
    yes: bool = YES,
) -> None:
    """Let healing go on; another person than the one who engaged it."""
    order = Order(scope, SwitchMode.OFF, reason)
    speaker = checked_release(home(name), who, order, lambda: engaged(name))
    if dry:
        tell(f"{scope} is released by {speaker.name}", dry=True)
        return
    require_meant(f"let healing of {scope} go on", is_sure=yes)
    talk(release_by(speaker, home(name), order, lambda word: say(brokers_of(name), word)))


def status(name: str = NAME, output: Output = OUTPUT) -> None:
    """Show the switches, the stop file and the newest lease."""
    brokers = brokers_of(name)
    rows = switch_rows(home(name), engaged(name))
    leases = [row for row in read_to_end(brokers, "heal.lease") if isinstance(row, Lease)]
    age = f"{(datetime.now(UTC) - leases[-1].at).total_seconds():.1f} s old" if leases else "none"
    talk(f"newest lease: {age}")
    show(rows, output, ("scope", "mode", "by", "at", "reason"))
    if rows:
        talk("what it holds back: `healstream killswitch refused`")


def refused(name: str = NAME, output: Output = OUTPUT, watch: bool = WATCH) -> None:
    """List every decision that a kill switch kept from going, what became of it, and the runs that stand still by one now."""
    brokers = brokers_of(name)
    columns = ("at", "target", "strategy", "reason", "now", "incident")
    show_or_watch(lambda: refused_rows(read_model(brokers), engaged(name)), output, columns, watch=watch, named="incident")


def engaged(name: str) -> dict[str, tuple[SwitchRow, Control]]:
    """Return the switches that are on by scope, with the word that engaged each."""
    place, brokers = home(name), brokers_of(name)
    words = (record for record in read_to_end(brokers, CONTROL) if isinstance(record, Control))
    people, oversight = _judges(place, brokers)
    return switches_in(words, people, oversight, datetime.now(UTC))


def _judges(place: Home, brokers: str) -> tuple[People, Oversight]:
    """Return the folder's people and oversight; while it has mistakes those in force, for a switch must be seen all the same."""
    try:
        return people_of(place), load_policy(place.config).oversight
    except ConfigurationError:
        found = published(place, brokers)
        return found.people, found.policy.oversight
