"""Disks, caches and lock files as ``services.yaml`` spells them: into their records, or refused at their line."""

from __future__ import annotations

import pytest

from console.configuration import Files, configuration_of
from schemas.configuration import Configuration, Keys, services_body
from schemas.probes import ProbeKind
from schemas.targets.cache import CacheCheck, CacheSpec
from schemas.targets.disk import CleanRule, DiskSpec
from schemas.targets.index import IndexSpec, IndexTool
from schemas.targets.lockfile import LockfileSpec, LockTool
from schemas.targets.push import PushSpec, push_by
from schemas.targets.runner import runner_named
from schemas.targets.trunk import TrunkSpec, trunk_of
from schemas.watches import watches_of

CI = "ci:\n  - {source: github, api_url: 'http://127.0.0.1:1', token_file: '', projects: [acme/shop]}\n"
DISK = "  - {host: db-1, path: /srv/db, data: [tables], quarantine: /spare, clean: [{folder: logs, older_than_s: 60, regenerable: true}]}\n"
CACHE = "  - {name: wheels, folder: /var/cache/wheels, rebuild: [fill, it], read: [read], check: wheels, environ: {PIP_NO_INDEX: '1'}}\n"
LOCK = "  - {name: shop, repository: /srv/git, tool: npm, manifest: package.json, lock: lock.json, source: github, project: acme/shop}\n"
TRUNK = "  - {name: shop, repository: /srv/git, source: github, project: acme/shop, jobs: [test], test: [run], list_tests: [list]}\n"


def told(text: str) -> Configuration | list[str]:
    found = configuration_of(Files({"healstream.yaml": "", "services.yaml": text}, {}), Keys())
    return found if isinstance(found, Configuration) else [str(problem) for problem in found]


def test_each_row_becomes_its_record_and_crosses_the_catalogue() -> None:
    found = told(f"{CI}disks:\n{DISK}caches:\n{CACHE}lockfiles:\n{LOCK}")
    assert isinstance(found, Configuration)
    services = found.services
    rules = (CleanRule("logs", "*", 60.0, regenerable=True),)
    assert services.disks == (DiskSpec("db-1", "/srv/db", rules=rules, data=("tables",), quarantine="/spare"),)
    environ = (("PIP_NO_INDEX", "1"),)
    assert services.caches == (CacheSpec("wheels", "/var/cache/wheels", ("fill", "it"), ("read",), CacheCheck.WHEELS, environ=environ),)
    assert services.lockfiles == (LockfileSpec("shop", "/srv/git", LockTool.NPM, "package.json", "lock.json", "github", "acme/shop"),)
    assert [spec.target for spec in services.others()] == ["disk:db-1:/srv/db", "cache:wheels", "repo:shop"]
    assert services.repository_of("job:github/acme/shop/7/build") == services.repository_of("repo:shop") == services.lockfiles[0]
    assert services.repository_of("job:github/acme/shopping/7/build") is None
    assert services_body(services)


