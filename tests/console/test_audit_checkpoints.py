"""Checkpoints are kept elsewhere too: added once, never replaced, read back from every kind of place, and a rewritten chain is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from console.audit_checkpoints import FILE, PART, compare, compare_stretch, part_store, publish_to, read_place
from console.audit_reading import CHECKPOINT_EVERY, Checkpoint
from console.audit_watch import CheckpointWatch
from console.backup_places import store_at
from console.configuration import load_checkpoints_place
from console.home import Home
from console.init import init
from infra.adapters.git_store import GitStore
from schemas.errors import ConfigurationError, HealstreamError
from schemas.signing import sign_bytes
from tests.support.chain_evidence import NOTARY, NOW, PUBLIC, chained, good_evidence, read
from tests.support.chain_mutations import edited
from tests.support.records import AT

PLACES = ("kept", "git:{}/kept.git")
GOOD = good_evidence().published


def place_in(folder: Path, kind: str) -> str:
    return kind.format(folder) if "{" in kind else str(folder / kind)


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_published_comes_back_and_is_published_once(kind: str, tmp_path: Path) -> None:
    place = place_in(tmp_path, kind)

    assert read_place(place, {}, -1) == ()
    assert publish_to(place, {}, GOOD[:2], NOW) == (2, [])
    assert publish_to(place, {}, GOOD, NOW) == (1, [])
    assert publish_to(place, {}, GOOD, NOW) == (0, [])

    assert read_place(place, {}, 349) == GOOD
    assert compare(read_place(place, {}, 349), read(good_evidence().records), PUBLIC, NOW) == []


@pytest.mark.parametrize("kind", PLACES)
def test_a_chain_that_was_rewritten_with_the_notarys_key_is_told_and_replaces_nothing(kind: str, tmp_path: Path) -> None:
    place, records = place_in(tmp_path, kind), good_evidence().records
    publish_to(place, {}, GOOD, NOW)
    other = read(chained([edited(records[0]), *records[1:]], NOTARY))
    assert other.faulty == 0

    added, faults = publish_to(place, {}, other.checkpoints.values(), NOW)

    assert (added, len(faults)) == (0, 3)
    assert "the chain was rewritten" in faults[0]
    assert read_place(place, {}, 349) == GOOD
    assert len(compare(GOOD, other, PUBLIC, NOW)) == 3


def far(number: int) -> Checkpoint:
    text = f"{number:064x}"
    return Checkpoint(number * CHECKPOINT_EVERY - 1, text, AT, AT, sign_bytes(text.encode(), NOTARY))


@pytest.mark.parametrize("kind", PLACES)
def test_many_checkpoints_lie_in_parts_and_come_back_in_their_order(kind: str, tmp_path: Path) -> None:
    place, rows = place_in(tmp_path, kind), tuple(far(number) for number in range(1, 2 * PART + 3))

    assert publish_to(place, {}, reversed(rows), NOW) == (len(rows), [])

    assert read_place(place, {}, -1) == rows


def test_backups_and_checkpoints_share_a_repository_without_meeting(tmp_path: Path) -> None:
    place = f"git:{tmp_path}/kept.git"
    store = store_at(place, {})
    assert isinstance(store, GitStore)
    store.put({"policy.yaml": b"a"}, NOW)

    publish_to(place, {}, GOOD, NOW)

    assert store.get() == {"policy.yaml": b"a"}
    assert read_place(place, {}, 349) == GOOD


def test_a_bucket_has_a_prefix_for_each_part(tmp_path: Path) -> None:
    keys = {"HEALSTREAM_S3_ACCESS_KEY_FILE": "a", "HEALSTREAM_S3_SECRET_KEY_FILE": "b"}
    for name in keys.values():
        (tmp_path / name).write_text("key", encoding="utf-8")
    environ = {name: str(tmp_path / file) for name, file in keys.items()} | {"HEALSTREAM_S3_ENDPOINT": "https://s3.example"}

    store = part_store("s3:audit/kept/", environ, 3)

    assert (getattr(store, "bucket", ""), getattr(store, "prefix", "")) == ("audit", "kept/part-00003")


@pytest.mark.parametrize(
    ("found", "changed"), [("hash", "jash"), ("\n", "\n\n"), ('"at": ', '"at":'), ("part", "part"), ("+00:00", "+00:01")]
)
def test_a_place_that_was_changed_by_hand_is_refused(found: str, changed: str, tmp_path: Path) -> None:
    publish_to(str(tmp_path / "kept"), {}, GOOD, NOW)
    path = tmp_path / "kept" / "part-00000" / FILE
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(found, changed) if found != changed else text[:-20], encoding="utf-8")

    with pytest.raises(ConfigurationError, match="not what its digest says"):
        read_place(str(tmp_path / "kept"), {}, 349)


def test_of_an_export_only_its_own_stretch_is_compared() -> None:
    stretch = read(good_evidence().records[150:250])

    assert compare_stretch(GOOD, stretch, PUBLIC, NOW) == []
    assert compare_stretch([replace(row, hash="0" * 64) for row in GOOD], stretch, PUBLIC, NOW) != []


def test_the_watch_publishes_what_passes_by_and_tells_of_another_chain(tmp_path: Path) -> None:
    place, records = str(tmp_path / "kept"), good_evidence().records
    watch = CheckpointWatch(place, {})
    for record in records:
        watch.take(record)

    assert (watch.publish(NOW), watch.publish(NOW)) == (3, 0)
    assert read_place(place, {}, 349) == GOOD

    again = CheckpointWatch(place, {})
    for record in chained([edited(records[0]), *records[1:]], NOTARY):
        again.take(record)
    with structlog.testing.capture_logs() as logs:
        again.publish(NOW)
    assert [line["log_level"] for line in logs] == ["error"] * 3


def test_what_a_place_does_not_take_waits_for_the_next_time(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file in the way", encoding="utf-8")
    watch = CheckpointWatch(str(tmp_path / "kept"), {})
    for record in good_evidence().records:
        watch.take(record)

    with pytest.raises(HealstreamError):
        watch.publish(NOW)
    (tmp_path / "kept").unlink()

    assert watch.publish(NOW) == 3


def test_a_watch_that_ends_has_published_what_came(tmp_path: Path) -> None:
    watch = CheckpointWatch(str(tmp_path / "kept"), {})
    for record in good_evidence().records:
        watch.take(record)
    watch.start()
    watch.close()

    assert read_place(str(tmp_path / "kept"), {}, 349) == GOOD


def test_the_place_is_a_line_of_healstream_yaml(tmp_path: Path) -> None:
    home = Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "ada")
    assert load_checkpoints_place(home.config) == ""

    (home.config / "healstream.yaml").write_text("version: 1\ncheckpoints: git:/srv/audit.git\n", encoding="utf-8")
    assert load_checkpoints_place(home.config) == "git:/srv/audit.git"

    (home.config / "healstream.yaml").write_text("version: 1\ncheckpoints: [a]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"healstream\.yaml:2:"):
        load_checkpoints_place(home.config)
