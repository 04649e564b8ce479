"""A push that leaves a lock file behind is an incident's evidence within moments: a real repository, the real npm, the prober's loop."""

from __future__ import annotations

import asyncio
import io
import json
import math
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dulwich import porcelain
from dulwich.repo import Repo

from infra.settings import WorkerSettings
from schemas.configuration import Configuration
from schemas.events import PUSHED, HealthCheck, HealthStatus, Origin, Provenance, Trust, WorkflowFinished
from schemas.incidents import Detection, DetectionStatus
from schemas.outputs import Emit, Place
from schemas.services import Services
from schemas.targets.lockfile import LockfileSpec, LockTool
from schemas.vocabulary import Kind, Result
from streams.detectors.health import Health
from streams.prober import Catalogue, watch_all
from tests.contracts.test_lockfile_ports import LOCK, repository
from tests.infra.test_prober import PATIENCE_S, sender
from tests.support.tools import tool

# A look by npm takes seconds on a slow machine; the regular ones are a day apart.
DAY_S, LOOK_S = 86_400.0, 100.0


def npm_lock(place: Path) -> tuple[LockfileSpec, str]:
    """Return a project whose lock file fits, and a manifest that asks for one package more."""
    tool("npm")
    package = place / "left-1.0.0.tgz"
    with tarfile.open(package, "w:gz") as out:
        content = json.dumps({"name": "left", "version": "1.0.0"}).encode()
        row = tarfile.TarInfo("package/package.json")
        row.size = len(content)
        out.addfile(row, io.BytesIO(content))
    manifest = {"name": "app", "version": "1.0.0"}
    locked = {**manifest, "lockfileVersion": 3, "requires": True, "packages": {"": manifest}}
    folder = repository(place, {"package.json": json.dumps(manifest), "package-lock.json": json.dumps(locked)})
    environ = (("npm_config_offline", "true"), ("npm_config_update_notifier", "false"))
    spec = replace(
        LOCK,
        tool=LockTool.NPM,
        repository=str(folder),
        manifest="package.json",
        lock="package-lock.json",
        environ=environ,
        every_s=DAY_S,
        timeout_s=LOOK_S,
    )
    return spec, json.dumps({**manifest, "dependencies": {"left": f"file:{package}"}})


def commit(spec: LockfileSpec, manifest: str) -> str:
    """Put a manifest on the main branch, as a push does, and return the commit."""
    folder = Path(spec.repository)
    (folder / spec.manifest).write_text(manifest, encoding="utf-8")
    for hook in (folder / ".git/hooks").iterdir():
        hook.unlink()
    with Repo(spec.repository) as repo:
        porcelain.add(repo, [str(folder / spec.manifest)])
        return porcelain.commit(repo, message=b"two", author=b"a <a@b.example>", committer=b"a <a@b.example>").decode()


def pushed(commit_id: str) -> WorkflowFinished:
    return WorkflowFinished(
        source="github",
        project="acme/shop",
        run_id=f"push-{commit_id}",
        attempt=1,
        workflow=PUSHED,
        commit=commit_id,
        branch="main",
        trigger="push",
        result=Result.SKIP,
        finished_at=datetime(2026, 3, 4, tzinfo=UTC),
        labels=("package.json",),
        provenance=Provenance(Origin.SIGNED_WEBHOOK, Trust.SAME_REPOSITORY),
    )


def detections(services: Services, checks: list[HealthCheck]) -> Iterator[Detection]:
    """Yield what the health detector makes of checks."""
    health = Health(Configuration(services=services))
    for number, check in enumerate(checks):
        for output in health.on_check(check, Place("infra.health", 0, number), check.at, ""):
            if isinstance(output, Emit) and isinstance(output.record, Detection):
                yield output.record


async def test_a_pushed_manifest_that_its_lock_file_does_not_fit_is_detected_before_any_build(tmp_path: Path) -> None:
    # given a watched repository whose lock file fits: the first look says so, the next regular one is a day away
    spec, manifest = npm_lock(tmp_path)
    services, kept, stop = Services(lockfiles=(spec,)), sender(), asyncio.Event()
    heard: list[WorkflowFinished] = []

    def pushes() -> list[WorkflowFinished]:
        found = list(heard)
        heard.clear()
        return found

    def checks() -> list[HealthCheck]:
        return [record for record in kept.records if isinstance(record, HealthCheck)]

    async def wait_for(count: int) -> None:
        while len(checks()) < count:  # noqa: ASYNC110 - what is waited for is told by nobody
            await asyncio.sleep(0.05)

    settings = WorkerSettings.from_environment({"HEALSTREAM_BROKERS": "127.0.0.1:1"})
    prober = asyncio.create_task(watch_all(Catalogue(settings, services, math.inf), frozenset(), kept, stop, pushes))
    await asyncio.wait_for(wait_for(1), PATIENCE_S)
    assert checks()[0].status is HealthStatus.PASS, checks()[0].detail

    # when a commit that forgets the lock file is pushed
    heard.append(pushed(await asyncio.to_thread(commit, spec, manifest)))
    await asyncio.wait_for(wait_for(3), PATIENCE_S)
    stop.set()
    assert await prober == 0

    # then two looks say so, and the detector has its kind
    assert [check.status for check in checks()[1:3]] == [HealthStatus.FAIL, HealthStatus.FAIL]
    [found] = list(detections(services, checks()[:3]))
    assert (found.target, found.status) == ("repo:shop", DetectionStatus.FIRING)
    assert dict(found.signals)["kind"] == Kind.LOCKFILE_MISMATCH.value
    assert "package-lock.json does not fit package.json" in dict(found.signals)["detail"]
