"""What a worker process is told by its environment; read once by each composition root."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.logins import address_in
from schemas.errors import ConfigurationError

# Each has a thread or two, and a machine has so many.
MOST_IN_FLIGHT = 1000


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """Where a worker finds its broker, folders and keys; ``metrics_port`` is a loopback port, 0 for any free one."""

    brokers: str
    state: Path
    config: Path
    metrics_port: int
    publisher_key: str
    keys: Path
    role: str = "all"
    # Recoveries that one executor carries out at the same time: 200 of them fit into 300 MiB (`make bench`, "in flight"). More wait on
    # the topic, where any executor can take them; those here would wait for this one's processor.
    in_flight: int = 200

    @property
    def stop_file(self) -> Path:
        """Return the file whose existence halts every executor of this host."""
        return self.state / "stop"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> WorkerSettings:
        """Read the settings; raises ConfigurationError that names the variable."""
        brokers = address_in(environ)
        if not brokers:
            raise ConfigurationError("HEALSTREAM_BROKERS", "it is not set", "Give the bootstrap address, or run `healstream up`")
        port = environ.get("HEALSTREAM_METRICS_PORT", "0")
        if not port.isdecimal() or int(port) > 65535:
            raise ConfigurationError("HEALSTREAM_METRICS_PORT", f"{port!r} is not a port", "Give a number from 0 to 65535")
        state = Path(environ.get("HEALSTREAM_STATE") or Path(tempfile.gettempdir()) / "healstream")
        return cls(
            brokers=brokers,
            state=state,
            config=Path(environ.get("HEALSTREAM_CONFIG") or state / "config"),
            metrics_port=int(port),
            publisher_key=environ.get("HEALSTREAM_PUBLISHER_KEY", ""),
            keys=Path(environ.get("HEALSTREAM_KEYS") or state / "keys"),
            role=environ.get("HEALSTREAM_ROLE", "all"),
            in_flight=_in_flight(environ.get("HEALSTREAM_IN_FLIGHT", "200")),
        )


def _in_flight(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_IN_FLIGHT:
        mend = f"Give how many recoveries may run at the same time, from 1 to {MOST_IN_FLIGHT}"
        raise ConfigurationError("HEALSTREAM_IN_FLIGHT", f"{text!r} is no such number", mend)
    return int(text)
