"""The same checks for the fake disk and the real adapter: on a tmpfs where mounting is allowed, else in a bounded folder; it says which."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.adapters.disks import Disks
from infra.adapters.step_records import StepRecords
from recoverers.host_ports import DiskPort
from schemas.attempts import StepResult, StepStatus
from schemas.seen_files import DiskUse, FileSeen
from schemas.targets.disk import CleanRule, DiskSpec
from tests.support.fake_disks import FakeDisks
from tests.support.small_disk import small_disks

LONG_AGO_NS = 1_000_000_000_000_000_000
SIZE = 8192


@dataclass
class DiskCase:
    """A port, its disk, and where the real files are (None for the fake)."""

    port: DiskPort
    spec: DiskSpec
    root: Path | None

    def write(self, path: str, size: int = SIZE) -> None:
        if self.root is None:
            assert isinstance(self.port, FakeDisks)
            self.port.put(path, size)
            return
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(size))
        os.utime(file, ns=(LONG_AGO_NS, LONG_AGO_NS))

    def is_own_disk(self) -> bool:
        return self.root is None or self.root.stat().st_dev != self.root.parent.stat().st_dev

    def seen(self, folder: str = "logs") -> dict[str, FileSeen]:
        return {row.path: row for row in self.port.files(self.spec, folder)}

    def carry_out(self, verb: str, rows: list[FileSeen], key: str) -> StepResult:
        act = self.port.set_aside if verb == "move" else self.port.delete
        result = act(self.spec, rows, key)
        while result.status is StepStatus.PENDING:
            result = act(self.spec, rows, key)
        return result


@pytest.fixture
def disk(tmp_path: Path, record_property: Callable[[str, object], None]) -> Iterator[Path]:
    """Yield a folder that is a disk of its own where mounting is allowed."""
    place = tmp_path / "disk"
    with small_disks({place: "4m"}) as is_mounted:
        record_property("disk", "tmpfs" if is_mounted else "bounded folder")
        yield place


@pytest.fixture(params=["fake", "real"])
def case(request: pytest.FixtureRequest, disk: Path, tmp_path: Path) -> DiskCase:
    rules = (CleanRule("logs", "*", 60.0),)
    if request.param == "fake":
        return DiskCase(FakeDisks(size=100 * SIZE, room=50 * SIZE), DiskSpec("h", "/d", rules=rules, quarantine="/q"), None)
    spec = DiskSpec("h", str(disk), rules=rules, quarantine=str(tmp_path / "aside"))
    (tmp_path / "aside").mkdir()
    return DiskCase(Disks(StepRecords(tmp_path / "records")), spec, disk)


def test_what_is_set_aside_is_gone_once_and_comes_back_as_it_was(case: DiskCase) -> None:
    case.write("logs/a.log")
    case.write("logs/deep/b.log")
    before, used = case.seen(), case.port.usage(case.spec)
    rows = list(before.values())

    assert case.carry_out("move", rows, "k").status is StepStatus.OK
    assert case.carry_out("move", rows, "k").status is StepStatus.OK
    assert case.port.is_done(case.spec, "k")
    assert not case.port.is_done(case.spec, "other")
    assert case.seen() == {}
    after = case.port.usage(case.spec)
    assert used is not None
    assert after is not None
    # In a bounded folder everybody else's files count too.
    assert after.used_bytes == used.used_bytes - 2 * SIZE or not case.is_own_disk()

    assert case.port.put_back(case.spec, rows, "k").status is StepStatus.OK
    assert case.port.put_back(case.spec, rows, "k").status is StepStatus.OK
    assert {path: (row.bytes, row.mtime_ns) for path, row in case.seen().items()} == {
        path: (row.bytes, row.mtime_ns) for path, row in before.items()
    }


def test_deleted_files_are_gone_and_others_stay(case: DiskCase) -> None:
    case.write("logs/a.log")
    case.write("logs/b.log")
    row = case.seen()["logs/a.log"]

    assert case.carry_out("delete", [row], "k").status is StepStatus.OK
    assert set(case.seen()) == {"logs/b.log"}


@pytest.mark.parametrize("verb", ["move", "delete"])
def test_a_file_that_changed_since_it_was_seen_is_left(case: DiskCase, verb: str) -> None:
    case.write("logs/a.log")
    row = case.seen()["logs/a.log"]
    stale = FileSeen(row.path, row.bytes, row.mtime_ns - 1, row.inode)

    assert case.carry_out(verb, [stale], "k").status is StepStatus.OK
    assert set(case.seen()) == {"logs/a.log"}
    assert case.port.put_back(case.spec, [stale], "k").status is StepStatus.OK


def test_what_has_taken_the_name_is_not_overwritten(case: DiskCase) -> None:
    case.write("logs/a.log")
    rows = list(case.seen().values())
    assert case.carry_out("move", rows, "k").status is StepStatus.OK
    case.write("logs/a.log", 3 * SIZE)

    assert case.port.put_back(case.spec, rows, "k").status is StepStatus.FAILED
    assert case.seen()["logs/a.log"].bytes == 3 * SIZE


def test_a_disk_takes_a_small_write_and_a_folder_that_is_not_there_has_no_files(case: DiskCase) -> None:
    assert case.port.takes_writes(case.spec)
    assert case.seen("nowhere") == {}
    assert (case.port.quarantine_room(case.spec) > 0) is case.is_own_disk()


@pytest.fixture
def real(disk: Path, tmp_path: Path) -> DiskCase:
    (tmp_path / "aside").mkdir()
    return DiskCase(Disks(StepRecords(tmp_path / "records")), DiskSpec("h", str(disk), quarantine=str(tmp_path / "aside")), disk)


def test_bytes_mode_owner_and_times_are_put_back(real: DiskCase, disk: Path) -> None:
    real.write("logs/a\udcff.log")
    file = disk / "logs/a\udcff.log"
    file.chmod(0o4751)
    if os.geteuid() == 0:
        os.chown(file, 1234, 4321)
        file.chmod(0o4751)
    os.utime(file, ns=(LONG_AGO_NS + 5, LONG_AGO_NS + 7))
    content, before, rows = file.read_bytes(), file.stat(), list(real.seen().values())
    os.utime(file, ns=(LONG_AGO_NS + 5, LONG_AGO_NS + 7))

    assert real.carry_out("move", rows, "k").status is StepStatus.OK
    assert not file.exists()
    assert real.port.put_back(real.spec, rows, "k").status is StepStatus.OK

    after = file.stat()
    assert after.st_mtime_ns == before.st_mtime_ns
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (0o4751, before.st_uid, before.st_gid)
    assert file.read_bytes() == content
    assert sorted(path.name for path in file.parent.iterdir()) == ["a\udcff.log"]


def test_links_are_never_followed_and_no_path_leads_out(real: DiskCase, disk: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x" * SIZE)
    real.write("logs/a.log")
    (disk / "logs/link.log").symlink_to(outside / "precious")
    (disk / "logs/folder").symlink_to(outside)
    (disk / "elsewhere").symlink_to(outside)
    assert set(real.seen()) == {"logs/a.log"}
    assert real.seen("elsewhere") == {}
    seen = (outside / "precious").stat()

    for number, path in enumerate(["elsewhere/precious", "logs/folder/precious", "../outside/precious", "logs/link.log"]):
        wrong = FileSeen(path, SIZE, seen.st_mtime_ns, seen.st_ino)
        assert real.carry_out("delete", [wrong], f"delete-{number}").status in {StepStatus.OK, StepStatus.FAILED}
        assert real.carry_out("move", [wrong], f"move-{number}").status in {StepStatus.OK, StepStatus.FAILED}
    assert (outside / "precious").exists()
    assert (disk / "logs/link.log").is_symlink()


def test_a_folder_that_becomes_a_link_between_plan_and_act_is_not_followed(real: DiskCase, disk: Path, tmp_path: Path) -> None:
    real.write("logs/a.log")
    rows = list(real.seen().values())
    (disk / "logs").rename(disk / "moved")
    (disk / "logs").symlink_to(disk / "moved")

    assert real.carry_out("move", rows, "k").status is StepStatus.FAILED
    assert (disk / "moved/a.log").exists()
    assert list((tmp_path / "aside" / "k").iterdir()) == []


def test_a_file_that_a_process_has_open_is_left(real: DiskCase, disk: Path) -> None:
    real.write("logs/a.log")
    with (disk / "logs/a.log").open("rb"):
        assert real.seen()["logs/a.log"].in_use
        assert real.carry_out("delete", list(real.seen().values()), "k").status is StepStatus.OK
        assert real.carry_out("move", list(real.seen().values()), "m").status is StepStatus.OK
        assert (disk / "logs/a.log").exists()


def test_a_quarantine_on_the_same_disk_or_none_has_no_room(real: DiskCase, disk: Path) -> None:
    (disk / "aside").mkdir()
    assert real.port.quarantine_room(DiskSpec("h", str(disk), quarantine=str(disk / "aside"))) == 0
    assert real.port.quarantine_room(DiskSpec("h", str(disk))) == 0
    assert real.port.quarantine_room(DiskSpec("h", str(disk), quarantine=str(disk / "nowhere"))) == 0
    assert real.port.usage(DiskSpec("h", str(disk / "nowhere"))) is None
    assert not real.port.takes_writes(DiskSpec("h", str(disk / "nowhere")))


def test_a_damaged_copy_is_not_put_back(real: DiskCase, tmp_path: Path) -> None:
    real.write("logs/a.log")
    rows = list(real.seen().values())
    assert real.carry_out("move", rows, "k").status is StepStatus.OK
    [copy] = (tmp_path / "aside" / "k").iterdir()
    copy.write_bytes(b"rot")

    found = real.port.put_back(real.spec, rows, "k")
    assert found.status is StepStatus.FAILED
    assert "damaged" in found.detail
    assert real.seen() == {}


def test_work_that_a_crash_cut_off_goes_on_and_a_copy_that_was_not_removed_is_no_loss(real: DiskCase, disk: Path) -> None:
    for number in range(130):
        real.write(f"logs/{number}.log", 512)
    rows = list(real.seen().values())
    assert real.port.set_aside(real.spec, rows, "k").status is StepStatus.PENDING
    assert not real.port.is_done(real.spec, "k")

    # Whoever comes after a crash has nothing but the records.
    after = DiskCase(Disks(real.port.records), real.spec, disk) if isinstance(real.port, Disks) else real
    assert after.port.put_back(real.spec, rows, "k").status is StepStatus.OK
    assert len(after.seen()) == 130
    assert {row.bytes for row in after.seen().values()} == {row.bytes for row in rows}


def test_a_folder_with_a_bound_counts_its_own_files_and_is_emptied_into_a_folder_beside_it(tmp_path: Path) -> None:
    # given a folder that may hold eight files, and holds them
    folder, beside = tmp_path / "bounded", tmp_path / "beside"
    for place in (folder / "logs", beside):
        place.mkdir(parents=True)
    spec = DiskSpec("h", str(folder), rules=(CleanRule("logs", "*", 60.0),), quarantine=str(beside), size_bytes=8 * SIZE)
    case = DiskCase(Disks(StepRecords(tmp_path / "records")), spec, folder)
    for number in range(8):
        case.write(f"logs/{number}.log")
    assert case.port.usage(spec) == DiskUse(8 * SIZE, 8 * SIZE)
    assert not case.port.takes_writes(spec)
    assert case.port.quarantine_room(spec) > 0
    rows = [row for row in case.seen().values() if row.path <= "logs/2.log"]
    # when three are set aside
    assert case.carry_out("move", rows, "k").status is StepStatus.OK
    # then it has room for so much, and all of it comes back
    assert case.port.usage(spec) == DiskUse(5 * SIZE, 8 * SIZE)
    assert case.port.takes_writes(spec)
    assert case.port.put_back(spec, rows, "k").status is StepStatus.OK
    assert case.port.usage(spec) == DiskUse(8 * SIZE, 8 * SIZE)
