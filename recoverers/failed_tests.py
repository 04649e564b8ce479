"""Which of the tests that a project has does a log say failed? The log only selects among the names; used by ``flaky_quarantine``."""

from __future__ import annotations

from collections.abc import Collection

# How test runners begin or end the line of a test that failed.
_WORDS = ("FAILED", "FAIL:", "FAIL", "ERROR", "not ok")


def failed_in(log: bytes, names: Collection[str]) -> tuple[str, ...]:
    """Return the names that stand as whole words on lines which tell of a failure, in order."""
    told = (line.split() for line in log.decode("utf-8", "replace").splitlines() if any(word in line for word in _WORDS))
    known = frozenset(names)
    return tuple(sorted({word for words in told for word in words if word in known}))
