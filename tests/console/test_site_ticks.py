"""The ticks beside the last day's bars: deployments, switches and freezes that count, and nothing that a stranger said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.brake_words import freeze_of
from console.site.ticks import ticks_in
from console.words import speaker_in, switch_of
from schemas.incidents import WORKFLOW, Detection, DetectionStatus, EvidenceRef
from schemas.oversight import Freeze, SwitchMode
from tests.support.site_world import SiteWorld

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
DEPLOYMENT = Detection(
    status=DetectionStatus.FIRING, target="service:<b>web</b>", scope="group:shop", detector=WORKFLOW, complete=True,
    first_at=NOW - timedelta(hours=5), last_at=NOW - timedelta(hours=5), severity="info", evidence=(EvidenceRef("ci.events", 0, 7, "e7"),),
    signals=(("run", "r1"), ("rule", "deploy"), ("deployment", "true"), ("longest_s", "60")),
)  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    return SiteWorld(tmp_path, NOW)


def test_deployments_switches_and_freezes_of_the_last_day_are_ticks_in_their_order(world: SiteWorld) -> None:
    olga, bob = (speaker_in(world.home.people, who) for who in ("olga", "bob"))
    freeze = Freeze("service:db", NOW, NOW + timedelta(hours=1), "a release")
    world.tell(
        switch_of("fleet", SwitchMode.HALT, "old", olga, NOW - timedelta(hours=30)),
        switch_of("fleet", SwitchMode.HALT, "a bad day", olga, NOW - timedelta(hours=3)),
        switch_of("fleet", SwitchMode.OFF, "well again", bob, NOW - timedelta(hours=2)),
        freeze_of("f1", freeze, olga, NOW - timedelta(hours=1)),
        freeze_of("f2", replace(freeze, until=NOW - timedelta(minutes=30)), olga, NOW - timedelta(minutes=30)),
        DEPLOYMENT,
        replace(DEPLOYMENT, status=DetectionStatus.RESOLVED, target="service:other"),
        replace(DEPLOYMENT, signals=(("run", "r2"), ("deployment", "false")), target="service:third"),
    )

    with world.site().base() as base:
        rows = ticks_in(base, world.site().people(), NOW)

    assert [(row["what"], row["text"]) for row in rows] == [
        ("deployment", "deployment on service:<b>web</b>"),
        ("switch", "fleet halt by olga"),
        ("release", "fleet goes on by bob"),
        ("freeze", "service:db frozen by olga"),
        ("release", "service:db thawed by olga"),
    ]
    shown = world.browser().log_in("vic").client.get("/").text
    assert "5 deployments, switches and freezes" in shown
    assert "deployment on service:&lt;b&gt;web&lt;/b&gt;" in shown


def test_what_nobody_signed_is_no_tick(world: SiteWorld) -> None:
    word = switch_of("fleet", SwitchMode.HALT, "x", speaker_in(world.home.people, "olga"), NOW - timedelta(hours=1))
    world.tell(replace(word, by="bob"), replace(word, signature=""))
    with world.site().base() as base:
        assert ticks_in(base, world.site().people(), NOW) == []
