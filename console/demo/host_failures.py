"""The planned failures of what lies beside the services: a full disk, a broken cache entry, a lock file out of step."""

from __future__ import annotations

import difflib
from hashlib import sha256
from pathlib import Path

from console.demo.github_server import SOURCE, JobSpec
from console.demo.packages import LOCKED, LOCKED_PROJECT
from console.demo.planned import Ended, outcome_of, require
from console.demo.sandbox import APPROVER, JOB_ENVIRON
from console.demo.small_disk import LOGS, MIB, SPOOL, hashes_below
from console.demo.stage import Stage
from infra.adapters.disk_usage import usage_of
from infra.adapters.git_revision import files_at
from infra.adapters.lockfiles import Lockfiles


def fill_a_disk(stage: Stage) -> Ended:
    """Fill a disk to its last byte; old logs go, data and what is young stay."""
    disk = stage.sandbox.disk
    since, before = stage.quiet(disk.spec.target), hashes_below(disk.place)
    # From here on room may be made at any moment, so everything is compared with what was there before.
    young = disk.fill()
    final = outcome_of(stage.ended(disk.spec.target, since), "healed")
    after, kept = hashes_below(disk.place), hashes_below(disk.aside)
    gone = {name: content for name, content in before.items() if name not in after}
    require(f"{sorted(gone)} went", holds=bool(gone) and all(name.startswith(f"{LOGS}/") for name in gone))
    require("a file that stayed was changed", holds=after == {**{name: before[name] for name in before if name in after}, SPOOL: young})
    require("what went is not kept", holds=sorted(kept.values()) == sorted(gone.values()))
    require("it is as full as before", holds=usage_of(disk.spec).percent_without() < disk.spec.well_percent)
    freed = sum((disk.aside / name).stat().st_size for name in kept)
    told = f"{disk.words}: {freed / MIB:.1f} MiB freed, {len(gone)} old logs set aside, the data folder byte for byte as before"
    return Ended("healed", told, final.time_to_recover_s)


def break_a_cache_entry(stage: Stage) -> Ended:
    """Cut an entry of a cache in half; it is set aside, built anew, and read cold."""
    packages = stage.sandbox.packages
    since = stage.quiet(packages.cache.target)
    whole = packages.entry.read_bytes()
    cut = whole[: len(whole) // 2]
    packages.entry.write_bytes(cut)
    final = outcome_of(stage.ended(packages.cache.target, since), "healed")
    require("the entry is not what it was", holds=packages.entry.read_bytes() == whole)
    kept = list(hashes_below(Path(packages.cache.aside_folder)).values())
    require("the broken entry is not kept", holds=kept == [sha256(cut).hexdigest()])
    told = f"{packages.entry.name} built anew by pip, its sha256 {sha256(whole).hexdigest()[:12]} as before; the broken one is set aside"
    return Ended("healed", told, final.time_to_recover_s)


def outgrow_a_lock_file(stage: Stage) -> Ended:
    """Let a real pip refuse a lock file that lacks a package; a new one is proposed on a branch, after a person's yes."""
    packages, repository = stage.sandbox.packages, Path(stage.sandbox.packages.lock.repository)
    base = Lockfiles().base_of(packages.lock)
    stage.github.push(JobSpec(LOCKED_PROJECT, "104", "install", packages.install, str(repository), JOB_ENVIRON))
    target = f"job:{SOURCE}/{LOCKED_PROJECT}/104/install"
    pending = stage.pending_on(target)
    require("something was proposed before anybody said yes", holds=not stage.github.pulls.rows)
    stage.commands.run("approval", "approve", pending.decision_id, "--as", APPROVER)
    final = outcome_of(stage.ended(target), "healed")
    pulls = [row for row in stage.github.pulls.rows if (row.project, row.state) == (LOCKED_PROJECT, "open")]
    require(f"{len(pulls)} pull requests are open", holds=len(pulls) == 1)
    require("the main branch was written", holds=Lockfiles().base_of(packages.lock) == base)
    before, after = files_at(repository, base), files_at(repository, f"refs/heads/{pulls[0].head}")
    require("another file was changed too", holds=[name for name in after if after[name] != before.get(name)] == [LOCKED])
    lines = difflib.ndiff(before[LOCKED].decode().splitlines(), after[LOCKED].decode().splitlines())
    patch = ", ".join(line.split(" --hash")[0].replace("+ ", "+") for line in lines if line[0] in "+-")
    told = f"branch {pulls[0].head} changes {LOCKED}: {patch}; pull request open, approved by {APPROVER}; main as before, nothing pushed"
    return Ended("healed", told, final.time_to_recover_s)
