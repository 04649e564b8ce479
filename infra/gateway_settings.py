"""What the gateway is told by its environment: where it listens, the broker, and the senders' secrets, each from a variable or a file."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.logins import address_in
from schemas.errors import ConfigurationError

SECRETS = {"github": "HEALSTREAM_GITHUB_SECRET", "gitlab": "HEALSTREAM_GITLAB_SECRET", "ingest": "HEALSTREAM_INGEST_TOKEN"}
FEWEST_LETTERS = 16
PORT_VARIABLE = "HEALSTREAM_SERVE_PORT"
# Everything but the port: a supervisor hands these on to the gateway and to nobody else.
GATEWAY_VARIABLES = frozenset(
    {name + ending for name in SECRETS.values() for ending in ("", "_FILE")}
    | {"HEALSTREAM_SERVE_HOST", "HEALSTREAM_SERVE_NAMES", "HEALSTREAM_SERVE_CERTIFICATE", "HEALSTREAM_SERVE_KEY"}
)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where the gateway listens and finds its broker; of each secret several may hold side by side, one a line.

    ``certificate`` and ``key`` are PEM files; without them only loopback is served. ``metrics_port`` is a loopback port that shows
    metrics and readiness as every worker does; None where the gateway's own paths are enough. ``names`` are those by which browsers may
    call the page beside loopback's: by any other name a stranger's DNS may have led here.
    """

    brokers: str
    host: str = "127.0.0.1"
    port: int = 0
    github: tuple[str, ...] = field(default=(), repr=False)
    gitlab: tuple[str, ...] = field(default=(), repr=False)
    ingest: tuple[str, ...] = field(default=(), repr=False)
    certificate: str = ""
    key: str = ""
    metrics_port: int | None = None
    names: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Tell whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> GatewaySettings:
        """Read the settings; raises ConfigurationError that names the variable."""
        brokers = address_in(environ)
        if not brokers:
            raise ConfigurationError("HEALSTREAM_BROKERS", "it is not set", "Give the bootstrap address, or run `healstream up`")
        secrets = {name: secret_in(environ, variable) for name, variable in SECRETS.items()}
        metrics = environ.get("HEALSTREAM_METRICS_PORT", "")
        settings = cls(
            brokers,
            environ.get("HEALSTREAM_SERVE_HOST") or "127.0.0.1",
            port_in(environ.get(PORT_VARIABLE) or "0"),
            **secrets,
            certificate=environ.get("HEALSTREAM_SERVE_CERTIFICATE", ""),
            key=environ.get("HEALSTREAM_SERVE_KEY", ""),
            metrics_port=port_in(metrics, "HEALSTREAM_METRICS_PORT") if metrics else None,
            names=tuple(name.strip() for name in environ.get("HEALSTREAM_SERVE_NAMES", "").split(",") if name.strip()),
        )
        if not settings.is_local and not (settings.certificate and settings.key):
            why = f"{settings.host} is reached from other machines, and there is no TLS"
            mend = "Set HEALSTREAM_SERVE_CERTIFICATE and HEALSTREAM_SERVE_KEY to PEM files, or listen on 127.0.0.1 behind a proxy"
            raise ConfigurationError("HEALSTREAM_SERVE_HOST", why, mend)
        return settings


def port_in(text: str, variable: str = PORT_VARIABLE) -> int:
    """Return a port; raises ConfigurationError."""
    if not text.isdecimal() or int(text) > 65535:
        raise ConfigurationError(variable, f"{text!r} is not a port", "Give a number from 0 to 65535")
    return int(text)


def secret_in(environ: Mapping[str, str], variable: str) -> tuple[str, ...]:
    """Return the secrets of a variable or of the file that ``<variable>_FILE`` names; raises ConfigurationError for weak or two ones."""
    path, text = environ.get(f"{variable}_FILE", ""), environ.get(variable, "")
    if path and text:
        raise ConfigurationError(variable, f"{variable}_FILE is set too", "Set one of them")
    if path:
        text = _read(variable, Path(path))
    found = tuple(line.strip() for line in text.splitlines() if line.strip())
    if any(len(line) < FEWEST_LETTERS for line in found):
        raise ConfigurationError(variable, f"a secret has fewer than {FEWEST_LETTERS} letters", "Make one with `openssl rand -hex 32`")
    if path and not found:
        raise ConfigurationError(f"{variable}_FILE", f"{path} is empty", "Write the secret into it")
    return found


def _read(variable: str, path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{variable}_FILE", f"others may read {path}", f"Run `chmod 600 {path}`")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{variable}_FILE", f"{path} cannot be read ({type(error).__name__})", "Name a readable file") from error
