"""Which commits a CI job's log says that its clone was at, as git and the usual checkout steps print them. Used by ``mirror_switch``."""

from __future__ import annotations

import re

# "HEAD is now at" is git's own, "Checking out ... as detached" a runner's; the hash alone on its line follows a step's own question.
_HEADS = (
    re.compile(rb"\bHEAD is now at ([0-9a-f]{7,40})\b"),
    re.compile(rb"\bChecking out ([0-9a-f]{7,40}) as detached HEAD"),
    re.compile(rb"\bgit\"? log -1 --format='?%H'?\r?\n(?:[0-9T:.Z-]+ )?'?([0-9a-f]{40})'?\b"),
)


def heads_in(log: bytes) -> frozenset[str]:
    """Return the hashes, short ones too; none where the log shows no checkout."""
    return frozenset(found.decode() for pattern in _HEADS for found in pattern.findall(log))
