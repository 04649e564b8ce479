"""The door: size caps, decoding and redaction of what strangers wrote, the same for the streams and for the executor."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from schemas.avro_codec import Codec, Undecodable
from schemas.ids import Record

# A record that is larger was not written by our gateway: its cap is 256 KiB of text plus the envelope.
MAX_VALUE_BYTES = 2 * 1024 * 1024
MAX_TEXT_BYTES = 256 * 1024
MAX_DEAD_VALUE_BYTES = 64 * 1024
_MASK = "[redacted]"

# Known formats only; the cheap literal in front says whether the expression is worth a look.
_SECRETS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("gh", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,255}\b")),
    ("github_pat_", re.compile(r"\bgithub_pat_[A-Za-z0-9_]{20,255}\b")),
    ("glpat-", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,64}")),
    ("AKIA", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("ASIA", re.compile(r"\bASIA[A-Z0-9]{16}\b")),
    ("xox", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,200}")),
    ("eyJ", re.compile(r"\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,2000}")),
    ("-----BEGIN", re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,8000}?-----END [A-Z ]{0,30}PRIVATE KEY-----")),
    ("://", re.compile(r"(?<=://)[^\s/:@]{1,100}:[^\s/@]{1,200}(?=@)")),
    ("npm_", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("pypi-", re.compile(r"\bpypi-[A-Za-z0-9_-]{40,300}")),
    ("earer ", re.compile(r"(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{12,2000}")),
)
_ASSIGNED_WORDS = ("password", "passwd", "secret", "token", "api_key", "apikey")
# Applied only where one of the words stands, so that a long log without any costs a few substring searches.
_ASSIGNED = re.compile(
    r"(?i:password|passwd|secret|token|api_?key)['\"]?(?:_[A-Za-z0-9_]{1,40})?\s{0,3}[=:]\s{0,3}(['\"]?)([^\s'\"]{6,500})\1"
)


def _assigned_spans(text: str) -> list[tuple[int, int]]:
    """Return where assigned secrets stand, in order."""
    lowered = text.lower()
    if len(lowered) != len(text):
        # A few letters grow when lowered; then positions would be off, and the whole text is searched instead.
        return [found.span(2) for found in _ASSIGNED.finditer(text)]
    spans: set[tuple[int, int]] = set()
    for word in _ASSIGNED_WORDS:
        at = lowered.find(word)
        while at >= 0:
            found = _ASSIGNED.match(text, at)
            if found:
                spans.add(found.span(2))
            at = lowered.find(word, at + len(word))
    return sorted(spans)


def _mask(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    last = 0
    for begin, end in spans:
        if begin >= last:
            parts += (text[last:begin], _MASK)
            last = end
    return "".join((*parts, text[last:]))


def redact(text: str, literals: tuple[str, ...] = ()) -> str:
    """Return the text with secrets of known formats, assigned secrets and the configured literals masked."""
    clean = text
    for literal in literals:
        clean = clean.replace(literal, _MASK)
    for hint, expression in _SECRETS:
        if hint in clean:
            clean = expression.sub(_MASK, clean)
    spans = _assigned_spans(clean)
    return _mask(clean, spans) if spans else clean


@dataclass(frozen=True, slots=True)
class Refused:
    """Bytes that may not pass: the short reason (a metric label), what was wrong, and what may be shown of them."""

    reason: str
    detail: str
    sha256: str
    shown: str


def admit_bytes(raw: bytes | None, codec: Codec, wanted: Callable[[Record], str | None]) -> Record | Refused:
    """Return the record in the bytes, or why it is refused; ``wanted`` names what is wrong with a decoded record, None when nothing."""
    if raw is None:
        return _refused("empty", "no value", b"")
    if len(raw) > MAX_VALUE_BYTES:
        return _refused("oversized", f"{len(raw)} bytes, the cap is {MAX_VALUE_BYTES}", raw)
    record = codec.decode(raw)
    if isinstance(record, Undecodable):
        return _refused("undecodable", record.why, raw)
    wrong = wanted(record)
    return _refused("invalid", wrong, raw) if wrong else record


def _refused(reason: str, detail: str, raw: bytes) -> Refused:
    # What cannot be decoded is not shown: random bytes may hold a secret that no format rule knows; re-drive reads the origin.
    return Refused(reason, redact(detail)[:500], sha256(raw).hexdigest(), "")
