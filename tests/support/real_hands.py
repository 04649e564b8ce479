"""Hands whose time is real, for recipes over real targets."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from typing_extensions import override

from tests.support.fakes import FakeHands


@dataclass
class RealHands(FakeHands):
    """The rest is as in memory: the journal is a list."""

    @override
    def now(self) -> datetime:
        return datetime.now(tz=UTC)

    @override
    def wait(self, seconds: float) -> None:
        threading.Event().wait(seconds)