def test_a_main_branch_knows_its_jobs_in_every_run() -> None:
    found = told(f"{CI}trunks:\n{TRUNK}")
    assert isinstance(found, Configuration)
    trunks = found.services.trunks
    assert trunks == (TrunkSpec("shop", "/srv/git", "github", "acme/shop", ("test",), ("run",), ("list",)),)
    assert trunk_of("job:github/acme/shop/7/test", trunks) == trunks[0]
    for other in ("job:github/acme/shop/7/build", "job:github/acme/shopping/7/test", "job:gitlab/acme/shop/7/test", "trunk:shop"):
        assert trunk_of(other, trunks) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (f"disks:\n{DISK}{DISK}", "twice"),
        (f"caches:\n{CACHE}{CACHE}", "twice"),
        (f"{CI}lockfiles:\n{LOCK}{LOCK}", "twice"),
        (f"disks:\n{DISK.replace('folder: logs', 'folder: tables/old')}", "data folder"),
        (f"disks:\n{DISK.replace('folder: logs', 'folder: ../etc')}", "below the disk"),
        (f"disks:\n{DISK.replace('quarantine: /spare', 'quarantine: /srv/db/aside')}", "frees nothing"),
        (f"disks:\n{DISK.replace('path: /srv/db', 'path: /srv/db, well_percent: 99')}", "well_percent"),
        (f"caches:\n{CACHE.replace('[read]', '[]')}", "at least 1 item"),
        (f"caches:\n{CACHE.replace('PIP_NO_INDEX', 'not-a-name')}", "pattern"),
        (f"{CI}lockfiles:\n{LOCK.replace('acme/shop', 'acme/other')}", "no CI server"),
        (f"{CI}lockfiles:\n{LOCK.replace('tool: npm', 'tool: maven')}", "'npm', 'pip'"),
        (f"{CI}lockfiles:\n{LOCK.replace('tool: npm', 'tool: npm, base_branch: healstream/x')}", "healstream's own"),
        (f"{CI}lockfiles:\n{LOCK.replace('lock.json', '../lock.json')}", "pattern"),
        (f"{CI}trunks:\n{TRUNK}{TRUNK}", "twice"),
        (f"{CI}trunks:\n{TRUNK.replace('acme/shop', 'acme/other')}", "no CI server"),
        (f"{CI}trunks:\n{TRUNK.replace('list_tests: [list]', 'quarantine: /left-out.json')}", "needs list_tests"),
        (f"{CI}trunks:\n{TRUNK.replace('jobs: [test]', 'jobs: []')}", "at least 1 item"),
    ],
)
def test_a_mistake_is_named_at_its_line(text: str, word: str) -> None:
    found = told(text)
    assert isinstance(found, list)
    assert word in found[0]
    assert found[0].startswith("services.yaml:")


INDEX = (
    "  - {name: apt, tool: apt, file: /srv/apt/sources.list, mirrors: ['http://one.example/d', 'http://two.example/d'], source: github, "
    "projects: [acme/shop], ask: [apt-get, update], lists: /srv/apt/lists}\n"
)


def test_a_package_index_becomes_its_record() -> None:
    found = told(f"{CI}indexes:\n{INDEX}")
    assert isinstance(found, Configuration)
    mirrors = ("http://one.example/d", "http://two.example/d")
    row = ("apt", IndexTool.APT, "/srv/apt/sources.list", mirrors, "github", ("acme/shop",), ("apt-get", "update"), "/srv/apt/lists")
    assert found.services.indexes == (IndexSpec(*row),)
    assert found.services.spec_of("index:apt") == found.services.indexes[0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (INDEX + INDEX, "twice"),
        (INDEX.replace(", 'http://two.example/d'", ""), "at least 2 items"),
        (INDEX.replace("two.example/d", "one.example/d/"), "a mirror is there twice"),
        (INDEX.replace("http://two", "http://me:secret@two"), "pattern"),
        (INDEX.replace("/srv/apt/lists", "/etc"), "pattern"),
        (INDEX.replace("tool: apt", "tool: pip"), "lists names apt's folder"),
        (INDEX.replace(", lists: /srv/apt/lists", ""), "lists names apt's folder"),
        (INDEX.replace("acme/shop", "acme/other"), "no CI server"),
    ],
)
def test_a_mistake_in_a_package_index_is_named_at_its_line(text: str, word: str) -> None:
    found = told(f"{CI}indexes:\n{text}")
    assert isinstance(found, list)
    assert word in found[0]
    assert found[0].startswith("services.yaml:")


UNIT = "  - {name: web, group: g, unit: web@1.service, probes: [{name: alive, kind: unit}]}\n"


