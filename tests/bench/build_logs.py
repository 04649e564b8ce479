"""Build-log text as runners print it, the same on every run: time stamps, links, a few failures and a few secrets."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from schemas.events import LogChunk, Origin, Provenance, Trust

CHUNK_BYTES = 64 * 1024
SMALL_BYTES = 512
TRUSTED = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
_WORDS = [
    "compiling",
    "linking",
    "module",
    "package",
    "cache",
    "resolving",
    "download",
    "fetching",
    "artifact",
    "target",
    "release",
    "debug",
    "unused",
    "variable",
    "function",
    "crate",
    "layer",
    "step",
    "build",
    "test",
    "running",
    "passed",
    "collected",
    "install",
    "using",
    "cached",
    "for",
    "with",
    "in",
    "from",
    "of",
    "and",
    "the",
]
_STEPS = ("[INFO]", "#12", "  ->", "##[group]", "npm", "+", "[4/17]")
_TEXTS = 200
# Two of a hundred chunks hold a line that some pattern knows, and two a secret beside the words that hint at more.
_FAILURE = "ERROR: Could not find a version that satisfies the requirement left-pad==9.9.9 (from versions: none)"
_SECRET = "Authorization: Bearer abcdefghijklmnopqrst; deploy token=abcdef123456 for https://ci:hunter22@host.example/a"
# A whole log whose cause is transient with certainty, as pip prints it at a closed port.
FAILED_INSTALL = (
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by "
    "'NewConnectionError: Failed to establish a new connection: [Errno 111] Connection refused': /packages/demo.whl\n"
    "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='files.example', port=443): Max retries exceeded "
    "with url: /packages/demo.whl (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))\n"
    "Error: Process completed with exit code 1.\n"
)
_HINT = "GitHub Actions: the token of this job may read packages, no secret is printed"


def _line(random: Random, number: int) -> str:
    if number % 40 == 0:
        return f"Downloading https://files.example/packages/{random.getrandbits(48):012x}/pkg-{number}.whl ({number % 900} kB)"
    words = " ".join(random.choice(_WORDS) for _ in range(random.randrange(3, 12)))
    return f"{random.choice(_STEPS)} {words} {random.randrange(10**6)}"


def log_text(seed: int, size: int, *, is_plain: bool = False) -> str:
    """Return ``size`` bytes of log; of a hundred seeds some hold a failure, a secret or a hint unless it shall be plain."""
    random = Random(seed)
    special = {} if is_plain else {0: _FAILURE, 1: _SECRET, 2: _HINT}
    lines: list[str] = []
    left = size
    while left > 0:
        number = len(lines) + 1
        body = special[seed % 50] if number == 200 and seed % 50 in special else _line(random, number)
        lines.append(f"2026-01-01T00:{number // 60 % 60:02d}:{number % 60:02d}.{random.randrange(10**7):07d}Z {body}\n")
        left -= len(lines[-1])
    return "".join(lines)[:size]


def chunks(count: int, runs: int, size: int, name: str, *, is_plain: bool = False) -> list[LogChunk]:
    """Return the chunks of that many runs, taking turns; no run ends, so each chunk is read in full."""
    texts = [log_text(seed, size, is_plain=is_plain) for seed in range(min(count, _TEXTS))]
    now = datetime.now(UTC)
    return [
        LogChunk("github", "acme/api", f"{name}{at % runs}", 1, "build", at // runs, texts[at % len(texts)], False, now, provenance=TRUSTED)
        for at in range(count)
    ]
