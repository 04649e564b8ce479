"""What people answer to "was this right?", on the page and for programs: a signed word on one incident, and the words before it."""

from __future__ import annotations

from enum import StrEnum

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from console.feedback_words import MAX_NOTE_CHARS, feedback_rows
from console.home import SHAPE
from console.site import views
from console.site.entrance import ChangerHere, SiteHere, VisitorHere
from console.site.looks import draw
from console.site.place import Site
from console.site.store import records_of
from console.teaching import Typed, teach
from schemas.oversight import Feedback

FEEDBACK = APIRouter()
_MAX_SHOWN = 50


class Answer(StrEnum):
    """The three answers that the page offers."""

    RIGHT = "right"
    WRONG_KIND = "wrong_kind"
    WRONG_ACTION = "wrong_action"


class FeedbackWord(BaseModel):
    """An answer to "was this right?"; ``kind`` is what it really was, one of the closed list or empty."""

    model_config = ConfigDict(extra="forbid")

    answer: Answer
    kind: str = Field("", max_length=80)
    note: str = Field("", max_length=MAX_NOTE_CHARS)

    def typed(self) -> Typed:
        """Return it as the deed takes it."""
        return Typed(self.answer is not Answer.WRONG_KIND, self.kind, self.note, self.answer is Answer.WRONG_ACTION)


@FEEDBACK.get("/api/v1/incidents/{incident}/feedback")
def list_feedback(incident: str, _visitor: VisitorHere, site: SiteHere) -> dict[str, object]:
    """List what people have said of one incident, the newest first."""
    return {"version": SHAPE, "items": given_on(site, incident), "next": ""}


@FEEDBACK.post("/api/v1/incidents/{incident}/feedback")
def say_feedback(incident: str, word: FeedbackWord, changer: ChangerHere, site: SiteHere) -> dict[str, object]:
    """Say whether an incident was judged and healed rightly; learn checks the signature and the right again."""
    with site.base() as base:
        return {
            "version": SHAPE,
            "said": teach(site.home, changer.name, lambda: views.incident_named(base, incident), word.typed(), site.say),
        }


@FEEDBACK.get("/incidents/{incident}/feedback", include_in_schema=False)
def given(incident: str, _visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return what was said of one incident, for the drawer."""
    return HTMLResponse(draw("given.html", given=given_on(site, incident)))


def given_on(site: Site, incident: str) -> list[dict[str, object]]:
    """Return what people have said of an incident, the newest first."""
    with site.base() as base:
        name, _ = views.incident_named(base, incident)
        words = [record for record in records_of(base, name) if isinstance(record, Feedback)]
    return feedback_rows(words, site.people())[:_MAX_SHOWN]
