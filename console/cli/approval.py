"""``healstream approval list|approve|deny``: a person's signed word on exactly the plan that is shown."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import typer

from console.approvals import answered, waiting_named
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.readmodel import Pending
from console.topic_reader import read_model
from console.words import require_right, say, speaker_in
from schemas.people import Right


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    noun.command("approve")(approve)
    noun.command("deny")(deny)
    app.add_typer(noun, name="approval", help=text)


def _row(pending: Pending) -> dict[str, object]:
    decision = pending.decision
    return {
        "decision": pending.decision_id,
        "target": decision.target,
        "strategy": decision.strategy,
        "risk": decision.risk.score,
        "steps": ", ".join(pending.steps),
        "plan_hash": pending.plan_hash,
        "given": ",".join(pending.given),
        "needed": decision.approvals_required,
        "expires_at": decision.expires_at.isoformat(),
    }


def list_all(name: str = NAME, output: Output = OUTPUT) -> None:
    """List what waits for a person."""
    pending = read_model(brokers_of(name)).pending(datetime.now(UTC))
    show([_row(row) for row in pending], output, ("decision", "target", "strategy", "risk", "steps", "given", "needed"))


def _say(decision: str, who: str, name: str, *, yes: bool) -> None:
    brokers = brokers_of(name)
    speaker = speaker_in(home(name).people, who)
    people = people_of(home(name))
    # Who may not is told so before the topics are read.
    require_right(people, speaker, Right.APPROVE)
    found = waiting_named(read_model(brokers).pending(datetime.now(UTC)), decision)
    say(brokers, answered(found, speaker, people, datetime.now(UTC), secrets.token_hex(8), approve=yes))
    talk(f"{speaker.name} {'approves' if yes else 'denies'} {found.decision.strategy} on {found.decision.target}")


def approve(decision: str, who: str = AS, name: str = NAME) -> None:
    """Say yes to a decision's plan."""
    _say(decision, who, name, yes=True)


def deny(decision: str, who: str = AS, name: str = NAME) -> None:
    """Say no: the incident ends refused."""
    _say(decision, who, name, yes=False)
