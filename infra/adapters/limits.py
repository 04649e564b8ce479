"""Limits that the kernel shows as files of one number, such as those below ``/proc/sys``: fits ``LimitPort``, and answers the prober.

The paths are the catalogue's. No symbolic link is followed at their end, and nothing but a number is ever read or written.
"""

from __future__ import annotations

import os

from schemas.attempts import StepResult, StepStatus
from schemas.targets.limit import LimitSpec, LimitUse

_MOST_DIGITS = 20


class Limits:
    """The real adapter."""

    def use(self, limit: LimitSpec) -> LimitUse | None:
        """Read both files."""
        value, used = _number_in(limit.path), _number_in(limit.used_path)
        return LimitUse(value, used) if value is not None and used is not None else None

    def put(self, limit: LimitSpec, expected: int, value: int) -> StepResult:
        """Compare and write; the kernel takes a number whole or not at all."""
        now = _number_in(limit.path)
        if now == value:
            return StepResult(StepStatus.OK)
        if now != expected:
            return StepResult(StepStatus.FAILED, f"{limit.path} is {now} and no longer {expected}")
        try:
            number = os.open(limit.path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(number, "wb", buffering=0) as file:
                file.write(f"{value}\n".encode())
        except OSError as error:
            return StepResult(StepStatus.FAILED, f"{limit.path}: {error.strerror}")
        after = _number_in(limit.path)
        return StepResult(StepStatus.OK if after == value else StepStatus.FAILED, f"{limit.path} is {after}")


def _number_in(path: str) -> int | None:
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(number, "rb", buffering=0) as file:
            text = file.read(_MOST_DIGITS + 1).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else None
