"""The same checks for the fakes and the real adapters of a lock file's repair: git by dulwich, npm, pip, cargo and go without a network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from dulwich import porcelain
from dulwich.object_store import tree_lookup_path
from dulwich.repo import Repo

from console.demo.github_server import GithubServer
from infra.adapters.lockfiles import Lockfiles
from infra.adapters.proposals import Proposals
from recoverers.lockfile_ports import PackagePort, ProposalPort
from schemas.attempts import StepStatus
from schemas.services import CiServer, Services
from schemas.targets.lockfile import LockfileSpec, LockTool
from tests.support.fake_lockfiles import FakePackages, FakeProposals
from tests.support.tools import tool

BRANCH = "healstream/lockfile-1"
LOCK = LockfileSpec("shop", "/srv/git/shop", LockTool.PIP, "requirements.in", "requirements.txt", "github", "acme/shop")


def repository(place: Path, files: Mapping[str, str]) -> Path:
    """Return a repository with one commit of the files on its main branch, and hooks that must never run."""
    folder = place / "repository"
    folder.mkdir()
    repo = Repo.init(str(folder), default_branch=b"main")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    porcelain.add(repo, [str(folder / name) for name in files])
    porcelain.commit(repo, message=b"one", author=b"a <a@b.example>", committer=b"a <a@b.example>", commit_timestamp=1_700_000_000)
    for hook in ("pre-commit", "post-commit", "post-checkout", "update", "reference-transaction"):
        path = folder / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {place}/hook-ran\n", encoding="utf-8")
        path.chmod(0o755)
    repo.close()
    return folder


def wheel(folder: Path, name: str, version: str) -> Path:
    """Return a wheel with one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": b"ONE = 1\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: own\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b'=').decode()},{len(text)}"
        for path, text in files.items()
    ]
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as out:
        for path, text in {**files, f"{info}/RECORD": "\n".join([*rows, f"{info}/RECORD,,"]).encode()}.items():
            out.writestr(path, text)
    return made


def pip_lock(place: Path) -> LockfileSpec:
    """Return a project whose requirements name a wheel that its lock file does not."""
    tool("pip")
    house = place / "house"
    house.mkdir()
    wheel(house, "one", "1.0")
    wheel(house, "two", "2.0")
    folder = repository(place, {"app/requirements.in": "one\ntwo\n", "app/requirements.txt": "one==1.0\n", "README": "shop\n"})
    environ = (("PIP_FIND_LINKS", str(house)), ("PIP_NO_INDEX", "1"), ("PIP_NO_CACHE_DIR", "1"))
    return replace(LOCK, repository=str(folder), folder="app", program=(sys.executable, "-m", "pip"), environ=environ)


TINY = """
import pathlib, sys
names = pathlib.Path('names').read_text().split()
lock = pathlib.Path('names.lock')
if sys.argv[1:3] == ['install', '--package-lock-only']:
    lock.write_text(chr(10).join(sorted(names)))
    pathlib.Path('left-behind').write_text('x')
elif lock.read_text().split() != sorted(names):
    sys.exit('names and names.lock are not in sync')
"""


def tiny_lock(place: Path) -> LockfileSpec:
    """Return a project whose tool is a small program that understands npm's words: quick where only git is looked at."""
    (place / "tiny.py").write_text(TINY, encoding="utf-8")
    folder = repository(place, {"app/names": "two\none\n", "app/names.lock": "one\n", "README": "shop\n"})
    program = (sys.executable, "-I", "-S", str(place / "tiny.py"))
    return replace(LOCK, tool=LockTool.NPM, manifest="names", lock="names.lock", repository=str(folder), folder="app", program=program)


def check_repair(port: PackagePort, spec: LockfileSpec) -> str:
    """Carry a repair out as the recipe does, hold what every adapter must hold, and return the new commit."""
    base = port.base_of(spec)
    assert base
    assert port.in_step(spec, base) is False
    assert port.try_install(spec, base).status is StepStatus.FAILED
    for _ in range(2):
        assert port.create_branch(spec, BRANCH, base).status is StepStatus.OK
    written = port.regenerate(spec, BRANCH)
    assert written.status is StepStatus.OK, written.detail
    head = port.head_of(spec, BRANCH)
    assert head not in {"", base}
    assert port.in_step(spec, head) is True
    tried = port.try_install(spec, head)
    assert tried.status is StepStatus.OK, tried.detail
    assert port.base_of(spec) == base
    return head


