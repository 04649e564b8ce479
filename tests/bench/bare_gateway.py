"""The least that a gateway can do: Starlette, the HMAC, and the same bytes to the broker; run as a process by ``gateway.py``."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import threading
from hashlib import sha256

import uvicorn
from confluent_kafka import KafkaError, Message, Producer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.kafka import destination, headers_of, producer_settings
from schemas.avro_codec import Codec
from schemas.events import JobFinished
from tests.support.gateway import GITHUB, NOW
from tests.support.github_hooks import workflow_job


def bare_app(brokers: str) -> Starlette:
    """Return the application; the record's bytes are made once, before anything is measured."""
    from console.gateway.github import translate  # noqa: PLC0415
    from console.gateway.received import Received  # noqa: PLC0415
    from schemas.events import Origin  # noqa: PLC0415

    [record] = translate(
        Received(json.dumps(workflow_job()).encode(), NOW, {"x-github-event": "workflow_job"}), Origin.SIGNED_WEBHOOK
    ).records
    topic, key, partition = destination(record)
    value, headers = Codec([JobFinished]).encode(record), headers_of(record)
    producer = Producer({**producer_settings(brokers), "linger.ms": 1})

    def poll() -> None:
        while True:
            producer.poll(0.2)

    threading.Thread(target=poll, daemon=True).start()

    async def take(request: Request) -> Response:
        body = await request.body()
        wanted = f"sha256={hmac.new(GITHUB.encode(), body, sha256).hexdigest()}"
        if not hmac.compare_digest(wanted, request.headers.get("x-hub-signature-256", "")):
            return JSONResponse({}, 401)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()

        def hear(error: KafkaError | None, _message: Message) -> None:
            loop.call_soon_threadsafe(done.set_result, error is None)

        producer.produce(topic, value, key, partition, headers=headers, on_delivery=hear)
        return JSONResponse({}, 202 if await done else 503)

    async def readyz(_request: Request) -> Response:
        return Response("ready\n")

    return Starlette(routes=[Route("/ingest/github", take, methods=["POST"]), Route("/readyz", readyz)])


if __name__ == "__main__":
    uvicorn.run(
        bare_app(os.environ["HEALSTREAM_BROKERS"]),
        host="127.0.0.1",
        port=int(os.environ["HEALSTREAM_SERVE_PORT"]),
        log_config=None,
        access_log=False,
    )
