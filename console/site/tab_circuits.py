"""The tab of breakers and budgets: what is not tried any more, since when and until when, and how much may still be done."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from console.site.brakes import budgets_in, circuits_in, has_circuit
from console.site.entrance import SiteHere, VisitorHere
from console.site.frame import whole

CIRCUITS_TAB = APIRouter(include_in_schema=False)


@CIRCUITS_TAB.get("/circuits")
def circuits_tab(visitor: VisitorHere, site: SiteHere, close: Annotated[str, Query(max_length=400)] = "") -> HTMLResponse:
    """Return the tab; ``close`` names the breaker that the person wants to close."""
    now, policy = site.now(), site.policy()
    with site.base() as base:
        values: dict[str, object] = {
            "circuits": circuits_in(base, policy, now),
            "budgets": budgets_in(base, policy, site.services(), now),
            "close": close,
            "is_open": has_circuit(base, close),
        }
    return whole("circuits", site, visitor, values)
