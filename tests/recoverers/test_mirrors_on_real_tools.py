"""Mirrors carried out by the engine with the real apt and the real pip: two repositories on loopback, settings of their own.

Nothing of the machine's own /etc/apt or pip configuration is read or written.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dulwich import porcelain
from dulwich.objects import Commit, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo
from typing_extensions import override

from console.demo.github_server import GithubServer, JobSpec
from infra.adapters.launch import CLEAN
from schemas.decisions import plan_hash_of
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import CiServer, Services
from schemas.targets.index import IndexSpec, IndexTool
from tests.recoverers.test_recipes_on_real_targets import carry_out, real_world
from tests.support.executor_world import wait_for
from tests.support.fakes import FakeHands
from tests.support.tools import tool

JOB = "job:github/acme/api/77/install"
BOUNDS = (("max_attempts_per_commit", 2), ("wait_s", 0.0))


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    @override
    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def repository(folder: Path, *, in_step: bool) -> Path:
    """Write an apt repository whose list is as its release says, or that of another moment."""
    packages = (
        f"Package: tiny\nVersion: 1.0\nArchitecture: all\nFilename: tiny.deb\nSize: 3\nSHA256: {'0' * 64}\nDescription: x\n\n".encode()
    )
    where = folder / "dists/stable/main/binary-all"
    where.mkdir(parents=True)
    (where / "Packages").write_bytes(packages if in_step else packages.replace(b"1.0", b"0.9"))
    row = f" {hashlib.sha256(packages).hexdigest()} {len(packages)} main/binary-all/Packages"
    dated = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime())
    text = f"Suite: stable\nCodename: stable\nComponents: main\nArchitectures: all\nDate: {dated}\nSHA256:\n{row}\n"
    (folder / "dists/stable/Release").write_text(text, encoding="utf-8")
    return folder


class PacedHands(FakeHands):
    """Lets real time pass while a job runs, so that looking at it does not take the job's own."""

    @override
    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        threading.Event().wait(seconds)


@dataclass
class Shop:
    """One job that reads one setting, and what is done about it."""

    spec: IndexSpec
    argv: tuple[str, ...]
    place: Path
    commit: str = "4" * 40

    def heal(self, strategy: str) -> tuple[RecoveryOutcome, GithubServer]:
        """Let the job fail, then carry the strategy out on it."""
        server = GithubServer(0, lambda _: None)
        server.start()
        environ = (*CLEAN.items(), ("HOME", str(self.place)), *self.spec.environ)
        server.push(JobSpec("acme/api", "77", "install", self.argv, str(self.place), environ, self.commit))
        assert wait_for(lambda: bool(server.attempts("77")[0].conclusion), 120)
        assert server.attempts("77")[0].conclusion == "failure", server.attempts("77")[0].log
        services = Services(indexes=(self.spec,), ci=(CiServer("github", f"http://127.0.0.1:{server.port}", "", ("acme/api",)),))
        bounds = BOUNDS if strategy == "lists_refresh" else BOUNDS[:1]
        named = {"bounds": bounds, "plan_hash": plan_hash_of(strategy, 1, JOB, (), bounds)}
        outcome = carry_out(real_world(services, self.place), strategy, JOB, PacedHands(), **named)
        server.stop()
        return outcome, server


def apt_shop(place: Path, mirrors: tuple[str, ...]) -> Shop:
    """Return a job that runs ``apt-get update`` in an isolated configuration that names the first mirror."""
    root = place / "apt"
    for name in ("lists/partial", "cache/archives/partial", "etc"):
        (root / name).mkdir(parents=True)
    (root / "status").touch()
    (root / "etc/sources.list").write_text(f"# ours\ndeb [trusted=yes] {mirrors[0]} stable main\n", encoding="utf-8")
    folders = {
        "Dir::Etc": f"{root}/etc",
        "Dir::Etc::main": "none",
        "Dir::Etc::parts": "none",
        "Dir::Etc::sourceparts": "none",
        "Dir::Etc::preferencesparts": "none",
        "Dir::State": str(root),
        "Dir::State::lists": f"{root}/lists",
        "Dir::State::status": f"{root}/status",
        "Dir::Cache": f"{root}/cache",
        "Dir::Log": f"{root}/log",
        "APT::Architecture": "all",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
        "Acquire::http::Proxy": "DIRECT",
    }
    # Read before any file of the machine's own, which its first lines switch off.
    (root / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in folders.items()), encoding="utf-8")
    argv = (tool("apt-get"), "update")
    environ = (("APT_CONFIG", f"{root}/apt.conf"),)
    spec = IndexSpec("apt", IndexTool.APT, f"{root}/etc/sources.list", mirrors, "github", ("acme/api",), argv, f"{root}/lists", environ)
    return Shop(spec, argv, place)


@pytest.mark.parametrize("holds", [True, False])
def test_a_mirror_in_mid_sync_is_left_for_another_one_or_the_sources_come_back(tmp_path: Path, holds: bool) -> None:
    with ExitStack() as stack:
        folders = (repository(tmp_path / "one", in_step=False), repository(tmp_path / "two", in_step=holds))
        one, two = (stack.enter_context(served(folder)) for folder in folders)
        shop = apt_shop(tmp_path, (one, two))
        sources = Path(shop.spec.file)
        before = sources.read_bytes()
        outcome, server = shop.heal("lists_refresh")

    attempts = server.attempts("77")
    assert "Hash Sum mismatch" in attempts[0].log
    if holds:
        assert outcome.status is OutcomeStatus.HEALED, outcome
        assert [row.conclusion for row in attempts] == ["failure", "success"]
        assert sources.read_bytes() == before.replace(one.encode(), two.encode())
        assert [path.name for path in Path(shop.spec.lists).glob("*_Packages")] == [
            f"{two.removeprefix('http://')}_dists_stable_main_binary-all_Packages"
        ]
    else:
        assert outcome.status is OutcomeStatus.ROLLED_BACK, outcome
        assert [row.name for row in outcome.rollback] == ["switch:apt", "clean:apt", "wait:apt"]
        assert len(attempts) == 1
        assert sources.read_bytes() == before


