"""The committed dashboards are the ones that the generator draws, under the names that links rest on, of metrics that there are."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path

import pytest
from grafana_foundation_sdk.models.dashboard import GridPos
from ruamel.yaml import YAML

from infra.metrics import COUNTERS, GAUGES, HISTOGRAMS
from tests.dashboards.__main__ import FOLDER
from tests.dashboards.boards import BOARDS, Board
from tests.dashboards.draw import documents, places_of

RULES = FOLDER.parent / "prometheus"
AT_EACH_SCRAPE = {
    "healstream_self_cpu_seconds_total",
    "healstream_build_info",
    "healstream_state_disk_free_bytes",
    "healstream_state_disk_size_bytes",
}
_NAME = re.compile(r"\bhealstream(?::[a-z0-9_]+)+|\bhealstream_[a-z_]+")


def recorded() -> dict[str, str]:
    found = YAML(typ="safe").load((RULES / "recording.yaml").read_text(encoding="utf-8"))
    return {rule["record"]: rule["expr"] for group in found["groups"] for rule in group["rules"]}


def test_what_is_committed_is_what_the_generator_draws() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")} == documents()


def test_the_uids_of_the_dashboards_stay() -> None:
    kept = {f"healstream-{name}" for name in ("targets", "flow", "recoveries", "safety", "learning", "self")}
    assert {json.loads(text)["uid"] for text in documents().values()} == kept


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_no_two_panels_of_a_dashboard_lie_on_each_other_or_have_one_name(board: Board) -> None:
    def cells(place: GridPos) -> set[tuple[int, int]]:
        return {(x, y) for x in range(place.x, place.x + place.w) for y in range(place.y, place.y + place.h)}

    places = places_of(board.panels)
    assert all(not cells(one) & cells(other) for one, other in combinations(places, 2))
    assert all(place.x + place.w <= 24 for place in places)
    assert len({panel.title for panel in board.panels}) == len(board.panels)


def test_every_name_in_a_query_is_a_metric_or_a_recorded_rule() -> None:
    known = {*COUNTERS, *GAUGES, *AT_EACH_SCRAPE, *recorded()}
    known |= {f"{name}_{end}" for name in HISTOGRAMS for end in ("bucket", "sum", "count")}
    queries = [query for board in BOARDS for panel in board.panels for query, _ in panel.queries]
    asked = {name for query in (*queries, *recorded().values()) for name in _NAME.findall(query)}
    assert asked - known == set()
    assert len(asked) > 20


def test_the_provisioning_names_the_folder_and_the_source() -> None:
    files = sorted((FOLDER / "provisioning").rglob("*.yaml"))
    assert [path.parent.name for path in files] == ["dashboards", "datasources"]
    boards, sources = (YAML(typ="safe").load(Path(path).read_text(encoding="utf-8")) for path in files)
    assert boards["providers"][0]["type"] == "file"
    assert sources["datasources"][0]["type"] == "prometheus"
