"""``healstream freeze add|hands-off|list|lift``: leave targets alone for a while, by a person's signed word."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta

import typer

from console.brake_words import freeze_named, freeze_of, freeze_rows, freezes_in, lifted_of
from console.cli.people_here import people_of
from console.cli.show import AS, DRY, NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.configuration import load_policy, load_services
from console.periods import span_of
from console.topic_reader import read_model
from console.window_checks import is_known
from console.words import Speaker, require_right, say, speaker_in
from schemas.errors import ConfigurationError, UsageError
from schemas.oversight import Freeze
from schemas.people import Right

TARGET = typer.Argument(help="a target, group:NAME, team:NAME, environment:NAME or fleet")
SPAN = typer.Option(
    "2h", "--for", help="how long from now: 30m, 2h, 1d; or from when to when: 2026-01-31T12:00+01:00/2026-01-31T18:00+01:00"
)
REASON = typer.Option(..., help="why")
LOOKING = typer.Option("hands off", "--reason", help="why")
_WORD = re.compile(r"fleet|[a-z]+:\S.{0,298}")
_COLUMNS = ("id", "kind", "what", "state", "until", "by", "reason")
_LONGEST = timedelta(days=30)


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


def list_all(name: str = NAME, output: Output = OUTPUT) -> None:
    """List the freezes in force or to come, and the policy's windows that are open."""
    now = datetime.now(UTC)
    views = freezes_in(read_model(brokers_of(name)).controls, people_of(home(name)), now)
    show(freeze_rows(views, load_policy(home(name).config), now), output, _COLUMNS)


def lift(freeze: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """End a freeze now; windows are the policy's and end by themselves."""
    speaker = _speaker(who, name)
    now = datetime.now(UTC)
    view = freeze_named(freezes_in(read_model(brokers_of(name)).controls, people_of(home(name)), now), freeze)
    if not dry:
        say(brokers_of(name), lifted_of(view, speaker, now))
    talk(f"{view.freeze.target} {'would be' if dry else 'is'} free again by the word of {speaker.name}")


def _speaker(who: str, name: str) -> Speaker:
    speaker = speaker_in(home(name).people, who)
    require_right(people_of(home(name)), speaker, Right.OVERRIDE)
    return speaker


def _freeze(freeze: Freeze, who: str, name: str, *, dry: bool) -> None:
    speaker = _speaker(who, name)
    _require_target(freeze.target, name)
    if freeze.until <= max(datetime.now(UTC), freeze.from_at) or freeze.until - freeze.from_at > _LONGEST:
        raise UsageError("--for", "a freeze ends in the future and lasts 30 days at most", "Write a window into policy/ for more")
    made = secrets.token_hex(4)
    if not dry:
        say(brokers_of(name), freeze_of(made, freeze, speaker, datetime.now(UTC)))
    will = "would be" if dry else "is"
    talk(f"{freeze.target} {will} left alone until {freeze.until.isoformat()}; end it with `healstream freeze lift {made}`")


def _require_target(target: str, name: str) -> None:
    if _WORD.fullmatch(target) is None:
        raise UsageError(target, "this is no target", "Write service:NAME, group:NAME, team:NAME, environment:NAME or fleet")
    try:
        services = load_services(home(name).config)
    except ConfigurationError as error:
        talk(f"services.yaml has mistakes, so {target} was not looked up in it: {error.why}")
        return
    if not is_known(target, services):
        raise UsageError(target, "services.yaml has nothing of that name, so this would hold nothing", "See `healstream config view`")
