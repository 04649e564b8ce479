"""``POST /slack/answers``: a button pressed in Slack, answered within its three seconds; included by ``console/serve.py``.

What was said is told by changing the message where Slack allows it. A press counts by its word on ``heal.control``: a Slack that is slow
or dead when it is told of it changes nothing of that.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from console.gateway.answers import Refusal
from console.gateway.bodies import FULL, Room, body_of, promised_bytes
from console.gateway.replies import answered
from console.notices.slack import MAX_BODY, MOST_AGE, Answer, reply_address
from console.notices.slack_blocks import Block, answered_message, whispered
from console.site.place import Site
from console.site.store import model_of
from console.slack_answers import Heard, SlackDoor, door_at
from infra.adapters.slack_calls import SlackAnswer, call_slack
from schemas.errors import ConfigurationError, DeniedError, HealstreamError, NotFoundError, UsageError

PATH = "/slack/answers"
# Slack waits three seconds; what takes longer goes on, and is told by changing the message.
PATIENCE_S = 2.0
# Nothing signed is believed for longer than twice its age, so no more than these need be remembered.
_MOST_SEEN = 10_000
log = structlog.get_logger("slack")
Call = Callable[[str, Block], SlackAnswer]
_STATUS: tuple[tuple[type[HealstreamError], int, str], ...] = (
    (UsageError, 400, "Not understood"),
    (DeniedError, 401, "Not believed"),
    (ConfigurationError, 503, "Not set up"),
)


@dataclass(slots=True)
class Seen:
    """Signatures of requests that were taken: the same one again is a replay."""

    signatures: OrderedDict[str, datetime] = field(default_factory=OrderedDict)

    def require_first(self, signature: str, now: datetime) -> None:
        """Remember a signature; raises DeniedError when it came before."""
        while self.signatures and now - next(iter(self.signatures.values())) > 2 * MOST_AGE:
            self.signatures.popitem(last=False)
        if signature in self.signatures:
            raise DeniedError("Slack's answer", "this very request was taken before", "Press the button again")
        if len(self.signatures) >= _MOST_SEEN:
            raise DeniedError("Slack's answer", "too many came in ten minutes", "Press the button again later")
        self.signatures[signature] = now


@dataclass(slots=True)
class SlackDesk:
    """Takes presses in: ``call`` sends a document to Slack, ``going`` are the presses whose end nobody has seen yet.

    Slack is answered after ``patience_s`` (seconds) at the latest, whatever the broker and the message take.
    """

    site: Site
    call: Call = call_slack
    patience_s: float = PATIENCE_S
    seen: Seen = field(default_factory=Seen)
    going: set[asyncio.Task[None]] = field(default_factory=set)

    async def take(self, headers: Mapping[str, str], body: bytes) -> Refusal | None:
        """Take one request in; return why it is none, None when it was Slack's own and is on its way."""
        try:
            door = await asyncio.to_thread(door_at, self.site.home)
            now = self.site.now()
            signature, answer = door.answer(headers, body, now)
            self.seen.require_first(signature, now)
        except HealstreamError as error:
            log.warning("press not taken", why=str(error), next="nothing was said")
            return refusal_of(error)
        task = asyncio.create_task(asyncio.to_thread(self._carry_out, door, answer))
        self.going.add(task)
        task.add_done_callback(self._note_end)
        await asyncio.wait({task}, timeout=self.patience_s)
        return None

    def _carry_out(self, door: SlackDoor, answer: Answer) -> None:
        document = self._said(door, answer)
        place = reply_address(answer.reply_url, door.rule.reply_hosts)
        if place is None:
            log.warning("message not changed", why="its address is none of slack: reply_hosts", next="what was said counts all the same")
            return
        why = self.call(place.url, document).why
        if why:
            log.warning("message not changed", why=why, next="what was said counts all the same")

    def _said(self, door: SlackDoor, answer: Answer) -> Block:
        asked, shown = answer.asked, answer.shown
        try:
            with self.site.base() as base:
                heard = Heard(answer, model_of(base, [asked.incident_id]), self.site.now(), self.site.draw())
            said = door.said(heard)
            self.site.say(said.word)
        except NotFoundError as error:
            # Nobody is asked any more, so nobody needs the buttons.
            return answered_message(shown, f"Not taken: {error.why}.", (), asked, door.secret)
        except HealstreamError as error:
            log.info("press refused", user=answer.user[:40], why=str(error), next="only who pressed is told")
            return whispered(f"Not taken: {error.what}: {error.why}. {error.mend}.")
        log.info("press taken", by=said.word.by, key=said.word.key)
        return answered_message(shown, said.line, said.left, asked, door.secret)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self.going.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("defect", why=f"{type(error).__name__}: {error}", next="whoever pressed sees no change; report it")


def refusal_of(error: HealstreamError) -> Refusal:
    """Return what a request that is not taken is answered."""
    status, title = next(((status, title) for kind, status, title in _STATUS if isinstance(error, kind)), (503, "Not taken"))
    return Refusal(status, title, error.why, error.mend, 5 if status == 503 else 0)


def slack_router(desk: SlackDesk, room: Room) -> APIRouter:
    """Return the router of the one path that Slack calls."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route(PATH, _endpoint(desk, room), methods=["POST"], response_class=Response)
    return router


def _endpoint(desk: SlackDesk, room: Room) -> Callable[[Request], Awaitable[Response]]:
    async def take(request: Request) -> Response:
        promised = promised_bytes(request, MAX_BODY)
        if isinstance(promised, Refusal):
            return answered(promised)
        with room.hold(promised) as fits:
            body = await body_of(request, MAX_BODY) if fits else FULL
            refusal = body if isinstance(body, Refusal) else await desk.take(dict(request.headers), body)
        return answered(refusal) if refusal else Response(status_code=200)

    return take
