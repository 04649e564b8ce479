"""``/api/v1``: what the command line shows, as the same versioned JSON shapes, and the same deeds by the same functions.

Used by the page, and by other people's programs that log in as a person does.
"""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from console.approving import answer, pending_named, row_of
from console.casefile import case_json
from console.home import SHAPE
from console.model_words import shelf_of
from console.pattern_files import PatternShelf, read_shelf
from console.recoveries import found_in, whole_of
from console.site import views
from console.site.asked import AskedHere
from console.site.entrance import ChangerHere, SiteHere, VisitorHere
from console.site.meanwhile import no_longer_waits
from console.site.seven import seven_targets
from console.switching import Order, engage, release, switch_rows
from console.words import FLEET
from learning.patterns.model import Pattern
from schemas.errors import NotFoundError, StaleError
from schemas.oversight import ModelRecord, SwitchMode
from schemas.people import People

API = APIRouter(prefix="/api/v1")
Answer = dict[str, object]
Limit = Annotated[int, Query(ge=1, le=views.MAX_PAGE)]
After = Annotated[str, Query(max_length=120)]


def listed(page: views.Page) -> Answer:
    """Return a page in the shape of the command line's lists."""
    return {"version": SHAPE, "items": page.items, "next": page.next}


@API.get("/incidents")
def list_incidents(_visitor: VisitorHere, site: SiteHere, asked: AskedHere) -> Answer:
    """List incidents, the newest first."""
    with site.base() as base:
        return listed(views.incidents(base, asked.filters(), asked.limit, asked.after))


@API.get("/incidents/{incident}")
def get_incident(incident: str, _visitor: VisitorHere, site: SiteHere) -> object:
    """Return everything that is known of one incident."""
    with site.base() as base:
        return json.loads(case_json(*views.incident_named(base, incident)))


@API.get("/decisions")
def list_decisions(_visitor: VisitorHere, site: SiteHere, limit: Limit = 50, after: After = "") -> Answer:
    """List decisions, the newest first."""
    with site.base() as base:
        return listed(views.decisions(base, limit, after))


@API.get("/recoveries")
def list_recoveries(_visitor: VisitorHere, site: SiteHere, limit: Limit = 50, after: After = "", going: bool = False) -> Answer:
    """List recoveries, the newest first."""
    with site.base() as base:
        return listed(views.recoveries(base, limit, after, going=going))


@API.get("/recoveries/{recovery}")
def get_recovery(recovery: str, _visitor: VisitorHere, site: SiteHere) -> Answer:
    """Return everything that is known of one recovery."""
    with site.base() as base:
        return whole_of(found_in(views.recoveries_on(base, views.incident_of_recovery(base, recovery)), recovery))


@API.get("/approvals")
def list_approvals(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """List what waits for people."""
    with site.base() as base:
        people, now = site.people(), site.now()
        return listed(views.Page([row_of(row, people, now) for row in views.pending(base, now)]))


class ApprovalWord(BaseModel):
    """A yes or no to the plan that the person saw."""

    model_config = ConfigDict(extra="forbid")

    approve: bool
    plan_hash: str = Field(min_length=1, max_length=200)


@API.post("/approvals/{decision}")
def say_approval(decision: str, word: ApprovalWord, changer: ChangerHere, site: SiteHere) -> Answer:
    """Say yes or no to a decision's plan; what waits must still be the plan that was seen."""
    with site.base() as base:
        waiting = views.pending(base, site.now())
        try:
            found = pending_named(waiting, decision)
        except NotFoundError as error:
            raise no_longer_waits(base, decision, site.now()) from error
    if found.plan_hash != word.plan_hash:
        raise StaleError(f"decision {decision}", "its plan is another one by now", "Look at the plan again, then say it anew")
    return _said(answer(site.home, changer.name, lambda: [found], decision, site.say, yes=word.approve))


def _said(text: str) -> Answer:
    return {"version": SHAPE, "said": text}


@API.get("/control")
def get_control(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """Show the kill switches, as ``healstream killswitch status`` does."""
    return listed(views.Page(switch_rows(site.home, site.switches())))


class SwitchWord(BaseModel):
    """What is to be stopped or let go on, and why."""

    model_config = ConfigDict(extra="forbid")

    mode: SwitchMode
    scope: str = Field(FLEET, min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=500)


@API.post("/control/killswitch")
def say_switch(word: SwitchWord, changer: ChangerHere, site: SiteHere) -> Answer:
    """Engage a kill switch, or release it with mode ``off``."""
    order = Order(word.scope, word.mode, word.reason)
    if order.mode is SwitchMode.OFF:
        return _said(release(site.home, changer.name, order, site.switches, site.say))
    return _said(engage(site.home, changer.name, order, site.say))


@API.get("/targets")
def list_targets(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """Show the seven targets over the last thirty days."""
    with site.base() as base:
        return listed(views.Page(seven_targets(base, site.now())))


@API.get("/models")
def list_models(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """List the versions of the classifier."""
    with site.base() as base:
        found = [record for _, record in reversed(views.newest(base, ModelRecord.RECORD, 1000)) if isinstance(record, ModelRecord)]
    return listed(views.Page(shelf_of(found, site.people()).rows()))


@API.get("/patterns")
def list_patterns(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """List the patterns with how far each goes."""
    shelf, people = read_shelf(site.home.config, site.shipped), site.people()
    return listed(views.Page([_pattern_row(one, shelf, people) for one in shelf.catalogue.patterns]))


def _pattern_row(one: Pattern, shelf: PatternShelf, people: People) -> Answer:
    return {"id": one.id, "kind": one.kind.value, "state": shelf.state(one, people).value, "title": one.title}
