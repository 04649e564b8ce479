"""Which lock files a push makes the prober look at, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.events import PUSHED, Origin, Provenance, Trust, WorkflowFinished
from schemas.services import Services
from schemas.targets.lockfile import LockfileSpec, LockTool
from schemas.vocabulary import Result
from schemas.watches import watches_of
from streams.push_looks import LOOK_GAP_S, ROUNDS_AFTER_S, PushLooks, watches_of_push

LOCK = LockfileSpec(
    "shop", "/srv/git/shop", LockTool.NPM, "package.json", "package-lock.json", "github", "acme/shop", "web", every_s=3600.0
)
SERVICES = Services(lockfiles=(LOCK,))
OURS = Provenance(Origin.SIGNED_WEBHOOK, Trust.SAME_REPOSITORY)
PUSH = WorkflowFinished(
    source="github",
    project="acme/shop",
    run_id=f"push-{'c' * 40}",
    attempt=1,
    workflow=PUSHED,
    commit="c" * 40,
    branch="main",
    trigger="push",
    result=Result.SKIP,
    finished_at=datetime(2026, 3, 4, tzinfo=UTC),
    labels=("web/package.json",),
    provenance=OURS,
)


def test_a_push_that_changes_a_manifest_or_a_lock_of_a_watched_branch_is_looked_at() -> None:
    assert watches_of_push(PUSH, SERVICES) == watches_of(SERVICES)
    assert watches_of_push(replace(PUSH, labels=("web/package-lock.json", "a")), SERVICES) == watches_of(SERVICES)
    # What has changed is not known.
    assert watches_of_push(replace(PUSH, labels=()), SERVICES) == watches_of(SERVICES)


@pytest.mark.parametrize(
    "push",
    [
        replace(PUSH, labels=("package.json", "web/other.json")),
        replace(PUSH, branch="feature"),
        replace(PUSH, project="mallory/shop"),
        replace(PUSH, source="gitlab"),
        replace(PUSH, workflow="ci"),
        replace(PUSH, provenance=replace(OURS, trust=Trust.FORK)),
    ],
)
def test_any_other_push_and_a_forks_is_only_observed(push: WorkflowFinished) -> None:
    assert watches_of_push(push, SERVICES) == ()


def test_a_repository_that_nobody_watches_is_left_alone() -> None:
    assert watches_of_push(PUSH, Services(lockfiles=(replace(LOCK, every_s=0.0),))) == ()


def test_looks_come_in_a_row_after_the_push_and_once_more_and_none_beside_another() -> None:
    # 0   2        60   62
    # |L|  |L|      |L|  |L|
    looks, watches = PushLooks(), watches_of(SERVICES)
    looks.add(watches, 2, 100.0)
    assert looks.due(100.0, lambda _: True) == []
    assert looks.due(100.0, lambda _: False) == list(watches)
    assert looks.due(101.0, lambda _: False) == []
    assert looks.due(100.0 + LOOK_GAP_S, lambda _: False) == list(watches)
    assert looks.due(100.0 + ROUNDS_AFTER_S[1] - 1, lambda _: False) == []
    late_s = 100.0 + ROUNDS_AFTER_S[1] + 50
    assert looks.due(late_s, lambda _: False) == list(watches)
    assert looks.due(late_s + 1, lambda _: False) == []
    assert looks.due(late_s + LOOK_GAP_S, lambda _: False) == list(watches)
    assert looks.planned == {}


def test_a_newer_push_begins_the_looks_anew() -> None:
    looks, watches = PushLooks(), watches_of(SERVICES)
    looks.add(watches, 2, 0.0)
    looks.due(0.0, lambda _: False)
    looks.add(watches, 2, 1.0)
    assert len(looks.planned[watches[0]]) == 4
