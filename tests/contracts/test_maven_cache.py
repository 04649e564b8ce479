"""Maven's local repository: what is broken in it, told without Maven; then healed by Maven itself from a repository on this disk."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from infra.adapters.cache_checks import broken_entries
from infra.adapters.caches import Caches
from infra.adapters.step_records import StepRecords
from schemas.attempts import StepStatus
from schemas.recoveries import OutcomeStatus
from schemas.services import Services
from schemas.targets.cache import CacheCheck, CacheSpec
from tests.recoverers.test_recipes_on_real_targets import carry_out, real_world

ARTEFACTS = ("own/parent/1.0/parent-1.0.pom", "own/ext/1.0/ext-1.0.pom", "own/ext/1.0/ext-1.0.jar")
# Maven gives every build extension this one.
PLEXUS = ("org/codehaus/plexus/plexus-utils/1.1/plexus-utils-1.1.pom", "org/codehaus/plexus/plexus-utils/1.1/plexus-utils-1.1.jar")
EXTENSION = "<extension><groupId>own</groupId><artifactId>ext</artifactId><version>1.0</version></extension>"


def _pom(path: Path) -> bytes:
    *groups, name, version, _ = path.parts
    packaging = "<packaging>pom</packaging>" if name == "parent" else ""
    where = f"<groupId>{'.'.join(groups)}</groupId><artifactId>{name}</artifactId><version>{version}</version>{packaging}"
    return f"<project><modelVersion>4.0.0</modelVersion>{where}</project>".encode()


def repository(folder: Path) -> Path:
    """Write a repository of a parent, an extension and what Maven adds to that one, each with its digest."""
    for name in (*ARTEFACTS, *PLEXUS):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".pom"):
            path.write_bytes(_pom(Path(name)))
        else:
            with zipfile.ZipFile(path, "w") as jar:
                jar.writestr("own/text", "text" * 100)
        digest = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
        path.with_name(f"{path.name}.sha1").write_text(digest, encoding="ascii")
    return folder


def local_copy(remote: Path, folder: Path) -> CacheSpec:
    """Write the local repository that has fetched all of it."""
    shutil.copytree(remote, folder)
    for jar in folder.rglob("*.pom"):
        names = sorted(path.name for path in jar.parent.iterdir() if path.suffix in {".pom", ".jar"})
        (jar.parent / "_remote.repositories").write_text("".join(f"{name}>house=\n" for name in names), encoding="ascii")
    return CacheSpec("maven", str(folder), ("fill",), ("read",), CacheCheck.MAVEN)


def test_what_does_not_fit_its_digest_goes_with_its_notes_and_what_was_not_fetched_goes_too(tmp_path: Path) -> None:
    cache = local_copy(repository(tmp_path / "remote"), tmp_path / "local")
    assert broken_entries(cache) == ()
    local = tmp_path / "local"

    (local / ARTEFACTS[2]).write_bytes(b"cut")
    (local / "own/ext/1.0/ext-1.0.jar.asc.lastUpdated").write_bytes(b"#NOTE\n")
    found = broken_entries(cache)
    assert found is not None
    assert [name.rpartition("/")[2] for name, _ in found] == [
        "_remote.repositories",
        "ext-1.0.jar",
        "ext-1.0.jar.asc.lastUpdated",
        "ext-1.0.jar.sha1",
    ]
    assert [name for name, _ in found if cache.comes_back(name)] == [ARTEFACTS[2]]
    assert dict(found)[ARTEFACTS[2]] == hashlib.sha256(b"cut").hexdigest()

    before = {path: path.read_bytes() for path in local.rglob("*") if path.is_file()}
    port = Caches(StepRecords(tmp_path / "records"))
    assert port.set_aside(cache, found, "k").status is StepStatus.OK
    assert broken_entries(cache) == ()
    assert port.put_back(cache, "k").status is StepStatus.OK
    assert {path: path.read_bytes() for path in local.rglob("*") if path.is_file()} == before


def test_a_digest_that_is_none_makes_its_file_a_broken_one(tmp_path: Path) -> None:
    cache = local_copy(repository(tmp_path / "remote"), tmp_path / "local")
    (tmp_path / "local" / f"{ARTEFACTS[1]}.sha1").write_bytes(b"")
    found = broken_entries(cache)
    assert found is not None
    assert ARTEFACTS[1] in dict(found)


def test_mavens_own_repository_is_healed_by_maven_without_a_network(tmp_path: Path) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
        pytest.skip("mvn is not installed here; what is broken in its repository is told without it by the tests above")
    cache = local_copy(repository(tmp_path / "remote"), tmp_path / "local")
    local = tmp_path / "local"
    project = tmp_path / "project"
    project.mkdir()
    parent = "<parent><groupId>own</groupId><artifactId>parent</artifactId><version>1.0</version><relativePath/></parent>"
    text = f"<project><modelVersion>4.0.0</modelVersion>{parent}<artifactId>app</artifactId><packaging>pom</packaging>"
    (project / "pom.xml").write_text(f"{text}<build><extensions>{EXTENSION}</extensions></build></project>", encoding="utf-8")
    house = f"<mirror><id>house</id><mirrorOf>*</mirrorOf><url>{(tmp_path / 'remote').as_uri()}</url></mirror>"
    (project / "settings.xml").write_text(f"<settings><mirrors>{house}</mirrors></settings>", encoding="utf-8")
    argv = (mvn, "-B", "-q", "-s", "settings.xml", f"-Dmaven.repo.local={local}", "validate")
    # Nothing here runs long enough to be worth compiling well.
    environ = (("MAVEN_OPTS", "-XX:TieredStopAtLevel=1"),)
    cache = replace(cache, rebuild=argv, read=(*argv, "-o"), project=str(project), environ=environ, timeout_s=240.0)
    wanted = {path: path.read_bytes() for path in local.rglob("*") if path.suffix in {".pom", ".jar"}}

    (local / ARTEFACTS[0]).write_bytes(b"<proj")
    (local / ARTEFACTS[2]).write_bytes((local / ARTEFACTS[2]).read_bytes()[:50])
    (local / PLEXUS[1]).rename(tmp_path / "gone")
    (local / f"{PLEXUS[1]}.lastUpdated").write_bytes(b"#NOTE\n")

    outcome = carry_out(real_world(Services(caches=(cache,)), tmp_path), "cache_rebuild", cache.target)

    assert outcome.status is OutcomeStatus.HEALED, outcome
    assert {path: path.read_bytes() for path in local.rglob("*") if path.suffix in {".pom", ".jar"}} == wanted
    assert not list(local.rglob("*.lastUpdated"))