def test_a_service_is_a_unit_of_systemd_and_its_probe_looks_at_that_unit() -> None:
    found = told(f"services:\n{UNIT}")
    assert isinstance(found, Configuration)
    [web] = found.services.services
    assert (web.unit, web.argv, web.cwd, web.pid_file) == ("web@1.service", (), "", "")
    [watch] = watches_of(found.services)
    assert (watch.target, watch.probe.kind, watch.probe.address) == ("service:web", ProbeKind.UNIT, "web@1.service")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (UNIT.replace("unit: web@1.service", "unit: web@1.service, argv: [run]"), "kept by its command or by systemd"),
        (UNIT.replace("unit: web@1.service, ", ""), "kept by its command or by systemd"),
        (UNIT.replace("unit: web@1.service", "argv: [run], cwd: /srv, pid_file: /run/pid"), "a probe of kind unit"),
        (UNIT.replace("unit: web@1.service", "unit: --help.service"), "pattern"),
        (UNIT.replace("unit: web@1.service", "unit: ../web.service"), "pattern"),
        (UNIT.replace("unit: web@1.service", "unit: web.timer"), "pattern"),
    ],
)
def test_a_mistake_in_a_unit_is_named_at_its_line(text: str, word: str) -> None:
    found = told(f"services:\n{text}")
    assert isinstance(found, list)
    assert word in found[0]
    assert found[0].startswith("services.yaml:2:")


PUSH = "  - {name: bump, repository: /srv/bots/bump, remote: 'ssh://git.example/api', source: github, project: acme/shop, jobs: [bump]}\n"


def test_a_bots_push_becomes_its_record_and_is_found_by_its_jobs_alone() -> None:
    found = told(f"{CI}pushes:\n{PUSH}")
    assert isinstance(found, Configuration)
    [push] = found.services.pushes
    assert push == PushSpec("bump", "/srv/bots/bump", "ssh://git.example/api", "github", "acme/shop", ("bump",))
    assert found.services.spec_of("push:bump") == push_by(found.services.pushes, "job:github/acme/shop/7/bump") == push
    for job in ("job:github/acme/shop/7/build", "job:github/acme/other/7/bump", "job:gitlab/acme/shop/7/bump", "repo:acme/shop/7/bump"):
        assert push_by(found.services.pushes, job) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (PUSH + PUSH, "twice"),
        (PUSH.replace("acme/shop", "acme/other"), "no CI server"),
        (PUSH.replace("ssh://git.example/api", "ext::sh -c date"), "pattern"),
        (PUSH.replace("ssh://git.example/api", "--upload-pack=date"), "pattern"),
        (PUSH.replace("ssh://git.example/api", "https://me:secret@git.example/api"), "pattern"),
        (PUSH.replace("jobs: [bump]", "jobs: []"), "at least 1 item"),
        (PUSH.replace("jobs: [bump]", "jobs: [bump], branch: --all"), "pattern"),
    ],
)
def test_a_mistake_in_a_bots_push_is_named_at_its_line(text: str, word: str) -> None:
    found = told(f"{CI}pushes:\n{text}")
    assert isinstance(found, list)
    assert word in found[0]
    assert found[0].startswith("services.yaml:")


RUNNER = (
    "  - {name: build-1, source: github, projects: [acme/shop], "
    "resolver: {name: build-1-dns, kind: http, address: 'http://build-1.example:9100/resolves'}}\n"
)


def test_a_runner_becomes_its_record_and_is_found_by_the_jobs_of_its_pool_alone() -> None:
    found = told(f"{CI}runners:\n{RUNNER}")
    assert isinstance(found, Configuration)
    [runner] = found.services.runners
    assert (runner.name, runner.source, runner.projects, runner.resolver.kind) == ("build-1", "github", ("acme/shop",), ProbeKind.HTTP)
    assert (
        runner_named(found.services.runners, "job:github/acme/shop/7/build", "build-1")
        == found.services.spec_of("runner:build-1")
        == runner
    )
    assert runner_named(found.services.runners, "job:github/acme/shop/7/build", "build-2") is None
    assert runner_named(found.services.runners, "job:github/acme/other/7/build", "build-1") is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (RUNNER + RUNNER, "twice"),
        (RUNNER.replace("acme/shop", "acme/other"), "no CI server"),
        (
            RUNNER.replace("kind: http, address: 'http://build-1.example:9100/resolves'", "kind: tcp, address: 'build-1.example:53'"),
            "page of it",
        ),
    ],
)
def test_a_mistake_in_a_runner_is_named_at_its_line(text: str, word: str) -> None:
    found = told(f"{CI}runners:\n{text}")
    assert isinstance(found, list)
    assert word in found[0]
    assert found[0].startswith("services.yaml:")
