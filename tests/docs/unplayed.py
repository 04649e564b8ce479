"""The commands of the pages that no test types on a running copy, each with the reason and, if there is one, the test that does.

Closed: what is not played and whose beginning stands here in no row fails a test, and so does a row that no page needs any more. Ours are
in the first table; lines that call other programs, such as systemd's, in the second.
"""

from __future__ import annotations

from tests.docs.written import PROGRAM, Call, Line

_BUILDS = "a job of CI by itself, minutes to hours long"
_MAINTAINS = "writes files of the repository, which a test must not"
_ENDLESS = "runs until Ctrl-C"

# A call's beginning -> why it is not typed.
UNPLAYED: dict[str, str] = {
    "make accuracy": _BUILDS,
    "make bench": _BUILDS,
    "make calibration": _MAINTAINS,
    "make chaos": _BUILDS,
    "make chaos-long": _BUILDS,
    "make check": _BUILDS,
    "make corpus": _MAINTAINS,
    "make demo": "a minute of planned failures: tests/integration/test_demo.py plays them",
    "make docs": "tests/docs/test_site.py builds the same site",
    "make learning": _BUILDS,
    "make model": _MAINTAINS,
    "make mutants": _BUILDS,
    "make outcomes": _BUILDS,
    "make schemas": _MAINTAINS,
    "make screenshots": _MAINTAINS,
    "make setup": "CI begins with it, on a clean clone",
    "make sim": _BUILDS,
    "make test": _BUILDS,
    "make test-kubernetes": _BUILDS,
    f"{PROGRAM} demo": "a minute of planned failures: tests/integration/test_demo.py plays them",
    f"{PROGRAM} model get": "there is no version until lessons have made one: tests/console/test_model_commands.py",
    f"{PROGRAM} model promote": "there is no version until lessons have made one: tests/console/test_model_commands.py",
    f"{PROGRAM} model rollback": "there is no version until lessons have made one: tests/console/test_model_commands.py",
    f"{PROGRAM} send follow": f"{_ENDLESS}, in the place of the process that called it: tests/console/shipper",
    f"{PROGRAM} serve": f"{_ENDLESS}; the copy's own gateway is the same program",
    f"{PROGRAM} site password": "asks at a terminal: tests/integration/test_front_door.py answers it",
    f"{PROGRAM} topics acls": "needs a locked broker: tests/integration/test_principals.py",
    f"{PROGRAM} up --foreground": f"{_ENDLESS}, in the place of the process that called it: tests/contracts/test_own_unit.py",
    f"{PROGRAM} up --locked": "a second copy: tests/integration/test_front_door.py starts one so",
}


_OWN_UNIT = "needs the machine's own systemd, as root: tests/contracts/test_own_unit.py types it to a user's"
_LOCK = "what the recipe runs, not the reader: tests/contracts/test_lockfile_ports.py"
AS_ROOT = "changes the machine, as root: tests/contracts/test_pages_as_root.py types it to copies of its folders"
_NAME = "a name in a sentence, nothing to type"

# A line's beginning -> why it is not typed.
UNPLAYED_LINES: dict[str, str] = {
    "cargo": _LOCK,
    "git pull": "moves the checkout that is tested",
    "git push": _NAME,
    "go": _LOCK,
    "install -d -o healstream": AS_ROOT,
    "journalctl": AS_ROOT,
    "kill -9": _NAME,
    "loginctl": "changes what the machine starts",
    "mvn": "what the recipe runs, not the reader: tests/contracts/test_maven_cache.py",
    "npm cache": "what the recipe does not run",
    "npm": _LOCK,
    "pip install": f"asks an index of packages; {_LOCK}",
    "pytest tests": "CI runs each of them",
    "python -m console.site.vendor": _MAINTAINS,
    "python -m tests.bench": _BUILDS,
    "python -m tests.dashboards": _MAINTAINS,
    "python -m tests.outcomes": _BUILDS,
    "python -m tests.sim": _BUILDS,
    "python -m tests.support.apicurio": "fetches a registry, as CI does: tests/integration/test_schema_registry.py",
    "systemctl": _OWN_UNIT,
    "systemctl --user": "needs a session's systemd: tests/contracts/test_own_unit.py types it to one",
    "systemctl daemon-reload": AS_ROOT,
    "systemctl enable": AS_ROOT,
    "tail -F": _NAME,
    "useradd": AS_ROOT,
    "uv": "what the recipe runs, not the reader; no test has the tool, tests/docs/test_commands_of_others.py compares the words",
}


def row_of(call: Call) -> str:
    """Return the row that a call stands in, the empty string when it is to be played."""
    text = " ".join((call.program, *call.argv))
    return next((row for row in UNPLAYED if text == row or text.startswith(f"{row} ")), "")


def row_of_line(line: Line) -> str:
    """Return the row that a line stands in, the longest of several, the empty string when it is to be played."""
    fitting = (row for row in UNPLAYED_LINES if line.text == row or line.text.startswith((f"{row} ", f"{row}.", f"{row}/")))
    return max(fitting, key=len, default="")
