"""The page as one application, to be mounted by the gateway's root or served alone; nothing of it starts by being imported."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from console.site.api import API
from console.site.events import EVENTS, Streams
from console.site.login import LOGIN
from console.site.pages import PAGES
from console.site.place import Site, doors_of
from console.site.problems import Shield, add_answers


def site_routes() -> APIRouter:
    """Return the routes alone; whoever includes them gives the application what ``prepare`` gives it."""
    routes = APIRouter()
    for router in (API, EVENTS, LOGIN, PAGES):
        routes.include_router(router)
    return routes


def prepare(app: FastAPI, site: Site) -> None:
    """Give an application the page's surroundings, and the answers and headers of the page."""
    app.state.site, app.state.doors, app.state.streams = site, doors_of(site), Streams()
    add_answers(app)
    app.add_middleware(Shield, hosts=site.settings.hosts)


def site_app(site: Site) -> FastAPI:
    """Return the page alone; its documents page would load from elsewhere and is off."""
    app = FastAPI(title="healstream", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    prepare(app, site)
    app.include_router(site_routes())
    return app
