"""``healstream strategy list|get``: how far each strategy may go, how it does, which leads, and with which chance each is chosen."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from console.cli.formats import Output
from console.cli.show import NAME, OUTPUT, WHOLE, brokers_of, home, show
from console.configuration import load_policy
from console.strategies import strategy_card, strategy_rows
from infra.state_log import read_entries
from schemas.configuration import Configuration

DEADLINE_S = 30.0
_COLUMNS = (
    "strategy",
    "level",
    "kind",
    "cases",
    "healed",
    "low",
    "high",
    "leads",
    "chance",
    "self_healed",
    "credit",
    "credit_low",
    "credit_high",
)


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    noun.command("get")(get)
    app.add_typer(noun, name="strategy", help=text)


def _known(name: str) -> tuple[dict[str, str], Configuration]:
    brokers = brokers_of(name)
    return read_entries(brokers, "heal.state.decide", 0, DEADLINE_S), Configuration(policy=load_policy(home(name).config))


def list_all(name: str = NAME, output: Output = OUTPUT) -> None:
    """List the strategies with their success rate (low to high: 19 times in 20), who leads, and what each adds to what heals by itself."""
    show(strategy_rows(*_known(name), datetime.now(UTC)), output, _COLUMNS)


def get(strategy: str, name: str = NAME, output: Output = WHOLE) -> None:
    """Show one strategy: its card, what is believed of it beforehand and why, and its cases by kind."""
    entries, configuration = _known(name)
    show([strategy_card(entries, configuration, strategy, datetime.now(UTC))], output)
