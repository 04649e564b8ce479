"""Test reports that real runners write: ``python -m tests.support.report_recordings [NAME...]`` records them by their recipes.

Each lies beside its recipe, without a host, a machine's path or a person's name; the runners' own words stay as they are.
"""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from socket import gethostname

from tests.corpus.sanitise import private_words, sanitise
from tests.support.tools import tool

FOLDER = Path(__file__).parents[1] / "console" / "gateway" / "reports"
PLACE = "/builds/acme/shop"
RUN_S = 900
_HOSTS = (
    (re.compile(r'hostname="[^"]*"'), 'hostname="runner.example"'),
    (re.compile(r"https?://maven[.]apache[.]org"), "https://maven.example"),
)
# A whole Java machine is described in a report: only what names no machine is kept of it.
_PROPERTY = re.compile(r'\s*<property name="(?!java[.]specification|file[.]encoding|line[.]separator|path[.]separator)[^>]*/>')


def recorded(name: str) -> bytes:
    """Return a report as its runner wrote it."""
    return (FOLDER / f"{name}.xml").read_bytes()


def record(name: str) -> None:
    """Run a recipe and store its report; raises AssertionError when something of this machine would be stored."""
    recipe = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    missing = [program for program in recipe["needs"] if shutil.which(program) is None]
    assert not missing, f"{name}: {missing} is not installed here"
    with tempfile.TemporaryDirectory(prefix="hs-report-") as folder:
        for path, text in recipe["files"].items():
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text.lstrip("\n"), encoding="utf-8")
        script = recipe["script"].replace("@PYTHON@", sys.executable)
        # The tests in it fail, and so does the runner.
        subprocess.run([tool("bash"), "-c", script], cwd=folder, timeout=RUN_S, check=False, stdout=sys.stderr)
        written = Path(folder, recipe["report"]).read_text(encoding="utf-8")
        (FOLDER / f"{name}.xml").write_text(cleaned(written, folder), encoding="utf-8")


def cleaned(text: str, folder: str) -> str:
    """Return a report without what tells of this machine."""
    text = sanitise(_PROPERTY.sub("", text), [(folder, PLACE), (sys.prefix, f"{PLACE}/.venv")])
    for expression, stand_in in _HOSTS:
        text = expression.sub(stand_in, text)
    left = private_words(text, [gethostname(), folder, sys.prefix, str(Path.home())])
    assert not left, left
    assert getpass.getuser() not in re.findall(r"[\w-]+", text), "a user's name is in it"
    return text


if __name__ == "__main__":
    for each in sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.toml")):
        record(each)
