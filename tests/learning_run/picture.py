"""Accuracy by month of the learning and the frozen recognition as one SVG picture: the mean over seeds, with every seed as a thin line."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from tests.learning_run.assumptions import MONTHS
from tests.learning_run.figures import error_counts
from tests.learning_run.play import Mark, Played

WIDTH, HEIGHT = 640, 360
_LEFT, _TOP, _PLOT_WIDTH, _PLOT_HEIGHT = 60, 30, 540, 270
_COLOURS = {"learning": "#1b6e3c", "frozen": "#9a3324"}


def accuracies(one: Played, side: str) -> list[float]:
    """Return one seed's share of right kinds by month."""

    def every(_: Mark) -> bool:
        return True

    found = [error_counts(one.marks, month, every) for month in range(MONTHS)]
    return [1.0 - (learning if side == "learning" else frozen) / max(n, 1) for n, learning, frozen in found]


def _line(values: Sequence[float], low: float, colour: str, width: float, opacity: float) -> str:
    points = " ".join(
        f"{_LEFT + _PLOT_WIDTH * month / (MONTHS - 1):.1f},{_TOP + _PLOT_HEIGHT * (1.0 - value) / (1.0 - low):.1f}"
        for month, value in enumerate(values)
    )
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}"/>'


def draw_picture(played: Sequence[Played]) -> str:
    """Return the picture; the axis begins at the lowest accuracy of any seed, rounded down to a tenth."""
    sides = {side: [accuracies(one, side) for one in played] for side in _COLOURS}
    low = min(int(10 * min(value for rows in sides.values() for row in rows for value in row)) / 10, 0.9)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="18">Right kinds by month, {len(played)} seeds (thin) and their mean</text>',
    ]
    for step in range(5):
        share = low + (1.0 - low) * step / 4
        y = _TOP + _PLOT_HEIGHT * (1.0 - step / 4)
        parts.append(f'<line x1="{_LEFT}" x2="{_LEFT + _PLOT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.3f}</text>')
    for month in range(MONTHS):
        x = _LEFT + _PLOT_WIDTH * month / (MONTHS - 1)
        parts.append(f'<text x="{x:.1f}" y="{_TOP + _PLOT_HEIGHT + 18}" text-anchor="middle">{month + 1}</text>')
    for place, (side, rows) in enumerate(sides.items()):
        colour = _COLOURS[side]
        parts += [_line(row, low, colour, 0.6, 0.25) for row in rows]
        parts.append(_line([fmean(values) for values in zip(*rows, strict=True)], low, colour, 2.5, 1.0))
        parts.append(f'<text x="{_LEFT + 140 * place}" y="{HEIGHT - 14}" fill="{colour}">{side}</text>')
    return "\n".join([*parts, "</svg>", ""])
