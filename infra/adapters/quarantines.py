"""Lists of tests that are left out, a file each: fits ``QuarantinePort``. The paths are the catalogue's; no link is followed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from infra.adapters.launch import write_whole
from schemas.attempts import StepResult, StepStatus
from schemas.targets.trunk import MAX_HELD, HeldTest, TrunkSpec, held_from, held_text

_MOST_BYTES = 256 * 1024
# Runners of other users read it.
_MODE = 0o644


class Quarantines:
    """The real adapter; it keeps nothing."""

    def held(self, spec: TrunkSpec) -> tuple[HeldTest, ...] | None:
        """Read the file."""
        try:
            number = os.open(spec.quarantine, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(number, "rb") as file:
                content = file.read(_MOST_BYTES + 1)
            return held_from(content.decode("utf-8")) if len(content) <= _MOST_BYTES else None
        except FileNotFoundError:
            return ()
        except (OSError, ValueError):
            return None

    def write(self, spec: TrunkSpec, expected: Sequence[HeldTest], held: Sequence[HeldTest]) -> StepResult:
        """Compare and replace the whole file; a list that is empty again stays as an empty one."""
        now = self.held(spec)
        if now == tuple(held):
            return StepResult(StepStatus.OK)
        if now != tuple(expected):
            return StepResult(StepStatus.FAILED, f"{spec.quarantine} was written by somebody else, or cannot be read")
        if len(held) > MAX_HELD:
            return StepResult(StepStatus.FAILED, f"more than {MAX_HELD} tests would be left out")
        try:
            write_whole(Path(spec.quarantine), held_text(held).encode(), _MODE)
        except OSError as error:
            return StepResult(StepStatus.FAILED, f"{spec.quarantine}: {error.strerror}")
        return StepResult(StepStatus.OK)
