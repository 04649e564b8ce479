"""``healstream recovery list|get|watch|run|rollback|cancel``."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import typer

from console.cli.deeds import DRY, YES, require_meant, tell
from console.cli.formats import Output
from console.cli.last_word import incident_named, say_override, speaker_on_incidents
from console.cli.show import AS, NAME, OUTPUT, SINCE, WATCH, WHOLE, brokers_of, newer, show_changes, show_one, show_or_watch, talk
from console.cli.waiting import WAIT, await_end
from console.home import SHAPE
from console.periods import span_of
from console.readmodel import ReadModel
from console.recoveries import (
    COLUMNS,
    TOPICS,
    Recovery,
    found_in,
    recoveries_of,
    require_cancellable,
    require_rollback,
    row_of,
    whole_of,
)
from console.topic_reader import read_model
from infra.kafka import read_to_end
from schemas.errors import HealstreamError, UsageError
from schemas.oversight import Override
from schemas.recoveries import OutcomeStatus, RecoveryOutcome


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("list")(list_all)
    noun.command("get")(get)
    noun.command("watch")(follow)
    noun.command("run")(run)
    noun.command("rollback")(rollback)
    noun.command("cancel")(cancel)
    app.add_typer(noun, name="recovery", help=text)


def list_all(
    name: str = NAME, output: Output = OUTPUT, limit: int = typer.Option(50, min=1), since: str = SINCE, watch: bool = WATCH
) -> None:
    """List the newest recoveries: what waits, what runs, and how the others ended."""
    show_or_watch(lambda: newer(map(row_of, _read(name)), since, "at")[:limit], output, COLUMNS, watch=watch)


def get(recovery: str, name: str = NAME, output: Output = WHOLE) -> None:
    """Write everything that is known of one recovery, named by the beginning of its id or its incident's."""
    found = found_in(_read(name), recovery)
    show_one({"version": SHAPE, **whole_of(found)}, output, found.id)


def follow(name: str = NAME, every_s: float = typer.Option(1.0, min=0.2), output: Output = OUTPUT) -> None:
    """Write a recovery's line whenever it changes, until Ctrl-C."""
    show_changes(lambda: [(row.id, row_of(row)) for row in reversed(_read(name))], COLUMNS, output, every_s)


def run(incident: str, who: str = AS, name: str = NAME, dry: bool = DRY, wait: str = WAIT) -> None:
    """Open an ended incident again, so that it is decided and healed anew; it passes every gate as any other."""
    newest = partial(read_model, brokers_of(name))
    model, now = newest(), datetime.now(UTC)
    wait_s = (span_of(wait, "--wait", now)[1] - now).total_seconds() if wait else 0.0
    found = incident_to_run(model, incident)
    say_override(name, speaker_on_incidents(name, who), found, Override("", run=True), dry=dry)
    tell(f"incident {found} is opened again; follow it with `healstream incident watch`", dry=dry)
    if wait and not dry:
        require_healed(await_end(newest, found, frozenset(model.incidents), wait_s))


def require_healed(ended: RecoveryOutcome) -> None:
    """Say how it ended; raises HealstreamError with the reason when it is not healed."""
    if ended.status not in {OutcomeStatus.HEALED, OutcomeStatus.SELF_HEALED}:
        mend = f"See `healstream incident explain {ended.incident_id}`"
        raise HealstreamError(f"incident {ended.incident_id}", f"it ended {ended.status}: {ended.reason}", mend)
    talk(f"{ended.target}: {ended.status}")


def incident_to_run(model: ReadModel, text: str) -> str:
    """Return the ended incident that begins so; raises NotFoundError, or UsageError while it is open."""
    found = incident_named(model, text)
    if model.incidents[found].final() is None:
        mend = "Say yes to what waits with `healstream approval approve`, or wait until it has ended"
        raise UsageError(f"incident {found}", "it is still open and takes its course", mend)
    return found


def rollback(recovery: str, who: str = AS, name: str = NAME, dry: bool = DRY, yes: bool = YES) -> None:
    """Stop a running recovery and take back what it did; one that has ended is not touched."""
    found = found_in(_read(name), recovery)
    require_rollback(found)
    require_meant(f"take back recovery {found.id[:12]} on {found.target}", is_sure=yes or dry)
    _cancel(name, who, found, dry=dry)


def cancel(recovery: str, who: str = AS, name: str = NAME, dry: bool = DRY, yes: bool = YES) -> None:
    """Take a recovery out of the queue, or stop it and take back what it did."""
    found = found_in(_read(name), recovery)
    require_cancellable(found)
    require_meant(f"cancel recovery {found.id[:12]} on {found.target}", is_sure=yes or dry)
    _cancel(name, who, found, dry=dry)


def _cancel(name: str, who: str, found: Recovery, *, dry: bool) -> None:
    say_override(name, speaker_on_incidents(name, who), found.incident_id, Override("", cancel=True), dry=dry)
    what = "is told to end, and takes back what it did" if found.is_running else "leaves the queue"
    tell(f"recovery {found.id} on {found.target} {what}; follow it with `healstream recovery watch`", dry=dry)


def _read(name: str) -> tuple[Recovery, ...]:
    brokers = brokers_of(name)
    return recoveries_of(record for topic in TOPICS for record in read_to_end(brokers, topic))
