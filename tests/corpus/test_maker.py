"""The maker end to end, with tools that are everywhere: git at a closed port, a shell under limits; and what it will not record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from learning.stored_logs import StoredLog
from schemas.vocabulary import Kind, Result
from tests.corpus.__main__ import main
from tests.corpus.limits import frame
from tests.corpus.maker import record
from tests.corpus.reading import read_families
from tests.corpus.recipe import Limit, Recipe, Stop
from tests.corpus.stage import can_isolate, is_runnable_without_names

GIT = Recipe(
    id="git-closed-port",
    tool="git",
    language="none",
    fault="refused",
    label=Kind.NETWORK_CONNECTIVITY,
    script="git clone @HTTP@/acme/app.git src",
    needs=("git",),
)
SHELL = replace(GIT, id="shell", tool="bash", fault="none", needs=("bash",), label=Kind.SUCCESS, script="echo it works")


def recorded(recipe: Recipe, folder: Path, *, has_namespace: bool = False) -> StoredLog:
    """Return the log of a recipe that must give one."""
    log = record(recipe, "family", folder, has_namespace=has_namespace)
    assert isinstance(log, StoredLog), log
    return log


@pytest.mark.parametrize("has_namespace", sorted({False, can_isolate()}))
def test_git_at_a_closed_port_says_that_it_could_not_connect_to_acme(tmp_path: Path, has_namespace: bool) -> None:
    log = recorded(GIT, tmp_path, has_namespace=has_namespace)
    assert (log.kind, log.result, log.exit_code, log.recipe) == (Kind.NETWORK_CONNECTIVITY, Result.FAILURE, 128, GIT.id)
    assert "unable to access 'http://git.example/acme/app.git/'" in log.text
    assert "Failed to connect to git.example port 80" in log.text
    assert str(tmp_path) not in log.text


def test_git_at_a_missing_repository_meets_the_fault(tmp_path: Path) -> None:
    log = recorded(replace(GIT, id="git-404", fault="404", label=Kind.SCM_CHECKOUT), tmp_path)
    assert "repository 'http://git.example/acme/app.git/' not found" in log.text


def test_what_succeeds_is_a_success(tmp_path: Path) -> None:
    log = recorded(SHELL, tmp_path)
    assert (log.result, log.exit_code) == (Result.SUCCESS, 0)
    assert "it works" in log.text


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        (replace(SHELL, needs=("no-such-tool", "bash")), "no-such-tool not installed here"),
        (replace(SHELL, script="exit 3"), "it ended with 3, which is not what success does"),
        (replace(GIT, script="true"), "it ended with 0, which is not what network_connectivity does"),
        (replace(GIT, fault="503", label=Kind.REMOTE_SERVICE_ERROR, script="echo 503; exit 1"), "the fault was not met"),
        (replace(SHELL, shows="something else"), "does not show"),
        (replace(SHELL, script="echo /work/here"), "names this machine"),
        (replace(SHELL, prepare="echo broken; exit 2"), "its preparation failed: broken"),
        (replace(GIT, script="git clone @HTTPS@/x"), "only root may make"),
        (replace(SHELL, limit=Limit(memory_mib=9)), "only root may make"),
        (replace(SHELL, script="tail -f /dev/null", limit_seconds=1), "still running after 1 s"),
        (replace(SHELL, script="exit 9", limit=Limit(stop=Stop.CANCELLED, after=60)), "it ended with 9 before it could be stopped"),
    ],
)
def test_what_does_not_show_its_fault_is_not_recorded(recipe: Recipe, why: str, tmp_path: Path) -> None:
    said = record(recipe, "family", tmp_path, has_namespace=False)
    assert isinstance(said, str)
    assert why in said


@pytest.mark.parametrize(
    ("stop", "result"), [(Stop.CANCELLED, Result.CANCELLATION), (Stop.TIME_LIMIT, Result.TIMEOUT), (Stop.KILLED, Result.FAILURE)]
)
def test_a_step_that_the_runner_ends_is_ended_once_it_has_shown_its_cue(stop: Stop, result: Result, tmp_path: Path) -> None:
    limit = Limit(stop=stop, cue="step 1")
    waiting = replace(SHELL, label=Kind.RUNNER_LOST_OR_CANCELLED, script="echo step 1; tail -f /dev/null", limit=limit)
    log = recorded(waiting, tmp_path)
    assert "step 1" in log.text
    assert log.result is result
    assert log.exit_code in {137, 143}


def test_a_bound_on_open_files_is_felt(tmp_path: Path) -> None:
    script = 'for n in 3 4 5 6 7 8 9 10 11 12; do eval "exec $n</dev/null"; done'
    log = recorded(replace(SHELL, label=Kind.ENVIRONMENT_CONFIG, script=script, limit=Limit(files=8)), tmp_path)
    assert log.exit_code != 0


@pytest.mark.skipif(not can_isolate(), reason="mounts need root")
def test_a_full_disk_is_full(tmp_path: Path) -> None:
    limit = Limit(full=("app",), room_kib=16)
    log = recorded(replace(SHELL, label=Kind.DISK_FULL, script="head -c 99999 /dev/zero > x", limit=limit), tmp_path, has_namespace=True)
    assert "No space left on device" in log.text


def test_the_frame_puts_every_limit_around_the_command(tmp_path: Path) -> None:
    limit = Limit(full=("tmp",), room_kib=8, inodes=9, address_kib=2, memory_mib=3, read_only=("app",), is_plain_user=True)
    lines = frame(limit, tmp_path, {"/etc/hosts": tmp_path / "hosts"}, "bash step.sh").splitlines()
    assert lines[0] == f"mount --bind {tmp_path}/hosts /etc/hosts"
    assert f"mount -t tmpfs -o mode=1777,size=8k,nr_inodes=9 tmpfs {tmp_path}/tmp" in lines
    assert f"mount -o remount,bind,ro {tmp_path}/app" in lines
    assert any(line.startswith("echo 3M > ") for line in lines)
    assert lines[-1] == "exec setpriv --reuid=65534 --regid=65534 --clear-groups prlimit --as=2048 -- bash step.sh"


def test_only_recipes_that_need_no_names_run_without_root() -> None:
    assert is_runnable_without_names(GIT)
    assert not is_runnable_without_names(replace(GIT, files={"a": "@HTTPS@"}))


def test_an_unknown_tool_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-tool"]) == 2
    said = capsys.readouterr().err
    assert "no-such-tool" in said
    assert "git" in said


def test_a_name_stands_for_a_tool_or_a_family() -> None:
    families = read_families()
    assert {recipe.tool for recipe in families["git"]} >= {"git", "ssh"}
