"""The invariants over one simulated run: those of ``tests/support/invariants.py``, and those that need the times of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.sim.oversight_checks import check_i8, check_i9_words, check_i10
from tests.sim.traces_checks import check_i1_letters, check_i3_probes, check_i12, check_i13, check_i14_ends
from tests.sim.witness import Witness
from tests.support.invariants import violations

OWN: Mapping[str, tuple[Callable[[Witness], list[str]], ...]] = {
    "I1": (check_i1_letters,),
    "I3": (check_i3_probes,),
    "I8": (check_i8,),
    "I9": (check_i9_words,),
    "I10": (check_i10,),
    "I12": (check_i12,),
    "I13": (check_i13,),
    "I14": (check_i14_ends,),
}


def judge(witness: Witness) -> list[str]:
    """Return every violation; each begins with its invariant's name."""
    said = [sentence for found in violations(witness.history).values() for sentence in found]
    return [*said, *(sentence for checks in OWN.values() for check in checks for sentence in check(witness))]
