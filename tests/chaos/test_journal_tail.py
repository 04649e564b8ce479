"""N14: the tail of a journal is cut or changed on the broker's disk while it is down; what is read afterwards is a true beginning of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.broker.install import cache_folder, install
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.journal_log import JournalWriter, read_journal
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.recoveries import JournalRecord
from schemas.topics import ALL_RECORDS
from tests.support.good_history import STORIES

pytestmark = pytest.mark.chaos
CODEC = Codec(ALL_RECORDS)
LINES = tuple(next(story for story in STORIES if story.strategy == "config_restore").journal())
FLIPPED, CUT = 0, 1


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a broker that was killed, damaged in two journals, and started again."""
    folder = tmp_path_factory.mktemp("broker")
    place = BrokerPlace(folder, *free_ports(2))
    broker = EmbeddedBroker(place, install(cache_folder(os.environ)))
    broker.start()
    try:
        broker.wait_ready()
        create_topics(broker.address)
        for partition in (FLIPPED, CUT):
            writer = JournalWriter(broker.address, partition, CODEC)
            for record in LINES:
                writer.append([record])
            del writer
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        broker.stop()
        _damage(folder)
        broker.start()
        broker.wait_ready()
        yield broker.address
    finally:
        broker.stop()


def _damage(folder: Path) -> None:
    [flipped] = folder.rglob(f"recovery.journal-{FLIPPED}/*.log")
    raw = bytearray(flipped.read_bytes())
    raw[raw.rindex(b"reload:x") + 7] = ord("y")
    flipped.write_bytes(raw)
    [cut] = folder.rglob(f"recovery.journal-{CUT}/*.log")
    whole = cut.read_bytes()
    cut.write_bytes(whole[: whole.rindex(b"reload:x") + 3])


@pytest.mark.parametrize("partition", [FLIPPED, CUT], ids=["a byte of a step's name is changed", "the file ends inside a record"])
def test_a_damaged_tail_is_never_misread(address: str, partition: int) -> None:
    read: list[JournalRecord] = read_journal(address, partition, CODEC)
    assert 0 < len(read) < len(LINES)
    assert tuple(read) == LINES[: len(read)]
