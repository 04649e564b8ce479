"""A push that GitHub tells of becomes a record by which lock files are looked at sooner."""

from __future__ import annotations

import pytest

from schemas.events import PUSHED, Trust, WorkflowFinished
from schemas.vocabulary import Result
from tests.support.gateway import NOW, Gateway

COMMIT = "d" * 40


def push(**more: object) -> dict[str, object]:
    return {
        "ref": "refs/heads/main",
        "before": "a" * 40,
        "after": COMMIT,
        "deleted": False,
        "repository": {"id": 10, "full_name": "acme/shop", "fork": False},
        "sender": {"login": "ada"},
        "compare": "https://github.example/acme/shop/compare/a...d",
        "commits": [
            {"added": ["b.txt"], "modified": ["web/package.json"], "removed": []},
            {"added": [], "modified": ["web/package.json"], "removed": ["c.txt"]},
        ],
        **more,
    }


async def record_of(doc: object) -> WorkflowFinished:
    gateway = Gateway()
    answer = await gateway.github("push", doc)
    assert answer.status_code == 202, answer.text
    [record] = gateway.outlet.records
    assert isinstance(record, WorkflowFinished)
    return record


async def test_a_push_says_its_branch_its_commit_and_the_files_it_changes() -> None:
    record = await record_of(push())
    assert (record.project, record.branch, record.commit, record.workflow) == ("acme/shop", "main", COMMIT, PUSHED)
    assert (record.result, record.finished_at) == (Result.SKIP, NOW)
    assert record.labels == ("b.txt", "c.txt", "web/package.json")
    assert (record.provenance.trust, record.provenance.actor) == (Trust.SAME_REPOSITORY, "ada")


async def test_a_push_to_a_fork_is_marked_as_one() -> None:
    record = await record_of(push(repository={"id": 11, "full_name": "mallory/shop", "fork": True}))
    assert record.provenance.trust is Trust.FORK


@pytest.mark.parametrize(
    "commits",
    [
        [{"added": [f"f{number}" for number in range(64)]}],
        [{"modified": ["d/" * 60]}],
        [{"added": []}] * 1000,
        [{"added": [f"{row}/{number}" for number in range(60)]} for row in range(6)],
        "nonsense",
    ],
)
async def test_of_a_list_that_is_cut_nothing_is_said(commits: object) -> None:
    assert (await record_of(push(commits=commits))).labels == ()


@pytest.mark.parametrize("doc", [push(ref="refs/tags/v1"), push(deleted=True)])
async def test_a_tag_and_a_branch_that_is_removed_become_nothing(doc: object) -> None:
    gateway = Gateway()
    answer = await gateway.github("push", doc)
    assert (answer.status_code, gateway.outlet.records) == (202, [])
    assert "no commit of a branch" in answer.json()["ignored"]
