"""How values look on the page: the templates with escaping always on, and the few words that numbers and times become. Pure.

A log's text is a stranger's: it is only ever the text of an element, its control characters are shown as signs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def draw(template: str, **values: object) -> str:
    """Return a template filled in."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    folder = files("console").joinpath("site", "templates")
    texts = {found.name: found.read_text(encoding="utf-8") for found in folder.iterdir() if found.name.endswith(".html")}
    # Every value is escaped in every template, whatever the template is called.
    found = Environment(loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {
        "seen": visible,
        "seen_lines": visible_lines,
        "span": span,
        "amount": amount,
        "clock": clock,
        "word": word,
        "tone": tone,
    }
    found.globals["asset"] = asset
    return found


@cache
def asset(name: str) -> str:
    """Return the address of one of the page's own files: another content has another, so a browser may keep it for good."""
    return f"/static/{name}?v={digest_of(name)}"


@cache
def asset_body(name: str) -> bytes:
    """Return the bytes of one of the page's own files."""
    return files("console").joinpath("site", "static", name).read_bytes()


@cache
def digest_of(name: str) -> str:
    """Return what names the content of one of the page's own files."""
    return sha256(asset_body(name)).hexdigest()[:16]


def visible(text: object) -> str:
    """Return a stranger's text with every letter that is not seen, or turns others around, as a sign that is."""
    return "".join(_sign(letter) for letter in str(text))


def visible_lines(text: object) -> str:
    """Return the same with the lines kept: for a text of our own making in which strangers' texts stand."""
    return "\n".join(map(visible, str(text).split("\n")))


def _sign(letter: str) -> str:
    if unicodedata.category(letter) not in _HIDDEN:
        return letter
    # The signs for the first 32 control characters stand in Unicode in the same order.
    return chr(0x2400 + ord(letter)) if ord(letter) < 32 else "\N{SYMBOL FOR DELETE}" if letter == "\x7f" else "\N{REPLACEMENT CHARACTER}"


def span(value: timedelta | float | None) -> str:
    """Return a length of time in one or two units."""
    if value is None:
        return "-"
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 0.995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = int(seconds)
    for size, unit, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def amount(value: float | None, unit: str) -> str:
    """Return a target's value with its unit."""
    if value is None:
        return "no word yet"
    return span(value) if unit == "s" else f"{value:.4g} {unit}"


def clock(at: datetime | str) -> str:
    """Return a moment as people read it, in UTC."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def word(name: object) -> str:
    """Return a name of the records as words."""
    return str(name).replace("_", " ")


_TONES: Mapping[str, str] = {
    "healed": "good",
    "self_healed": "good",
    "escalated": "bad",
    "switch": "bad",
    "release": "good",
    "freeze": "warn",
    "deployment": "busy",
    "rollback_failed": "bad",
    "rolled_back": "warn",
    "queued": "warn",
    "admitted": "busy",
    "running": "busy",
    "verifying": "busy",
    "rolling_back": "busy",
}


def tone(state: object) -> str:
    """Return which of the few colours a state has; its word always stands beside it."""
    return _TONES.get(str(state), "calm")
