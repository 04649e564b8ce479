"""``healstream freeze add|hands-off|list|lift``: leave targets alone for a while, by a person's signed word."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import typer

from console.brake_words import freeze_rows, freezes_in
from console.braking import frozen, lifted, why_unchecked
from console.cli.deeds import DRY
from console.cli.formats import Output
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, WATCH, brokers_of, home, show_or_watch, talk
from console.configuration import load_policy
from console.periods import span_of
from console.topic_reader import read_model
from console.words import require_right, say, speaker_in
from schemas.oversight import Freeze
from schemas.people import Right

TARGET = typer.Argument(help="a target, group:NAME, team:NAME, environment:NAME or fleet")
SPAN = typer.Option(
    "2h", "--for", help="how long from now: 30m, 2h, 1d; or from when to when: 2026-01-31T12:00+01:00/2026-01-31T18:00+01:00"
)
REASON = typer.Option(..., help="why")
LOOKING = typer.Option("hands off", "--reason", help="why")
_COLUMNS = ("id", "kind", "what", "state", "until", "by", "reason")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("add")(add)
    noun.command("hands-off")(hands_off)
    noun.command("list")(list_all)
    noun.command("lift")(lift)
    app.add_typer(noun, name="freeze", help=text)


def add(target: str = TARGET, span: str = SPAN, reason: str = REASON, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Let nothing be healed there for a time: what is decided meanwhile waits, and goes afterwards if it is still valid."""
    from_at, until = span_of(span, "--for", datetime.now(UTC))
    _freeze(Freeze(target, from_at, until, reason), who, name, dry=dry)


def hands_off(target: str = TARGET, span: str = SPAN, reason: str = LOOKING, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Leave a target alone: somebody looks at it."""
    add(target, span, reason, who, name, dry=dry)


def list_all(name: str = NAME, output: Output = OUTPUT, watch: bool = WATCH) -> None:
    """List the freezes in force or to come, and the policy's windows that are open."""
    brokers = brokers_of(name)

    def rows() -> list[dict[str, object]]:
        now = datetime.now(UTC)
        return freeze_rows(freezes_in(read_model(brokers).controls, people_of(home(name)), now), load_policy(home(name).config), now)

    show_or_watch(rows, output, _COLUMNS, watch=watch)


def lift(freeze: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """End a freeze now; windows are the policy's and end by themselves."""
    # Who may not is told so before the topics are read.
    require_right(people_of(home(name)), speaker_in(home(name).people, who), Right.OVERRIDE)
    now = datetime.now(UTC)
    views = freezes_in(read_model(brokers_of(name)).controls, people_of(home(name)), now)
    view, word = lifted(home(name), who, views, freeze, now)
    if not dry:
        say(brokers_of(name), word)
    talk(f"{view.freeze.target} {'would be' if dry else 'is'} free again by the word of {word.by}")


def _freeze(freeze: Freeze, who: str, name: str, *, dry: bool) -> None:
    remark = why_unchecked(home(name), freeze.target)
    if remark:
        talk(remark)
    made = secrets.token_hex(4)
    word = frozen(home(name), who, made, freeze, datetime.now(UTC))
    if not dry:
        say(brokers_of(name), word)
    will = "would be" if dry else "is"
    talk(f"{freeze.target} {will} left alone until {freeze.until.isoformat()}; end it with `healstream freeze lift {made}`")
