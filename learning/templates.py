"""Unexplained failure lines, masked and clustered online (Drain): how often each template was seen, and by how many different sources.

Clusters, sources, examples and line lengths are bounded.
The state is plain rows with a version and a checksum; the tree is built anew from them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any

from drain3.drain import Drain, LogCluster

from learning.features import mask_tokens

GAP = "<*>"
STATE_VERSION = 1
MAX_CLUSTERS = 500
MAX_EXAMPLES = 5
MAX_SOURCES = 16
MAX_LINE = 300
MIN_TOKENS = 3
_SIMILARITY = 0.6


@dataclass(frozen=True, slots=True)
class Template:
    """One cluster: masked tokens with ``GAP`` where members differ, lines counted, first and last time (ms since 1970).

    ``sources`` and ``examples`` are distinct and bounded by ``MAX_SOURCES`` and ``MAX_EXAMPLES``.
    """

    number: int
    tokens: tuple[str, ...]
    size: int
    first_ms: int
    last_ms: int
    sources: tuple[str, ...]
    examples: tuple[str, ...]


class TemplateMiner:
    """Clusters lines one at a time; the least recently used template leaves first when ``max_clusters`` (at least 1) is reached."""

    def __init__(self, rows: Sequence[Template] = (), counter: int = 0, *, max_clusters: int = MAX_CLUSTERS) -> None:
        """Build from rows in order of use, oldest first; ``counter`` is the highest number ever given."""
        self._max = max_clusters
        self._rows: dict[int, Template] = {row.number: row for row in rows[-max_clusters:]}
        self._drain = self._planted(counter)

    def add(self, line: str, source: str, now_ms: int, *, fork: bool = False) -> Template | None:
        """Count one redacted line of ``source`` (a project); None when it is not kept (a fork, or under ``MIN_TOKENS`` words)."""
        text = line[:MAX_LINE]
        tokens = mask_tokens(text)
        if fork or len(tokens) < MIN_TOKENS:
            return None
        cluster, change = self._drain.add_log_message(" ".join(tokens))
        new = Template(cluster.cluster_id, (), 0, now_ms, now_ms, (), ())
        old = self._rows.pop(cluster.cluster_id, new)
        row = replace(
            old,
            tokens=tuple(cluster.log_template_tokens),
            size=old.size + 1,
            last_ms=max(old.last_ms, now_ms),
            sources=_joined(old.sources, source, MAX_SOURCES),
            examples=_joined(old.examples, text, MAX_EXAMPLES),
        )
        self._rows[row.number] = row
        if change == "cluster_created":
            self._evict()
        return row

    def expire(self, before_ms: int) -> int:
        """Forget the templates last seen before ``before_ms``; return how many."""
        kept = {number: row for number, row in self._rows.items() if row.last_ms >= before_ms}
        gone = len(self._rows) - len(kept)
        self._rows = kept
        self._drain = self._planted(self._drain.clusters_counter)
        return gone

    def ripe(self, size: int, sources: int) -> list[Template]:
        """Return the templates of at least ``size`` lines and ``sources`` (<= ``MAX_SOURCES``) different sources, oldest number first."""
        found = [row for row in self._rows.values() if row.size >= size and len(row.sources) >= sources]
        return sorted(found, key=lambda row: row.number)

    def snapshot(self) -> str:
        """Return the whole state as JSON text: version, checksum, rows."""
        body = json.dumps({"counter": self._drain.clusters_counter, "rows": [asdict(row) for row in self._rows.values()]}, sort_keys=True)
        return json.dumps({"version": STATE_VERSION, "checksum": _checksum(body), "body": body})

    def _evict(self) -> None:
        while len(self._rows) > self._max:
            del self._rows[next(iter(self._rows))]
        if self._drain.clusters_counter % self._max == 0:  # the tree keeps the branches of what has left: plant it anew
            self._drain = self._planted(self._drain.clusters_counter)

    def _planted(self, counter: int) -> Drain:
        # every first word has its own branch, so that a template's place in the tree follows from its tokens alone
        drain = Drain(
            depth=4, sim_th=_SIMILARITY, max_children=1_000_000, max_clusters=self._max, param_str=GAP, parametrize_numeric_tokens=False
        )
        drain.clusters_counter = counter
        clusters = [LogCluster(row.tokens, row.number) for row in self._rows.values()]
        for cluster in clusters:
            drain.id_to_cluster[cluster.cluster_id] = cluster
        for cluster in sorted(clusters, key=lambda one: one.cluster_id):
            drain.add_seq_to_prefix_tree(drain.root_node, cluster)
        return drain


def restore(text: str, *, max_clusters: int = MAX_CLUSTERS) -> TemplateMiner | str:
    """Return the miner of a snapshot, or the reason why the snapshot is refused."""
    try:
        outer = json.loads(text)
        if outer["version"] != STATE_VERSION:
            return f"the templates' state has version {outer['version']!r}, this program reads {STATE_VERSION}: start with an empty state"
        if outer["checksum"] != _checksum(outer["body"]):
            return "the templates' state does not match its checksum: take an older snapshot or start with an empty state"
        body = json.loads(outer["body"])
        return TemplateMiner([_row(row) for row in body["rows"]], int(body["counter"]), max_clusters=max_clusters)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"the templates' state cannot be read ({type(error).__name__}: {error}): take an older snapshot or start with an empty state"


def _row(row: dict[str, Any]) -> Template:
    return Template(
        number=int(row["number"]),
        tokens=tuple(str(token) for token in row["tokens"]),
        size=int(row["size"]),
        first_ms=int(row["first_ms"]),
        last_ms=int(row["last_ms"]),
        sources=tuple(str(source) for source in row["sources"])[:MAX_SOURCES],
        examples=tuple(str(example)[:MAX_LINE] for example in row["examples"])[:MAX_EXAMPLES],
    )


def _joined(old: tuple[str, ...], value: str, limit: int) -> tuple[str, ...]:
    return old if value in old or len(old) >= limit else (*old, value)


def _checksum(body: str) -> str:
    return blake2b(body.encode(), digest_size=16).hexdigest()
