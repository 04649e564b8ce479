"""The files that the pages take for granted: logs, reports and cases of the reader's own, as small as they can be."""

from __future__ import annotations

from pathlib import Path

from tests.docs.playing import Terminal
from tests.docs.written import ROOT, sessions_in

_LOG = "Cloning into 'shop'...\nfatal: unable to access 'https://git.example/acme/shop.git/': Could not resolve host: git.example\n"
_ENDED = (
    '{"source": "github", "project": "acme/shop", "run_id": "78", "attempt": 1, "workflow": "ci", "job": "build", "commit": "c0ffee",'
    ' "branch": "main", "trigger": "push", "result": "success", "finished_at": "2026-01-02T03:04:05+00:00"}\n'
)
_JUNIT = '<testsuite name="cart" tests="1" failures="1"><testcase name="adds"><failure>2 != 3</failure></testcase></testsuite>\n'
_CASES = """people:
  - name: an admin approves
    roles: [admin]
    action: approve
    on: {target: "service:web"}
    allowed: true
"""
FILES = {
    "build.log": _LOG,
    "job.log": _LOG,
    "build/junit.xml": _JUNIT,
    "ended.jsonl": _ENDED,
    "logs.jsonl": '{"id": "1", "text": "Could not resolve host: git.example", "conclusion": "failure"}\n',
    "cases.yaml": _CASES,
    "candidate/rules.yaml": "office_from_hour: 8\n",
}


def lay_out(reader: Terminal) -> None:
    """Write the files into the reader's folder, and play the pages whose sessions leave more there for their other commands."""
    for name, text in FILES.items():
        path = Path(reader.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for block, steps in sessions_in("docs/patterns.md", (ROOT / "docs/patterns.md").read_text(encoding="utf-8")):
        reader.play(block, steps)
