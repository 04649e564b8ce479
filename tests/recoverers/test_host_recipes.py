"""What the host's recipes refuse, leave or take back: disks, caches and lock files in memory, carried out by the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from recoverers.ports import Call
from recoverers.recipes.disk_cleanup import DiskCleanup, files_in
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import Services
from schemas.targets.disk import CleanRule, DiskSpec
from tests.support.fake_disks import FakeDisks
from tests.support.fake_lockfiles import BASE
from tests.support.fake_trunks import COMMIT
from tests.support.fakes import FakeHands
from tests.support.runs import APT, DISK, JOB, MIRRORS, NEWER, OLDER, SERVICES, SHOP_LOCK, TRUNK, WHEELS, Sandbox, command

Prepare = Callable[[Sandbox], None]


def run(strategy: str, target: str, prepare: Prepare, services: Services = SERVICES) -> tuple[RecoveryOutcome, Sandbox, bool]:
    """Return the outcome, the world afterwards, and whether its state is what it was."""
    sandbox = Sandbox.for_recipe(strategy)
    sandbox.services = services
    prepare(sandbox)
    before = sandbox.state()
    outcome = sandbox.run(command(strategy, target), FakeHands())
    return outcome, sandbox, sandbox.state() == before


def _set(part: str, name: str, value: object = True) -> Prepare:
    return lambda sandbox: setattr(getattr(sandbox, part), name, value)


def _fits_again(sandbox: Sandbox) -> None:
    sandbox.packages.fits.add(BASE)


def _has_room_again(sandbox: Sandbox) -> None:
    del sandbox.disks.live["tmp/wheel"]


def _is_asked(sandbox: Sandbox) -> None:
    sandbox.proposals.waiting["healstream/lockfile-of-another-run"] = 7


def _is_proposed(sandbox: Sandbox) -> None:
    sandbox.proposals.waiting[f"healstream/revert-{COMMIT[:12]}"] = 7


def _many_fail(sandbox: Sandbox) -> None:
    names = [f"tests/test_all.py::test_{number}" for number in range(4)]
    sandbox.trunks.tests[COMMIT] = frozenset(names)
    sandbox.ci.logs[101] = "".join(f"FAILED {name}\n" for name in names).encode()


def _is_whole(sandbox: Sandbox) -> None:
    sandbox.caches.entries["six.whl"] = "good"


@pytest.mark.parametrize(
    ("strategy", "target", "prepare", "status", "reason"),
    [
        ("disk_cleanup", DISK.target, _has_room_again, OutcomeStatus.SELF_HEALED, "already_healthy"),
        ("disk_cleanup", DISK.target, _set("disks", "unreadable"), OutcomeStatus.REFUSED, "disk_unreadable"),
        ("disk_cleanup", DISK.target, _set("disks", "room", 0), OutcomeStatus.REFUSED, "rules_free_too_little"),
        ("cache_rebuild", WHEELS.target, _is_whole, OutcomeStatus.SELF_HEALED, "already_healthy"),
        ("cache_rebuild", WHEELS.target, _set("caches", "unreadable"), OutcomeStatus.REFUSED, "cache_unreadable"),
        ("lockfile_repair", SHOP_LOCK.target, _fits_again, OutcomeStatus.SELF_HEALED, "already_healthy"),
        ("lockfile_repair", SHOP_LOCK.target, _set("packages", "tool_missing"), OutcomeStatus.REFUSED, "lockfile_unreadable"),
        ("lockfile_repair", SHOP_LOCK.target, _set("proposals", "silent"), OutcomeStatus.REFUSED, "ci_unreachable"),
        ("lockfile_repair", SHOP_LOCK.target, _is_asked, OutcomeStatus.REFUSED, "proposal_open"),
        ("flaky_quarantine", JOB, _set("quarantines", "unreadable"), OutcomeStatus.REFUSED, "quarantine_unreadable"),
        ("flaky_quarantine", JOB, _set("trunks", "tests", {}), OutcomeStatus.REFUSED, "tests_unreadable"),
        ("flaky_quarantine", JOB, _set("ci", "logs", {101: b"FAILED --rootdir=/"}), OutcomeStatus.ESCALATED, "test_unknown"),
        ("flaky_quarantine", JOB, _many_fail, OutcomeStatus.REFUSED, "plan_out_of_bounds"),
        ("commit_revert", JOB, _set("ci", "checks", {OLDER: "success", NEWER: "success"}), OutcomeStatus.SELF_HEALED, "already_healthy"),
        ("commit_revert", JOB, _set("ci", "checks", {OLDER: "failure"}), OutcomeStatus.REFUSED, "no_green_parent"),
        ("commit_revert", JOB, _set("trunks", "parents", {}), OutcomeStatus.REFUSED, "commit_unknown"),
        ("commit_revert", JOB, _is_proposed, OutcomeStatus.REFUSED, "proposal_open"),
        ("commit_revert", JOB, _set("proposals", "silent"), OutcomeStatus.REFUSED, "ci_unreachable"),
        ("resolve_retry", JOB, _set("trunks", "unmet", {COMMIT}), OutcomeStatus.REFUSED, "does_not_resolve"),
        ("resolve_retry", JOB, _set("trunks", "tests", {}), OutcomeStatus.ESCALATED, "resolver_unreadable"),
        ("mirror_switch", JOB, _set("ci", "conclusions", ["success"]), OutcomeStatus.SELF_HEALED, "already_healthy"),
        ("lists_refresh", JOB, _set("indexes", "unreadable"), OutcomeStatus.REFUSED, "index_unreadable"),
        ("mirror_switch", JOB, _set("indexes", "files", {"apt": "deb http://own.example/"}), OutcomeStatus.REFUSED, "index_unreadable"),
    ],
)
def test_what_needs_or_allows_no_healing_is_left_as_it_is(
    strategy: str, target: str, prepare: Prepare, status: OutcomeStatus, reason: str
) -> None:
    outcome, sandbox, same = run(strategy, target, prepare)
    assert (outcome.status, outcome.reason, same) == (status, reason, True)
    assert sandbox.effects() == Sandbox().effects()


OFF = Services(
    disks=(replace(DISK, healing=False),),
    indexes=(replace(APT, healing=False),),
    caches=(replace(WHEELS, healing=False),),
    lockfiles=(replace(SHOP_LOCK, healing=False),),
    trunks=(replace(TRUNK, healing=False),),
)


@pytest.mark.parametrize(
    ("strategy", "target"),
    [
        ("disk_cleanup", DISK.target),
        ("cache_rebuild", WHEELS.target),
        ("lockfile_repair", SHOP_LOCK.target),
        *((name, JOB) for name in ("mirror_switch", "flaky_quarantine", "commit_revert", "resolve_retry")),
    ],
)
def test_what_is_off_limits_is_refused(strategy: str, target: str) -> None:
    outcome, _, same = run(strategy, target, lambda _: None, OFF)
    assert (outcome.status, outcome.reason, same) == (OutcomeStatus.REFUSED, "healing_off", True)


@pytest.mark.parametrize(
    ("strategy", "target", "prepare"),
    [
        ("disk_cleanup", DISK.target, _set("disks", "lying")),
        ("disk_cleanup", DISK.target, _set("disks", "read_only")),
        ("cache_rebuild", WHEELS.target, _set("caches", "fills_with", "rot again")),
        ("cache_rebuild", WHEELS.target, _set("caches", "rebuild_fails")),
        ("cache_rebuild", WHEELS.target, _set("caches", "reads_fail")),
        ("lockfile_repair", SHOP_LOCK.target, _set("packages", "tool_fails")),
        ("lockfile_repair", SHOP_LOCK.target, _set("packages", "install_fails")),
        ("lockfile_repair", SHOP_LOCK.target, _set("proposals", "refuses")),
        ("mirror_switch", JOB, _set("indexes", "dead", set(MIRRORS))),
    ],
)
def test_what_does_not_help_is_taken_back_to_the_state_before(strategy: str, target: str, prepare: Prepare) -> None:
    outcome, _, same = run(strategy, target, prepare)
    assert (outcome.status, same) == (OutcomeStatus.ROLLED_BACK, True)


@pytest.mark.parametrize(
    "disk",
    [replace(DISK, quarantine=""), replace(DISK, max_bytes=100), replace(DISK, rules=DISK.rules[1:]), replace(DISK, data=("logs", "tmp"))],
    ids=["nowhere to put it", "more than one action may take", "rules that free too little", "rules on data"],
)
def test_a_disk_that_the_rules_do_not_make_well_comes_with_the_advice_to_resize_it(disk: DiskSpec) -> None:
    outcome, _, same = run("disk_cleanup", DISK.target, lambda _: None, Services(disks=(disk,)))
    assert (outcome.reason, same) == ("rules_free_too_little", True)
    assert outcome.recommendations[0].what.startswith("Resize")


def test_the_oldest_go_first_no_more_than_needed_and_what_is_not_named_never() -> None:
    disks = FakeDisks(size=1000, room=60)
    spec = replace(DISK, rules=(CleanRule("logs", "*.log", 60.0), CleanRule("logs", "*.tmp", 60.0, regenerable=True)), data=("logs/keep",))
    disks.put("logs/keep/a.log", 10, 9_000.0)
    disks.put("logs/b.txt", 10, 8_000.0)
    disks.put("logs/large.log", 100, 7_000.0)
    disks.put("logs/c.log", 50, 6_000.0)
    disks.put("logs/d.tmp", 300, 5_000.0)
    disks.put("logs/e.tmp", 300, 4_000.0)
    disks.put("logs/young.log", 10, 5.0)
    disks.put("logs/open.tmp", 200, 9_500.0, in_use=True)
    facts = DiskCleanup(Services(disks=(spec,)), disks).gather(command("disk_cleanup", spec.target))
    # The large log has no room in the quarantine and may not be deleted; after the first .tmp the disk is well.
    assert [row.path for row in files_in(facts, "move")] == ["logs/c.log"]
    assert [row.path for row in files_in(facts, "delete")] == ["logs/d.tmp"]
    assert (facts.value("used_percent"), facts.value("after_percent")) == ("98.0", "63.0")


def test_a_rule_that_left_the_catalogue_between_plan_and_act_takes_nothing_away() -> None:
    sandbox = Sandbox.for_recipe("disk_cleanup")
    order = command("disk_cleanup", DISK.target)
    facts = sandbox.terms(order).recipe.gather(order)
    sandbox.services = Services(disks=(replace(DISK, rules=()),))
    from_now = sandbox.terms(order).recipe
    [step] = from_now.plan(order, facts) or ()
    from_now.act(Call(order, facts, step, "key"))
    assert sandbox.disks.ledger == []
