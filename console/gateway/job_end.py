"""The end of a job in our own words, for those who have no webhook: JSON to a JobFinished; read by ``senders.py``.

``healstream send event`` and the composite Action write it.
"""

from __future__ import annotations

from console.gateway.answers import Taken
from console.gateway.jobs import ended, provenance_of
from console.gateway.logs import place_of
from console.gateway.reading import count_in, need_text, read_object, text_in, time_in
from console.gateway.received import Received
from schemas.events import JobStarted, Origin, Trust
from schemas.vocabulary import result_from_word

ASKS = ("run", "attempt")


def translate(received: Received, origin: Origin) -> Taken:
    """Return the end of the job that ``run`` names; raises UsageError for a document without a result.

    Whoever holds the token is believed the job's name and result. Whose code ran it may only lower: the job that sends this runs it.
    """
    doc, place = read_object(received.body), place_of(received.query.get("run", ""), received.query.get("attempt", ""), "")
    result = result_from_word(need_text(doc, "result"))
    trust = Trust.FORK if text_in(doc, "trust") == Trust.FORK else Trust.UNKNOWN
    started = JobStarted(
        source=place.source,
        project=place.project,
        run_id=place.run_id,
        attempt=place.attempt,
        workflow=text_in(doc, "workflow"),
        job=place.job,
        commit=text_in(doc, "commit"),
        branch=text_in(doc, "branch"),
        trigger=text_in(doc, "trigger"),
        started_at=time_in(doc, "started_at") or received.at,
        runner=text_in(doc, "runner"),
        url=text_in(doc, "url"),
        provenance=provenance_of(origin, trust, text_in(doc, "actor")),
    )
    # Without a count the log is asked for where its server lets it; with one nobody asks.
    chunks = count_in(doc, 0, "log_chunks") if "log_chunks" in doc else None
    return Taken((ended(started, result, time_in(doc, "finished_at") or received.at, log_chunks=chunks),))
