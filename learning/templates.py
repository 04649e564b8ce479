"""Unexplained failure lines, masked and clustered online (Drain): in how many runs of which repositories each template was seen.

Called by ``streams/proposals.py``. Clusters, repositories, runs, examples and line lengths are bounded. The state is one entry a template
(ADR 0002); the tree is built anew from them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any

from drain3.drain import Drain, LogCluster

from learning.masking import MAX_LINE, is_kept, mask_line

GAP = "<*>"
PREFIX = "template/"
MAX_CLUSTERS = 200
MAX_EXAMPLES = 5
MAX_SOURCES = 16
MAX_RUNS_A_SOURCE = 8
# A template needs so many words that stay, of so many letters together: fewer would match what has nothing to do with it.
MIN_WORDS = 3
MIN_LETTERS = 12
_MAX_SOURCE = 200
_SIMILARITY = 0.6
# A template that learns nothing but that it was seen again is written no more often than this: a storm costs no state.
_TOUCH_MS = 3600 * 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a failure's lines come from: the repository (source/owner/name), its run, the incident, and when (ms since 1970)."""

    source: str
    run: str
    incident: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Example:
    """One member line as it was read, and its incident; each is of another source."""

    text: str
    incident: str


@dataclass(frozen=True, slots=True)
class SourceRuns:
    """The distinct runs of one source, as digests; at most ``MAX_RUNS_A_SOURCE``, so that no source counts for many."""

    source: str
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """One cluster: words with ``GAP`` where members differ, who showed it, first and last time (ms); ``used`` orders by latest use."""

    number: int
    used: int
    tokens: tuple[str, ...]
    first_ms: int
    last_ms: int
    sources: tuple[SourceRuns, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def runs(self) -> int:
        """Return in how many distinct runs it was seen, as far as they count."""
        return sum(len(row.runs) for row in self.sources)


def is_telling(tokens: Iterable[str]) -> bool:
    """Tell whether enough of a line stays when it is masked: different words, of more than one letter."""
    kept = {token for token in tokens if is_kept(token) and len(token) > 1}
    return len(kept) >= MIN_WORDS and sum(map(len, kept)) >= MIN_LETTERS


class TemplateMiner:
    """Clusters the lines of one failure after the other; what leaves beyond ``max_clusters`` says ``_victim``."""

    def __init__(self, entries: Mapping[str, str], *, per_owner: int = MAX_SOURCES, max_clusters: int = MAX_CLUSTERS) -> None:
        """Begin again from a snapshot's entries; of one owner at most ``per_owner`` sources are counted."""
        self._max, self._per_owner = max_clusters, per_owner
        rows = sorted((_row(text) for name, text in entries.items() if name.startswith(PREFIX)), key=lambda row: row.used)
        self._rows: dict[int, Template] = {row.number: row for row in rows[-max_clusters:]}
        self._changed: set[int] = {row.number for row in rows[:-max_clusters]}
        self._planted_at = 0
        self._drain = self._planted()

    def add(self, lines: Sequence[str], seen: Seen) -> list[Template]:
        """Count the redacted lines of one failure; return the templates that they belong to, each once, in the order of the lines."""
        touched: dict[int, None] = {}
        for line in lines:
            text = line[:MAX_LINE]
            tokens = [word.token for word in mask_line(text)]
            if is_telling(tokens):
                touched.setdefault(self._count(tokens, text, seen))
        self._evict()
        return [self._rows[number] for number in touched if number in self._rows]

    def forget(self, before_ms: int) -> None:
        """Forget the templates last seen before ``before_ms``."""
        old = [number for number, row in self._rows.items() if row.last_ms < before_ms]
        for number in old:
            self._drop(number)
        if old:
            # The numbers that are given next follow from what is there, as after a restart.
            self._drain = self._planted()

    def drop(self, number: int) -> None:
        """Forget one template: what comes of it is known."""
        if number in self._rows:
            self._drop(number)
            self._drain = self._planted()

    def values(self) -> list[Template]:
        """Return the templates, the least recently used first."""
        return list(self._rows.values())

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries changed since the last call."""
        changed, self._changed = sorted(self._changed), set()
        return {f"{PREFIX}{number}": _text(self._rows[number]) if number in self._rows else None for number in changed}

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        return {f"{PREFIX}{number}": _text(row) for number, row in self._rows.items()}

    def _count(self, tokens: Sequence[str], text: str, seen: Seen) -> int:
        cluster, _ = self._drain.add_log_message(" ".join(tokens))
        number = int(cluster.cluster_id)
        new = Template(number, 0, (), seen.at_ms, seen.at_ms)
        old = self._rows.get(number, new)
        row = _grown(replace(old, tokens=tuple(cluster.log_template_tokens)), text, seen, self._per_owner)
        if row == old and seen.at_ms - old.last_ms < _TOUCH_MS:
            return number
        self._rows.pop(number, None)
        used = next(reversed(self._rows.values())).used + 1 if self._rows else 1
        self._rows[number] = replace(row, used=used, last_ms=max(row.last_ms, seen.at_ms), first_ms=min(row.first_ms, seen.at_ms))
        self._changed.add(number)
        return number

    def _evict(self) -> None:
        if len(self._rows) <= self._max:
            return
        while len(self._rows) > self._max:
            self._drop(_victim(self._rows))
        # The tree skips what has left but keeps its branches: it is planted anew now and then.
        if self._drain.clusters_counter - self._planted_at >= self._max:
            self._drain = self._planted()

    def _drop(self, number: int) -> None:
        del self._rows[number]
        del self._drain.id_to_cluster[number]
        self._changed.add(number)

    def _planted(self) -> Drain:
        # Every first word has its own branch, so that a template's place in the tree follows from its tokens alone.
        drain = Drain(depth=4, sim_th=_SIMILARITY, max_children=1_000_000, param_str=GAP, parametrize_numeric_tokens=False)
        drain.clusters_counter = self._planted_at = max(self._rows, default=0)
        for number, row in sorted(self._rows.items()):
            cluster = LogCluster(row.tokens, number)
            drain.id_to_cluster[number] = cluster
            drain.add_seq_to_prefix_tree(drain.root_node, cluster)
        return drain


def _grown(row: Template, text: str, seen: Seen, per_owner: int) -> Template:
    """Return a template with one line more, as far as its source may still count."""
    source, run = seen.source[:_MAX_SOURCE], blake2b(seen.run.encode(), digest_size=8).hexdigest()
    known = next((one for one in row.sources if one.source == source), None)
    if known is not None:
        if run in known.runs or len(known.runs) >= MAX_RUNS_A_SOURCE:
            return row
        grown = replace(known, runs=(*known.runs, run))
        return replace(row, sources=tuple(grown if one is known else one for one in row.sources))
    of_owner = sum(_owner(one.source) == _owner(source) for one in row.sources)
    if of_owner >= per_owner or len(row.sources) >= MAX_SOURCES:
        return row
    examples = (*row.examples, Example(text, seen.incident))[:MAX_EXAMPLES]
    return replace(row, sources=(*row.sources, SourceRuns(source, (run,))), examples=examples)


def _victim(rows: Mapping[int, Template]) -> int:
    """Return the least recently used template of the source that holds most alone, so that a flood pushes out only its own."""
    alone = [row for row in rows.values() if len(row.sources) == 1]
    if not alone:
        return next(iter(rows))
    held = Counter(row.sources[0].source for row in alone)
    most = max(held.values())
    return next(row.number for row in alone if held[row.sources[0].source] == most)


def _owner(source: str) -> str:
    return source.rpartition("/")[0]


def _text(row: Template) -> str:
    return json.dumps(asdict(row), separators=(",", ":"))


def _row(text: str) -> Template:
    plain: dict[str, Any] = json.loads(text)
    return Template(
        number=plain["number"],
        used=plain["used"],
        tokens=tuple(plain["tokens"]),
        first_ms=plain["first_ms"],
        last_ms=plain["last_ms"],
        sources=tuple(SourceRuns(row["source"], tuple(row["runs"])) for row in plain["sources"]),
        examples=tuple(Example(row["text"], row["incident"]) for row in plain["examples"]),
    )
