"""The host of a hit is the text of a capture that its pattern types so, and of no other."""

from __future__ import annotations

import pytest

from learning.patterns.model import CaptureType, Pattern
from learning.patterns.typed_host import captures_at, host_in
from schemas.vocabulary import Kind


def pattern(**captures: CaptureType) -> Pattern:
    groups = "".join(f"(?P<{name}>[a-z]+)" for name in captures)
    return Pattern(
        id="p",
        kind=Kind.NETWORK_CONNECTIVITY,
        title="a pattern of this test",
        expressions=(f"no answer of {groups}",),
        captures=captures,
        weight=0.9,
        examples=("no answer of abc", "no answer of xyz"),
        counter_examples=("all is well", "nothing"),
        source="this test",
        since="0.1",
    )


@pytest.mark.parametrize(
    ("kind", "text", "host"),
    [
        (CaptureType.HOST, "index.example", "index.example"),
        (CaptureType.URL, "https://me@index.example:8443/simple/", "index.example"),
        (CaptureType.URL, "https://[broken/", ""),
        (CaptureType.URL, "no url", ""),
        (CaptureType.TEXT, "index.example", ""),
        (CaptureType.PACKAGE, "index.example", ""),
    ],
)
def test_only_hosts_and_urls_name_one(kind: CaptureType, text: str, host: str) -> None:
    assert host_in(pattern(who=kind), (("who", text),)) == host


def test_a_pattern_that_is_gone_and_a_capture_that_it_does_not_type_name_none() -> None:
    assert host_in(None, (("host", "index.example"),)) == ""
    assert host_in(pattern(other=CaptureType.HOST), (("host", "index.example"),)) == ""


def test_of_several_hits_of_a_pattern_the_one_on_the_deciding_line_speaks() -> None:
    hits = [("p", 3, (("host", "a"),)), ("q", 9, (("host", "q"),)), ("p", 9, (("host", "b"),))]
    assert captures_at(hits, "p", 9) == (("host", "b"),)
    assert captures_at(hits, "p", 0) == (("host", "a"),)
    assert captures_at(hits, "r", 9) == ()
