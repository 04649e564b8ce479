"""The invariants of the system as one table of pure checks over a ``History``; each returns its violations as sentences.

Used by the chaos tests after the faults have stopped, and by the tests that prove that each check can fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.support.history import History
from tests.support.incident_invariants import check_i1, check_i2
from tests.support.record_invariants import check_i7, check_i9
from tests.support.run_invariants import check_i3, check_i4, check_i5, check_i6, check_i11

INVARIANTS: Mapping[str, Callable[[History], list[str]]] = {
    "I1": check_i1,
    "I2": check_i2,
    "I3": check_i3,
    "I4": check_i4,
    "I5": check_i5,
    "I6": check_i6,
    "I7": check_i7,
    "I9": check_i9,
    "I11": check_i11,
}


def violations(history: History) -> dict[str, list[str]]:
    """Return what each invariant finds."""
    return {name: check(history) for name, check in INVARIANTS.items()}
