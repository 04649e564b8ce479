"""Letters and answers as Slack's Block Kit: text that is only ever text, and buttons that carry what they are about. Pure.

Called by ``console/slack_box.py``, which sends letters, and ``console/slack_answers.py``, which changes messages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TypeAlias

from console.notices.cases import NEEDS_PEOPLE
from console.notices.letters import Letter
from console.notices.slack import Asked, Press, button_value

Block: TypeAlias = Mapping[str, object]
# Slack's own bounds are 150, 3,000 and 40,000 letters.
_MOST_HEADER, _MOST_SECTION, _MOST_TEXT = 150, 2_900, 1_000
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LABELS: dict[Press, tuple[str, str]] = {
    Press.YES: ("Approve", "primary"),
    Press.NO: ("Deny", "danger"),
    Press.ACK: ("I look after it", ""),
}
_QUESTION, _CALL = (Press.YES, Press.NO, Press.ACK), (Press.ACK,)


def escaped(text: str, most: int) -> str:
    """Return a text in which nothing begins a link, a mention or an entity, with no entity cut in half."""
    pieces = [_ENTITIES.get(letter, letter) for letter in text]
    sizes = list(accumulate(map(len, pieces)))
    if not sizes or sizes[-1] <= most:
        return "".join(pieces)
    return "".join(pieces[: bisect_right(sizes, most - 3)]) + "..."


def presses_of(letter: Letter) -> tuple[Press, ...]:
    """Return what can be said to a letter: to a question all of it, to what needs a person that somebody looks after it."""
    if not letter.incident_id:
        # A summary of many is no place to answer one of them.
        return ()
    if letter.decision_id and letter.plan_hash:
        return _QUESTION
    return _CALL if letter.said in NEEDS_PEOPLE else ()


def message_of(letter: Letter, secret: str) -> Block:
    """Return the message; without a secret nobody could answer, so there are no buttons."""
    asked = Asked(letter.incident_id, letter.decision_id, letter.plan_hash)
    presses = presses_of(letter) if secret else ()
    blocks = [_header(escaped(letter.title, _MOST_HEADER)), _section(escaped(letter.body, _MOST_SECTION))]
    return {"text": escaped(letter.title, _MOST_TEXT), "blocks": [*blocks, *_buttons(presses, asked, secret)], "unfurl_links": False}


def answered_message(shown: Sequence[tuple[str, str]], line: str, presses: Sequence[Press], asked: Asked, secret: str) -> Block:
    """Return the message as it stands after an answer: its texts as Slack gave them back, the answer, and the buttons that still count."""
    again = [_header(text[:_MOST_HEADER]) if kind == "header" else _section(text[:_MOST_SECTION]) for kind, text in shown]
    said = escaped(line, _MOST_TEXT)
    blocks = [*again, _section(said), *_buttons(presses, asked, secret)]
    return {"replace_original": True, "text": said, "blocks": blocks}


def whispered(line: str) -> Block:
    """Return what only the one who pressed sees."""
    return {"replace_original": False, "response_type": "ephemeral", "text": escaped(line, _MOST_TEXT)}


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _buttons(presses: Sequence[Press], asked: Asked, secret: str) -> list[Block]:
    if not presses:
        return []
    return [{"type": "actions", "elements": [_button(press, asked, secret) for press in presses]}]


def _button(press: Press, asked: Asked, secret: str) -> Block:
    label, style = _LABELS[press]
    text = {"type": "plain_text", "text": label, "emoji": False}
    return {"type": "button", "action_id": press.value, "text": text, "value": button_value(secret, press, asked)} | (
        {"style": style} if style else {}
    )
