"""The page as one application, mounted by the gateway's root; nothing of it starts by being imported."""

from __future__ import annotations

from threading import Lock

from fastapi import FastAPI

from console.site.api import API
from console.site.api_audit import AUDIT
from console.site.api_brakes import BRAKES
from console.site.drawer import DRAWER
from console.site.events import EVENTS, Streams
from console.site.feedback import FEEDBACK
from console.site.judging import Trials
from console.site.learning import LEARNING
from console.site.login import LOGIN
from console.site.oidc_login import OIDC
from console.site.pages import PAGES
from console.site.pattern_api import PATTERN_API
from console.site.patterns import PATTERNS
from console.site.place import Site, doors_of
from console.site.problems import REFUSALS, Shield, add_answers
from console.site.tab_audit import AUDIT_TAB
from console.site.tab_circuits import CIRCUITS_TAB
from console.site.tab_freezes import FREEZES_TAB

REST = (API, AUDIT, BRAKES, FEEDBACK, LEARNING, PATTERN_API)
"""Who serves people's programs: each is described, and refuses as described."""
OTHERS = (EVENTS, LOGIN, OIDC, PAGES, DRAWER, PATTERNS, CIRCUITS_TAB, FREEZES_TAB, AUDIT_TAB)
"""Who serves the page itself."""


def site_app(site: Site) -> FastAPI:
    """Return the page alone; its documents page would load from elsewhere and is off."""
    app = FastAPI(title="healstream", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.site, app.state.doors, app.state.streams = site, doors_of(site), Streams()
    app.state.trials = Trials()
    add_answers(app)
    app.add_middleware(Shield, hosts=site.settings.hosts)
    app.state.exporting = Lock()
    for router in REST:
        app.include_router(router, responses=REFUSALS)
    for router in OTHERS:
        app.include_router(router)
    return app
