"""Stored logs: what is read back, and what is refused with file and line."""

from __future__ import annotations

import json
import lzma

import pytest

from learning.stored_logs import load_stored_logs
from schemas.errors import ConfigurationError
from schemas.vocabulary import Kind, Result

ROW = {
    "id": "git-clone-refused",
    "tool": "git",
    "family": "git",
    "language": "none",
    "fault": "refused",
    "label": "network_connectivity",
    "conclusion": "failure",
    "exit_code": 128,
    "ci": "plain",
    "recipe": "git-clone-refused",
    "text": "fatal: no\n",
}


def packed(*rows: object) -> bytes:
    return lzma.compress("".join(json.dumps(row) + "\n" for row in rows).encode())


def test_logs_come_back_ordered_by_id_whatever_their_files() -> None:
    logs = load_stored_logs(
        {"b.jsonl.xz": packed(ROW), "a.jsonl.xz": packed(ROW | {"id": "z", "label": "success", "conclusion": "success"})}
    )
    assert [(log.id, log.kind, log.result, log.exit_code) for log in logs] == [
        ("git-clone-refused", Kind.NETWORK_CONNECTIVITY, Result.FAILURE, 128),
        ("z", Kind.SUCCESS, Result.SUCCESS, 128),
    ]


def test_no_files_hold_no_logs() -> None:
    assert load_stored_logs({}) == ()


@pytest.mark.parametrize(
    ("files", "place", "why"),
    [
        ({"a.jsonl.xz": b"plain text"}, "a.jsonl.xz:1", "no xz file"),
        ({"a.jsonl.xz": packed(ROW)[:-20]}, "a.jsonl.xz:1", "cut off"),
        ({"a.jsonl.xz": packed(ROW, ROW | {"id": "2", "label": "bad_luck"})}, "a.jsonl.xz:2", "bad_luck"),
        ({"a.jsonl.xz": packed(ROW, ["no", "row"])}, "a.jsonl.xz:2", "no recorded log"),
        ({"a.jsonl.xz": packed({key: ROW[key] for key in ROW if key != "text"})}, "a.jsonl.xz:1", "text"),
        ({"a.jsonl.xz": packed(ROW | {"exit_code": "many"})}, "a.jsonl.xz:1", "many"),
        ({"a.jsonl.xz": packed(ROW), "b.jsonl.xz": packed(ROW)}, "b.jsonl.xz:1", "twice"),
        ({"a.jsonl.xz": lzma.compress(b"{broken\n")}, "a.jsonl.xz:1", "no recorded log"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_place(files: dict[str, bytes], place: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        load_stored_logs(files)
    assert told.value.what == place
    assert why in told.value.why
