"""The wheel as others install it: whole, and its generic top-level names are ours among all its dependencies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"schemas", "learning", "infra", "streams", "recoverers", "console"}
DATA = (
    "schemas/avro/RecoveryOutcome.avsc",
    "learning/catalogue/pip.json",
    "learning/catalogue/model.json",
    "learning/corpus/git.jsonl.xz",
    "learning/catalogue/calibration.json",
    "infra/broker/jgo.lock.toml",
    "infra/deploy/default/healstream.yaml",
    "infra/deploy/default/policy/observe.yaml",
    "infra/deploy/default/policy/people.cedar",
    "infra/deploy/prometheus/alerts.yaml",
    "infra/deploy/grafana/healstream-flow.json",
    "infra/deploy/grafana/provisioning/dashboards/healstream.yaml",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built wheel."""
    # From a copy: a build leaves a folder beside its sources, and what lies there would get into the next wheel.
    folder, copy = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("copy")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(copy)]
    subprocess.run(words, check=True, cwd=folder)
    [built] = folder.glob("healstream-*.whl")
    return built


def test_it_holds_the_six_packages_with_their_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == PACKAGES
    assert [name for name in DATA if name not in names] == []


def test_no_dependency_has_a_package_of_our_names() -> None:
    owners = packages_distributions()
    assert {name: owners.get(name, []) for name in PACKAGES if set(owners.get(name, ["healstream"])) != {"healstream"}} == {}


def test_installed_beside_its_dependencies_every_name_resolves_to_us_and_it_runs_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "site"), str(wheel)]
    subprocess.run(words, check=True)
    asked = f"import {', '.join(sorted(PACKAGES))}\nprint(*({', '.join(f'{name}.__file__' for name in sorted(PACKAGES))},), sep='\\n')"
    environ = {"PATH": os.defpath, "PYTHONPATH": str(tmp_path / "site")}
    found = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    assert all(line.startswith(str(tmp_path / "site")) for line in found.stdout.split())
    (tmp_path / "x.log").write_text("fatal: unable to access 'https://git.example/': Could not resolve host: git.example\n")
    explain = [sys.executable, "-m", "console.cli.main", "explain", "x.log"]
    told = subprocess.run(explain, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    assert "dns_resolution" in told.stdout
