"""From the rows of ``boards.py`` to Grafana's JSON, with the foundation SDK; pure, written to files by ``__main__.py``."""

from __future__ import annotations

import json

from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, ThresholdsConfig
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos, Threshold, ThresholdsMode

from tests.dashboards.boards import BOARDS, Board, Look, Panel

WIDE, HALF, HIGH = 24, 12, 8
NUMBER_WIDE, NUMBER_HIGH = 6, 5
_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, ORANGE = "green", "orange"


def documents() -> dict[str, str]:
    """Return every dashboard's text by the name of its file."""
    return {f"{board.uid}.json": document_of(board) for board in BOARDS}


def document_of(board: Board) -> str:
    """Return one dashboard as Grafana reads it."""
    built = (
        Dashboard(board.title)
        .uid(board.uid)
        .description(board.tells)
        .tags(["healstream"])
        .time("now-6h", "now")
        .refresh("10s")
        .timezone("browser")
        .readonly()
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for number, (panel, place) in enumerate(zip(board.panels, places_of(board.panels), strict=True), 1):
        built.with_panel(drawn(panel).id(number).grid_pos(place))
    return json.dumps(built.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def places_of(panels: tuple[Panel, ...]) -> list[GridPos]:
    """Return where each panel stands: from left to right, a new row where it does not fit any more or another look begins."""
    found: list[GridPos] = []
    x = y = high = 0
    for panel in panels:
        wide, tall = (NUMBER_WIDE, NUMBER_HIGH) if panel.look is Look.NUMBER else (HALF, HIGH)
        if x + wide > WIDE or (x and tall != high):
            x, y = 0, y + high
        found.append(GridPos(h=tall, w=wide, x=x, y=y))
        x, high = x + wide, tall
    return found


def drawn(panel: Panel) -> stat.Panel | timeseries.Panel:
    """Return one panel without its place."""
    begun = _with_last_value(stat.Panel()) if panel.look is Look.NUMBER else _with_legend(timeseries.Panel())
    begun.title(panel.title).description(panel.tells).unit(panel.unit).datasource(_SOURCE)
    if panel.good is not None:
        low, high = (GREEN, ORANGE) if panel.is_most else (ORANGE, GREEN)
        # What is just at an upper bound is still good: a threshold's colour begins at its value.
        bound = panel.good * 1.000001 if panel.good else 0.000001
        steps = [Threshold(value=None, color=low), Threshold(value=bound if panel.is_most else panel.good, color=high)]
        begun.thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    for letter, (query, legend) in zip("ABCD", panel.queries, strict=False):
        begun.with_target(prometheus.Dataquery().expr(query).legend_format(legend or "__auto").ref_id(letter).datasource(_SOURCE))
    return begun


def _with_legend(panel: timeseries.Panel) -> timeseries.Panel:
    return panel.legend(VizLegendOptions().display_mode(LegendDisplayMode.LIST).show_legend(show_legend=True)).axis_soft_min(0)


def _with_last_value(panel: stat.Panel) -> stat.Panel:
    return panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
