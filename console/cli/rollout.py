"""``healstream rollout list|get|set``: how far each strategy may go, and a person's signed word on one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import typer

from console.braking import levelled
from console.cli.deeds import DRY, YES, require_meant
from console.cli.formats import Output
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, WHOLE, brokers_of, home, show, talk
from console.configuration import load_policy
from console.rollout_words import Standing, said_of, standings_of
from console.words import say
from infra.kafka import read_to_end
from schemas.errors import NotFoundError
from schemas.oversight import AuditRecord, RolloutLevel

LEVEL = typer.Argument(..., help="observe, shadow, approve, canary or automatic")
_COLUMNS = ("strategy", "level", "policy", "people", "by", "demoted_to", "canary_share")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    noun.command("get")(get)
    noun.command("set")(set_level)
    app.add_typer(noun, name="rollout", help=text)


def _standings(name: str) -> Mapping[str, Standing]:
    entries = (row.entry for row in read_to_end(brokers_of(name), "heal.audit") if isinstance(row, AuditRecord))
    return standings_of(entries, load_policy(home(name).config), people_of(home(name)))


def _named(standings: Mapping[str, Standing], strategy: str) -> Standing:
    if strategy not in standings:
        raise NotFoundError(f"strategy {strategy}", f"there is {', '.join(standings)}", "List them with `healstream rollout list`")
    return standings[strategy]


def list_all(name: str = NAME, output: Output = OUTPUT) -> None:
    """List the strategies: the level that holds, and what the policy, people and their own failures leave them."""
    now = datetime.now(UTC)
    show([standing.row(now) for standing in _standings(name).values()], output, _COLUMNS)


def get(strategy: str, name: str = NAME, output: Output = WHOLE) -> None:
    """Show one strategy with all that was decided about its level."""
    found = _named(_standings(name), strategy)
    story = [{"at": entry.at.isoformat(), "action": entry.action, **dict(entry.details)} for entry in found.story]
    show([{**found.row(datetime.now(UTC)), "story": story}], output)


def set_level(strategy: str, level: RolloutLevel = LEVEL, who: str = AS, name: str = NAME, dry: bool = DRY, yes: bool = YES) -> None:
    """Lower a strategy at once, or raise what another person or its own failures have lowered."""
    found = _named(_standings(name), strategy)
    control = levelled(home(name), who, found, level, datetime.now(UTC))
    if dry:
        talk(f"{strategy} would be at {level} by the word of {control.by}; nothing was said (--dry-run)")
        return
    require_meant(f"let {strategy} be at {level}", is_sure=yes)
    say(brokers_of(name), control)
    talk(f"{strategy}: {level} by the word of {control.by}; {said_of(found, level)}")
