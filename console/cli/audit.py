"""``healstream audit verify|tail``."""

from __future__ import annotations

import typer

from console.cli.show import NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.keys import component_keys
from infra.kafka import read_to_end
from schemas.oversight import AuditRecord
from streams.notary import find_breaks

PROBLEMS = 8
CHECKPOINT_EVERY = 100


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("verify")(verify)
    noun.command("tail")(tail)
    app.add_typer(noun, name="audit", help=text)


def _records(name: str) -> list[AuditRecord]:
    return [row for row in read_to_end(brokers_of(name), "heal.audit") if isinstance(row, AuditRecord)]


def verify(name: str = NAME) -> None:
    """Check every link and checkpoint of the chain; exit 8 when one is broken."""
    records = _records(name)
    breaks = find_breaks(records, component_keys(home(name).keys).notary, CHECKPOINT_EVERY)
    talk("\n".join(breaks) or f"{len(records)} records, one unbroken chain")
    if breaks:
        raise typer.Exit(PROBLEMS)


def tail(name: str = NAME, output: Output = OUTPUT, limit: int = typer.Option(20, min=1)) -> None:
    """Show the newest records."""
    rows: list[dict[str, object]] = [
        {
            "sequence": row.sequence,
            "at": row.entry.at.isoformat(),
            "actor": row.entry.actor,
            "action": row.entry.action,
            "subject": row.entry.subject,
            "details": ", ".join(f"{key}={value}" for key, value in row.entry.details),
        }
        for row in _records(name)[-limit:]
    ]
    show(rows, output)
