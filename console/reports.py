"""From the read model to what some weeks came to: one table of incidents, and what is made of it. Pure; ``cli/report.py``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import pandas as pd

from console.readmodel import IncidentView
from learning.evaluation import Interval, mean_interval
from learning.templates import Seen, TemplateMiner
from schemas.decisions import Verdict
from schemas.ids import micros
from schemas.incidents import Incident
from schemas.lifecycle import Life
from schemas.oversight import Feedback
from schemas.people import People
from schemas.recoveries import is_held_out
from schemas.services import Services
from schemas.signing import is_said_by
from schemas.vocabulary import Kind, Result, is_healable

# What the page and the pictures read; its library has one home, which is here.
Table: TypeAlias = pd.DataFrame
NOBODY = "-"
_SEED = 1
_SUGGESTED = 15
_OPEN = frozenset({Life.OPEN, Life.CLASSIFIED, Life.DECIDED, Life.QUEUED, Life.ADMITTED, Life.RUNNING, Life.VERIFYING, Life.ROLLING_BACK})
_RAN = frozenset({Life.HEALED.value, Life.ROLLED_BACK.value, Life.ROLLBACK_FAILED.value})
# The ends that the trend counts, the good one first.
ENDS = tuple(state.value for state in (Life.HEALED, Life.SELF_HEALED, Life.ROLLED_BACK, Life.ESCALATED, Life.REFUSED, Life.OBSERVED))
_COLUMNS = {
    "incident": "str",
    "opened_at": "datetime64[us, UTC]",
    "kind": "str",
    "healable": "bool",
    "target": "str",
    "owner": "str",
    "pattern": "str",
    "strategy": "str",
    "state": "str",
    "approved": "bool",
    "acted": "bool",
    "wrong": "bool",
    "would": "str",
    "detect_s": "float64",
    "recover_s": "float64",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is about: incidents opened from ``begin`` on and before ``end``; a person is taken to need ``toil_minutes`` for one."""

    begin: datetime
    end: datetime
    toil_minutes: float


@dataclass(frozen=True, slots=True)
class Report:
    """A report's tables by name, in the order of the page."""

    asked: Asked
    incidents: Table
    tables: Mapping[str, Table]


def report_of(views: Mapping[str, IncidentView], services: Services, feedback: Iterable[Feedback], people: People, asked: Asked) -> Report:
    """Return the report of all that was read; members of a storm are told by its parent, and who disputes has signed their word."""
    chosen = {
        name: view
        for name, view in sorted(views.items(), key=lambda row: row[1].incident.opened_at)
        if asked.begin <= view.incident.opened_at < asked.end and view.incident.parent is None
    }
    disputed = {word.incident_id for word in feedback if word.correct is False and is_said_by(word, word.by, people)}
    frame = incident_table(chosen, services, disputed)
    tables = {
        "figures": figure_table(frame, asked),
        "by_owner": shares_by(frame, "owner"),
        "by_pattern": shares_by(frame, "pattern"),
        "by_strategy": shares_by(frame, "strategy"),
        "observed": observed_table(frame, asked),
        "trend": trend_table(frame),
        "next_patterns": unexplained_table([view.incident for view in chosen.values()]),
    }
    return Report(asked, frame, tables)


def incident_table(views: Mapping[str, IncidentView], services: Services, disputed: Iterable[str]) -> Table:
    """Return one row for each incident."""
    doubted = frozenset(disputed)
    rows = [_row(name, view, services, is_disputed=name in doubted) for name, view in views.items()]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _row(name: str, view: IncidentView, services: Services, *, is_disputed: bool) -> dict[str, object]:
    incident, final = view.incident, view.final()
    decision = view.decisions[-1] if view.decisions else None
    acted = any(outcome.started_at is not None and not outcome.dry_run for outcome in view.outcomes)
    was_well = incident.kind is Kind.SUCCESS or incident.result is Result.SUCCESS
    hit = next((one.pattern for one in incident.hits if not one.shadow), "")
    told_s = final.time_to_detect_s if final else None
    return {
        "incident": name,
        "opened_at": incident.opened_at,
        "kind": incident.kind.value,
        "healable": is_healable(incident.kind),
        "target": incident.target,
        "owner": owner_of(incident, services),
        "pattern": hit or NOBODY,
        "strategy": (final.strategy if final and final.strategy else decision.strategy if decision else "") or NOBODY,
        "state": view.life().value,
        "approved": any(one.verdict is Verdict.ASK for one in view.decisions),
        "acted": acted,
        "wrong": acted and (was_well or is_disputed),
        "would": _would(view),
        "detect_s": told_s if told_s is not None else (incident.detected_at - incident.opened_at).total_seconds(),
        "recover_s": final.time_to_recover_s if final else None,
    }


def owner_of(incident: Incident, services: Services) -> str:
    """Return whose an incident is: the team of its service, the owner of its repository, or nobody's."""
    service = services.owner_of(incident.target)
    if service is not None and service.team:
        return service.team
    return f"{incident.run.source}/{incident.run.project.partition('/')[0]}" if incident.run else NOBODY


def _would(view: IncidentView) -> str:
    """Return what would have been done of an incident that was only watched: nothing, at once, or after a person's yes."""
    decision = view.decisions[-1] if view.decisions else None
    final = view.final()
    if decision is None or decision.verdict is not Verdict.OBSERVE or not decision.strategy or (final and is_held_out(final)):
        return ""
    # Observing was the worst answer, so no gate spoke against healing itself.
    return "after a yes" if any(gate.verdict is Verdict.ASK for gate in decision.gates) else "at once"


