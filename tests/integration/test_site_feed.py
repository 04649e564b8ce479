"""The page's read model follows real topics: it goes on where it was stopped, and built anew it says the same."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from console.site import views
from console.site.feed import Feed, rebuild
from console.site.tables import connect
from infra.kafka import deliver
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.ids import Record
from schemas.topics import ALL_RECORDS
from tests.support.front_door import until
from tests.support.many_incidents import whole_story

# A time at which no other test of this broker puts its incidents.
AT = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def send(broker: str, records: list[Record]) -> None:
    deliver(broker, records, Codec(ALL_RECORDS), 60.0)


def ours(path: Path) -> list[tuple[object, object]]:
    """Return target and state of this test's incidents, as the read model has them."""
    with closing(connect(path)) as base:
        return [(row["target"], row["state"]) for row in views.incidents(base, views.Filters(since=AT), 200).items]


def test_what_comes_while_it_runs_and_while_it_is_stopped_is_there_once_and_a_rebuild_says_the_same(broker: str, tmp_path: Path) -> None:
    create_topics(broker)
    followed, built, ends = tmp_path / "followed", tmp_path / "built", list[Exception]()
    send(broker, whole_story(1, AT))
    feed = Feed(broker, followed, ends.append)
    feed.start()
    until(lambda: ours(followed) == [("service:web-1", "healed")], "what was there before")
    send(broker, whole_story(2, AT))
    until(lambda: len(ours(followed)) == 2, "what came while it ran")
    feed.close()
    send(broker, whole_story(3, AT)[:2])

    feed = Feed(broker, followed, ends.append)
    feed.start()
    until(lambda: len(ours(followed)) == 3, "what came while it was stopped")
    send(broker, whole_story(3, AT)[2:])
    until(lambda: ("service:web-3", "escalated") in ours(followed), "how the third ended")
    rebuild(broker, built)
    # Under a page that follows: both read, nothing is there twice or missing.
    with closing(connect(followed)) as base:
        base.execute("DELETE FROM incidents")
    rebuild(broker, followed)
    send(broker, whole_story(5, AT)[:2])
    until(lambda: len(ours(followed)) == 4, "what came after it was built anew")
    feed.close()
    rebuild(broker, built)

    ended = {("service:web-1", "healed"), ("service:web-2", "healed"), ("service:web-3", "escalated")}
    assert sorted(ours(built)) == sorted(ours(followed))
    assert len(ours(built)) == 4
    assert ended < set(ours(built))
    assert ends == []


def test_a_read_model_of_topics_that_were_made_anew_is_thrown_away(broker: str, tmp_path: Path) -> None:
    create_topics(broker)
    path, ends = tmp_path / "other", list[Exception]()
    with closing(connect(path)) as base:
        base.execute("INSERT INTO offsets VALUES ('heal.incidents', 0, 1000000000)")
        base.execute(
            'INSERT INTO incidents (id, target, opened, line) VALUES (\'gone\', \'x\', ?, \'{"target":"x","state":"y"}\')', (2**60,)
        )
    send(broker, whole_story(4, AT))

    feed = Feed(broker, path, ends.append)
    feed.start()
    until(lambda: ("service:web-4", "rolled_back") in ours(path) and ("x", "y") not in ours(path), "only what the topics hold")
    feed.close()
    assert ends == []
