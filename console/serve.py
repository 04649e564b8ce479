"""``python -m console.serve``: the HTTP front door as a process of its own; loopback unless told otherwise.

A root: ``app_of`` puts the routers together, the gateway's and whatever others are given; ``main`` joins it with the broker and uvicorn.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Mount
from starlette.types import Scope
from typing_extensions import override

from console.gateway.answers import Refusal
from console.gateway.bodies import Room
from console.gateway.intake import Intake
from console.gateway.replies import answered
from console.gateway.routes import router_of
from console.gateway.signatures import Secrets
from console.home import address_for, home_of
from console.site.here import page_of, site_of
from console.site.place import SiteSettings
from console.slack_routes import SlackDesk, slack_router
from infra.garbage import keep_what_is_loaded
from infra.gateway_settings import GatewaySettings
from infra.kafka import ready_codec
from infra.logging import configure
from infra.metrics import Metrics, MetricsServer
from infra.outbox import Outbox
from infra.topics_admin import require_topics
from schemas.errors import HealstreamError, UnreachableError

STOP_S = 5.0
LOOK_S = 1.0
DEAD_EXIT = 5
log = structlog.get_logger()
_TITLES = {404: "Not found", 405: "Method wrong"}


def gateway_of(intake: Intake) -> APIRouter:
    """Return the router of everything below ``/ingest``."""
    return router_of(intake, Room())


def app_of(
    routers: Sequence[APIRouter],
    metrics: Metrics,
    ready: Callable[[], str],
    closing: Callable[[], None] = lambda: None,
    page: FastAPI | None = None,
) -> FastAPI:
    """Return the application: the routers, health and metrics, and every failure as a problem that says what to do.

    ``ready`` says why requests cannot be served now, empty while they can; ``closing`` is called when the server has stopped. The
    ``page`` answers what no router does, by its own rules: it turns away strange hosts and large bodies, which senders may have.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        closing()

    # The interactive pages load their scripts from a content network: off.
    app = FastAPI(title="healstream", version="1", docs_url=None, redoc_url=None, lifespan=lifespan, redirect_slashes=False)
    for router in routers:
        app.include_router(router)
    app.include_router(_health(metrics, ready))
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_defect)
    if page:
        app.router.routes.append(_PageMount("", page))
    return app


class _PageMount(Mount):
    """The page below the root, but for the paths of senders: who posts to a wrong one is told so by the gateway, by any name."""

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.NONE, {}) if str(scope.get("path", "")).startswith("/ingest/") else super().matches(scope)


def _health(metrics: Metrics, ready: Callable[[], str]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @router.get("/readyz")
    async def readyz() -> Response:
        why = ready()
        return PlainTextResponse(f"{why}\n", 503) if why else PlainTextResponse("ready\n")

    @router.get("/metrics")
    async def shown(request: Request) -> Response:
        kind, text = metrics.page(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": kind})

    return router


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _on_defect(request, error)
    title = _TITLES.get(error.status_code, "Refused")
    found = answered(Refusal(error.status_code, title, str(error.detail), "GET /openapi.json lists paths and methods"))
    found.headers.update(error.headers or {})
    return found


async def _on_defect(request: Request, error: Exception) -> Response:
    # The one total catch of this shell; the server logs the trace.
    log.error("defect", path=request.url.path, why=f"{type(error).__name__}: {error}", next="the sender is told to come again; report it")
    return answered(Refusal(500, "Defect", "this request met a mistake of ours", "Send it again later; the gateway's log has the cause", 5))


def secrets_of(settings: GatewaySettings) -> Secrets:
    """Return what senders prove themselves by; without a secret only this machine is believed, and marked as unsigned."""
    return Secrets(settings.github, settings.gitlab, settings.ingest, takes_unsigned=settings.is_local)


class Server(uvicorn.Server):
    """uvicorn without its own signals: it would raise them anew at the end, and what follows it would not be done."""

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT ask for the end, nothing more."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def server_of(app: FastAPI, settings: GatewaySettings) -> Server:
    """Return the server of the application; it does not listen yet."""
    return Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(STOP_S),
            ssl_certfile=settings.certificate or None,
            ssl_keyfile=settings.key or None,
        )
    )


async def serve(settings: GatewaySettings, bound: socket.socket, page: FastAPI | None = None, others: Sequence[APIRouter] = ()) -> int:
    """Serve until SIGTERM; return the exit code."""
    metrics, outbox = Metrics(), Outbox(settings.brokers, codec=ready_codec(settings.brokers))
    intake = Intake(outbox, secrets_of(settings), lambda: datetime.now(UTC), metrics.apply)
    server = server_of(app_of([gateway_of(intake), *others], metrics, outbox.fault, lambda: outbox.close(STOP_S), page), settings)
    pages = MetricsServer(metrics, settings.metrics_port, outbox.fault) if settings.metrics_port is not None else None
    serving = asyncio.create_task(server.serve([bound]))
    if pages:
        pages.start()
    # A full search through the libraries for garbage kept every answer waiting for tenths of a second.
    keep_what_is_loaded()
    log.info("serving", host=settings.host, port=bound.getsockname()[1], next="point webhooks at /ingest/...")
    told = ""
    while not serving.done():
        await asyncio.wait({serving}, timeout=LOOK_S)
        server.should_exit |= outbox.is_dead
        if outbox.fault() != told:
            told = outbox.fault()
            log.warning("broker away", why=told, next="senders are told to come again") if told else log.info("the broker is back")
    await serving
    if pages:
        pages.stop()
    if outbox.is_dead:
        log.error("exit", why=outbox.fault(), next="the supervisor starts this process anew")
        return DEAD_EXIT
    return 0


def listener(settings: GatewaySettings) -> socket.socket:
    """Return the socket to serve on; raises UnreachableError when the address is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        bound = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        mend = "Set HEALSTREAM_SERVE_HOST and HEALSTREAM_SERVE_PORT to a free address of this machine"
        raise UnreachableError(f"address {settings.host}:{settings.port}", str(error.strerror), mend) from error
    # An answer is written in two pieces, and the second would wait for the sender's delayed acknowledgement of the first: 40 ms. asyncio
    # sees to that only for sockets that it made itself; connections inherit it from here.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def run(environ: Mapping[str, str]) -> int:
    """Serve as an environment says; raises HealstreamError when it cannot begin.

    The page is that of the copy of this machine, and comes to its broker under the operator's name, as the command line does.
    """
    settings = GatewaySettings.from_environment(environ)
    require_topics(settings.brokers)
    place = home_of(environ)
    with listener(settings) as bound:
        if not (place.config / "healstream.yaml").exists():
            log.info("no page", why=f"{place.config} is no configuration", next="the gateway alone is served; `healstream init` makes one")
            return asyncio.run(serve(settings, bound))
        site = SiteSettings(hosts=settings.names, secure=bool(settings.certificate))
        brokers = address_for(place, settings.brokers, "operator")
        here, (page, feed) = site_of(place, brokers, site), page_of(place, brokers, site, _on_page_behind)
        feed.start()
        try:
            return asyncio.run(serve(settings, bound, page, [slack_router(SlackDesk(here), Room())]))
        finally:
            feed.close()


def _on_page_behind(error: Exception) -> None:
    log.error("page behind", why=str(error), next="it is tried again; webhooks are taken all the same")


def main() -> int:
    """Serve as this process's environment says; what goes wrong is said on the last line of the log."""
    configure("gateway")
    try:
        return run(os.environ)
    except HealstreamError as error:
        log.error("exit", what=error.what, why=error.why, mend=error.mend)  # noqa: TRY400 - the sentence, not the trace
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
