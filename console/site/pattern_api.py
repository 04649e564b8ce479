"""What people do to patterns on the page, for programs: try a log, try a pattern, see proposals, and say yes or no."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from console.home import SHAPE
from console.proposals import WAITING
from console.site.entrance import SiteHere, VisitorHere
from console.site.judging import JudgeHere, proposals_in, report_row
from schemas.vocabulary import Kind

PATTERN_API = APIRouter(prefix="/api/v1")
MAX_TRIED_CHARS = 40_000
Answer = dict[str, object]


class TriedText(BaseModel):
    """A log, or a part of one, to be tried; of a longer one send the end, where causes stand."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=MAX_TRIED_CHARS)


class Acceptance(BaseModel):
    """A yes; of a proposal that suggests no kind with the kind that it is: then the pattern waits for another person."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind | Literal[""] = ""


class Refusal(BaseModel):
    """A no, and why: the audit keeps it."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field("", max_length=500)


@PATTERN_API.post("/patterns/try")
def try_text(word: TriedText, judge: JudgeHere) -> Answer:
    """Show what the patterns see in a log of a failure; nothing is kept and nothing is done."""
    found = judge.try_text(word.text)
    return {"version": SHAPE, "verdict": found.verdict, "items": found.hits}


@PATTERN_API.get("/proposals")
def list_proposals(_visitor: VisitorHere, site: SiteHere, every: bool = False) -> Answer:
    """List the patterns that are proposed for failures which nothing explains; ``every``: also those that were answered or have expired."""
    shown = [view.full() for view in proposals_in(site) if every or view.standing in WAITING]
    return {"version": SHAPE, "items": shown, "next": ""}


@PATTERN_API.post("/patterns/{name}/backtest")
def try_pattern(name: str, judge: JudgeHere) -> Answer:
    """Try a pattern of the folder on the recorded logs; takes seconds, and one runs at a time."""
    return {"version": SHAPE, **report_row(judge.try_pattern(name))}


@PATTERN_API.post("/patterns/{name}/accept")
def accept(name: str, word: Acceptance, judge: JudgeHere) -> Answer:
    """Let a proposal, or another person's pattern, act after a back-test."""
    return {"version": SHAPE, "said": judge.accept(name, str(word.kind))}


@PATTERN_API.post("/patterns/{name}/refuse")
def refuse(name: str, word: Refusal, judge: JudgeHere) -> Answer:
    """Refuse a proposal, or let a pattern of the folder be matched no more."""
    return {"version": SHAPE, "said": judge.refuse(name, word.why)}
