"""A cache in memory: an entry's content says whether it is good; the real adapter passes the same checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.attempts import StepResult, StepStatus
from schemas.targets.cache import CacheSpec

OK = StepResult(StepStatus.OK)
GOOD = "good"


@dataclass
class FakeCaches:
    """One cache; ``fills_with`` is what a rebuild writes in the place of what is not there."""

    entries: dict[str, str] = field(default_factory=dict)
    fills_with: str = GOOD
    kept: dict[str, dict[str, str]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    ledger: list[tuple[str, str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    reads_fail: bool = False
    rebuild_fails: bool = False
    unreadable: bool = False

    def bad_entries(self, cache: CacheSpec) -> tuple[tuple[str, str], ...] | None:
        assert cache.folder
        self.names |= set(self.entries)
        found = {name: self.entries.get(name, "") for name in self.names}
        return None if self.unreadable else tuple(sorted((name, now) for name, now in found.items() if now != GOOD))

    def has_entry(self, cache: CacheSpec, entry: str) -> bool:
        assert cache.folder
        return entry in self.entries

    def set_aside(self, cache: CacheSpec, entries: Sequence[tuple[str, str]], key: str) -> StepResult:
        assert cache.aside_folder
        self.names |= set(self.entries)
        for name, digest in entries if key not in self.done else ():
            if digest and self.entries.get(name) == digest:
                self.kept.setdefault(key, {})[name] = self.entries.pop(name)
                self.ledger.append(("aside", name, key))
        self.done.add(key)
        return OK

    def put_back(self, cache: CacheSpec, key: str) -> StepResult:
        assert cache.aside_folder
        for name, content in self.kept.pop(key, {}).items():
            self.entries[name] = content
            self.ledger.append(("back", name, key))
        return OK

    def rebuild(self, cache: CacheSpec, key: str) -> StepResult:
        assert cache.rebuild
        if self.rebuild_fails:
            return StepResult(StepStatus.FAILED, "exit 1: no such package")
        if key not in self.done:
            self.entries |= {name: self.fills_with for name in self.names if name not in self.entries}
            self.ledger.append(("rebuild", cache.name, key))
        self.done.add(key)
        return OK

    def is_done(self, cache: CacheSpec, key: str) -> bool:
        assert cache.folder
        return key in self.done

    def read_cold(self, cache: CacheSpec) -> StepResult:
        whole = not self.reads_fail and self.bad_entries(cache) == ()
        return OK if whole else StepResult(StepStatus.FAILED, "exit 1: unexpected end of archive")
