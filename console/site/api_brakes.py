"""``/api/v1`` of the brakes: breakers, budgets, freezes and the rollout ladder, with the words on them that the commands say too."""

from __future__ import annotations

import secrets
import sqlite3

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from console.brake_words import FreezeView, freeze_rows, freezes_in
from console.braking import closed, frozen, levelled, lifted, why_unchecked
from console.periods import span_of
from console.rollout_words import Standing, said_of, standings_of
from console.site import meanwhile, views
from console.site.api import Answer, listed
from console.site.brakes import budgets_in, circuits_in, has_circuit
from console.site.chronicle import level_entries
from console.site.entrance import ChangerHere, SiteHere, VisitorHere
from console.site.place import Site
from console.site.store import controls_in
from schemas.control_words import FREEZE_PREFIX, ROLLOUT_PREFIX
from schemas.errors import NotFoundError, StaleError
from schemas.oversight import Freeze, RolloutLevel

BRAKES = APIRouter(prefix="/api/v1")


class Word(BaseModel):
    """A change's words; one that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


@BRAKES.get("/circuits")
def list_circuits(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """List the breakers that have counted failures, those that let nothing through first."""
    with site.base() as base:
        return listed(views.Page(circuits_in(base, site.policy(), site.now())))


@BRAKES.get("/budgets")
def list_budgets(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """Show how much of each budget is used."""
    with site.base() as base:
        return listed(views.Page(budgets_in(base, site.policy(), site.services(), site.now())))


class ResetWord(Word):
    """The breaker by its whole name, and why its cause is mended."""

    circuit: str = Field(min_length=3, max_length=400)
    reason: str = Field(min_length=1, max_length=500)


@BRAKES.post("/circuits/reset")
def reset_circuit(word: ResetWord, changer: ChangerHere, site: SiteHere) -> Answer:
    """Close a breaker, as ``healstream circuit reset`` does; one that is closed by now is told so."""
    control = closed(site.home, changer.name, word.circuit, word.reason, site.now())
    with site.base() as base:
        if not has_circuit(base, word.circuit):
            raise meanwhile.no_such_breaker(base, word.circuit)
    site.say(control)
    return _said(f"{word.circuit} is closed by {control.by}")


def _said(text: str) -> Answer:
    return {**listed(views.Page([])), "said": text}


def freezes_here(base: sqlite3.Connection, site: Site) -> list[FreezeView]:
    """Return the freezes that count and are not over."""
    return freezes_in({word.key: word for word in controls_in(base, FREEZE_PREFIX)}, site.people(), site.now())


@BRAKES.get("/freezes")
def list_freezes(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """List the freezes in force or to come, and the policy's windows that are open."""
    with site.base() as base:
        return listed(views.Page(freeze_rows(freezes_here(base, site), site.policy(), site.now())))


class FreezeWord(Word):
    """What is left alone, for how long (``2h``, or two times with a slash), and why."""

    target: str = Field(min_length=1, max_length=300)
    span: str = Field("2h", min_length=2, max_length=80)
    reason: str = Field(min_length=1, max_length=500)


@BRAKES.post("/freezes")
def add_freeze(word: FreezeWord, changer: ChangerHere, site: SiteHere) -> Answer:
    """Leave a target alone for a time, as ``healstream freeze add`` does."""
    now, name = site.now(), secrets.token_hex(4)
    remark = why_unchecked(site.home, word.target)
    from_at, until = span_of(word.span, "span", now)
    site.say(frozen(site.home, changer.name, name, Freeze(word.target, from_at, until, word.reason), now))
    return _said(f"{word.target} is left alone until {until.isoformat()}; its freeze is {name}" + (f"; {remark}" if remark else ""))


@BRAKES.post("/freezes/{freeze}/lift")
def lift_freeze(freeze: str, changer: ChangerHere, site: SiteHere) -> Answer:
    """End a freeze now, as ``healstream freeze lift`` does; one that is over is told by whose word."""
    with site.base() as base:
        views_here = freezes_here(base, site)
        try:
            view, control = lifted(site.home, changer.name, views_here, freeze, site.now())
        except NotFoundError as error:
            raise meanwhile.no_such_freeze(base, freeze, site.now()) from error
    site.say(control)
    return _said(f"{view.freeze.target} is free again by the word of {control.by}")


def standings_here(base: sqlite3.Connection, site: Site) -> dict[str, Standing]:
    """Return every strategy's standing."""
    return dict(standings_of(level_entries(base), site.policy(), site.people()))


def rollout_rows(base: sqlite3.Connection, site: Site) -> list[dict[str, object]]:
    """Return every strategy's standing; ``asked`` is a word that decide has not taken up yet, ``seen`` names what was looked at."""
    words = {word.key.removeprefix(ROLLOUT_PREFIX): word for word in controls_in(base, ROLLOUT_PREFIX)}
    rows = []
    for name, standing in standings_here(base, site).items():
        row, word = standing.row(site.now()), words.get(name)
        is_new = word is not None and (not standing.story or word.at > standing.story[-1].at)
        asked = f"{word.rollout.level} by {word.by}" if word and word.rollout and is_new else ""
        rows.append({**row, "asked": asked, "seen": f"{row['level']} {asked}".strip()})
    return rows


@BRAKES.get("/rollouts")
def list_rollouts(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """List the strategies with how far each may go."""
    with site.base() as base:
        return listed(views.Page(rollout_rows(base, site)))


class LevelWord(Word):
    """How far a strategy may go; ``seen`` is what the person saw, so that nobody takes back unseen what another said."""

    level: RolloutLevel
    seen: str = Field(min_length=1, max_length=200)


@BRAKES.post("/rollouts/{strategy}")
def say_level(strategy: str, word: LevelWord, changer: ChangerHere, site: SiteHere) -> Answer:
    """Lower or raise a strategy, as ``healstream rollout set`` does; what was seen must still be so."""
    with site.base() as base:
        row = next((one for one in rollout_rows(base, site) if one["strategy"] == strategy), None)
        standings = standings_here(base, site)
    if row is None:
        raise NotFoundError(f"strategy {strategy[:80]}", "there is none of that name", "List them with `healstream rollout list`")
    if row["seen"] != word.seen:
        raise StaleError(f"strategy {strategy}", f"it stands at {row['seen']} by now", "Look at it again, then say it anew")
    site.say(levelled(site.home, changer.name, standings[strategy], word.level, site.now()))
    return _said(f"{strategy}: {word.level} by the word of {changer.name}; {said_of(standings[strategy], word.level)}")
