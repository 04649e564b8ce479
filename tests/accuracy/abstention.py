"""The abstention curve: how many of the named failures are wrong when only the surest are kept; a picture without a plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.vocabulary import Group, group_of
from tests.accuracy.scores import Judged

Curve = tuple[tuple[float, float], ...]

_WIDTH, _HEIGHT, _MARGIN = 720, 440, 60
_COLOURS = ("#1f5fa8", "#b2431f", "#2f7d3b", "#7a3f99", "#8a6d00", "#00727a", "#a3195b", "#444444", "#5b7fbf", "#c47f4f")
# The wrong share at the top edge.
_MOST_RISK = 0.2


def risk_coverage(rows: Sequence[Judged]) -> Curve:
    """Return (share of the failures that is named, share of these that is wrong), the surest first."""
    failures = [row for row in rows if row.group is not Group.NONE]
    named = [row for row in rows if group_of(row.said.kind) in {Group.INFRA, Group.CODE}]
    named.sort(key=lambda row: -row.said.confidence)
    points = []
    wrong = 0
    for number, row in enumerate(named, 1):
        wrong += not row.is_right
        is_last = number == len(named) or named[number].said.confidence < row.said.confidence
        if is_last and failures:
            points.append((min(number / len(failures), 1.0), wrong / number))
    return tuple(points)


def picture(curves: Mapping[str, Curve]) -> str:
    """Return the curves as SVG: coverage to the right, the wrong share up to 20 % upwards."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *_axes(),
    ]
    for number, (name, curve) in enumerate(sorted(curves.items())):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(f"{_x(coverage):.1f},{_y(risk):.1f}" for coverage, risk in curve)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_MARGIN + 12}" y="{_MARGIN + 16 * number}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes() -> list[str]:
    parts = []
    for tenth in range(0, 11, 2):
        share = tenth / 10
        risk = _MOST_RISK * share
        parts.append(f'<text x="{_x(share):.0f}" y="{_HEIGHT - _MARGIN + 18}" text-anchor="middle">{share:.0%}</text>')
        parts.append(f'<text x="{_MARGIN - 8}" y="{_y(risk) + 4:.0f}" text-anchor="end">{risk:.0%}</text>')
        parts.append(f'<path d="M{_MARGIN} {_y(risk):.1f}H{_WIDTH - _MARGIN}" stroke="#dddddd"/>')
    middle = _WIDTH // 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 16}" text-anchor="middle">share of the failures that is named, the surest first</text>')
    parts.append(f'<text x="{_MARGIN}" y="28">share of the named that is wrong</text>')
    return parts


def _x(share: float) -> float:
    return _MARGIN + share * (_WIDTH - 2 * _MARGIN)


def _y(risk: float) -> float:
    return _HEIGHT - _MARGIN - min(risk / _MOST_RISK, 1.0) * (_HEIGHT - 2 * _MARGIN)
