"""The gateway's application beside an outlet in memory, and requests as senders make them."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

import httpx
from fastapi import FastAPI

from console.gateway.intake import Intake
from console.gateway.signatures import Secrets
from console.serve import app_of, gateway_of
from infra.metrics import Metrics
from schemas.errors import HealstreamError
from schemas.ids import Record

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
GITHUB, GITLAB, TOKEN = "a-github-secret-of-tests", "a-gitlab-secret-of-tests", "an-ingest-token-of-tests"
ALL_SECRETS = Secrets((GITHUB,), (GITLAB,), (TOKEN,))


@dataclass
class MemoryOutlet:
    """Keeps what is delivered; ``trouble`` is raised instead while it is set, after ``after`` more deliveries."""

    records: list[Record] = field(default_factory=list)
    trouble: HealstreamError | None = None
    after: int = 0

    async def deliver(self, records: Sequence[Record]) -> None:
        if self.trouble is not None and self.after <= 0:
            raise self.trouble
        self.after -= 1
        self.records += records

    def fault(self) -> str:
        return str(self.trouble or "")


@dataclass
class Gateway:
    """One application with its outlet; ``post`` sends one request."""

    secrets: Secrets = ALL_SECRETS
    outlet: MemoryOutlet = field(default_factory=MemoryOutlet)
    metrics: Metrics = field(default_factory=Metrics)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.intake = Intake(self.outlet, self.secrets, lambda: self.now, self.metrics.apply)
        self.app: FastAPI = app_of([gateway_of(self.intake)], self.metrics, self.outlet.fault)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.example") as client:
            yield client

    async def get(self, path: str) -> httpx.Response:
        async with self.client() as client:
            return await client.get(path)

    async def post(self, path: str, content: bytes | AsyncIterator[bytes], headers: Mapping[str, str] | None = None) -> httpx.Response:
        async with self.client() as client:
            return await client.post(path, content=content, headers=dict(headers or {}))

    async def github(self, name: str, doc: object, delivery: str = "d-1", **more: str) -> httpx.Response:
        body = json.dumps(doc).encode()
        return await self.post("/ingest/github", body, {**signed(body), "X-GitHub-Event": name, "X-GitHub-Delivery": delivery, **more})

    async def with_token(self, path: str, content: bytes, content_type: str = "application/json", **more: str) -> httpx.Response:
        return await self.post(path, content, {"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type, **more})


def signed(body: bytes, secret: str = GITHUB) -> dict[str, str]:
    """Return the header by which GitHub proves a body."""
    return {"X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}"}
