"""How long a server asks to be left alone: every way in which servers say it, by their own clock, and what says nothing."""

from __future__ import annotations

import json

import httpx
import pytest

from infra.adapters.asked_wait import asked_wait_s
from infra.adapters.checks import Checks
from schemas.attempts import Asked
from schemas.probes import ProbeKind, ProbeSpec
from tests.support.rate_limited_page import rate_limited_page

DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
EPOCH = 1_772_366_400


def said(status: int, body: bytes = b"", **headers: str) -> float:
    return asked_wait_s(httpx.Response(status, headers={name.replace("_", "-"): text for name, text in headers.items()}, content=body))


@pytest.mark.parametrize(
    ("seconds", "status", "headers"),
    [
        (42.0, 429, {"retry_after": "42"}),
        (42.0, 503, {"retry_after": "42"}),
        (90.0, 429, {"retry_after": "Sun, 01 Mar 2026 12:01:30 GMT", "date": DATE}),
        (60.0, 403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(EPOCH + 60), "date": DATE}),
        (7.0, 429, {"ratelimit_reset": "7"}),
        (3600.0, 429, {"retry_after": "999999"}),
    ],
)
def test_the_reset_is_read_from_the_headers(seconds: float, status: int, headers: dict[str, str]) -> None:
    assert said(status, b"", **headers) == seconds


def test_the_reset_is_read_from_the_body_where_no_header_tells() -> None:
    assert said(429, json.dumps({"message": "slow down", "retry_after": 1.5}).encode()) == 1.5
    assert said(429, b'{"retry_after": 9}', retry_after="3") == 3.0


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"", {"retry_after": "42"}),
        (429, b"", {}),
        (429, b"", {"retry_after": "soon"}),
        (429, b"", {"retry_after": "-5"}),
        (429, b"", {"retry_after": "nan"}),
        (429, b"", {"retry_after": "Sun, 01 Mar 2026 12:01:30 GMT"}),
        (403, b"", {"x_ratelimit_remaining": "17", "x_ratelimit_reset": str(EPOCH + 60), "date": DATE}),
        (403, b"", {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(EPOCH - 60), "date": DATE}),
        (429, b"[1, 2", {}),
        (429, b'["retry_after"]', {}),
        (429, b'{"retry_after": true}', {}),
        (429, b" " * 70_000 + b'{"retry_after": 9}', {}),
    ],
)
def test_what_says_nothing_of_it_waits_for_nothing(status: int, body: bytes, headers: dict[str, str]) -> None:
    assert said(status, body, **headers) == 0.0


def test_a_real_page_that_is_asked_too_often_says_for_how_long_and_is_well_after_it() -> None:
    with rate_limited_page(retry_after="42", refusals=1) as address:
        probe = ProbeSpec("page", ProbeKind.HTTP, address, timeout_s=30.0)
        assert Checks().ask(probe) == Asked(passes=False, wait_s=42.0)
        assert Checks().ask(probe) == Asked(passes=True)
    assert Checks().ask(ProbeSpec("port", ProbeKind.TCP, "127.0.0.1:9", timeout_s=0.5)) == Asked(passes=False)
