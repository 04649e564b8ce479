"""What a recipe needs beside the machine's own programs: small folders filled once by the ordinary package clients, kept for later runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

KITS_FOLDER = Path("/tmp/hs-kits")
_LIMIT_SECONDS = 240
_ONE_AT_A_TIME = threading.Lock()

_POM = """<project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>shop</artifactId><version>1.0-SNAPSHOT</version>
<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target></properties>
<dependencies><dependency><groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId><version>5.10.2</version><scope>test</scope></dependency></dependencies>
<build><plugins><plugin><artifactId>maven-compiler-plugin</artifactId><version>3.11.0</version></plugin>
<plugin><artifactId>maven-surefire-plugin</artifactId><version>3.2.5</version></plugin></plugins></build></project>"""
# A test that runs, so that everything a test run needs is fetched while there is a network.
_MAVEN = f"""cat > pom.xml <<'END'
{_POM}
END
mkdir -p src/test/java src/main/java
echo 'class OneTest {{ @org.junit.jupiter.api.Test void passes() {{}} }}' > src/test/java/OneTest.java
echo 'class One {{}}' > src/main/java/One.java
mvn -q -B -Dmaven.repo.local=$PWD/repo clean verify"""
# An engine of the maker's own: on its own socket and without any bridge, so that nothing else on the machine changes.
_DOCKER = """export DOCKER_HOST=unix:///tmp/hs-docker/docker.sock
docker version > /dev/null
mkdir -p root/bin && cp /bin/busybox root/bin/ && for name in sh ls cat echo head tail true; do ln -sf busybox root/bin/$name; done
tar -C root -c . | docker import - acme/tiny:1.0"""
# Each script runs in the kit's empty folder with the network of the machine.
KITS: Mapping[str, str] = {
    "python": "python3 -m venv . && bin/pip -q install pytest pytest-xdist pytest-timeout ruff flake8 mypy black isort pylint",
    "setuptools": "python3 -m venv . && bin/pip -q install setuptools wheel",
    "yarn1": "npm init -y && npm install yarn@1",
    "pnpm": "npm init -y && npm install pnpm@10",
    "coverage": "python3 -m venv . && bin/pip -q install coverage pytest",
    "build": "python3 -m venv . && bin/pip -q install build setuptools wheel twine",
    "tox": "python3 -m venv . && bin/pip -q install tox",
    "node-tools": "npm init -y && npm install jest mocha eslint prettier typescript",
    "vitest": "npm init -y && npm install vitest vite",
    "webpack": "npm init -y && npm install webpack webpack-cli",
    "meson": "python3 -m venv . && bin/pip -q install meson",
    "maven": _MAVEN,
    "docker": _DOCKER,
    "uv": "python3 -m venv . && bin/pip -q install uv",
    "poetry": "python3 -m venv . && bin/pip -q install poetry",
    "pip-old": "python3 -m venv . && bin/pip -q install pip==21.3.1",
}

# What must answer at every run, not only when the kit is made.
CHECKS: Mapping[str, str] = {"docker": "docker -H unix:///tmp/hs-docker/docker.sock version"}


def made_kit(name: str) -> Path | str:
    """Return the folder of a kit, made when it is not there yet, or one line that says why it could not be made."""
    with _ONE_AT_A_TIME:
        return _made_kit(name)


def _made_kit(name: str) -> Path | str:
    folder, mark = KITS_FOLDER / name, KITS_FOLDER / f"{name}.ready"
    check = CHECKS.get(name)
    if check and subprocess.run(["bash", "-c", check], capture_output=True, check=False, timeout=30).returncode:  # noqa: S607 - found as the maker's user finds it
        return f"the kit {name} is not at hand here: `{check}` fails"
    if mark.exists() and mark.read_text(encoding="utf-8") == KITS[name]:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = ["bash", "-e", "-o", "pipefail", "-c", KITS[name]]
    try:
        subprocess.run(words, cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=True, timeout=_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"the kit {name} took more than {_LIMIT_SECONDS} s to install"
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        return f"the kit {name} could not be installed: {said[-1] if said else error}"
    mark.write_text(KITS[name], encoding="utf-8")
    return folder
