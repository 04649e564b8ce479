"""What a classifier says of one detection, and the fingerprint by which equal failures are known; used by ``streams/classify.py``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.ids import content_id
from schemas.incidents import Alternative, Detection, HitSeen
from schemas.services import UPSTREAM
from schemas.vocabulary import OUTSIDE_KINDS, Kind


@dataclass(frozen=True, slots=True)
class Classified:
    """A kind with its confidence (0..1), what else it could be, why, and where it showed; abstained means ``unknown``.

    ``is_hint``: only words that explain nothing by themselves speak for the kind.
    ``acts`` is false where the classification itself speaks against acting: a doubt, or a kind that only the model names.
    """

    kind: Kind
    confidence: float
    alternatives: tuple[Alternative, ...] = ()
    reasons: tuple[str, ...] = ()
    abstained: bool = False
    line: int | None = None
    pattern: str = ""
    acts: bool = True
    # The host that the deciding hit names, as text; ``upstream`` is the known one that classify looked up by it.
    host: str = ""
    upstream: str = ""
    is_hint: bool = False


ClassifyHits = Callable[[Detection], Classified]

# What differs from one run to the next: hashes, numbers, and the temporary part of a path.
_VOLATILE = re.compile(r"\b[0-9a-f]{7,}\b|\d+", re.IGNORECASE)


def mask(text: str) -> str:
    """Return the text with what is new in every run replaced by one sign."""
    return _VOLATILE.sub("#", text)


def fingerprint_of(classified: Classified, hits: Sequence[HitSeen]) -> str:
    """Return the id over kind, pattern and the masked captures of the pattern's hit; the run is no part of it.

    One outage of a known upstream shows in many ways, so its name alone is the fingerprint of what it causes.
    """
    if classified.upstream and classified.kind in OUTSIDE_KINDS:
        return content_id("Fingerprint", UPSTREAM, classified.upstream)
    hit = next((seen for seen in hits if seen.pattern == classified.pattern), None)
    captures = {key: mask(value) for key, value in hit.captures} if hit else {}
    return content_id("Fingerprint", classified.kind, classified.pattern, captures)
