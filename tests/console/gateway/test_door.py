"""What the gateway does with bodies that are none, too large, too deep or half sent; each answer says what to do next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
from starlette.requests import Request

from console.gateway.answers import Refusal
from console.gateway.bodies import Room, body_of
from schemas.errors import BusyError
from tests.support.gateway import Gateway, signed
from tests.support.github_hooks import workflow_job

LARGE = 6 * 1024 * 1024


async def post(gateway: Gateway, body: bytes) -> tuple[int, dict[str, object]]:
    answer = await gateway.post("/ingest/github", body, {**signed(body), "X-GitHub-Event": "workflow_job"})
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"no json", 422),
        (b"\xff\xfe", 422),
        (b"[]", 422),
        (b'{"a": NaN}', 422),
        (b'{"a": ' + b"9" * 5000 + b"}", 422),
        (b"[" * 100_000, 422),
        (b'{"a":' * 50 + b"1" + b"}" * 50, 422),
        (b'{"action": "completed"}', 422),
        (b" " * LARGE, 413),
    ],
)
async def test_a_bad_body_is_refused_with_what_to_do(body: bytes, status: int) -> None:
    gateway = Gateway()
    code, problem = await post(gateway, body)
    assert (code, problem["status"]) == (status, status)
    assert problem["detail"]
    assert problem["next"]
    assert gateway.outlet.records == []


async def test_a_body_without_a_length_is_cut_off_at_the_same_size() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b" " * (1024 * 1024)

    assert (await Gateway().post("/ingest/github", parts(), {"X-GitHub-Event": "ping"})).status_code == 413


async def test_a_header_that_is_needed_is_named() -> None:
    answer = await Gateway().post("/ingest/github", b"{}", signed(b"{}"))
    assert (answer.status_code, "x-github-event" in answer.json()["detail"]) == (400, True)


async def test_a_full_queue_is_told_to_the_sender() -> None:
    gateway = Gateway()
    gateway.outlet.trouble = BusyError("the gateway", "too much waits", "Send it again")
    answer = await gateway.github("workflow_job", workflow_job())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


def test_bodies_of_all_requests_together_have_a_bound() -> None:
    room = Room(most=10)
    with room.hold(8) as first, room.hold(8) as second:
        assert (first, second) == (True, False)
    with room.hold(10) as third:
        assert third


async def test_an_unknown_path_and_a_wrong_method_are_problems_too() -> None:
    gateway = Gateway()
    for answer, status in ((await gateway.get("/nothing"), 404), (await gateway.get("/ingest/github"), 405)):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["next"]


async def test_health_readiness_and_metrics_are_shown_and_pages_from_elsewhere_are_not() -> None:
    gateway = Gateway()
    await gateway.github("workflow_job", workflow_job())
    await gateway.post("/ingest/github", b"{}", {})
    shown = (await gateway.get("/metrics")).text
    assert 'healstream_events_total{kind="JobFinished",source="github"} 1.0' in shown
    assert 'healstream_events_rejected_total{reason="not_proven",source="github"} 1.0' in shown
    assert ((await gateway.get("/healthz")).status_code, (await gateway.get("/readyz")).status_code) == (200, 200)
    gateway.outlet.trouble = BusyError("x", "full", "wait")
    assert (await gateway.get("/readyz")).status_code == 503
    assert [(await gateway.get(path)).status_code for path in ("/docs", "/redoc")] == [404, 404]


async def test_what_is_half_sent_is_not_taken() -> None:
    incoming: Iterator[dict[str, Any]] = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> MutableMapping[str, Any]:
        return next(incoming)

    found = await body_of(Request({"type": "http", "headers": []}, receive), LARGE)
    assert isinstance(found, Refusal)
    assert (found.status, found.title) == (400, "Half sent")


async def test_a_sender_that_pauses_for_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.gateway.bodies.PIECE_S", 0.01)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        return {}

    found = await body_of(Request({"type": "http", "headers": []}, receive), LARGE)
    assert isinstance(found, Refusal)
    assert found.status == 408
