"""A report's pictures as SVG text: how incidents ended day by day, and how long they took; called by ``report_page.py``."""

from __future__ import annotations

from io import StringIO
from typing import Any

from console.reports import Table

_COLOURS = {
    "healed": "#2c7d4f",
    "self_healed": "#8fbf9f",
    "rolled_back": "#c07a1a",
    "escalated": "#c0392b",
    "refused": "#8a8a8a",
    "observed": "#4a78b5",
}
_SIZE = (9.0, 2.8)
_MOST_TICKS = 10


def ends_picture(trend: Table) -> str:
    """Return a bar for each day, its parts by how incidents ended."""
    figure, axes = _begun("incidents")
    places = list(range(len(trend)))
    below = [0] * len(places)
    for state, colour in _COLOURS.items():
        high = [int(count) for count in trend[state]]
        axes.bar(places, high, bottom=below, color=colour, label=state.replace("_", " "), width=0.8)
        below = [one + other for one, other in zip(below, high, strict=True)]
    return _drawn(figure, axes, list(trend["day"]), "How incidents ended, day by day")


def times_picture(trend: Table) -> str:
    """Return the mean times to detection and to recovery of each day."""
    figure, axes = _begun("seconds")
    places = list(range(len(trend)))
    axes.plot(places, list(trend["detect_s"]), marker="o", color="#4a78b5", label="to detection")
    axes.plot(places, list(trend["recover_s"]), marker="s", color="#2c7d4f", label="to recovery")
    axes.set_ylim(bottom=0)
    return _drawn(figure, axes, list(trend["day"]), "Mean seconds to detection and to recovery, day by day")


def _begun(unit: str) -> tuple[Any, Any]:
    # Imported here: no command but this one waits for it. Figures of their own need no display and share nothing.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_ylabel(unit)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _drawn(figure: Any, axes: Any, days: list[str], told: str) -> str:
    step = max(1, -(-len(days) // _MOST_TICKS))
    axes.set_xticks(list(range(0, len(days), step)), days[::step])
    axes.legend(frameon=False, ncols=3, fontsize="small")
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    # The document's head names a place elsewhere; inside of a page it is not needed.
    text = out.getvalue()
    return f'<svg role="img" aria-label="{told}"' + text[text.index("<svg") + len("<svg") :]
