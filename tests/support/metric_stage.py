"""Series fed through the detect stage as batches of a target, and what it says of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from learning.patterns.matcher import Reading
from schemas.configuration import Configuration
from schemas.events import Provenance, Sample
from schemas.incidents import Detection, DetectionStatus
from schemas.metric_rules import MetricRule
from schemas.outputs import Emit, Output, Place
from schemas.services import Services
from streams.detect import Detect, DetectRules
from streams.polling import batch_of

PLACE = Place("infra.metrics", 0, 5)
BATCH = 20
# Seldom, so that hours go by soon, and often enough not to be taken for a pause.
LOOK_S = 20


class NoPatterns:
    """Matches nothing."""

    hints: frozenset[str] = frozenset()

    def read(self, text: bytes) -> Reading:
        assert isinstance(text, bytes)
        return Reading()


def stage_with(*rules: MetricRule, services: Services | None = None) -> Detect:
    """Return a detect stage with these rules alone."""
    return Detect(DetectRules(Configuration(services=services or Services()), NoPatterns(), lambda _hits, _structure, _result: (), rules))


def feed(stage: Detect, points: Sequence[tuple[float, float]], target: str = "service:web", metric: str = "m") -> list[Detection]:
    """Feed a series (s, value) in batches that end at its gaps, and let time pass to their ends; return the detections."""
    found: list[Output] = []
    last_at = points[0][0]
    for part, is_first_after_gap in _parts(points):
        samples = [Sample(metric, "1", value, datetime.fromtimestamp(at, UTC)) for at, value in part]
        if is_first_after_gap:
            found += _looks(stage, last_at, part[0][0], LOOK_S)
        last_at = part[-1][0]
        found += stage.on_event(batch_of(target, "scraper", samples, Provenance()), PLACE, samples[-1].at)
    return detections_in(found)


def silent(stage: Detect, begin: float, until: float) -> list[Detection]:
    """Let time pass in which nothing comes, a look each second; times in s of the epoch, both looked at. Return the detections."""
    return detections_in(_looks(stage, begin, until, 1))


def _looks(stage: Detect, begin: float, until: float, every_s: int) -> list[Output]:
    moments = (datetime.fromtimestamp(min(begin + past_s, until), UTC) for past_s in range(0, math.ceil(until - begin) + every_s, every_s))
    return [output for moment in moments for output in stage.on_tick(moment)]


def detections_in(outputs: Sequence[Output]) -> list[Detection]:
    """Return the detections among the outputs."""
    return [output.record for output in outputs if isinstance(output, Emit) and isinstance(output.record, Detection)]


def _parts(points: Sequence[tuple[float, float]]) -> list[tuple[Sequence[tuple[float, float]], bool]]:
    step_s = points[1][0] - points[0][0]
    after_gaps = [number for number in range(1, len(points)) if points[number][0] - points[number - 1][0] > 2 * step_s]
    cuts = sorted({*range(0, len(points), BATCH), *after_gaps})
    return [(points[begin:end], begin in after_gaps) for begin, end in zip(cuts, [*cuts[1:], len(points)], strict=True)]


def firing(detections: Sequence[Detection]) -> list[float]:
    """Return when (s) each that fires was known."""
    return [one.last_at.timestamp() for one in detections if one.status is DetectionStatus.FIRING]
