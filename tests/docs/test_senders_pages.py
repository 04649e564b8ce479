"""The requests that the pages of the senders tell people to try: each is read by the real translator and becomes what the page says."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from console.gateway.answers import Taken
from console.gateway.received import Received
from console.gateway.senders import SENDERS, Sender, missing_header, translated
from schemas.events import Origin
from tests.docs.written import ROOT, blocks_in

PAGES = sorted(path for path in (ROOT / "docs/connect").glob("*.md") if "-X POST" in path.read_text(encoding="utf-8"))
AT = datetime(2026, 1, 2, 3, 10, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tried:
    """A request as a page writes it, and the answer below it."""

    path: str
    received: Received
    answer: dict[str, object]


def request_on(page: Path) -> Tried:
    blocks = blocks_in(page.name, page.read_text(encoding="utf-8"))
    written = next("\n".join(block.lines) for block in blocks if block.words == "sh")
    answer = json.loads(next("\n".join(block.lines) for block in blocks if block.words == "json"))
    words = shlex.split(written.replace("\\\n", " "))
    pairs = dict(pairwise(words))
    headers = [words[number + 1].partition(": ") for number, word in enumerate(words) if word == "-H"]
    address = urlsplit(next(word for word in words if word.startswith("$URL")))
    body = pairs.get("-d", "").encode()
    named = {name.lower(): value for name, _, value in headers}
    return Tried(address.path.removeprefix("$URL"), Received(body, AT, named, dict(parse_qsl(address.query))), answer)


def sender_at(path: str) -> Sender | None:
    return next((sender for sender in SENDERS if sender.path == path), None)


def test_every_sender_but_github_has_a_page_with_a_request_to_try() -> None:
    # GitHub signs over the body, so a request by hand needs its key: its page has another way to try it, as well as
    # the end of a job that `healstream send event` tells.
    tried = {request_on(page).path.removeprefix("/ingest/").partition("/")[0] for page in PAGES}
    assert tried == {*(sender.name for sender in SENDERS), "logs"} - {"github", "job"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_request_on_the_page_becomes_as_many_records_as_its_answer_says(page: Path) -> None:
    tried = request_on(page)
    sender = sender_at(tried.path)
    if sender is None:
        assert tried.path.startswith("/ingest/logs/")
        assert set(tried.answer) == {"id", "next_seq", "duplicate"}
        return
    assert missing_header(sender, tried.received) is None
    assert tried.received.media_type in sender.media
    taken = translated(sender, tried.received, Origin.AUTHENTICATED_PRODUCER)
    assert isinstance(taken, Taken), taken
    told = tried.answer["records"]
    assert isinstance(told, list)
    assert len(taken.records) == len(told), taken
    words = page.read_text(encoding="utf-8")
    assert all(f"`{type(record).__name__}`" in words for record in taken.records)
