"""Takes the teeth out of a stranger's words: no control characters, no markup of the channel, no mentions, no links.

Called by ``console/notices/wording.py`` for every word that is not ours.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

from console.notices.rules import Dialect

MOST = 200
# Seen by nobody, and yet no channel finds a name or a word's markup across it.
_BREAK = "\u200b"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?=//|\\\\)")
_CARELESS = re.compile(r"\b(javascript|data|mailto|tel|vbscript|file):", re.IGNORECASE)
# What chat programs make a link of by themselves: a dot between a name and what could be a top-level domain.
_DOT = re.compile(r"(?<=[\w\])])[.\u3002\uff0e\uff61](?=[^\W\d_]{2,})")
_AT = re.compile(r"[@\uff20\ufe6b]")
_MARKS = re.compile(r"([*_~`|\\#>\[\]()<!])")
# With an exclamation mark Slack calls everybody, and some clients of it undo an escape before it.
_SLACK_MARKS = re.compile(r"([*_~`!])")


def visible(text: str) -> str:
    """Return the text on one line, of characters that are seen: none that move the cursor, turn the direction or hide."""
    folded = unicodedata.normalize("NFKC", text)
    kept = (" " if one.isspace() or one in "\u2028\u2029" else one for one in folded)
    return " ".join("".join(one for one in kept if unicodedata.category(one)[0] != "C").split())


def defanged(text: str) -> str:
    """Return the text with no link that a reader, or their program, could follow by accident."""
    broken = _SCHEME.sub(lambda found: f"{_unlike(found[1])}[:]", text)
    return _DOT.sub("[.]", _CARELESS.sub(lambda found: f"{found[1]}[:]", broken))


def _unlike(scheme: str) -> str:
    return re.sub("tt", "xx", scheme, flags=re.IGNORECASE)


def _plain(text: str) -> str:
    # What is plain here may be handed on to a program that calls people so.
    return text.replace("<", f"<{_BREAK}")


def _slack(text: str) -> str:
    # Slack knows no backslash, and Apprise writes its three escapes and makes links of Markdown's: what would begin a call, a link, bold
    # or code is parted from its neighbours, whatever is done to it on the way.
    parted = text.replace("<", f"<{_BREAK}").replace("&", f"&{_BREAK}").replace("](", f"]{_BREAK}(")
    return _SLACK_MARKS.sub(rf"{_BREAK}\1{_BREAK}", parted)


def _markdown(text: str) -> str:
    return _MARKS.sub(r"\\\1", text)


def _html(text: str) -> str:
    return html.escape(text, quote=True)


_ESCAPES: dict[Dialect, Callable[[str], str]] = {
    Dialect.PLAIN: _plain,
    Dialect.SLACK: _slack,
    Dialect.MARKDOWN: _markdown,
    Dialect.HTML: _html,
}


def neutral(text: str, dialect: Dialect, most: int = MOST) -> str:
    """Return a stranger's words as words: what they could do in this channel is taken out, and of a long text the end."""
    seen = visible(text)
    cut = seen if len(seen) <= most else f"{seen[: most - 3]}..."
    # A mention is broken everywhere: a plain text may be shown by a program that knows them.
    return _ESCAPES[dialect](_AT.sub(f"@{_BREAK}", defanged(cut)))


def command(words: str, dialect: Dialect) -> str:
    """Return a command of ours so that it can be copied as it is."""
    if dialect is Dialect.HTML:
        return f"<code>{html.escape(words)}</code>"
    return words if dialect is Dialect.PLAIN else f"`{words}`"
