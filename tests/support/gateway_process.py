"""A gateway as a process of its own beside a broker, and a sender that comes again as it is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from infra.broker.server import free_ports
from infra.parent_death import die_with_parent
from tests.support.gateway import GITHUB, TOKEN

ROOT = Path(__file__).parents[2]
READY_S = 120.0
LOOK_S = 0.2


@dataclass
class GatewayProcess:
    """Started by ``start``, ended by ``close``; what it prints is in ``log``."""

    brokers: str
    folder: Path
    module: str = "console.serve"
    environ: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Start it and return when it is ready."""
        [self.port] = free_ports(1)
        told = {"HEALSTREAM_BROKERS": self.brokers, "HEALSTREAM_SERVE_PORT": str(self.port), "PATH": os.defpath}
        told |= {"HEALSTREAM_GITHUB_SECRET": GITHUB, "HEALSTREAM_INGEST_TOKEN": TOKEN, **self.environ}
        with (self.folder / "gateway.log").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=ROOT,
                env=told,
                stdout=out,
                stderr=out,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl runs between fork and exec
            )
        end = time.monotonic() + READY_S
        while not self._is_ready():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(LOOK_S)

    def close(self) -> int:
        """End it and return its exit code."""
        self.process.terminate()
        return self.process.wait(60)

    @property
    def url(self) -> str:
        """Return where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Return what it printed."""
        return (self.folder / "gateway.log").read_text(encoding="utf-8")

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False
