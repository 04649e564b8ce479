"""The commands of the pages that no test types on a running copy, each with the reason and, if there is one, the test that does.

Closed: a call that is not played and whose beginning stands here in no row fails a test, and so does a row that no page needs any more.
"""

from __future__ import annotations

from tests.docs.written import PROGRAM, Call

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
    f"{PROGRAM} recovery cancel": "by then nothing waits or runs: tests/console/test_recoveries.py",
    f"{PROGRAM} send follow": f"{_ENDLESS}, in the place of the process that called it: tests/console/shipper",
    f"{PROGRAM} serve": f"{_ENDLESS}; the copy's own gateway is the same program",
    f"{PROGRAM} site password": "asks at a terminal: tests/integration/test_front_door.py answers it",
    f"{PROGRAM} topics acls": "needs a locked broker: tests/integration/test_principals.py",
    f"{PROGRAM} up --foreground": f"{_ENDLESS}, in the place of the process that called it: tests/contracts/test_own_unit.py",
    f"{PROGRAM} up --locked": "a second copy: tests/integration/test_front_door.py starts one so",
}


def row_of(call: Call) -> str:
    """Return the row that a call stands in, the empty string when it is to be played."""
    text = " ".join((call.program, *call.argv))
    return next((row for row in UNPLAYED if text == row or text.startswith(f"{row} ")), "")
