"""What a recipe needs beside the machine's own programs: small folders filled once by the ordinary package clients, kept for later runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

KITS_FOLDER = Path("/tmp/hs-kits")
_LIMIT_SECONDS = 240

# Each script runs in the kit's empty folder with the network of the machine.
KITS: Mapping[str, str] = {
    "python": "python3 -m venv . && bin/pip -q install pytest pytest-xdist pytest-timeout ruff flake8 mypy black isort pylint",
    "uv": "python3 -m venv . && bin/pip -q install uv",
    "poetry": "python3 -m venv . && bin/pip -q install poetry",
    "pip-old": "python3 -m venv . && bin/pip -q install pip==21.3.1",
}


def made_kit(name: str) -> Path | str:
    """Return the folder of a kit, made when it is not there yet, or one line that says why it could not be made."""
    folder, mark = KITS_FOLDER / name, KITS_FOLDER / f"{name}.ready"
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
