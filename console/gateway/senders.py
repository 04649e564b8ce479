"""Who may send: one row a path, with how the sender proves itself and what its documents become; ``routes.py`` serves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from console.gateway import alerts, cloudevents, github, gitlab, jenkins, job_end, junit
from console.gateway.answers import Refusal, Taken, Translation
from console.gateway.received import Received
from console.gateway.signatures import Proof, Secrets, by_github, by_gitlab, by_token
from schemas.errors import UsageError
from schemas.events import Origin
from streams.ingest import time_of

MIB = 1024 * 1024
# What is later than this by our clock would be laid aside by the streams: it is said at once instead.
AHEAD_LIMIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender: its path is ``/ingest/<name>``. ``ids`` are headers that name a delivery, the first one present counts.

    ``needs`` are headers without which nothing can be made of a request, ``asks`` the names in its query that may be given; ``media``
    are the media types of its bodies.
    """

    name: str
    says: str
    prove: Callable[[Received, Secrets], Proof]
    translate: Callable[[Received, Origin], Taken]
    ids: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    media: tuple[str, ...] = ("application/json",)
    asks: tuple[str, ...] = ()
    max_bytes: int = 5 * MIB

    @property
    def path(self) -> str:
        """Return where it posts to."""
        return f"/ingest/{self.name}"


SENDERS: tuple[Sender, ...] = (
    Sender("github", "A webhook delivery of GitHub", by_github, github.translate, ("x-github-delivery",), ("x-github-event",)),
    Sender("gitlab", "A webhook delivery of GitLab", by_gitlab, gitlab.translate, ("idempotency-key", "webhook-id")),
    Sender("jenkins", "A notification of Jenkins' Notification plugin", by_token, jenkins.translate),
    Sender("alertmanager", "Alerts of Alertmanager's webhook, version 4", by_token, alerts.from_alertmanager),
    Sender("grafana", "Alerts of Grafana's webhook contact point", by_token, alerts.from_grafana),
    Sender(
        "cloudevents",
        "CloudEvents, binary, structured or a batch, with CDEvents inside",
        by_token,
        cloudevents.translate,
        media=cloudevents.MEDIA,
    ),
    Sender(
        "junit",
        "A JUnit report; `run` is SOURCE/PROJECT/RUN_ID/JOB",
        by_token,
        junit.translate,
        media=("application/xml", "text/xml"),
        asks=junit.ASKS,
        max_bytes=20 * MIB,
    ),
    Sender("job", "The end of a job; `run` is SOURCE/PROJECT/RUN_ID/JOB", by_token, job_end.translate, asks=job_end.ASKS),
)


def missing_header(sender: Sender, received: Received) -> Refusal | None:
    """Return the refusal of a request that lacks a header which its sender always sends."""
    missing = next((name for name in sender.needs if not received.headers.get(name)), None)
    return Refusal(400, "Header missing", f"there is no {missing} header", "Send the sender's own headers unchanged") if missing else None


def translated(sender: Sender, received: Received, origin: Origin) -> Translation:
    """Return what a proven request becomes, or why it becomes nothing."""
    try:
        taken = sender.translate(received, origin)
    except UsageError as error:
        return Refusal(422, "Not understood", f"{error.what}: {error.why}", error.mend)
    return _refused_time(taken, received) or taken


def _refused_time(taken: Taken, received: Received) -> Refusal | None:
    ahead = max((time_of(record) - received.at for record in taken.records), default=timedelta())
    if ahead <= AHEAD_LIMIT:
        return None
    told = f"its time is {int(ahead.total_seconds())} s ahead of our clock, {int(AHEAD_LIMIT.total_seconds())} s are allowed"
    return Refusal(422, "From the future", told, "Set the sender's clock and ours by NTP, then send it again")
