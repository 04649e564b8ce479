"""One log is followed over everything that may happen to it: each line comes once, whatever rotates it and whenever the shipper dies."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from console.shipper.follower import Follower, Patience
from console.shipper.lines import PART_BYTES, sendable
from console.shipper.position import Kept, Part
from tests.support.shipping import LOG, Desk, MemoryPosition, Writer, follower, ship_all

LATER_S = 1000.0


class Shipping(RuleBasedStateMachine):
    """Any order of writing, rotating, packing, looking and dying."""

    @initialize()
    def begin(self) -> None:
        self.place = TemporaryDirectory()
        folder = Path(self.place.name) / "logs"
        folder.mkdir()
        self.writer, self.position, self.desk = Writer(folder), MemoryPosition(), Desk()
        self.told: list[str] = []
        self.now_s = 0.0
        self.is_read = False
        self.one: Follower = follower(folder, self.position, self.told)
        # What was rotated away before a log was seen for the first time is nobody's.
        assert self.one.part(self.now_s) is None

    @rule(lines=st.integers(1, 4), ends=st.booleans())
    def write(self, lines: int, ends: bool) -> None:
        self.writer.write(lines, ends=ends)

    @rule()
    def rename(self) -> None:
        self.writer.rename()

    # A log that is copied away and emptied before anything of it was ever read leaves no bytes to know the copy by.
    @precondition(lambda self: self.is_read)
    @rule()
    def copy_and_empty(self) -> None:
        self.writer.copy_and_empty()
        self.is_read = False

    @rule(number=st.integers(1, 3))
    def pack(self, number: int) -> None:
        self.writer.pack(number)

    @rule(seconds=st.sampled_from([0.0, 1.0, 6.0, 11.0]))
    def look(self, seconds: float) -> None:
        self.now_s += seconds
        ship_all(self.one, self.desk, self.now_s)
        position = self.one.kept.position
        self.is_read = bool(position and position.offset and position.inode == self.writer.path.stat().st_ino)

    @rule(is_sent=st.booleans())
    def die_with_a_part_on_its_way(self, is_sent: bool) -> None:
        part = self.one.part(self.now_s)
        if part and is_sent:
            self.desk.take(part)
        self.is_read &= part is None
        self.restart()

    @rule()
    def restart(self) -> None:
        self.one.close()
        self.one = follower(self.writer.folder, self.position, self.told)

    @invariant()
    def nothing_came_that_was_not_written(self) -> None:
        assert self.writer.expected.startswith(self.desk.text)

    @override
    def teardown(self) -> None:
        for _ in range(60):
            self.now_s += LATER_S
            ship_all(self.one, self.desk, self.now_s)
        self.one.close()
        self.place.cleanup()
        assert self.desk.text == self.writer.expected
        assert self.told == []


Shipping.TestCase.settings = settings(
    max_examples=50, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
TestShipping = Shipping.TestCase


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    folder = tmp_path / "logs"
    folder.mkdir()
    return Writer(folder)


def test_what_was_rotated_and_packed_while_nobody_looked_is_read_in_order(writer: Writer) -> None:
    position, desk = MemoryPosition(), Desk()
    writer.write(3)
    ship_all(follower(writer.folder, position), desk, 0)
    writer.write(2)
    for _ in range(3):
        writer.rename()
        writer.write(2)
    writer.pack(3)
    writer.pack(2)

    again = follower(writer.folder, position)
    for now_s in (0.0, 6.0, 12.0):
        ship_all(again, desk, now_s)

    assert desk.text == writer.expected
    assert writer.count == 11


def test_a_line_is_sent_when_it_is_whole_or_has_been_still_for_long(writer: Writer) -> None:
    position, desk = MemoryPosition(), Desk()
    one = follower(writer.folder, position)
    writer.write(2, ends=False)
    ship_all(one, desk, 0)
    assert desk.text == b"line 0 of the log\n"
    ship_all(one, desk, 9)
    assert desk.text == b"line 0 of the log\n"
    ship_all(one, desk, 10)
    assert desk.text == writer.expected


def test_a_line_without_an_end_is_cut_between_two_letters_and_memory_stays_bounded(writer: Writer) -> None:
    position, desk = MemoryPosition(), Desk()
    text = "a" + "€" * 300_000
    writer.path.write_text(text, encoding="utf-8")
    one = follower(writer.folder, position)
    ship_all(one, desk, 0)
    ship_all(one, desk, 20)
    assert desk.text.decode() == text
    assert max(len(part.content) for part in desk.parts.values()) <= PART_BYTES
    assert [part.content.decode() for part in desk.parts.values()]


def test_an_inode_that_is_given_again_is_not_taken_for_the_same_file(writer: Writer) -> None:
    position, desk = MemoryPosition(), Desk()
    writer.write(3)
    one = follower(writer.folder, position)
    ship_all(one, desk, 0)
    # What the file system does when a file is removed and another one made: here the same file with other bytes, as many.
    other = b"LINE 0 OF THE LOG\n" * 4
    writer.path.write_bytes(other)
    writer._stamp(writer.path)
    ship_all(one, desk, 1)
    assert desk.text == writer.expected + other


def test_a_removed_log_is_at_its_end_and_one_that_comes_back_goes_on(writer: Writer) -> None:
    position, desk = MemoryPosition(), Desk()
    writer.write(1)
    one = follower(writer.folder, position)
    ship_all(one, desk, 0)
    writer.bury(writer.path)
    ship_all(one, desk, 1)
    assert not desk.parts[0].is_end
    ship_all(one, desk, 12)
    assert desk.parts[1] == Part(1, b"", is_end=True)
    writer.write(1)
    told: list[str] = []
    ship_all(follower(writer.folder, position, told), desk, 13)
    assert (desk.text, told) == (writer.expected, [])


def test_stillness_ends_a_log_once_and_more_lines_open_it_again(writer: Writer) -> None:
    position, desk = MemoryPosition(), Desk()
    one = follower(writer.folder, position, patience=Patience(end_s=30))
    writer.write(2, ends=False)
    for now_s in (0, 15, 31, 62, 93):
        ship_all(one, desk, now_s)
    assert [part.is_end for part in desk.parts.values()] == [False, False, True]
    writer.write(1)
    for now_s in (94, 125, 200):
        ship_all(one, desk, now_s)
    assert [part.is_end for part in desk.parts.values()] == [False, False, True, False, True]


class FullDisk(MemoryPosition):
    """Takes nothing while it is full."""

    is_full = False

    @override
    def put(self, kept: Kept) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")
        super().put(kept)


def test_what_cannot_be_kept_is_not_sent_and_tried_again(writer: Writer) -> None:
    position, desk = FullDisk(), Desk()
    one = follower(writer.folder, position)
    ship_all(one, desk, 0)
    writer.write(2)
    position.is_full = True
    for now_s in (1, 2):
        with pytest.raises(OSError, match="No space"):
            one.part(now_s)
    position.is_full = False
    ship_all(one, desk, 3)
    assert desk.text == writer.expected


def test_a_link_is_not_followed(writer: Writer, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root's own\n", encoding="utf-8")
    writer.path.unlink()
    writer.path.symlink_to(secret)
    assert follower(writer.folder, MemoryPosition()).part(0) is None


def test_a_packed_file_that_is_broken_is_told_and_passed(writer: Writer) -> None:
    position, desk, told = MemoryPosition(), Desk(), list[str]()
    writer.write(1)
    ship_all(follower(writer.folder, position), desk, 0)
    writer.rename()
    writer.write(3)
    writer.rename()
    broken = writer.folder / f"{LOG}.1.gz"
    broken.write_bytes(gzip.compress(os.urandom(5000))[:-2000])
    (writer.folder / f"{LOG}.1").unlink()
    writer._stamp(broken)
    writer.write(1)
    again = follower(writer.folder, position, told)
    for now_s in (0.0, 6.0, 12.0):
        ship_all(again, desk, now_s)
    assert desk.text.splitlines()[0] == b"line 0 of the log"
    assert desk.text.splitlines()[-1] == b"line 4 of the log"
    assert "cannot be unpacked" in told[0]


def test_what_was_removed_before_it_was_read_is_told(writer: Writer) -> None:
    position, desk, told = MemoryPosition(), Desk(), list[str]()
    writer.write(1)
    ship_all(follower(writer.folder, position), desk, 0)
    writer.write(1)
    writer.bury(writer.path)
    writer.path.write_bytes(b"another file\n")
    writer._stamp(writer.path)
    ship_all(follower(writer.folder, position, told), desk, 1)
    assert desk.text == b"line 0 of the log\nanother file\n"
    assert "is gone" in told[0]


@pytest.mark.parametrize(("text", "most", "whole"), [(b"a\nb", 9, b"a\n"), (b"ab", 9, b""), (b"ab", 2, b"ab"), (b"a\xe2\x82", 3, b"a")])
def test_of_what_was_read_whole_lines_are_sent(text: bytes, most: int, whole: bytes) -> None:
    assert sendable(text, most) == whole
