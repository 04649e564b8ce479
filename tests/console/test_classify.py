"""The stable command for outside measurement: its line in, its line out, and what it says of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.cli.main import run

DNS = "Collecting x\nfatal: unable to access 'https://git.example/': Could not resolve host: git.example\n##[error]exit code 128\n"
FIELDS = {"id", "kind", "group", "confidence", "acts", "heals", "pattern", "line", "reasons"}


def classified(folder: Path, capsys: pytest.CaptureFixture[str], *asked: object) -> tuple[int, list[dict[str, object]], str]:
    """Return the exit code, the rows and what was said, for these lines."""
    (folder / "in.jsonl").write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in asked))
    with pytest.raises(SystemExit) as ended:
        run(["classify", "--jsonl", str(folder / "in.jsonl"), "--output", "jsonl"])
    told = capsys.readouterr()
    code = ended.value.code
    return code if isinstance(code, int) else 0, [json.loads(line) for line in told.out.splitlines()], told.err


def test_each_line_is_answered_in_order_with_every_field_of_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, _ = classified(tmp_path, capsys, {"id": "a", "text": DNS, "conclusion": "failure"}, {"id": 2, "text": "all is well\n"})

    assert code == 0
    assert [row["id"] for row in rows] == ["a", 2]
    assert all(set(row) >= FIELDS for row in rows)
    assert (rows[0]["kind"], rows[0]["group"], rows[0]["line"], rows[0]["acts"], rows[0]["heals"]) == (
        "dns_resolution",
        "infra",
        2,
        True,
        True,
    )
    assert (rows[1]["kind"], rows[1]["group"], rows[1]["acts"]) == ("unknown", "unknown", False)


@pytest.mark.parametrize("word", ["success", "skipped", "neutral"])
def test_a_conclusion_that_is_no_failure_outweighs_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    _, [row], _ = classified(tmp_path, capsys, {"id": "a", "text": DNS, "conclusion": word})
    assert (row["kind"], row["group"], row["acts"], row["heals"]) == ("success", "none", False, False)


def test_what_is_refused_by_policy_acts_but_does_not_heal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "fetching\nremote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://git.example/a.git/'\n"
    _, [row], _ = classified(tmp_path, capsys, {"id": "a", "text": text, "conclusion": "failure"})
    assert (row["kind"], row["acts"], row["heals"]) == ("auth_credentials", True, False)


@pytest.mark.parametrize("line", ["no json", "[1]", '{"id": "a"}', '{"id": "a", "text": 7}'])
def test_a_bad_line_is_named_with_its_place_and_the_shape_that_is_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    code, _, said = classified(tmp_path, capsys, {"id": "a", "text": "x"}, line)
    assert code == 2
    assert "in.jsonl:2" in said
    assert "`text`" in said


def test_explain_exits_8_for_what_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "odd.log").write_text("the moon is in the wrong house\n")
    with pytest.raises(SystemExit) as unknown:
        run(["explain", str(tmp_path / "odd.log")])
    assert unknown.value.code == 8