def tiny_index(folder: Path) -> Path:
    """Write a package index that holds one wheel."""
    files = {
        "tiny.py": b"ONE = 1\n",
        "tiny-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: own\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b'=').decode()},{len(text)}"
        for name, text in files.items()
    ]
    wheel = folder / "simple/tiny/tiny-1.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as out:
        for name, text in {**files, "tiny-1.0.dist-info/RECORD": "\n".join([*rows, "tiny-1.0.dist-info/RECORD,,"]).encode()}.items():
            out.writestr(name, text)
    (wheel.parent / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>', encoding="utf-8")
    return folder


def test_a_job_that_gets_nothing_from_its_index_installs_from_the_next_one(tmp_path: Path) -> None:
    tool("pip")
    with served(tiny_index(tmp_path / "two")) as two:
        dead, live = "http://127.0.0.1:9/simple", f"{two}/simple"
        setting = tmp_path / "pip.conf"
        setting.write_text(
            f"[global]\nindex-url = {dead}/\nretries = 0\ndisable-pip-version-check = true\nno-cache-dir = true\n", encoding="utf-8"
        )
        pip = (sys.executable, "-m", "pip")
        environ = (("PIP_CONFIG_FILE", str(setting)),)
        ask = (*pip, "download", "--no-deps", "-d", "out", "tiny")
        spec = IndexSpec("pip", IndexTool.PIP, str(setting), (dead, live), "github", ("acme/api",), ask, environ=environ)
        outcome, server = Shop(spec, (*pip, "install", "--target", "out", "tiny"), tmp_path).heal("mirror_switch")

    assert outcome.status is OutcomeStatus.HEALED, (outcome, [row.log for row in server.attempts("77")])
    assert [row.conclusion for row in server.attempts("77")] == ["failure", "success"]
    assert {row.source for row in outcome.verification if row.passed} == {"tool", "rest_conclusion", "rest_log"}
    assert setting.read_text(encoding="utf-8").splitlines()[1] == f"index-url = {live}/"


def branch_of(repo: Repo, word: bytes) -> bytes:
    """Write a branch of one commit that has no file; return its hash."""
    tree, commit = Tree(), Commit()
    commit.tree = tree.id
    commit.author = commit.committer = b"a <a@mail.example>"
    commit.author_time = commit.commit_time = commit.author_timezone = commit.commit_timezone = 0
    commit.message = word
    repo.object_store.add_object(tree)
    repo.object_store.add_object(commit)
    repo.refs[Ref(b"refs/heads/" + word)] = commit.id
    return bytes(commit.id)


def clone_shop(place: Path, mirrors: tuple[str, str], commit: str, ref: str) -> Shop:
    """Return a job that clones by an address which its setting lets git fetch by the first transport."""
    setting = place / "gitconfig"
    setting.write_text(f'[user]\n\tname = job\n[url "{mirrors[0]}/"]\n\tinsteadOf = https://git.example/\n', encoding="utf-8")
    git = tool("git")
    clone = f"{git} clone -q --depth 1 -b {ref} https://git.example/api.git out && {git} -C out reset --hard"
    environ = (("GIT_CONFIG_GLOBAL", str(setting)), ("GIT_CONFIG_NOSYSTEM", "1"))
    ask = (git, "ls-remote", "--exit-code", "https://git.example/api.git", "HEAD")
    spec = IndexSpec("git", IndexTool.GIT, str(setting), mirrors, "github", ("acme/api",), ask, environ=environ)
    return Shop(spec, ("/bin/sh", "-c", clone), place, commit)


@pytest.mark.parametrize("ref", ["main", "other"])
def test_a_clone_that_breaks_off_is_made_by_the_other_transport_and_believed_when_its_head_is_the_wanted_commit(
    tmp_path: Path, ref: str
) -> None:
    origin = tmp_path / "served" / "api.git"
    origin.parent.mkdir()
    repo = porcelain.init(str(origin), bare=True)
    made = [branch_of(repo, word) for word in (b"main", b"other")]
    repo.refs.set_symbolic_ref(Ref(b"HEAD"), Ref(b"refs/heads/main"))
    mirrors = ("http://127.0.0.1:9", f"file://{origin.parent}")
    shop = clone_shop(tmp_path, mirrors, made[0].decode(), ref)
    before = Path(shop.spec.file).read_bytes()

    outcome, server = shop.heal("mirror_switch")

    logs = [row.log for row in server.attempts("77")]
    assert [row.conclusion for row in server.attempts("77")] == ["failure", "success"], logs
    [said] = [row for row in outcome.verification if row.factor == "log_without_pattern"]
    if ref == "main":
        assert outcome.status is OutcomeStatus.HEALED, (outcome, logs)
        assert said.detail.endswith(f"HEAD was {made[0].decode()}")
        assert Path(shop.spec.file).read_bytes() == before.replace(mirrors[0].encode(), mirrors[1].encode())
    else:
        assert outcome.status is OutcomeStatus.ROLLED_BACK, (outcome, logs)
        assert f"not {made[0].decode()}" in said.detail
        assert Path(shop.spec.file).read_bytes() == before
