"""The same checks for a bot's branch in memory and for real git repositories: a race, a rebase, a push, and both ways back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from infra.adapters.pushes import Pushes
from recoverers.push_port import PushPort
from schemas.attempts import StepStatus
from schemas.targets.push import PushSpec
from tests.support.fake_pushes import BASE, FakePushes
from tests.support.git_race import Race, race_in


@dataclass(frozen=True)
class Bench:
    """A port over a branch that has gone apart, and what somebody else may do at the remote or in the clone."""

    port: PushPort
    spec: PushSpec
    push_more: Callable[[str], None]
    commit_more: Callable[[str], None]


def _in_memory() -> Bench:
    fake = FakePushes()

    def push_more(change: str) -> None:
        fake.remote = (*fake.remote, f"{change}: more")

    def commit_more(change: str) -> None:
        fake.clone = (*fake.clone, f"{change}: more")

    return Bench(fake, PushSpec("bump", "/srv/git/bump", "/srv/git/shop", "github", "acme/shop", ("bump",)), push_more, commit_more)


def _in_git(place: Path) -> Bench:
    race = race_in(place)
    return Bench(Pushes(), race.spec, lambda name: race.push(name, "more\n"), lambda name: race.commit(name, "more\n"))


@pytest.fixture(params=["fake", "real"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return _in_memory() if request.param == "fake" else _in_git(tmp_path)


def test_what_has_gone_apart_is_put_together_pushed_and_taken_back(bench: Bench) -> None:
    port, spec = bench.port, bench.spec
    state = port.state(spec)
    assert state is not None
    assert (state.ahead, state.has_merges, state.is_behind) == (1, False, True)
    seen = state.heads
    assert port.heads(spec) == seen
    assert not port.is_built_on(spec, seen.theirs)
    assert port.push(spec, seen.ours).status is StepStatus.FAILED
    assert port.carries_all(spec, seen) is False

    assert port.rebase(spec, seen).status is StepStatus.OK
    heads = port.heads(spec)
    assert heads is not None
    assert heads.theirs == seen.theirs
    assert heads.ours not in {seen.ours, seen.theirs}
    assert port.is_built_on(spec, seen.theirs)
    for _ in range(2):
        assert port.push(spec, heads.ours).status is StepStatus.OK
    assert port.heads(spec) == replace(heads, theirs=heads.ours)
    assert port.carries_all(spec, seen) is True

    for _ in range(2):
        assert port.withdraw(spec, heads.ours, seen.theirs).status is StepStatus.OK
        assert port.reset(spec, seen.theirs, seen.ours).status is StepStatus.OK
        assert port.heads(spec) == seen


def test_the_same_commits_are_made_again_by_whoever_asks_again(bench: Bench) -> None:
    port, spec = bench.port, bench.spec
    seen = port.heads(spec)
    assert seen is not None
    made = []
    for _ in range(2):
        assert port.rebase(spec, seen).status is StepStatus.OK
        made.append(port.heads(spec))
        assert port.reset(spec, seen.theirs, seen.ours).status is StepStatus.OK
    assert made[0] == made[1]


def test_a_change_of_the_same_lines_is_nobodys_to_join_and_leaves_no_trace(bench: Bench) -> None:
    bench.push_more("ours")
    seen = bench.port.heads(bench.spec)
    assert seen is not None

    joined = bench.port.rebase(bench.spec, seen)

    assert joined.status is StepStatus.FAILED
    assert "both sides changed the same" in joined.detail
    assert bench.port.heads(bench.spec) == seen


def test_a_second_race_is_rejected_and_what_others_built_on_it_is_not_taken_away(bench: Bench) -> None:
    port, spec = bench.port, bench.spec
    seen = port.heads(spec)
    assert seen is not None
    assert port.rebase(spec, seen).status is StepStatus.OK
    bench.push_more("other")
    ours = port.heads(spec)
    assert ours is not None
    assert port.push(spec, ours.ours).status is StepStatus.FAILED
    assert port.withdraw(spec, ours.ours, seen.theirs).status is StepStatus.FAILED
    assert port.heads(spec) == ours


def test_a_clone_that_somebody_commits_to_meanwhile_is_left_alone(bench: Bench) -> None:
    seen = bench.port.heads(bench.spec)
    assert seen is not None
    bench.commit_more("other")
    heads = bench.port.heads(bench.spec)
    assert bench.port.rebase(bench.spec, seen).status is StepStatus.FAILED
    assert bench.port.reset(bench.spec, seen.theirs, seen.ours).status is StepStatus.FAILED
    assert bench.port.heads(bench.spec) == heads


@pytest.fixture
def race(tmp_path: Path) -> Race:
    return race_in(tmp_path)


def test_no_hook_of_the_clone_runs_and_its_checkout_follows_the_branch(race: Race, tmp_path: Path) -> None:
    port = Pushes()
    seen = port.heads(race.spec)
    assert seen is not None

    assert port.rebase(race.spec, seen).status is StepStatus.OK
    assert (race.clone / "theirs").read_text(encoding="utf-8") == "a fix\n"
    heads = port.heads(race.spec)
    assert heads is not None
    assert port.push(race.spec, heads.ours).status is StepStatus.OK
    assert race.git(race.clone, "status", "--porcelain") == ""
    assert port.reset(race.spec, seen.theirs, seen.ours).status is StepStatus.OK
    assert not (race.clone / "theirs").exists()
    assert not (tmp_path / "hook-ran").exists()


def test_an_uncommitted_change_in_the_clone_is_not_written_over(race: Race) -> None:
    (race.clone / "shared").write_text("half done\n", encoding="utf-8")
    race.push("shared", "theirs\n")
    port = Pushes()
    seen = port.heads(race.spec)
    assert seen is not None

    moved = port.rebase(race.spec, seen)

    assert moved.status is StepStatus.FAILED
    assert (race.clone / "shared").read_text(encoding="utf-8") == "half done\n"
    assert port.heads(race.spec) == seen


def test_merges_are_seen_and_a_remote_or_a_clone_that_is_not_there_says_nothing(race: Race, tmp_path: Path) -> None:
    port = Pushes()
    race.git(race.clone, "checkout", "-q", "-b", "side", "HEAD~1")
    race.commit("side", "x\n")
    race.git(race.clone, "checkout", "-q", "main")
    race.git(race.clone, "merge", "-q", "--no-edit", "side")
    state = port.state(race.spec)
    assert state is not None
    assert (state.ahead, state.has_merges) == (3, True)
    for gone in (replace(race.spec, remote=str(tmp_path / "gone")), replace(race.spec, repository=str(tmp_path))):
        assert port.heads(gone) is None
        assert port.state(gone) is None
        assert port.carries_all(gone, state.heads) is None
        assert port.rebase(gone, state.heads).status is StepStatus.FAILED
    silent = replace(race.spec, remote=str(tmp_path / "gone"))
    assert port.push(silent, state.heads.ours).status is StepStatus.UNCERTAIN
    assert port.withdraw(silent, state.heads.ours, state.heads.theirs).status is StepStatus.UNCERTAIN


def test_words_that_git_takes_for_options_or_programs_reach_nothing(race: Race, tmp_path: Path) -> None:
    port = Pushes()
    for remote in (f"ext::sh -c touch% {tmp_path}/ran", f"--upload-pack=touch {tmp_path}/ran"):
        assert port.heads(replace(race.spec, remote=remote)) is None
        assert port.state(replace(race.spec, remote=remote)) is None
    assert not port.is_built_on(race.spec, "--all")
    assert not (tmp_path / "ran").exists()


def test_the_fake_begins_where_both_know_the_same_commit() -> None:
    assert FakePushes().clone[0] == FakePushes().remote[0] == BASE
    with pytest.raises(subprocess.CalledProcessError):
        Race.git(Path("/"), "no-such-word")
