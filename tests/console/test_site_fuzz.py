"""Requests to the page's interface that nobody thought of, made from its own description: none is a defect, each answer is described."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from console.site.app import site_app
from tests.support.many_incidents import whole_story
from tests.support.site_world import Browser, SiteWorld

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
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", browser.client.app).exclude(path="/events")


DESCRIBED = schemathesis.pytest.from_fixture("described")


@DESCRIBED.parametrize()
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_finds_a_defect_or_an_answer_that_is_not_described(case: Case[Any], browser: Browser) -> None:
    cookies = dict(browser.client.cookies)
    # Names of incidents and decisions are texts to the description: that nothing is called so is a 404.
    case.call_and_validate(
        base_url="http://127.0.0.1", cookies=cookies, headers={"x-csrf-token": browser.csrf}, excluded_checks=[positive_data_acceptance]
    )


def test_every_path_of_the_page_is_described_or_a_page_for_people(world: SiteWorld) -> None:
    app = site_app(world.site())
    written = set(app.openapi()["paths"])
    routes = {str(getattr(route, "path", "")) for route in app.routes}
    assert {path for path in routes if re.match(r"/api/v1/(?!openapi)", path)} <= written
    assert len(written) > 12