@pytest.fixture(params=["fake", "real"])
def packages(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[PackagePort, LockfileSpec]:
    return (FakePackages(), LOCK) if request.param == "fake" else (Lockfiles(), tiny_lock(tmp_path))


def test_a_lock_file_is_written_on_a_branch_of_its_own_and_the_branch_is_taken_back(
    packages: tuple[PackagePort, LockfileSpec], tmp_path: Path
) -> None:
    port, spec = packages
    base = port.base_of(spec)
    check_repair(port, spec)
    assert port.regenerate(spec, BRANCH).status is StepStatus.FAILED

    for _ in range(2):
        assert port.reset_branch(spec, BRANCH, base).status is StepStatus.OK
        assert port.head_of(spec, BRANCH) == base
    for _ in range(2):
        assert port.drop_branch(spec, BRANCH).status is StepStatus.OK
        assert port.head_of(spec, BRANCH) == ""
    assert port.base_of(spec) == base
    assert not (tmp_path / "hook-ran").exists()


def test_no_other_branch_is_ever_written(packages: tuple[PackagePort, LockfileSpec]) -> None:
    port, spec = packages
    base = port.base_of(spec)
    for branch in ("main", "release", "refs/heads/main", "../main"):
        assert port.create_branch(spec, branch, base).status is StepStatus.FAILED
        assert port.regenerate(spec, branch).status is StepStatus.FAILED
    assert port.create_branch(spec, BRANCH, "0" * 40).status is StepStatus.FAILED
    assert port.drop_branch(spec, "main").status is StepStatus.FAILED
    assert port.base_of(spec) == base


def test_what_is_not_there_is_said_and_not_raised(packages: tuple[PackagePort, LockfileSpec]) -> None:
    port, spec = packages
    assert port.head_of(spec, "healstream/none") == ""
    assert port.in_step(spec, "0" * 40) is None
    assert port.try_install(spec, "0" * 40).status is StepStatus.FAILED
    assert port.regenerate(spec, "healstream/none").status is StepStatus.FAILED
    assert port.drop_branch(spec, "healstream/none").status is StepStatus.OK


def test_of_what_a_tool_leaves_only_the_lock_file_is_committed(tmp_path: Path) -> None:
    spec, port = tiny_lock(tmp_path), Lockfiles()
    assert port.create_branch(spec, BRANCH, port.base_of(spec)).status is StepStatus.OK
    assert port.regenerate(spec, BRANCH).status is StepStatus.OK
    head = port.head_of(spec, BRANCH)

    with Repo(spec.repository) as repo:
        made, base = repo[head.encode()], repo[port.base_of(spec).encode()]
        changes = list(repo.object_store.tree_changes(base.tree, made.tree))  # type: ignore[attr-defined]
    assert [row[0][1] for row in changes] == [b"app/names.lock"]
    assert (made.parents, made.author) == ([base.id], b"healstream <healstream@localhost>")  # type: ignore[attr-defined]
    assert (Path(spec.repository) / "app/names.lock").read_text(encoding="utf-8") == "one\n"


def test_a_missing_tool_and_a_repository_that_is_too_large_or_gone_say_nothing(tmp_path: Path) -> None:
    folder = repository(tmp_path, {"requirements.in": "one\n" * 100, "requirements.txt": "one==1.0\n"})
    spec, port = replace(LOCK, repository=str(folder)), Lockfiles()
    base = port.base_of(spec)
    assert port.in_step(replace(spec, program=("/nowhere/pip",)), base) is None
    assert port.in_step(replace(spec, max_bytes=100), base) is None
    assert "larger than" in port.try_install(replace(spec, max_bytes=100), base).detail
    assert port.base_of(replace(spec, repository=str(tmp_path / "nowhere"))) == ""


def test_the_test_command_decides_after_the_install(tmp_path: Path) -> None:
    spec, port = tiny_lock(tmp_path), Lockfiles()
    base = port.base_of(spec)
    assert port.create_branch(spec, BRANCH, base).status is StepStatus.OK
    assert port.regenerate(spec, BRANCH).status is StepStatus.OK
    failing = replace(spec, test=(sys.executable, "-I", "-c", "raise SystemExit(3)"))
    assert port.try_install(failing, port.head_of(spec, BRANCH)).detail.startswith("exit 3")


def test_pip_writes_hashes_and_installs_wheels_only(tmp_path: Path) -> None:
    spec, port = pip_lock(tmp_path), Lockfiles()
    head = check_repair(port, spec)
    with Repo(spec.repository) as repo:
        _, blob = tree_lookup_path(repo.__getitem__, repo[head.encode()].tree, b"app/requirements.txt")  # type: ignore[attr-defined]
        lines = repo[blob].data.decode().splitlines()  # type: ignore[attr-defined]
    assert [line.split(" --hash=sha256:")[0] for line in lines] == ["one==1.0", "two==2.0"]


@pytest.mark.parametrize(
    "wish", ["-e .", "--index-url http://evil.example", "./app", "one @ file:///tmp/one.tar.gz", "one; x @ y", "$(id)"]
)
def test_a_manifest_that_could_make_pip_build_is_left_alone(tmp_path: Path, wish: str) -> None:
    folder = repository(tmp_path, {"requirements.in": f"one\n{wish}\n", "requirements.txt": "one==1.0\n"})
    spec, port = replace(LOCK, repository=str(folder), program=("touch", str(tmp_path / "pip-ran"))), Lockfiles()
    base = port.base_of(spec)
    assert port.in_step(spec, base) is None
    assert port.create_branch(spec, BRANCH, base).status is StepStatus.OK
    assert "more than packages" in port.regenerate(spec, BRANCH).detail
    assert not (tmp_path / "pip-ran").exists()


def test_npm_writes_and_installs_from_local_packages_without_running_their_scripts(tmp_path: Path) -> None:
    tool("npm")
    package = tmp_path / "left-1.0.0.tgz"
    scripts = {"preinstall": f"touch {tmp_path}/script-ran", "install": f"touch {tmp_path}/script-ran"}
    with tarfile.open(package, "w:gz") as out:
        content = json.dumps({"name": "left", "version": "1.0.0", "scripts": scripts}).encode()
        row = tarfile.TarInfo("package/package.json")
        row.size = len(content)
        out.addfile(row, io.BytesIO(content))
    manifest = {"name": "app", "version": "1.0.0", "scripts": scripts, "dependencies": {"left": f"file:{package}"}}
    locked = {"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "app", "version": "1.0.0"}}}
    folder = repository(tmp_path, {"package.json": json.dumps(manifest), "package-lock.json": json.dumps(locked)})
    environ = (("npm_config_offline", "true"), ("npm_config_update_notifier", "false"))
    spec = replace(LOCK, tool=LockTool.NPM, repository=str(folder), manifest="package.json", lock="package-lock.json", environ=environ)

    check_repair(Lockfiles(), spec)
    assert not (tmp_path / "script-ran").exists()


def test_cargo_writes_and_fetches_path_packages(tmp_path: Path) -> None:
    cargo = Path(tool("cargo"))
    crate = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'
    manifest = crate.format("app") + '[dependencies]\nleft = { path = "left" }\n'
    files = {"Cargo.toml": manifest, "src/lib.rs": "", "left/Cargo.toml": crate.format("left"), "left/src/lib.rs": ""}
    lock = 'version = 3\n\n[[package]]\nname = "app"\nversion = "0.1.0"\n'
    # The repository's own wish to put a program before the compiler is not heard.
    settings = f'[build]\nrustc-wrapper = "{tmp_path}/wrapper"\n'
    folder = repository(tmp_path, {**files, "Cargo.lock": lock, ".cargo/config.toml": settings})
    homes = (("CARGO_NET_OFFLINE", "true"), ("PATH", f"{cargo.parent}:/usr/bin:/bin"), ("RUSTUP_HOME", str(Path.home() / ".rustup")))
    spec = replace(LOCK, tool=LockTool.CARGO, repository=str(folder), manifest="Cargo.toml", lock="Cargo.lock", environ=homes)

    check_repair(Lockfiles(), spec)


def test_go_tidies_and_builds_local_modules(tmp_path: Path) -> None:
    go = Path(tool("go"))
    files = {
        "go.mod": "module app.example/app\n\ngo 1.21\n\nrequire left.example/left v1.0.0\n",
        "app.go": 'package app\n\nimport "left.example/left"\n\nvar One = left.One\n',
    }
    store = tmp_path / "proxy/left.example/left/@v"
    store.mkdir(parents=True)
    (store / "list").write_text("v1.0.0\n", encoding="utf-8")
    (store / "v1.0.0.info").write_text('{"Version":"v1.0.0","Time":"2024-01-01T00:00:00Z"}', encoding="utf-8")
    (store / "v1.0.0.mod").write_text("module left.example/left\n\ngo 1.21\n", encoding="utf-8")
    with zipfile.ZipFile(store / "v1.0.0.zip", "w") as out:
        out.writestr("left.example/left@v1.0.0/go.mod", "module left.example/left\n\ngo 1.21\n")
        out.writestr("left.example/left@v1.0.0/left.go", "package left\n\nconst One = 1\n")
    folder = repository(tmp_path, {**files, "go.sum": "\n"})
    environ = (
        ("GOPROXY", f"file://{tmp_path}/proxy"),
        ("GONOSUMDB", "*"),
        ("GOMODCACHE", str(tmp_path / "modules")),
        ("GOFLAGS", "-modcacherw"),
        ("PATH", f"{go.parent}:/usr/bin:/bin"),
    )
    spec = replace(LOCK, tool=LockTool.GO, repository=str(folder), manifest="go.mod", lock="go.sum", environ=environ)

    check_repair(Lockfiles(), spec)


@pytest.fixture(params=["fake", "real"])
def proposals(request: pytest.FixtureRequest) -> Iterator[ProposalPort]:
    if request.param == "fake":
        yield FakeProposals()
        return
    server = GithubServer(0, lambda _: None)
    server.start()
    yield Proposals(Services(ci=(CiServer("github", f"http://127.0.0.1:{server.port}", "", ("acme/shop",)),)))
    server.stop()


def test_a_pull_request_is_opened_once_and_closed(proposals: ProposalPort) -> None:
    assert proposals.open_proposals(LOCK) == {}
    for _ in range(2):
        assert proposals.open_pull_request(LOCK, BRANCH, "Write the lock file anew", "why").status is StepStatus.OK
    assert proposals.open_proposals(LOCK) == {BRANCH: 1}
    for _ in range(2):
        assert proposals.close(LOCK, BRANCH).status is StepStatus.OK
    assert proposals.open_proposals(LOCK) == {}


def test_an_issue_is_opened_once_and_closed_and_is_no_pull_request(proposals: ProposalPort) -> None:
    assert proposals.open_pull_request(LOCK, BRANCH, "Write the lock file anew", "why").status is StepStatus.OK
    for _ in range(2):
        assert proposals.open_issue(LOCK, "Flaky test: a", "why").status is StepStatus.OK
    assert proposals.open_issues(LOCK) == {"Flaky test: a": 2}
    assert proposals.open_proposals(LOCK) == {BRANCH: 1}
    for _ in range(2):
        assert proposals.close_issue(LOCK, "Flaky test: a").status is StepStatus.OK
    assert proposals.open_issues(LOCK) == {}


def test_a_project_without_a_server_and_a_dead_server_give_no_answer() -> None:
    dead = Proposals(Services(ci=(CiServer("github", "http://127.0.0.1:9", "", ("acme/shop",)),)))
    for spec in (LOCK, replace(LOCK, project="evil/shop")):
        assert dead.open_proposals(spec) is None
        assert dead.open_pull_request(spec, BRANCH, "x", "why").status is StepStatus.FAILED
        assert dead.close(spec, BRANCH).status is StepStatus.UNCERTAIN
        assert dead.open_issues(spec) is None
        assert dead.open_issue(spec, "x", "why").status is StepStatus.FAILED
        assert dead.close_issue(spec, "x").status is StepStatus.UNCERTAIN


@dataclass
class Wish:
    body: bytes
    status: int


@pytest.mark.parametrize(
    "wish",
    [
        Wish(b"nonsense", 422),
        Wish(b"[]", 422),
        Wish(b'{"title": "x", "head": "a"}', 422),
        Wish(b'{"title":"x","head":"a","base":"main"}', 201),
    ],
)
def test_the_shaped_server_says_what_is_wrong_with_a_wish(wish: Wish) -> None:
    server = GithubServer(0, lambda _: None)
    assert server.answer_post("/repos/acme/shop/pulls", wish.body)[0] == wish.status
    assert server.pulls.answer("PATCH", "/repos/acme/shop/pulls/9", b'{"state": "closed"}')[0] == 404
    assert server.answer_get("/repos/acme/shop/nothing")[0] == 404
