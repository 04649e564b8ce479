"""The page as one application, mounted by the gateway's root; nothing of it starts by being imported."""

from __future__ import annotations

from fastapi import FastAPI

from console.site.api import API
from console.site.drawer import DRAWER
from console.site.events import EVENTS, Streams
from console.site.feedback import FEEDBACK
from console.site.judging import Trials
from console.site.learning import LEARNING
from console.site.login import LOGIN
from console.site.pages import PAGES
from console.site.pattern_api import PATTERN_API
from console.site.patterns import PATTERNS
from console.site.place import Site, doors_of
from console.site.problems import Shield, add_answers


def site_app(site: Site) -> FastAPI:
    """Return the page alone; its documents page would load from elsewhere and is off."""
    app = FastAPI(title="healstream", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.site, app.state.doors, app.state.streams = site, doors_of(site), Streams()
    app.state.trials = Trials()
    add_answers(app)
    app.add_middleware(Shield, hosts=site.settings.hosts)
    for router in (API, DRAWER, EVENTS, FEEDBACK, LEARNING, LOGIN, PAGES, PATTERN_API, PATTERNS):
        app.include_router(router)
    return app
