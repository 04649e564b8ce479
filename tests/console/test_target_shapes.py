"""Disks, caches, lock files and what a cluster runs as ``services.yaml`` spells them: into their records, or refused at their line."""

from __future__ import annotations

import pytest

from console.configuration import Files, configuration_of
from schemas.configuration import Configuration, Keys, services_body
from schemas.probes import ProbeKind, ProbeSpec
from schemas.targets.cache import CacheCheck, CacheSpec
from schemas.targets.deployment import DeploymentSpec, repository_of
from schemas.targets.disk import CleanRule, DiskSpec
from schemas.targets.lockfile import LockfileSpec, LockTool
from schemas.targets.node import NodeSpec
from tests.support.cluster_world import GOOD_REF

CI = "ci:\n  - {source: github, api_url: 'http://127.0.0.1:1', token_file: '', projects: [acme/shop]}\n"
DISK = "  - {host: db-1, path: /srv/db, data: [tables], quarantine: /spare, clean: [{folder: logs, older_than_s: 60, regenerable: true}]}\n"
CACHE = "  - {name: wheels, folder: /var/cache/wheels, rebuild: [fill, it], read: [read], check: wheels, environ: {PIP_NO_INDEX: '1'}}\n"
LOCK = "  - {name: shop, repository: /srv/git, tool: npm, manifest: package.json, lock: lock.json, source: github, project: acme/shop}\n"


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
    ],
)
def test_a_mistake_is_named_at_its_line(text: str, word: str) -> None:
    found = told(text)
    assert isinstance(found, list)
    assert word in found[0]
    assert found[0].startswith("services.yaml:")


_LOOK = "{name: p, kind: tcp, address: 'h:1'}"
DEPLOYED = f"  - {{namespace: shop, name: web, group: shop, container: app, image: '{GOOD_REF}', most_replicas: 4, probes: [{_LOOK}]}}\n"
NODE = "  - {name: node-1.example, bad_conditions: [KernelDeadlock]}\n"


def test_deployments_and_nodes_become_their_records() -> None:
    found = told(f"deployments:\n{DEPLOYED}nodes:\n{NODE}")
    assert isinstance(found, Configuration)
    [web], [node] = found.services.deployments, found.services.nodes
    assert web == DeploymentSpec("shop", "web", "shop", "app", GOOD_REF, most_replicas=4, answers=(ProbeSpec("p", ProbeKind.TCP, "h:1"),))
    assert [probe.name for probe in web.probes] == ["deployment-crashes", "deployment-pods", "deployment-image", "deployment-scale", "p"]
    assert node == NodeSpec("node-1.example", bad_conditions=("KernelDeadlock",))
    assert [(spec.target, spec.scope) for spec in found.services.others()] == [
        ("deployment:shop/web", "group:shop"),
        ("node:node-1.example", "node:node-1.example"),
    ]
    # Without a list of repositories only that of the good image may come back.
    assert web.allows("registry.example/shop/web:1.2")
    assert not web.allows("registry.example/shop/web-admin:1.2")
    assert not web.allows("elsewhere.example:5000/shop/web")
    assert repository_of("elsewhere.example:5000/shop/web") == "elsewhere.example:5000/shop/web"
    assert services_body(found.services)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (f"deployments:\n{DEPLOYED}{DEPLOYED}", "twice"),
        (f"nodes:\n{NODE}{NODE}", "twice"),
        (f"deployments:\n{DEPLOYED.replace('name: web', 'name: ../web')}", "pattern"),
        (f"deployments:\n{DEPLOYED.replace('@sha256:', ':')}", "pattern"),
        (f"deployments:\n{DEPLOYED.replace('container: app, ', '')}", "belong together"),
        (f"deployments:\n{DEPLOYED.replace('most_replicas: 4', 'least_replicas: 5, most_replicas: 4')}", "must not be below"),
        (f"deployments:\n{DEPLOYED.replace('most_replicas: 4', 'repositories: [registry.example/other]')}", "not among the repositories"),
        (f"deployments:\n{DEPLOYED.replace('kind: tcp', 'kind: process')}", "write tcp or http"),
        (f"nodes:\n{NODE.replace('KernelDeadlock', 'no condition')}", "pattern"),
    ],
)
def test_a_mistake_in_what_a_cluster_runs_is_named_at_its_line(text: str, word: str) -> None:
    found = told(text)
    assert isinstance(found, list)
    assert word in found[0]
    assert found[0].startswith("services.yaml:")
