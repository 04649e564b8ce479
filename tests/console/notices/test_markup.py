"""A stranger's words in every channel: they stay words, whatever is in them."""

from __future__ import annotations

import html
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.notices.markup import MOST, command, neutral
from console.notices.rules import DIALECTS, Dialect, dialect_of

EACH = pytest.mark.parametrize("dialect", list(Dialect))
HOSTILE = "<!channel> @here \u202e<script>alert(1)</script> [x](https://evil.example/a) *b* `c`\x1b[31m\r\n# head www.evil.zip"


@EACH
def test_nobody_is_called_nothing_is_linked_and_all_is_on_one_line(dialect: Dialect) -> None:
    told = neutral(HOSTILE, dialect)
    assert "@here" not in told
    assert "<!channel>" not in told
    assert "&lt;!channel" not in told or dialect is Dialect.HTML
    assert "://" not in told
    assert "evil.example" not in told
    assert "evil.zip" not in told
    assert not set(told) & set("\r\n\x1b\u202e")


def test_each_channels_own_marks_are_taken_out() -> None:
    slack = neutral(HOSTILE, Dialect.SLACK)
    assert {slack[at + 1] for at, one in enumerate(slack) if one in "<!*`"} == {"\u200b"}
    assert "](" not in slack
    assert "&lt;" not in neutral("&lt;!here&gt;", Dialect.SLACK)
    assert "<" not in neutral(HOSTILE, Dialect.HTML)
    assert html.unescape(neutral("<b>", Dialect.HTML)) == "<b>"
    assert neutral("[x](y) *b*", Dialect.MARKDOWN) == r"\[x\]\(y\) \*b\*"
    assert neutral("*b*", Dialect.SLACK) == "\u200b*\u200bb\u200b*\u200b"


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "MAILTO:a.b", "\uff20here", "evil\u3002example", "h\u200bttps://evil.example", "x\\\\:\\\\y"]
)
def test_tricks_with_other_schemes_and_look_alike_characters_do_not_help(text: str) -> None:
    told = neutral(text, Dialect.PLAIN).casefold()
    assert not any(bad in told for bad in ("javascript:a", "mailto:", "@here", "evil.example", "https:"))


@EACH
@settings(max_examples=40)
@given(text=st.text(max_size=400))
def test_no_text_at_all_brings_a_line_a_hidden_character_or_a_mention(dialect: Dialect, text: str) -> None:
    told = neutral(text, dialect)
    hidden = {one for one in told if unicodedata.category(one)[0] == "C"} - {"\u200b"}
    assert not hidden
    assert len(neutral(text, Dialect.PLAIN).replace("\u200b", "").replace("[", "").replace("]", "")) <= MOST + text.count(":") + text.count(
        "."
    )
    at = told.find("@")
    while at >= 0:
        assert told[at + 1] == "\u200b"
        at = told.find("@", at + 1)


def test_a_command_is_left_as_it_is_typed() -> None:
    words = "healstream approval approve 0123abcd"
    assert {command(words, dialect).replace("<code>", "").replace("</code>", "").strip("`") for dialect in Dialect} == {words}


def test_a_service_that_nobody_has_described_is_taken_for_the_one_that_reads_most_marks() -> None:
    assert dialect_of("slack://a/b/c") is Dialect.SLACK
    assert dialect_of("JSON://127.0.0.1:1") is Dialect.PLAIN
    assert dialect_of("msteams://a") is Dialect.MARKDOWN
    assert set(DIALECTS.values()) == {Dialect.SLACK, Dialect.PLAIN, Dialect.HTML}
