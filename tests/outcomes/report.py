"""A run as one page for people: its figures, what became of each way of failing, and two pictures. Pure; written by ``__main__.py``."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from math import log10

import pandas as pd

from tests.bench.figures import Figure
from tests.outcomes.figures import is_healable, repair_seconds, uptime_of
from tests.outcomes.plan import SERVICES
from tests.outcomes.records import Played
from tests.outcomes.seen import Ended

WIDTH, ROW, LEFT = 900, 12, 170
UP, DOWN, FAULT = "#2c7d4f", "#c0392b", "#7a4fb5"
COLOURS = ("#2c7d4f", "#8a8a8a", "#c07a1a")
STYLE = (
    "body{font:14px/1.5 sans-serif;max-width:980px;margin:2em auto;color:#222}table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid #ddd;padding:3px 8px;text-align:left}.miss{color:#c0392b;font-weight:bold}code{font-size:12px}"
)


def page_of(played: Played, ends: Sequence[Ended], figures: Sequence[Figure], how: str) -> str:
    """Return the page."""
    assumed = (
        "Times begin at the failure's own time as its injector knows it; a CI job fails when it ends, and what a job itself takes is left "
        "out. Three equal shops meet the same failures at once: one is healed, one is mended by nobody, one by a person who comes "
        f"{played.person_s / 60:g} minutes after each failure; the same person mends what healing leaves. Uptime is asked from outside, "
        "each service once a second. No credit is taken for what came back by itself."
    )
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>healstream: outcomes</title>",
        f"<style>{STYLE}</style><h1>Outcomes of a run</h1><p><code>{escape(how)}</code></p><p>{escape(assumed)}</p>",
        f"<h2>Figures</h2>{_table(_figure_rows(figures))}",
        f"<h2>What became of each way of failing</h2>{_table(way_rows(ends))}",
        f"<h2>Who answered, second by second</h2>{strips(played)}",
        f"<h2>How long failures lasted</h2>{curves(played)}",
        f"<h2>What was done to the healing system meanwhile</h2>{_table(_fault_rows(played))}",
        f"<p>Starts of each worker: {escape(', '.join(f'{name} {count}' for name, count in played.starts.items()))}.</p></html>",
    ]
    return "\n".join(parts) + "\n"


def way_rows(ends: Sequence[Ended]) -> list[dict[str, object]]:
    """Return one row for each way of failing: how often, how it ended, and the middle times."""
    frame = pd.DataFrame(
        {
            "way": [one.failure.way.value for one in ends],
            "end": [one.status.value if one.status else "no incident" for one in ends],
            "right": [one.is_right for one in ends],
            "detected": [one.detect_s for one in ends],
            "recovered": [one.recover_s for one in ends],
        }
    )
    rows: list[dict[str, object]] = []
    for way, group in frame.groupby("way", sort=True):
        counts = group["end"].value_counts()
        rows.append(
            {
                "way": way,
                "failures": len(group),
                "as it should": int(group["right"].sum()),
                "ends": ", ".join(f"{end} {count}" for end, count in counts.items()),
                "detected, p50 s": _middle(group["detected"]),
                "recovered, p50 s": _middle(group["recovered"]),
            }
        )
    return rows


def strips(played: Played) -> str:
    """Return a strip for each service of each shop: when it answered and when not, with the faults as lines across."""
    total_s = max(len(row) for seen in played.shops for row in seen.answered.values()) or 1
    scale = (WIDTH - LEFT) / total_s
    parts: list[str] = []
    y = 14
    for seen in played.shops:
        parts.append(f"<text x='0' y='{y}' font-weight='bold'>{escape(seen.name)}: {uptime_of(seen):.2f} %</text>")
        for name in SERVICES:
            y += ROW
            parts.append(f"<text x='{LEFT - 8}' y='{y}' text-anchor='end'>{name}</text>")
            at = 0
            for answered, looks in groupby(seen.answered[name]):
                count = len(list(looks))
                x, wide = LEFT + at * scale, max(count * scale, 0.7)
                parts.append(f"<rect x='{x:.1f}' y='{y - 8}' width='{wide:.1f}' height='9' fill='{UP if answered else DOWN}'/>")
                at += count
        y += 2 * ROW
    for fault in played.faults:
        x = LEFT + fault.at_s * scale
        parts.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='0' y2='{y}' stroke='{FAULT}'><title>{escape(fault.trouble)}</title></line>")
    return f"<svg viewBox='0 0 {WIDTH} {y}' width='100%' font-size='10' font-family='sans-serif'>{''.join(parts)}</svg>"


def curves(played: Played) -> str:
    """Return, for each shop, the share of the healable failures that were well again after so many seconds (log scale)."""
    height, decades = 220.0, 4
    parts: list[str] = []
    for place, seen in enumerate(played.shops):
        begun = [one for one in seen.begun if is_healable(one)]
        seconds = sorted(repair_seconds(begun, lambda _: True))
        points = [(float(LEFT), height)]
        for number, value in enumerate(seconds, 1):
            x = LEFT + (WIDTH - LEFT) * log10(max(value, 1.0)) / decades
            points += [(x, points[-1][1]), (x, height * (1 - number / len(begun)))]
        points.append((float(WIDTH), points[-1][1]))
        line = " ".join(f"{x:.1f},{y + 8:.1f}" for x, y in points)
        parts.append(f"<polyline points='{line}' fill='none' stroke='{COLOURS[place]}' stroke-width='2'/>")
        parts.append(
            f"<text x='0' y='{20 + 16 * place}' fill='{COLOURS[place]}'>{escape(seen.name)}: {len(seconds)} of {len(begun)}</text>"
        )
    for decade in range(decades + 1):
        x = LEFT + (WIDTH - LEFT) * decade / decades
        parts.append(f"<text x='{x:.1f}' y='{height + 24}' text-anchor='middle'>{10**decade} s</text>")
    return f"<svg viewBox='0 0 {WIDTH + 30} {height + 30}' width='100%' font-size='11' font-family='sans-serif'>{''.join(parts)}</svg>"


def _middle(column: pd.Series[float]) -> str:
    known = column.dropna()
    return f"{known.median():.2f}" if len(known) else ""


def _figure_rows(figures: Sequence[Figure]) -> list[dict[str, object]]:
    return [
        {
            "figure": one.name,
            "value": f"{one.value:g} {one.unit}",
            "target": one.target,
            "met": "yes" if one.ok else "MISSED",
            "how": one.how.split(";")[0],
        }
        for one in figures
    ]


def _fault_rows(played: Played) -> list[dict[str, object]]:
    return [{"second": one.at_s, "fault": one.trouble.value, "on": ", ".join(one.on), "for, s": one.for_s or ""} for one in played.faults]


def _table(rows: Sequence[dict[str, object]]) -> str:
    return str(pd.DataFrame(list(rows)).to_html(index=False, border=0, escape=True)) if rows else "<p>none</p>"
