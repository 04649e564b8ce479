"""Make room on a full disk by the rules of its catalogue entry, oldest files first, until it is well. Heals ``disk:*``.

What a rule allows is set aside in a quarantine on another file system; without room there, only what can be made again is deleted.
A disk that the rules do not make well is left as it is: a person is told to make it larger.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from recoverers.healable import healable
from recoverers.host_ports import DiskPort
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.seen_files import DiskUse, FileSeen
from schemas.services import Services
from schemas.targets.disk import GIB, DiskSpec
from schemas.targets.spec import spec_for

TOO_LITTLE = "rules_free_too_little"
MOVE, DELETE = "move", "delete"
# The list of files is kept in the journal, in one record with the rest of the plan.
_MOST_CHARACTERS = 200_000
_LOSS = "only files that their rule calls regenerable are deleted: whoever needs one makes it again"


@dataclass(frozen=True, slots=True)
class DiskCleanup:
    """The recipe over the disks of the service catalogue."""

    services: Services
    disks: DiskPort
    traits: Traits = Traits("disk_cleanup", 1, 15.0, keeps=((DELETE, _LOSS),))

    def gather(self, command: HealingCommand) -> Facts:
        """Read how full the disk is and which files the rules allow; the choice is kept, so that the act removes nothing else."""
        spec = healable(self._disk(command))
        if isinstance(spec, Facts):
            return spec
        use = self.disks.usage(spec)
        if use is None:
            return Facts(refusal="disk_unreadable")
        moved, deleted = self._choose(spec, use, command)
        chosen = (*moved, *deleted)
        after = use.percent_without(sum(row.bytes for row in chosen), len(chosen))
        values = (
            ("after_percent", f"{after:.1f}"),
            (DELETE, text_of(deleted)),
            (MOVE, text_of(moved)),
            ("used_percent", f"{use.percent_without():.1f}"),
        )
        is_well = use.percent_without() < spec.heal_percent
        return Facts(healthy=is_well, refusal="" if is_well or after < spec.well_percent else TOO_LITTLE, values=values)

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Set aside, then delete; more bytes or files than the bounds allow give no plan."""
        spec = self._disk(command)
        if spec is None:
            return None
        moved, deleted = files_in(facts, MOVE), files_in(facts, DELETE)
        if sum(row.bytes for row in (*moved, *deleted)) > _bound(command, "max_bytes", spec.max_bytes):
            return None
        if len(moved) + len(deleted) > _bound(command, "max_files", 1000):
            return None
        return tuple(f"{verb}:{spec.host}:{spec.path}" for verb, rows in ((MOVE, moved), (DELETE, deleted)) if rows)

    def pre_image(self, call: Call) -> str:
        """Return how many files and bytes the step takes away, and the hash of their list in the facts."""
        verb, rows = _work(call)
        listed = sha256(call.facts.value(verb).encode()).hexdigest()
        return json.dumps({"bytes": sum(row.bytes for row in rows), "files": len(rows), "sha256": listed}, sort_keys=True)

    def act(self, call: Call) -> StepResult:
        """Take away what was chosen, as far as the catalogue's rules still allow it."""
        spec = self._disk(call.command)
        if spec is None:
            return StepResult(StepStatus.FAILED, "target_unknown")
        verb, rows = _work(call)
        if verb == MOVE:
            return self.disks.set_aside(spec, [row for row in rows if spec.rules_for(row.path)], call.key)
        return self.disks.delete(spec, [row for row in rows if _is_regenerable(spec, row)], call.key)

    def probe(self, call: Call) -> Found:
        """Look whether the step went to its end; one that did not goes on where it was."""
        spec = self._disk(call.command)
        if spec is None:
            return Found.UNCLEAR
        return Found.DONE if self.disks.is_done(spec, call.key) else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Put back what was set aside; what was deleted is made again by whoever needs it."""
        spec = self._disk(call.command)
        if spec is None:
            return StepResult(StepStatus.FAILED, "target_unknown")
        verb, rows = _work(call)
        return self.disks.put_back(spec, rows, call.key) if verb == MOVE else StepResult(StepStatus.OK, _LOSS)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was full before says nothing now
        """Ask the file system how full it is, or write to it."""
        spec = self._disk(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor == "write_passes":
            writes = self.disks.takes_writes(spec)
            return Answer(writes, "write", "" if writes else "a small file cannot be written")
        use = self.disks.usage(spec)
        percent = use.percent_without() if use else 100.0
        return Answer(percent < spec.well_percent, "statvfs", f"{percent:.1f} % used, {spec.well_percent:g} % wanted")

    def _choose(self, spec: DiskSpec, use: DiskUse, command: HealingCommand) -> tuple[list[FileSeen], list[FileSeen]]:
        """Return what to set aside and what to delete: the oldest first, no more than is needed, never more than the bounds."""
        cap = min(spec.max_bytes, int(_bound(command, "max_bytes", spec.max_bytes)))
        room = min(self.disks.quarantine_room(spec), int(_bound(command, "max_moved_bytes", 2 * GIB)))
        most, characters = int(_bound(command, "max_files", 1000)), _MOST_CHARACTERS
        moved: list[FileSeen] = []
        deleted: list[FileSeen] = []
        freed = 0
        for row in heapq.nsmallest(most, self._allowed(spec, room), key=lambda seen: (seen.mtime_ns, seen.path)):
            if use.percent_without(freed, len(moved) + len(deleted)) < spec.well_percent:
                break
            characters -= len(row.path) + 60
            if freed + row.bytes > cap or characters < 0:
                continue
            if row.bytes <= room:
                moved.append(row)
                room -= row.bytes
            elif _is_regenerable(spec, row):
                deleted.append(row)
            else:
                continue
            freed += row.bytes
        return moved, deleted

    def _allowed(self, spec: DiskSpec, room: int) -> Iterator[FileSeen]:
        seen: set[int] = set()
        for folder in dict.fromkeys(rule.folder for rule in spec.rules):
            for row in self.disks.files(spec, folder):
                is_old = any(row.age_s >= rule.older_than_s for rule in spec.rules_for(row.path))
                # Another name of the same file keeps its bytes, so its removal frees nothing.
                may_go = row.bytes <= room or _is_regenerable(spec, row)
                if is_old and may_go and not row.in_use and row.links == 1 and row.inode not in seen:
                    seen.add(row.inode)
                    yield row

    def _disk(self, command: HealingCommand) -> DiskSpec | None:
        return spec_for(command.target, self.services.disks)


def text_of(rows: Sequence[FileSeen]) -> str:
    """Return files as the facts keep them; a name that is no UTF-8 stays what it is."""
    return json.dumps([[row.path, row.bytes, row.mtime_ns, row.inode] for row in rows])


def files_in(facts: Facts, verb: str) -> list[FileSeen]:
    """Return the files that the facts keep for a step."""
    return [FileSeen(*row) for row in json.loads(facts.value(verb) or "[]")]


def _work(call: Call) -> tuple[str, list[FileSeen]]:
    verb = call.step.partition(":")[0]
    return verb, files_in(call.facts, verb)


def _is_regenerable(spec: DiskSpec, row: FileSeen) -> bool:
    return any(rule.regenerable for rule in spec.rules_for(row.path))


def _bound(command: HealingCommand, name: str, default: float) -> float:
    return float(str(dict(command.bounds).get(name, default)))
