"""``healstream status``: processes with ports and readiness, lag by topic, and how incidents stand."""

from __future__ import annotations

import re
import urllib.request
from collections import Counter

import typer

from console.cli.killswitch import engaged
from console.cli.show import NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.home import read_running
from console.supervise import is_ready
from console.topic_reader import read_model

_LAG = re.compile(r'^healstream_consumer_lag_messages\{topic="([^"]+)"\} ([0-9.e+]+)$', re.MULTILINE)


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("status", help=text)(status)


def lag_in(metrics: str) -> dict[str, int]:
    """Return topic -> messages not read yet, from a metrics page."""
    return {topic: int(float(value)) for topic, value in _LAG.findall(metrics)}


def _lag_of(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            return sum(lag_in(answer.read().decode()).values())
    except OSError:
        return 0


def status(name: str = NAME, output: Output = OUTPUT) -> None:
    """Show what runs; exit 5 when nothing does."""
    running, brokers = read_running(home(name)), brokers_of(name)
    found = running.get("processes")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    shown = [{**row, "ready": is_ready(int(row["port"])), "lag": _lag_of(int(row["port"]))} for row in rows]
    talk(f"broker {brokers}, configuration {running.get('configuration', '')}")
    if running.get("gateway"):
        talk(f"gateway {running['gateway']}: senders post to /ingest/...")
    if running.get("refused"):
        talk(f"the configuration folder has mistakes, the old set is in force:\n{running['refused']}")
    show(shown, output, ("name", "pid", "port", "ready", "lag", "starts"))
    model = read_model(brokers)
    counts = Counter(view.life().value for view in model.incidents.values())
    talk("incidents: " + (", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "none"))
    for scope, (row, _) in engaged(name).items():
        talk(f"kill switch: {row.mode} of {scope} engaged by {row.by}")
