"""``healstream serve``: the HTTP gateway in this terminal, for the copy that runs here or the broker that is named."""

from __future__ import annotations

import os

import typer

from console.cli.show import NAME, brokers_of, talk
from infra.gateway_settings import PORT_VARIABLE, SECRETS
from infra.logins import BROKERS_VARIABLE, LOGIN_VARIABLE


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("serve", help=text)(serve)


def serve(
    host: str = typer.Option("127.0.0.1", help="anything but loopback needs TLS: HEALSTREAM_SERVE_CERTIFICATE and HEALSTREAM_SERVE_KEY"),
    port: int = typer.Option(8770, min=0, max=65535, help="0 for any free one"),
    name: str = NAME,
) -> None:
    """Serve until Ctrl-C; `healstream up` has a gateway of its own already."""
    # An address has its login file in it: what the environment says of one is in there.
    told = {key: value for key, value in os.environ.items() if key != LOGIN_VARIABLE}
    told |= {BROKERS_VARIABLE: brokers_of(name, "gateway"), "HEALSTREAM_SERVE_HOST": host, PORT_VARIABLE: str(port)}
    missing = [variable for variable in SECRETS.values() if not (told.get(variable) or told.get(f"{variable}_FILE"))]
    if missing:
        talk(f"no secret in {', '.join(missing)}: what those senders send is marked as unsigned on loopback, and refused elsewhere")
    # The server's libraries are loaded only when one is to run.
    from console.serve import run  # noqa: PLC0415

    raise typer.Exit(run(told))