def figure_table(frame: Table, asked: Asked) -> Table:
    """Return the figures, each with what it is made of; no credit is taken for what came back by itself."""
    ended = frame[~frame["state"].isin({state.value for state in _OPEN})]
    ours = ended[ended["healable"] & (ended["state"] != Life.SELF_HEALED.value)]
    healed = frame[frame["state"] == Life.HEALED.value]
    alone = ours[(ours["state"] == Life.HEALED.value) & ~ours["approved"]]
    acted = frame[frame["acted"]]
    ran = frame[frame["state"].isin(_RAN)]
    toil = f"{asked.toil_minutes:g} minutes of a person assumed for each failure healed without one"
    rows = [
        _share("interventions avoided", len(alone), len(ours), "healed with nobody's yes, of ended failures of a healable kind"),
        _share("recoveries that held", len(healed), len(ran), "healed, of those that ran to an end"),
        _mean("mean time to detection", frame["detect_s"], "from the failure's own time"),
        _mean("mean time to recovery", healed["recover_s"], "of what was healed, from the failure's own time"),
        _figure("toil saved", len(alone) * asked.toil_minutes / 60.0, "h", len(alone), toil),
        _share("acted wrongly", int(acted["wrong"].sum()), len(acted), "on runs that did not fail, or said to be wrong by a person"),
        _figure("healed by themselves", int((frame["state"] == Life.SELF_HEALED.value).sum()), "incidents", len(frame), "no credit taken"),
        _figure("open", len(frame) - len(ended), "incidents", len(frame), "not ended yet"),
    ]
    return pd.DataFrame(rows)


def _figure(name: str, value: float | None, unit: str, count: int, how: str, held: Interval | None = None) -> dict[str, object]:
    low, high = (held.low, held.high) if held else (None, None)
    return {"figure": name, "value": value, "unit": unit, "low": low, "high": high, "of": count, "how": how}


def _share(name: str, part: int, whole: int, how: str) -> dict[str, object]:
    return _figure(name, 100.0 * part / whole if whole else None, "%", whole, how)


def _mean(name: str, column: pd.Series[float], how: str) -> dict[str, object]:
    known = column.dropna().tolist()
    held = mean_interval(known, _SEED) if known else None
    return _figure(name, held.value if held else None, "s", len(known), f"{how}; low and high hold the mean 19 times in 20", held)


def shares_by(frame: Table, column: str) -> Table:
    """Return one row for each value of a column: how many, how they ended, how fast, and how often it was wrong to act."""
    rows = [{column: value, **_counts(group)} for value, group in frame.groupby(column, sort=True)]
    found = pd.DataFrame(rows, columns=[column, *_counts(frame)])
    return found.sort_values(["incidents", column], ascending=[False, True], ignore_index=True)


def _counts(group: Table) -> dict[str, object]:
    states = group["state"]
    return {
        "incidents": len(group),
        "healed": int((states == Life.HEALED.value).sum()),
        "rolled_back": int(states.isin({Life.ROLLED_BACK.value, Life.ROLLBACK_FAILED.value}).sum()),
        "left_to_people": int(states.isin({Life.ESCALATED.value, Life.REFUSED.value, Life.EXPIRED.value}).sum()),
        "detected_p50_s": group["detect_s"].median(),
        "recovered_p50_s": group["recover_s"].median(),
        "acted_wrongly": int(group["wrong"].sum()),
    }


def observed_table(frame: Table, asked: Asked) -> Table:
    """Return what would have been healed if the strategies had been allowed to act, and the toil that it would have saved."""
    watched = frame[frame["would"] != ""]
    rows = [
        {"strategy": strategy, "at_once": now, "after_a_yes": len(group) - now, "toil_h": now * asked.toil_minutes / 60.0}
        for strategy, group in watched.groupby("strategy", sort=True)
        for now in (int((group["would"] == "at once").sum()),)
    ]
    return pd.DataFrame(rows, columns=["strategy", "at_once", "after_a_yes", "toil_h"])


def trend_table(frame: Table) -> Table:
    """Return one row for each day, UTC: how many by end, and the mean times."""
    days = frame.assign(day=frame["opened_at"].dt.strftime("%Y-%m-%d"))
    rows = [
        {
            "day": day,
            "incidents": len(group),
            **{state: int((group["state"] == state).sum()) for state in ENDS},
            "detect_s": group["detect_s"].mean(),
            "recover_s": group["recover_s"].mean(),
        }
        for day, group in days.groupby("day", sort=True)
    ]
    return pd.DataFrame(rows, columns=["day", "incidents", *ENDS, "detect_s", "recover_s"])


def unexplained_table(incidents: Sequence[Incident]) -> Table:
    """Return the lines that failures without an explanation have in common: by repositories, then runs, the next pattern to write first."""
    miner = TemplateMiner({})
    for incident in incidents:
        if incident.abstained and incident.unexplained and incident.run:
            run = incident.run
            source = f"{run.source}/{run.project}"
            miner.add(incident.unexplained, Seen(source, f"{source}/{run.run_id}", incident.target, micros(incident.detected_at) // 1000))
    found = sorted(miner.values(), key=lambda row: (-len(row.sources), -row.runs, row.number))[:_SUGGESTED]
    rows = [
        {
            "line": " ".join(row.tokens),
            "repositories": len(row.sources),
            "runs": row.runs,
            "example": row.examples[0].text if row.examples else "",
        }
        for row in found
    ]
    return pd.DataFrame(rows, columns=["line", "repositories", "runs", "example"])
