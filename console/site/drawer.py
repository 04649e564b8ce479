"""The drawer: everything about one incident for a person, from one sentence to the raw record."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from console.casefile import case_json
from console.feedback_words import right_to_teach
from console.readmodel import IncidentView
from console.site import views
from console.site.entrance import SiteHere, VisitorHere
from console.site.feedback import given_on
from console.site.known import known_of
from console.site.looks import draw
from console.site.marked import pieces_of
from console.site.place import Site
from console.site.rights import may_do
from console.site.timeline import sentence, timeline
from console.teaching import acted_by
from schemas.errors import ConfigurationError
from schemas.ids import id_of
from schemas.lifecycle import Life
from schemas.vocabulary import Kind

DRAWER = APIRouter(include_in_schema=False)
Expressions = Callable[[str], Sequence[str]]


@DRAWER.get("/incidents/{incident}")
def drawer(incident: str, visitor: VisitorHere, site: SiteHere) -> HTMLResponse:
    """Return everything about one incident."""
    with site.base() as base:
        name, view = views.incident_named(base, incident)
    people = site.people()
    values: dict[str, object] = {
        "name": name,
        "view": view,
        "state": view.life().value,
        "decision": view.decisions[-1] if view.decisions else None,
        "final": view.final(),
        "sentence": sentence(view),
        "moments": timeline(view),
        "given": given_on(site, name),
        "may_teach": may_do(visitor.session, people, right_to_teach(people, visitor.name)),
        "acted": acted_by(view),
        "kinds": [one.value for one in Kind if one is not Kind.UNKNOWN],
        "commands": commands_on(name, view),
        "raw": case_json(name, view),
    }
    return HTMLResponse(draw("drawer.html", **values, **_evidence(view, _expressions_in(site))))


def _evidence(view: IncidentView, expressions: Expressions) -> dict[str, object]:
    """Return the lines in context, each cut at what the incident's patterns matched."""
    hits = view.incident.hits
    said = {one for hit in hits for one in expressions(hit.pattern)}
    return {
        "hits": [(hit, pieces_of(hit.text, expressions(hit.pattern))) for hit in hits],
        "around": [pieces_of(text, said) for text in view.incident.sample],
    }


def _expressions_in(site: Site) -> Expressions:
    try:
        return known_of(site).expressions
    except ConfigurationError:
        # A mistake in a pattern file is told by the tab of patterns; it must not keep people from an incident.
        return lambda _name: ()


def commands_on(name: str, view: IncidentView) -> list[str]:
    """Return the commands that show and say the same; each word of them is ours."""
    found = [f"healstream incident explain {name}"]
    if view.decisions and view.life() is Life.QUEUED:
        found.append(f"healstream approval approve {id_of(view.decisions[-1])}")
    return [*found, f"healstream feedback give {name} --right"]
