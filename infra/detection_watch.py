"""Follows ``heal.detections`` in a thread of its own, so that a run hears when its failure fires again. Fits ``StreamPort``."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC, datetime

from confluent_kafka import Message

from infra.kafka import codec_of
from infra.topic_watch import TopicWatch, from_now
from schemas.attempts import Sight
from schemas.errors import UnreachableError
from schemas.incidents import Detection, DetectionStatus
from schemas.recoveries import Condition
from schemas.vocabulary import Kind

TOPIC = "heal.detections"
MOST_KEPT = 10_000
ANSWER_S = 10.0


class DetectionWatch:
    """When each kind of failure last fired on each target since this process began.

    The moment is that of the failure, or of its receipt when that is earlier: what is told late or twice is no news, and what is told of
    the future is no more than what is told now.
    """

    def __init__(self, brokers: str, answer_s: float = ANSWER_S) -> None:
        """Listen from now on: what is asked for lies within a run's verification; an answer takes so many seconds at most."""
        self._answer_s = answer_s
        self._codec = codec_of(brokers, [Detection])
        self._lock = threading.Lock()
        self._fired: OrderedDict[tuple[str, Kind], datetime] = OrderedDict()
        self._watch = TopicWatch(brokers, "detections", [from_now(TOPIC)], self._take)

    def start(self) -> None:
        """Begin to follow."""
        self._watch.start()

    def close(self) -> None:
        """Stop following."""
        self._watch.close()

    def fired(self, target: str, kind: Kind, since: datetime) -> Sight:
        """Tell whether the kind fired on the target since then, once all that was said by now has been heard."""
        if not self._has_caught_up():
            return Sight(target, Condition.UNREADABLE, f"{TOPIC} could not be heard to its end")
        with self._lock:
            at = self._fired.get((target, kind))
        if at is not None and at >= since:
            return Sight(target, Condition.ILL, f"{kind} fired again at {at.isoformat(timespec='milliseconds')}")
        return Sight(target, Condition.WELL)

    def _has_caught_up(self) -> bool:
        try:
            return self._watch.has_caught_up(self._answer_s)
        except UnreachableError:
            return False

    def _take(self, message: Message) -> None:
        value = message.value()
        record = self._codec.decode(value if isinstance(value, bytes) else None)
        if not isinstance(record, Detection):
            return
        at = min(datetime.now(tz=UTC), record.last_at)
        with self._lock:
            for kind in kinds_fired(record, record.target):
                self._fired[record.target, kind] = max(at, self._fired.get((record.target, kind), at))
                self._fired.move_to_end((record.target, kind))
            while len(self._fired) > MOST_KEPT:
                self._fired.popitem(last=False)


def kinds_fired(detection: Detection, target: str) -> frozenset[Kind]:
    """Return the kinds of failure that a detection tells of a target now; what a pattern in shadow hits counts for nothing."""
    if detection.status is not DetectionStatus.FIRING or detection.target != target:
        return frozenset()
    named = dict(detection.signals).get("kind", "")
    told = [Kind(named)] if named in Kind.__members__.values() else []
    return frozenset([*told, *(hit.kind for hit in detection.hits if not hit.shadow)])
