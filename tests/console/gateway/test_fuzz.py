"""Requests that nobody thought of, made from the gateway's own description: none is a defect, and every answer is described."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from console.gateway.signatures import Secrets
from tests.support.gateway import Gateway

# On a machine that nobody else reaches requests need no proof, so that every one comes through to the translators.
DESCRIBED = schemathesis.openapi.from_asgi("/openapi.json", Gateway(Secrets(takes_unsigned=True)).app)


@DESCRIBED.parametrize()
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_finds_a_defect_or_an_answer_that_is_not_described(case: Case[Any]) -> None:
    # Bodies are described as any object: what a sender's document must hold is the sender's own contract, and its lack is a 422.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
