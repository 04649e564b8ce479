"""A process of its own from its start to its end: SIGTERM and Ctrl-C ask it to end, and an explained fault is a line of its log."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import structlog

from infra.logging import configure
from infra.settings import WorkerSettings
from schemas.errors import HealstreamError


def run_until_told(name: str, serve: Callable[[WorkerSettings], None], end: Callable[[], None]) -> int:
    """Serve under this name until ``end`` has made ``serve`` return; give the exit code."""
    configure(name)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end())
    try:
        serve(WorkerSettings.from_environment(os.environ))
    except HealstreamError as error:
        structlog.get_logger(name).error(f"{name} ends", what=error.what, why=error.why, next=error.mend)
        return error.exit_code
    return 0
