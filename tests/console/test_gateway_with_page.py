"""One application: senders reach the gateway, browsers the page, and neither is bound by the other's rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from fastapi.testclient import TestClient

from console.serve import app_of, gateway_of
from console.site.app import site_app
from console.site.problems import BODY_MAX
from tests.support.gateway import Gateway, signed
from tests.support.site_world import SiteWorld


def both(folder: Path, host: str) -> TestClient:
    """Return a client that calls both by a name."""
    gateway, world = Gateway(), SiteWorld(folder, datetime(2026, 3, 4, tzinfo=UTC))
    app = app_of([gateway_of(gateway.intake)], gateway.metrics, gateway.outlet.fault, page=site_app(world.site()))
    return TestClient(app, base_url=f"http://{host}", follow_redirects=False)


def test_a_webhook_may_be_larger_than_the_page_allows_and_come_by_any_name(tmp_path: Path) -> None:
    body = json.dumps({"zen": "x" * 2 * BODY_MAX}).encode()
    headers = {**signed(body), "X-GitHub-Event": "ping", "X-GitHub-Delivery": "d-1"}
    assert both(tmp_path, "hooks.example").post("/ingest/github", content=body, headers=headers).status_code == 202


def test_the_page_answers_by_its_own_names_only_and_under_its_own_policy(tmp_path: Path) -> None:
    here = both(tmp_path, "127.0.0.1:8770")
    assert here.get("/healthz").text == "ok\n"
    shown = here.get("/login")
    assert (shown.status_code, "content-security-policy" in shown.headers) == (200, True)
    assert here.get("/", headers={"accept": "text/html"}).headers["location"] == "/login"
    assert here.get("/api/v1/incidents").status_code == 401
    assert both(tmp_path / "b", "rebound.example").get("/login").status_code == 400


def test_a_sender_at_a_wrong_path_or_with_a_wrong_method_is_answered_by_the_gateway_by_any_name(tmp_path: Path) -> None:
    hooks = both(tmp_path, "hooks.example")
    wrong, read = hooks.post("/ingest/githb", content=b"{}"), hooks.get("/ingest/github")
    assert (wrong.status_code, read.status_code, read.headers["allow"]) == (404, 405, "POST")
    for answer in (wrong, read):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["next"] == "GET /openapi.json lists paths and methods"
    assert "/ingest/github" in hooks.get("/openapi.json").json()["paths"]
