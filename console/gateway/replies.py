"""Answers as HTTP says them; used by the routers and by ``console/serve.py``."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from console.gateway.answers import Refusal

PROBLEM = "application/problem+json"


def answered(refusal: Refusal) -> Response:
    """Return a refusal."""
    headers = {"Retry-After": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
    headers |= {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    return Response(json.dumps(refusal.problem()), refusal.status, headers, PROBLEM)


def accepted(told: Mapping[str, object]) -> Response:
    """Return what was taken."""
    return Response(json.dumps(told), 202, media_type="application/json")
