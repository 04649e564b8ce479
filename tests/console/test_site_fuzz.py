"""Requests to the page's interface that nobody thought of, made from its own description: none is a defect, each answer is described."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from console.site.app import REST
from tests.support.many_incidents import whole_story
from tests.support.site_world import Browser, SiteWorld

# What the routers hold, whatever is added to them.
ROUTES = [route for router in REST for route in router.routes if isinstance(route, APIRoute) and route.include_in_schema]
OPERATIONS = [(route.path, method) for route in ROUTES for method in sorted(route.methods or ())]
# Where only a text in the path is asked for, nothing can be wrong.
MODES = {route.path: list(GenerationMode)[: 2 if route.body_field or route.dependant.query_params else 1] for route in ROUTES}
CASES = [(path, method, mode) for path, method in OPERATIONS for mode in MODES[path]]
NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SiteWorld:
    made = SiteWorld(tmp_path_factory.mktemp("fuzzed"), NOW)
    made.tell(*whole_story(1, NOW), *whole_story(2, NOW))
    return made


@pytest.fixture(scope="module")
def browser(world: SiteWorld) -> Browser:
    """Return a client that may do everything."""
    return world.browser().log_in("ada")


@pytest.fixture(scope="module")
def described(browser: Browser) -> OpenApiSchema:
    """Return the description; the stream of events never ends and has tests of its own."""
    found = schemathesis.openapi.from_asgi("/api/v1/openapi.json", browser.client.app).exclude(path="/events")
    assert isinstance(found, OpenApiSchema)
    return found


@pytest.mark.parametrize(("path", "method", "mode"), CASES)
def test_no_request_finds_a_defect_or_an_answer_that_is_not_described(
    described: OpenApiSchema, browser: Browser, path: str, method: str, mode: GenerationMode
) -> None:
    # On a busy machine an answer may take long; that none comes is found all the same.
    sent: dict[str, Any] = {
        "base_url": "http://127.0.0.1",
        "cookies": dict(browser.client.cookies),
        "headers": {"x-csrf-token": browser.csrf},
        "timeout": 120,
    }

    @settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(described[path][method].as_strategy(generation_mode=mode))
    def is_answered_as_described(case: Case[Any]) -> None:
        # Names of incidents and decisions are texts to the description: that nothing is called so is a 404.
        case.call_and_validate(excluded_checks=[positive_data_acceptance], **sent)

    try:
        is_answered_as_described()
    except Unsatisfiable:
        # Where every text is allowed there is no wrong request.
        assert mode is GenerationMode.NEGATIVE


def test_every_path_of_the_interface_is_described(described: OpenApiSchema) -> None:
    written = {(path, method.upper()) for path, methods in described.raw_schema["paths"].items() for method in methods}
    assert set(OPERATIONS) <= written
    assert len(OPERATIONS) > 30
    assert len(CASES) > len(OPERATIONS)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/nothing", b"", 404),
        ("DELETE", "/api/v1/control", b"", 405),
        ("POST", "/api/v1/control/killswitch", b"\xff{", 400),
        ("POST", "/api/v1/control/killswitch", b"[" * 50_000, 400),
    ],
)
def test_what_the_framework_refuses_by_itself_says_what_to_do_too(
    browser: Browser, method: str, path: str, body: bytes, status: int
) -> None:
    headers = {"x-csrf-token": browser.csrf, "content-type": "application/json"}
    answer = browser.client.request(method, path, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["next"]
