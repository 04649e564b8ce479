"""From evidence to hashed features: masked tokens and pairs of the candidate lines, pattern ids, place and result; at most 256 pairs.

``streams/detect.py`` puts them on the Detection, so that classify and learn need no text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise
from math import log1p, sqrt

from learning.patterns.matcher import Hit
from schemas.vocabulary import Result

FEATURE_BITS = 18
FEATURE_SPACE = 1 << FEATURE_BITS
MAX_FEATURES = 256
MAX_FEATURE_LINES = 24
_MAX_TOKENS_A_LINE = 40
_PATTERN_WEIGHT = 3.0

_MASKS = (
    (re.compile(r"[a-z+]{2,10}://\S+"), " urlmask "),
    (re.compile(r"\b[0-9a-f]{7,64}\b"), " hexmask "),
    # Only from a word's beginning: tried from each of its letters, one long word would cost the square of its length.
    (re.compile(r"(?<![\w.@~-])(?:[\w.@~-]*[/\\]){2,}[\w.@+-]*"), " pathmask "),
    (re.compile(r"\b\d+(?:\.\d+)+[\w.-]*"), " vermask "),
    (re.compile(r"\d+"), "0"),
)
_TOKEN = re.compile(r"[a-z_][a-z0-9_]*|0")


def mask_tokens(line: str) -> list[str]:
    """Return the lower-case tokens of a line with addresses, paths, versions and numbers masked."""
    text = line[:1000].lower()
    for expression, mask in _MASKS:
        text = expression.sub(mask, text)
    return _TOKEN.findall(text)[:_MAX_TOKENS_A_LINE]


def feature_index(name: str) -> int:
    """Return the hashed index of a named feature; the same on every machine."""
    number: int = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    return number % FEATURE_SPACE


def make_features(hits: Sequence[Hit], block: Sequence[str], result: Result | None, end: int) -> dict[int, float]:
    """Return the features of a log's evidence, of unit length; ``block`` is its last error block, ``end`` the line positions count from."""
    lines = [hit.text for hit in hits[-MAX_FEATURE_LINES:]] + list(block)[-MAX_FEATURE_LINES:]
    counts: Counter[str] = Counter()
    for line in dict.fromkeys(lines):
        counts.update(_names(mask_tokens(line)))
    weighted = {name: log1p(count) for name, count in counts.most_common(MAX_FEATURES)}
    strong: dict[str, float] = {"bias": 1.0, f"result:{result or Result.UNKNOWN}": 1.0}
    for hit in hits:
        strong[f"pattern:{hit.pattern}"] = _PATTERN_WEIGHT
        strong[f"place:{hit.kind}:{_bucket(end - hit.line)}"] = 1.0
    kept = dict(sorted((strong | weighted).items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_FEATURES])
    length = sqrt(sum(weight * weight for weight in kept.values()))
    hashed: dict[int, float] = {}
    for name, weight in kept.items():
        index = feature_index(name)
        hashed[index] = hashed.get(index, 0.0) + weight / length
    return hashed


def _names(tokens: Sequence[str]) -> Iterable[str]:
    yield from (f"t:{token}" for token in tokens)
    yield from (f"n:{first} {second}" for first, second in pairwise(tokens))


def _bucket(distance: int) -> str:
    for limit in (5, 20, 60, 200):
        if distance <= limit:
            return f"<={limit}"
    return "far"
