"""``/ingest/logs``: one part of a job's log from a request's body to chunks, piece by piece, each acknowledged before more is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console.gateway.answers import Refusal
from console.gateway.bodies import FULL, Room, pieces_of
from console.gateway.intake import Intake
from console.gateway.jobs import provenance_of
from console.gateway.logs import Cutter, LogTooLargeError, Place, Unpacker, number_of, place_of
from console.gateway.memory import MAX_RUNS, Bounded
from console.gateway.openapi import LOGS_POSITION, LOGS_UPLOAD
from console.gateway.received import Received
from console.gateway.replies import accepted, answered
from console.gateway.signatures import by_token
from schemas.errors import UsageError
from schemas.events import LogChunk, Provenance, Trust
from schemas.ids import EPOCH, id_of

NAME = "logs"
PATH = "/ingest/logs/{run:path}"
POSITION_PATH = "/ingest/log-positions/{run:path}"
# What one upload holds: the chunks on their way, and the piece that is read.
HELD_BYTES = 2 * 1024 * 1024
BATCH = 16


@dataclass(slots=True)
class Upload:
    """One part of a log; ``seq`` is the next chunk's number."""

    place: Place
    seq: int
    is_last: bool
    provenance: Provenance
    unpacker: Unpacker
    cutter: Cutter = field(default_factory=Cutter)
    waiting: list[LogChunk] = field(default_factory=list)
    first_id: str = ""


async def take(upload: Upload, request: Request, intake: Intake) -> Refusal | None:
    """Read the body to its end; return why it stopped before, None when Kafka has all of it."""
    try:
        async for piece in pieces_of(request):
            if isinstance(piece, Refusal):
                return piece
            for text in upload.unpacker.feed(piece):
                refusal = await _put(upload, upload.cutter.feed(text), intake)
                if refusal:
                    return refusal
        last = [*upload.cutter.feed(upload.unpacker.end()), upload.cutter.rest]
    except LogTooLargeError as error:
        return Refusal(413, "Too large", error.why, error.mend)
    except UsageError as error:
        return Refusal(422, "Not understood", f"{error.what}: {error.why}", error.mend)
    # An empty end still says that it is the end.
    return await _put(upload, [text for text in last if text or upload.is_last], intake, is_end=True)


async def _put(upload: Upload, texts: list[str], intake: Intake, is_end: bool = False) -> Refusal | None:
    at = intake.now()
    for text in texts:
        number = upload.seq + len(upload.waiting)
        upload.waiting.append(upload.place.chunk(number, text, False, at, upload.provenance))
    if is_end and upload.is_last:
        upload.waiting[-1] = replace(upload.waiting[-1], eof=True)
    while len(upload.waiting) >= BATCH or (is_end and upload.waiting):
        batch = upload.waiting[:BATCH]
        refusal = await intake.produce(NAME, batch)
        if refusal:
            return refusal
        upload.first_id = upload.first_id or id_of(batch[0])
        upload.seq += len(batch)
        del upload.waiting[:BATCH]
    return None


def log_router(intake: Intake, room: Room) -> APIRouter:
    """Return the router of log uploads."""
    router = APIRouter(tags=["ingest"])
    positions: Bounded[int] = Bounded(MAX_RUNS)

    async def post(request: Request, run: str) -> Response:
        upload = _begun(request, run, intake)
        if isinstance(upload, Refusal):
            return _refused(intake, upload)
        with room.hold(HELD_BYTES) as fits:
            refusal = await take(upload, request, intake) if fits else FULL
        if upload.first_id:
            positions.put(upload.place.key, upload.seq)
        if refusal:
            return _refused(intake, replace(refusal, more=(("next_seq", upload.seq),)))
        return accepted({"id": upload.first_id or _nothing_id(upload), "next_seq": upload.seq, "duplicate": False})

    async def get(request: Request, run: str) -> Response:
        upload = _begun(request, run, intake)
        if isinstance(upload, Refusal):
            return _refused(intake, upload)
        known = positions.get(upload.place.key)
        if known is None:
            told = "nothing of this log is remembered here"
            return answered(Refusal(404, "Not found", told, "Send it from seq 0: what is repeated is recognised"))
        return JSONResponse({"next_seq": known})

    router.add_api_route(PATH, post, methods=["POST"], status_code=202, response_class=Response, openapi_extra=LOGS_UPLOAD)
    router.add_api_route(POSITION_PATH, get, methods=["GET"], response_class=Response, openapi_extra=LOGS_POSITION)
    return router


def _begun(request: Request, run: str, intake: Intake) -> Upload | Refusal:
    origin = by_token(Received(b"", intake.now(), dict(request.headers)), intake.secrets)
    if isinstance(origin, Refusal):
        return origin
    asked, coding = request.query_params, request.headers.get("content-encoding", "identity").lower()
    if coding not in {"identity", "gzip"}:
        return Refusal(
            415, "Coding unknown", f"Content-Encoding {coding[:40]!r} is not read", "Send gzip, or plain text without the header"
        )
    try:
        place = place_of(run, asked.get("attempt", ""), asked.get("step", ""))
        seq = number_of("seq", asked.get("seq") or "0")
    except UsageError as error:
        return Refusal(422, "Not understood", f"{error.what}: {error.why}", error.mend)
    last = asked.get("eof", "true").lower()
    if last not in {"true", "false"}:
        return Refusal(422, "Not understood", f"eof: {last[:40]!r} is neither true nor false", "Say eof=false for every part but the last")
    return Upload(place, seq, last == "true", provenance_of(origin, Trust.UNKNOWN, ""), Unpacker(coding == "gzip"))


def _nothing_id(upload: Upload) -> str:
    # A part without a letter that is not the end becomes nothing; it is told where it would have begun.
    return id_of(upload.place.chunk(upload.seq, "", False, EPOCH, upload.provenance))


def _refused(intake: Intake, refusal: Refusal) -> Response:
    intake.refused(NAME, refusal)
    return answered(refusal)
