"""``healstream status``: processes with ports and readiness, lag by topic, and how incidents stand."""

from __future__ import annotations

from collections import Counter

import typer

from console.cli.formats import Output
from console.cli.killswitch import engaged
from console.cli.show import NAME, OUTPUT, WATCH, brokers_of, home, show_or_watch, talk
from console.home import read_running
from console.topic_reader import read_model
from console.workers import worker_rows


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("status", help=text)(status)


def status(name: str = NAME, output: Output = OUTPUT, watch: bool = WATCH) -> None:
    """Show what runs; exit 5 when nothing does."""
    running, brokers = read_running(home(name)), brokers_of(name)
    talk(f"broker {brokers}, configuration {running.get('configuration', '')}")
    if running.get("gateway"):
        talk("page {0}/ ; senders post to {0}/ingest/...".format(running["gateway"]))
    if running.get("refused"):
        talk(f"the configuration folder has mistakes, the old set is in force:\n{running['refused']}")
    show_or_watch(lambda: worker_rows(home(name)), output, ("name", "pid", "port", "ready", "lag", "starts"), watch=watch)
    model = read_model(brokers)
    counts = Counter(view.life().value for view in model.incidents.values())
    talk("incidents: " + (", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "none"))
    for scope, (row, _) in engaged(name).items():
        talk(f"kill switch: {row.mode} of {scope} engaged by {row.by}")
