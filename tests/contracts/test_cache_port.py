"""The same checks for the fake cache and the real adapter on a plain folder; then npm's and pip's own caches, without a network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from infra.adapters.caches import Caches
from infra.adapters.launch import start_ticks
from infra.adapters.step_records import StepRecords
from recoverers.host_ports import CachePort
from schemas.attempts import StepStatus
from schemas.targets.cache import CacheCheck, CacheSpec
from tests.support.fake_caches import GOOD, FakeCaches
from tests.support.front_door import ROOT, until
from tests.support.tools import tool

COPY = "import shutil,sys;shutil.copyfile(sys.argv[1],sys.argv[2])"
COMPARE = "import pathlib,sys;sys.exit(pathlib.Path(sys.argv[1]).read_bytes()!=pathlib.Path(sys.argv[2]).read_bytes())"


@dataclass
class CacheCase:
    """A port, its cache, how one entry is made to rot and what all entries hold."""

    port: CachePort
    spec: CacheSpec
    rot: Callable[[], None]
    entries: Callable[[], dict[str, object]]


def files_below(folder: Path) -> dict[str, object]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def plain_cache(place: Path) -> CacheSpec:
    """Return a folder with two entries and their hashes."""
    folder, source = place / "cache", place / "source"
    folder.mkdir()
    source.write_bytes(b"archive" * 100)
    for name in ("a.bin", "b.bin"):
        shutil.copyfile(source, folder / name)
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in ("a.bin", "b.bin")]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    python = (sys.executable, "-I", "-S", "-c")
    entry = str(folder / "a.bin")
    return CacheSpec("plain", str(folder), (*python, COPY, str(source), entry), (*python, COMPARE, str(source), entry))


@pytest.fixture(params=["fake", "real"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> CacheCase:
    if request.param == "fake":
        fake = FakeCaches({"a.bin": GOOD, "b.bin": GOOD})
        return CacheCase(
            fake, CacheSpec("plain", "/c", ("x",), ("y",)), lambda: fake.entries.update({"a.bin": "rot"}), lambda: {**fake.entries}
        )
    spec = plain_cache(tmp_path)
    entry = Path(spec.folder) / "a.bin"
    return CacheCase(Caches(StepRecords(tmp_path / "records")), spec, lambda: _rot(entry), lambda: files_below(Path(spec.folder)))


def _rot(entry: Path) -> None:
    entry.write_bytes(entry.read_bytes()[:50])


def test_a_broken_entry_is_set_aside_built_anew_and_the_previous_one_can_come_back(case: CacheCase) -> None:
    assert case.port.bad_entries(case.spec) == ()
    assert case.port.read_cold(case.spec).status is StepStatus.OK
    whole = case.entries()
    case.rot()
    broken = case.entries()
    bad = case.port.bad_entries(case.spec)
    assert bad is not None
    assert [name for name, _ in bad] == ["a.bin"]
    assert case.port.read_cold(case.spec).status is StepStatus.FAILED

    for _ in range(2):
        assert case.port.set_aside(case.spec, bad, "one").status is StepStatus.OK
        assert not case.port.has_entry(case.spec, "a.bin")
    for _ in range(2):
        assert case.port.rebuild(case.spec, "two").status is StepStatus.OK
    assert case.port.is_done(case.spec, "one")
    assert case.port.is_done(case.spec, "two")
    assert not case.port.is_done(case.spec, "three")
    assert case.port.bad_entries(case.spec) == ()
    assert case.port.read_cold(case.spec).status is StepStatus.OK
    assert case.entries() == whole

    for _ in range(2):
        assert case.port.put_back(case.spec, "one").status is StepStatus.OK
    assert case.entries() == broken


def test_an_entry_that_changed_since_it_was_seen_is_left(case: CacheCase) -> None:
    case.rot()
    assert case.port.set_aside(case.spec, [("a.bin", "0" * 64)], "one").status is StepStatus.OK
    assert case.port.has_entry(case.spec, "a.bin")


@pytest.fixture
def real(tmp_path: Path) -> CacheCase:
    spec = plain_cache(tmp_path)
    entry = Path(spec.folder) / "a.bin"
    return CacheCase(Caches(StepRecords(tmp_path / "records")), spec, lambda: _rot(entry), lambda: files_below(Path(spec.folder)))


def test_a_command_is_bounded_in_time_and_output_and_sees_a_clean_environment(real: CacheCase, tmp_path: Path) -> None:
    python = (sys.executable, "-I", "-S", "-c")
    flood = replace(real.spec, rebuild=(*python, "import sys\nfor n in range(20000): print('x'*100)\nsys.exit(3)"))
    late = replace(real.spec, rebuild=("sleep", "60"), timeout_s=0.3)
    nosy = replace(real.spec, rebuild=(*python, f"import os;open({str(tmp_path / 'seen')!r},'w').write(repr(sorted(os.environ)))"))

    said = real.port.rebuild(flood, "flood")
    assert (said.status, len(said.detail) < 400) == (StepStatus.FAILED, True)
    assert real.port.rebuild(late, "late").status is StepStatus.FAILED
    assert real.port.rebuild(replace(real.spec, rebuild=("/nowhere/tool",)), "gone").status is StepStatus.FAILED
    assert real.port.rebuild(nosy, "nosy").status is StepStatus.OK
    names = set((tmp_path / "seen").read_text(encoding="utf-8")[2:-2].split("', '"))
    assert names <= {"HOME", "LANG", "LC_CTYPE", "PATH", "TMPDIR"}


def test_a_command_ends_with_the_process_that_runs_it_also_when_that_is_killed(tmp_path: Path) -> None:
    # given a process that runs a long command from a thread, as the executor does
    command = "import threading\nfrom pathlib import Path\nfrom infra.adapters.bounded_run import run_bounded\n"
    command += f"here = Path({str(tmp_path)!r})\n"
    command += "words = ('sh', '-c', 'echo $$ > pid; exec sleep 600')\n"
    command += "threading.Thread(target=lambda: run_bounded(words, here, 600.0, here)).start()\n"
    process = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT)
    until(lambda: bool(_text(tmp_path / "pid").strip()), "the command", 60)
    pid = int(_text(tmp_path / "pid"))
    assert start_ticks(pid) is not None
    # when that process is killed
    process.kill()
    process.wait()
    # then the command has ended too
    until(lambda: start_ticks(pid) is None, "the end of the command", 60)


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii") if path.exists() else ""


def test_a_manifest_that_names_other_places_or_nonsense_moves_nothing(real: CacheCase, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"x")
    manifest = Path(real.spec.folder) / "SHA256SUMS"
    manifest.write_text(f"{'0' * 64}  ../precious\n", encoding="utf-8")
    bad = real.port.bad_entries(real.spec)
    assert bad == (("../precious", ""),)
    assert real.port.set_aside(real.spec, [("../precious", hashlib.sha256(b"x").hexdigest())], "one").status is StepStatus.OK
    assert (tmp_path / "precious").exists()

    manifest.write_text("nonsense\n", encoding="utf-8")
    assert real.port.bad_entries(real.spec) is None
    manifest.unlink()
    assert real.port.bad_entries(real.spec) is None
    assert real.port.bad_entries(replace(real.spec, folder="/nowhere")) is None


def heal(cache: CacheSpec, place: Path) -> Caches:
    """Set the broken entries aside and rebuild; return the port."""
    port = Caches(StepRecords(place / "records"))
    bad = port.bad_entries(cache)
    assert bad
    assert port.set_aside(cache, bad, "one").status is StepStatus.OK
    rebuilt = port.rebuild(cache, "two")
    assert rebuilt.status is StepStatus.OK, rebuilt.detail
    assert port.bad_entries(cache) == ()
    assert all(port.has_entry(cache, name) for name, _ in bad)
    read = port.read_cold(cache)
    assert read.status is StepStatus.OK, read.detail
    return port


def archive(path: Path, files: dict[str, str]) -> None:
    with tarfile.open(path, "w:gz") as out:
        for name, text in files.items():
            row = tarfile.TarInfo(name)
            row.size = len(text.encode())
            out.addfile(row, io.BytesIO(text.encode()))


def test_npms_own_cache_is_healed_without_a_network(tmp_path: Path) -> None:
    npm = tool("npm")
    package = tmp_path / "left-1.0.0.tgz"
    archive(
        package, {"package/package.json": json.dumps({"name": "left", "version": "1.0.0"}), "package/index.js": "module.exports=1\n" * 50}
    )
    integrity = f"sha512-{base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()}"
    project = tmp_path / "project"
    project.mkdir()
    (project / "package.json").write_text(
        json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"left": "1.0.0"}}), encoding="utf-8"
    )
    locked = {"version": "1.0.0", "resolved": "https://registry.example/left/-/left-1.0.0.tgz", "integrity": integrity}
    rows = {"": {"name": "app", "version": "1.0.0", "dependencies": {"left": "1.0.0"}}, "node_modules/left": locked}
    (project / "package-lock.json").write_text(json.dumps({"name": "app", "lockfileVersion": 3, "packages": rows}), encoding="utf-8")
    folder = tmp_path / "cache"
    fill = (npm, "cache", "add", str(package), "--offline", "--cache", str(folder))
    read = (npm, "ci", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(folder))
    cache = CacheSpec("npm", str(folder), fill, read, CacheCheck.CACACHE, project=str(project))
    subprocess.run(fill, check=True, capture_output=True)
    [content] = [path for path in (folder / "_cacache/content-v2").rglob("*") if path.is_file()]
    content.chmod(0o644)

    content.write_bytes(content.read_bytes()[:20])

    port = heal(cache, tmp_path)
    assert port.put_back(cache, "one").status is StepStatus.OK
    assert content.stat().st_size == 20


BACKEND = """
import base64, hashlib, zipfile
def _wheel(folder):
    files = {'six_one.py': b'ONE = 1\\n', 'six_one-1.0.dist-info/METADATA': b'Metadata-Version: 2.1\\nName: six-one\\nVersion: 1.0\\n',
             'six_one-1.0.dist-info/WHEEL': b'Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}
    digest = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b'=').decode()
    rows = [f'{name},sha256={digest(text)},{len(text)}' for name, text in files.items()] + ['six_one-1.0.dist-info/RECORD,,']
    with zipfile.ZipFile(f'{folder}/six_one-1.0-py3-none-any.whl', 'w') as out:
        for name, text in {**files, 'six_one-1.0.dist-info/RECORD': '\\n'.join(rows).encode()}.items():
            out.writestr(name, text)
    return 'six_one-1.0-py3-none-any.whl'
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory)
"""


def test_pips_own_wheel_cache_is_healed_without_a_network(tmp_path: Path) -> None:
    tool("pip")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    toml = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    source = tmp_path / "six_one-1.0.tar.gz"
    info = "Metadata-Version: 2.1\nName: six-one\nVersion: 1.0\n"
    archive(source, {"six_one-1.0/pyproject.toml": toml, "six_one-1.0/own.py": BACKEND, "six_one-1.0/PKG-INFO": info})
    folder = tmp_path / "cache"
    common = ("--no-index", "--no-deps", "--no-build-isolation", "--cache-dir", str(folder), f"six-one @ {source.as_uri()}")
    fill, read = (*pip, "wheel", "-w", "out", *common), (*pip, "install", "--target", "out", *common)
    cache = CacheSpec("pip", str(folder), fill, read, CacheCheck.WHEELS)
    subprocess.run(fill, check=True, capture_output=True, cwd=tmp_path)
    [wheel] = folder.rglob("*.whl")

    content = bytearray(wheel.read_bytes())
    content[40:44] = b"ROT!"
    wheel.write_bytes(bytes(content))

    heal(cache, tmp_path)
