"""The files that the pages take for granted: logs, reports and cases of the reader's own, as small as they can be; and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.docs.playing import Terminal
from tests.docs.written import ROOT, blocks_in, sessions_in
from tests.integration.foreign.avro_by_the_book import Schemas

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
    "part1": _LOG,
    "part2": "error: build failed\n",
    # The reader's own project, with nothing but this to test.
    "shop/test_cart.py": "def test_total() -> None:\n    assert sum((1, 2)) == 3\n",
    "pytest.ini": "[pytest]\ntestpaths = shop\n",
    "Makefile": "test:\n\t@echo 1 passed\n",
}
# What Grafana's and systemd's packages and the training have made, below the reader's folder.
FOLDERS = ("docs", "etc/grafana/provisioning/datasources", "etc/grafana/provisioning/dashboards", "etc/systemd/system", "etc/healstream")
# Of the repository, in which the reader has gone.
CHECKOUT = ("infra", "schemas", "tests")


def lay_out(reader: Terminal) -> None:
    """Write the files into the reader's folder, and play the pages whose sessions leave more there for their other commands."""
    for name in FOLDERS:
        Path(reader.folder, name).mkdir(parents=True, exist_ok=True)
    for name in CHECKOUT:
        Path(reader.folder, name).symlink_to(ROOT / name)
    Path(reader.folder, "alertmanager.yml").write_text(_alertmanager(), encoding="utf-8")
    Path(reader.folder, "job-finished.avro").write_bytes(_job_finished())
    for name, text in FILES.items():
        path = Path(reader.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for block, steps in sessions_in("docs/patterns.md", (ROOT / "docs/patterns.md").read_text(encoding="utf-8")):
        reader.play(block, steps)


def beside(reader: Terminal, running: Mapping[str, object]) -> Terminal:
    """Return a terminal of the same person for other programs: addresses are this copy's, folders of the machine lie in the reader's."""
    own = {
        **reader.elsewhere,
        "http://127.0.0.1:8770": str(running["gateway"]),
        "https://heal.example": str(running["gateway"]),
        "127.0.0.1:9092": str(running["brokers"]),
        # What GitLab sets.
        "$HEALSTREAM_URL": str(running["gateway"]),
        "$HEALSTREAM_TOKEN": "$TOKEN",
        "$CI_PROJECT_PATH/$CI_PIPELINE_ID/$CI_JOB_NAME": "acme/shop/77/unit",
        ".tar.gz default": ".tar.gz training",
        # Not all of this machine is counted.
        "--max-depth=2 /": f"--max-depth=2 {reader.folder}",
        **{place: f"{reader.folder}{place}" for place in ("/etc/grafana", "/var/lib/grafana", "/etc/systemd/system", "/etc/healstream")},
    }
    return Terminal(reader.folder, elsewhere=own)


def _alertmanager() -> str:
    """Return the receiver of the page in the reader's configuration, which tells people first."""
    page = "docs/connect/alertmanager.md"
    [block] = [one for one in blocks_in(page, (ROOT / page).read_text(encoding="utf-8")) if "receivers:" in one.lines]
    whole = "\n".join(block.lines)
    return whole.replace("receivers:\n", "receivers:\n  - name: people\n").replace("route:\n", "route:\n  receiver: people\n")


def _job_finished() -> bytes:
    """Return a record as a stranger writes it from the schema files alone."""
    job: dict[str, object] = {"source": "github", "project": "acme/shop", "run_id": "77", "attempt": 1, "job": "build", "workflow": "ci"}
    how: dict[str, object] = {"commit": "c0ffee", "branch": "main", "trigger": "push", "result": "failure", "log_chunks": 1}
    return Schemas(ROOT / "schemas/avro").encode("JobFinished", {**job, **how, "finished_at": datetime.now(UTC)})
