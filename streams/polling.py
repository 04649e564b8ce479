"""From what a Prometheus answered to metrics of targets: pure; run by ``streams/prober.py``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from schemas.events import MetricBatch, Provenance, Sample
from schemas.metric_queries import MetricQuery, Polled, placeholders
from schemas.services import Services

# One record holds so many samples at most; a batch of one target may have many series.
MAX_SAMPLES = 500


def batch_of(target: str, source: str, samples: Sequence[Sample], provenance: Provenance) -> MetricBatch:
    """Return the samples of one target as one record, under the hash of what they say."""
    said = json.dumps([[one.name, one.value, one.at.isoformat(), one.labels] for one in samples])
    times = [one.at for one in samples]
    return MetricBatch(target, source, min(times), max(times), tuple(samples), sha256(said.encode()).hexdigest(), provenance)


def batches_of(query: MetricQuery, rows: Iterable[Polled], services: Services, provenance: Provenance) -> tuple[list[MetricBatch], int]:
    """Return the batches by target, and how many series were left out: of no target of the catalogue, or with no number for a value."""
    found: dict[str, list[Sample]] = {}
    left_out = 0
    named = frozenset(placeholders(query.target))
    for row in rows:
        target = query.target_of(dict(row.labels))
        if target is None or not is_known(target, services) or not math.isfinite(row.value):
            left_out += 1
            continue
        labels = tuple(pair for pair in row.labels if pair[0] not in named and pair[0] != "__name__")
        sample = Sample(query.metric, query.unit, row.value, datetime.fromtimestamp(row.at, UTC), labels)
        found.setdefault(target, []).append(sample)
    parts = [
        (target, samples[begin : begin + MAX_SAMPLES])
        for target, samples in sorted(found.items())
        for begin in range(0, len(samples), MAX_SAMPLES)
    ]
    return [batch_of(target, f"prometheus:{query.server}", part, provenance) for target, part in parts], left_out


def is_known(target: str, services: Services) -> bool:
    """Tell whether the catalogue has the target, by its whole typed name."""
    kind, _, name = target.partition(":")
    if kind == "config":
        return any(f"{spec.name}:{spec.path}" == name for spec in services.configs)
    return services.service(name) is not None if kind == "service" else services.spec_of(target) is not None
