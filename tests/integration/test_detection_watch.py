"""Streams on a real broker as others hear them: detections by an executor while it verifies, pushes by the prober."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from infra.broker.server import free_ports
from infra.detection_watch import DetectionWatch
from infra.kafka import deliver
from infra.push_watch import PushWatch
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.events import PUSHED, WorkflowFinished
from schemas.incidents import Detection, DetectionStatus
from schemas.partitioning import partition_of
from schemas.recoveries import Condition
from schemas.topics import BY_NAME, key_of
from schemas.vocabulary import Kind, Result
from tests.support.executor_world import wait_for

TARGET = "service:web"


def detection(number: int, status: DetectionStatus = DetectionStatus.FIRING, target: str = TARGET) -> Detection:
    at = datetime.now(tz=UTC) + timedelta(seconds=number)
    return Detection(status, target, target, f"health-{number}", True, at, at, "critical", (), signals=(("kind", "service_down"),))


def test_what_fires_is_heard_before_the_answer_and_what_fired_earlier_is_not_held_against_anybody(broker: str) -> None:
    create_topics(broker)
    codec = Codec([Detection])
    deliver(broker, [detection(1)], codec, 60)
    watch = DetectionWatch(broker)
    watch.start()
    began = datetime.now(tz=UTC)
    try:
        # What was said before this process listened is no news.
        assert wait_for(lambda: watch.fired(TARGET, Kind.SERVICE_DOWN, began).condition is Condition.WELL, 60)
        deliver(broker, [detection(2, DetectionStatus.RESOLVED), detection(3, target="service:db"), detection(4)], codec, 60)
        # The answer waits until everything that was said by now has been heard.
        assert watch.fired(TARGET, Kind.SERVICE_DOWN, began).condition is Condition.ILL
        assert watch.fired(TARGET, Kind.CONFIG_DRIFT, began).condition is Condition.WELL
        assert watch.fired(TARGET, Kind.SERVICE_DOWN, datetime.now(tz=UTC)).condition is Condition.WELL
        assert watch.fired("service:db", Kind.SERVICE_DOWN, began).condition is Condition.ILL
        # What is told late, or of the future, holds nothing up.
        deliver(broker, [detection(-3600, target="service:api"), detection(3600, target="service:web")], codec, 60)
        assert watch.fired("service:api", Kind.SERVICE_DOWN, began).condition is Condition.WELL
        assert watch.fired(TARGET, Kind.SERVICE_DOWN, datetime.now(tz=UTC)).condition is Condition.WELL
    finally:
        watch.close()


def test_a_stream_that_cannot_be_reached_is_not_silent() -> None:
    watch = DetectionWatch(f"127.0.0.1:{free_ports(1)[0]}", answer_s=0.3)
    watch.start()
    try:
        sight = watch.fired(TARGET, Kind.SERVICE_DOWN, datetime.now(tz=UTC))
        assert (sight.condition, sight.detail) == (Condition.UNREADABLE, "heal.detections could not be heard to its end")
    finally:
        watch.close()


def finished(workflow: str, number: int) -> WorkflowFinished:
    place = ("github", "acme/shop", f"{workflow}-{number}", 1, workflow, "c" * 40, "main", "push")
    return WorkflowFinished(*place, Result.SKIP, datetime.now(tz=UTC))


def test_pushes_are_heard_in_every_partition_and_what_else_is_said_there_is_not(broker: str) -> None:
    create_topics(broker)
    codec, heard, sent = Codec([WorkflowFinished]), list[WorkflowFinished](), list[WorkflowFinished]()
    watch = PushWatch(broker)
    watch.start()

    def is_heard() -> bool:
        # From when on it hears nobody says: more is sent until something has come of every partition.
        rows = [finished(word, len(sent) + number) for number in range(20) for word in (PUSHED, "ci")]
        sent.extend(row for row in rows if row.workflow == PUSHED)
        deliver(broker, rows, codec, 60)
        heard.extend(watch.heard())
        count = BY_NAME["ci.events"].partitions
        return len({partition_of(key_of(row).encode(), count) for row in heard}) == count

    try:
        assert wait_for(is_heard, 60)
    finally:
        watch.close()
    assert {row.workflow for row in heard} == {PUSHED}
    assert {row.run_id for row in heard} <= {row.run_id for row in sent}
