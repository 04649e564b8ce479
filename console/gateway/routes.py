"""The paths below ``/ingest`` as a router: requests to ``intake.py`` and its answers back; included by ``console/serve.py``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from console.gateway.answers import Refusal
from console.gateway.bodies import FULL, Room, body_of, promised_bytes
from console.gateway.intake import Intake
from console.gateway.log_upload import log_router
from console.gateway.openapi import described
from console.gateway.received import Received
from console.gateway.replies import accepted, answered
from console.gateway.senders import SENDERS, Sender


def router_of(intake: Intake, room: Room) -> APIRouter:
    """Return the router of every sender in the table."""
    router = APIRouter(tags=["ingest"])
    for sender in SENDERS:
        router.add_api_route(
            sender.path,
            _endpoint(sender, intake, room),
            methods=["POST"],
            summary=sender.says,
            status_code=202,
            response_class=Response,
            openapi_extra=described(sender),
            operation_id=f"ingest_{sender.name}",
        )
    router.include_router(log_router(intake, room))
    return router


def _endpoint(sender: Sender, intake: Intake, room: Room) -> Callable[[Request], Awaitable[Response]]:
    async def take(request: Request) -> Response:
        promised = promised_bytes(request, sender.max_bytes)
        if isinstance(promised, Refusal):
            return _refused(sender, intake, promised)
        with room.hold(promised) as fits:
            body = await body_of(request, sender.max_bytes) if fits else FULL
            if isinstance(body, Refusal):
                return _refused(sender, intake, body)
            answer = await intake.take(sender, Received(body, intake.now(), dict(request.headers), dict(request.query_params), intake.runs))
        return answered(answer) if isinstance(answer, Refusal) else accepted(answer.told())

    return take


def _refused(sender: Sender, intake: Intake, refusal: Refusal) -> Response:
    intake.refused(sender.name, refusal)
    return answered(refusal)
