"""The host's recipes carried out by the engine on real things: a tmpfs, a cache folder, a git repository and a server."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from console.demo.github_server import GithubServer
from infra.adapters.caches import Caches
from infra.adapters.checks import Checks
from infra.adapters.ci_server import CiServers
from infra.adapters.disks import Disks
from infra.adapters.git_files import GitFiles
from infra.adapters.indexes import Indexes
from infra.adapters.limits import Limits
from infra.adapters.lockfiles import Lockfiles
from infra.adapters.processes import Processes
from infra.adapters.proposals import Proposals
from infra.adapters.pushes import Pushes
from infra.adapters.quarantines import Quarantines
from infra.adapters.step_records import StepRecords
from infra.adapters.trunks import Trunks
from recoverers.execute import drive
from recoverers.journal import RunState, fold
from recoverers.perform import accept
from recoverers.recipes.table import World, recipes_for
from recoverers.terms import Terms
from schemas.catalogue import CARDS, card_named
from schemas.decisions import Mode
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import CiServer, Services
from schemas.targets.disk import CleanRule, DiskSpec
from tests.contracts.test_cache_port import plain_cache
from tests.contracts.test_disk_port import LONG_AGO_NS
from tests.contracts.test_lockfile_ports import tiny_lock
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_containers import FakeContainers
from tests.support.fakes import FakeHands
from tests.support.runs import command, outcomes
from tests.support.small_disk import needs_disks, small_disks

MIB = 1024**2


def real_world(services: Services, place: Path, disks: Disks | None = None) -> World:
    """Return the executor's world with the real adapters."""
    return World(
        services,
        Processes(),
        GitFiles(place / "kept"),
        Checks(),
        CiServers(services),
        lambda _: frozenset(),
        FakeContainers(),
        disks or Disks(StepRecords(place / "disks")),
        Caches(StepRecords(place / "caches")),
        Lockfiles(),
        Proposals(services),
        Limits(),
        Indexes(StepRecords(place / "indexes"), place / "kept"),
        FakeCluster(),
        Trunks(),
        Quarantines(),
        Pushes(),
    )


def carry_out(world: World, strategy: str, target: str, hands: FakeHands | None = None, **changes: object) -> RecoveryOutcome:
    """Let the engine carry one command out; by hands of the test's own where what is healed needs time."""
    card = card_named(CARDS, strategy)
    assert card is not None
    terms = Terms(recipes_for(world)[strategy], card, 0.0)
    state, hands = RunState(command(strategy, target, **changes)), hands or FakeHands()
    drive(fold(state, accept(state, terms, hands)), terms, hands)
    return outcomes(hands)[0]


def tree(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Return every file with its hash, mode and time."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            stat.S_IMODE(path.stat().st_mode),
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a disk of 8 MiB that is full to 97 %: data, old logs, a young one and one that is in use."""
    place = tmp_path / "disk"
    with small_disks({place: "8m"}) as is_mounted:
        needs_disks(is_mounted)
        for name, size in (("tables/orders", 5), ("logs/old-1.log", 1), ("logs/old-2.log", 1)):
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_bytes(os.urandom(size * MIB))
            (place / name).chmod(0o640)
            # The data is the oldest: only that it is data keeps it.
            older_ns = 10**9 if name.startswith("tables") else 0
            os.utime(place / name, ns=(LONG_AGO_NS, LONG_AGO_NS - older_ns))
        for name in ("logs/young.log", "logs/open.log"):
            (place / name).write_bytes(os.urandom(3 * MIB // 8))
        os.utime(place / "logs/open.log", ns=(LONG_AGO_NS, LONG_AGO_NS))
        with (place / "logs/open.log").open("ab"):
            yield place


def spec_of(disk: Path, place: Path) -> DiskSpec:
    (place / "spare").mkdir()
    rules = (CleanRule(".", "*.log", 3600.0), CleanRule("tables", "*", 3600.0, regenerable=True))
    return DiskSpec("here", str(disk), rules=rules, data=("tables",), quarantine=str(place / "spare"))


def test_a_full_disk_is_made_well_and_neither_data_nor_young_nor_open_files_are_touched(disk: Path, tmp_path: Path) -> None:
    spec = spec_of(disk, tmp_path)
    before = tree(disk)

    for mode in (Mode.DRY_RUN, Mode.PLAN):
        carry_out(real_world(Services(disks=(spec,)), tmp_path), "disk_cleanup", spec.target, mode=mode)
        assert tree(disk) == before
    outcome = carry_out(real_world(Services(disks=(spec,)), tmp_path), "disk_cleanup", spec.target)

    assert outcome.status is OutcomeStatus.HEALED, outcome
    assert {(row.factor, row.source, row.passed) for row in outcome.verification} == {
        ("usage_well", "statvfs", True),
        ("write_passes", "write", True),
    }
    assert set(before) - set(tree(disk)) == {"logs/old-1.log", "logs/old-2.log"}
    assert {name: row for name, row in before.items() if name in tree(disk)} == tree(disk)


def test_what_does_not_make_a_disk_well_is_put_back_byte_for_byte(disk: Path, tmp_path: Path) -> None:
    spec = spec_of(disk, tmp_path)
    before = tree(disk)

    class Full(Disks):
        """A disk that takes no writes, whatever is free."""

        @override
        def takes_writes(self, disk: DiskSpec) -> bool:
            assert disk.path
            return False

    world = real_world(Services(disks=(spec,)), tmp_path, Full(StepRecords(tmp_path / "disks")))
    outcome = carry_out(world, "disk_cleanup", spec.target)

    assert outcome.status is OutcomeStatus.ROLLED_BACK, outcome
    assert tree(disk) == before


def test_a_broken_cache_entry_is_rebuilt(tmp_path: Path) -> None:
    cache = plain_cache(tmp_path)
    whole = tree(Path(cache.folder))
    (Path(cache.folder) / "a.bin").write_bytes(b"cut")

    outcome = carry_out(real_world(Services(caches=(cache,)), tmp_path), "cache_rebuild", cache.target)

    assert outcome.status is OutcomeStatus.HEALED, outcome
    assert {name: row[0] for name, row in tree(Path(cache.folder)).items()} == {name: row[0] for name, row in whole.items()}


@pytest.mark.parametrize("holds", [True, False])
def test_a_lock_file_is_written_tried_and_proposed_or_nothing_is_left(tmp_path: Path, holds: bool) -> None:
    server = GithubServer(0, lambda _: None)
    server.start()
    lock = replace(tiny_lock(tmp_path), test=("true",) if holds else ("false",))
    services = Services(lockfiles=(lock,), ci=(CiServer("github", f"http://127.0.0.1:{server.port}", "", ("acme/shop",)),))
    base = Lockfiles().base_of(lock)

    outcome = carry_out(real_world(services, tmp_path), "lockfile_repair", lock.target)
    server.stop()

    assert Lockfiles().base_of(lock) == base
    assert outcome.status is (OutcomeStatus.HEALED if holds else OutcomeStatus.ROLLED_BACK), outcome
    made = [row.head for row in server.pulls.rows if row.state == "open"]
    assert [bool(Lockfiles().head_of(lock, branch)) for branch in made] == [True] * holds
    heads = Path(lock.repository) / ".git/refs/heads/healstream"
    assert (len(list(heads.iterdir())) if heads.exists() else 0) == int(holds)
