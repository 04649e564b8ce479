"""The tab of the audit: up to where the chain holds, its newest break, what was said by search, and the signed export."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from console.site.api import After
from console.site.api_audit import Search, notary_key
from console.site.chronicle import audit_rows, chain_in, chain_row
from console.site.entrance import SiteHere, VisitorHere
from console.site.frame import whole

AUDIT_TAB = APIRouter(include_in_schema=False)
Limit = Annotated[int, Query(ge=1, le=200)]


@AUDIT_TAB.get("/audit")
def audit_tab(visitor: VisitorHere, site: SiteHere, q: Search = "", after: After = "", limit: Limit = 50) -> HTMLResponse:
    """Return the tab, with the records in which every word of ``q`` stands."""
    with site.base() as base:
        chain = chain_row(chain_in(base), notary_key(site.home))
        rows, following = audit_rows(base, q, limit, after)
    said = {name: value for name, value in (("q", q), ("after", following)) if value}
    return whole("audit", site, visitor, {"chain": chain, "rows": rows, "q": q, "following": urlencode(said) if following else ""})
