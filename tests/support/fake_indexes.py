"""Package settings in memory: a text that names one mirror; the real adapter passes the same checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from schemas.attempts import StepResult, StepStatus
from schemas.targets.index import IndexSetting, IndexSpec, MirrorChange

OK = StepResult(StepStatus.OK)


@dataclass
class FakeIndexes:
    """Settings by their index's name, the lists that were fetched, and the mirrors that do not answer."""

    files: dict[str, str] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    kept: dict[str, str] = field(default_factory=dict)
    cleaned: set[str] = field(default_factory=set)
    ledger: list[tuple[str, str, str]] = field(default_factory=list)
    unreadable: bool = False

    def setting(self, index: IndexSpec) -> IndexSetting | None:
        text = self.files.get(index.name)
        if text is None or self.unreadable:
            return None
        return IndexSetting(tuple(mirror for mirror in index.mirrors if mirror in text.split()), _hash(text))

    def switch(self, index: IndexSpec, change: MirrorChange, key: str) -> StepResult:
        if not {change.mirror, change.to} <= set(index.mirrors):
            return StepResult(StepStatus.FAILED, "no mirror of the list")
        if self.has_switched(index, change, key):
            return OK
        if _hash(self.files[index.name]) != change.sha256:
            return StepResult(StepStatus.FAILED, "the setting changed between diagnosis and act")
        self.kept[key] = self.files[index.name]
        self.files[index.name] = _switched(self.kept[key], change)
        self.ledger.append(("switch", index.name, key))
        return OK

    def has_switched(self, index: IndexSpec, change: MirrorChange, key: str) -> bool:
        return key in self.kept and self.files[index.name] == _switched(self.kept[key], change)

    def put_back(self, index: IndexSpec, change: MirrorChange, key: str) -> StepResult:
        if _hash(self.files[index.name]) == change.sha256:
            return OK
        if not self.has_switched(index, change, key):
            return StepResult(StepStatus.FAILED, "somebody has written the setting since")
        self.files[index.name] = self.kept[key]
        self.ledger.append(("back", index.name, key))
        return OK

    def clean(self, index: IndexSpec, key: str) -> StepResult:
        if index.lists and key not in self.cleaned:
            self.lists.clear()
            self.cleaned.add(key)
            self.ledger.append(("clean", index.name, key))
        return OK

    def ask(self, index: IndexSpec) -> StepResult:
        named = self.setting(index)
        is_dead = named is None or set(named.mirrors) & self.dead
        return StepResult(StepStatus.FAILED, "exit 100: Failed to fetch") if is_dead else OK


def _switched(text: str, change: MirrorChange) -> str:
    return text.replace(change.mirror, change.to)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
