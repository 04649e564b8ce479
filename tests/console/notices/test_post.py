"""Letters under way: each box on its own, nothing sent before its transaction is committed, nothing twice, whatever the desk is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest

from console.home import Home
from console.notices.desk import NoticeDesk
from console.notices.letters import Letter
from console.notices.rules import Dialect, NoticeTarget
from console.notify import Closing, Courier
from console.post import Box, Post, dialect_for, url_of
from console.system import NOTIFIER, WORKERS, workers_of
from schemas.errors import DeniedError
from tests.console.notices.test_desk import INCIDENT, NOW, PLACE, again, incidents, rules

LIMIT_S = 60.0


class FakeBox:
    """A box that answers when it is told to, as often as it was asked."""

    def __init__(self) -> None:
        self.asked: SimpleQueue[str] = SimpleQueue()
        self.answers: SimpleQueue[str] = SimpleQueue()

    def put(self, letter: Letter, form: str) -> str:
        self.asked.put(f"{form} {letter.severity} {letter.body.splitlines()[0]} {letter.title}")
        answer = self.answers.get(timeout=LIMIT_S)
        if answer == "broken":
            message = "a plug-in broke"
            raise RuntimeError(message)
        return answer


@pytest.fixture
def boxes() -> Iterator[dict[str, FakeBox]]:
    found = {"ops": FakeBox(), "lead": FakeBox()}
    yield found
    for box in found.values():
        for _ in range(10):
            box.answers.put("")


def post_with(boxes: dict[str, FakeBox]) -> Post:
    def box_for(target: NoticeTarget) -> Box:
        return boxes[target.name]

    return Post(box_for)


def settle(post: Post, courier: Courier, now: datetime) -> None:
    """Let ticks pass until what was under way is done."""
    stop = threading.Event()
    for _ in range(6000):
        courier.on_tick(now)
        if post.is_idle:
            return
        stop.wait(0.01)
    raise AssertionError("it never ends")


def test_nothing_is_sent_before_the_transaction_that_holds_it_and_each_letter_once(boxes: dict[str, FakeBox]) -> None:
    post, closing = post_with(boxes), Closing(threading.Event())
    courier = Courier(NoticeDesk({}, rules()), post, closing)
    courier.on_event(INCIDENT, PLACE, NOW)
    courier.on_tick(NOW)
    # The loop commits now: the letter is in what it writes, and not under way.
    assert [name for name in courier.take_changes() if name.startswith("letter/")]
    assert post.is_idle

    courier.on_tick(NOW)
    courier.on_tick(NOW)
    assert boxes["ops"].asked.get(timeout=LIMIT_S) == "text info service down on service:web. [info] opened: service:web"
    # A desk that begins anew while the letter is under way does not send it beside.
    later = Courier(again(courier.desk), post, closing)
    later.on_tick(NOW)
    boxes["ops"].answers.put("")
    settle(post, later, NOW)
    assert later.desk.outbox.ready(NOW + timedelta(days=1)) == ()
    assert boxes["ops"].asked.empty()


@pytest.mark.parametrize("answer", ["the service did not take it", "broken"])
def test_what_a_channel_refuses_or_breaks_over_is_kept_and_sent_again(boxes: dict[str, FakeBox], answer: str) -> None:
    post = post_with(boxes)
    courier = Courier(NoticeDesk({}, rules()), post, Closing(threading.Event()))
    courier.on_event(INCIDENT, PLACE, NOW)
    courier.on_tick(NOW)
    boxes["ops"].answers.put(answer)
    settle_after_sending(post, courier, NOW)
    [letter] = courier.desk.outbox.ready(NOW + timedelta(minutes=1))
    assert letter.tries == 1
    boxes["ops"].answers.put("")
    settle_after_sending(post, courier, NOW + timedelta(minutes=1))
    assert courier.desk.outbox.ready(NOW + timedelta(days=1)) == ()


def settle_after_sending(post: Post, courier: Courier, now: datetime) -> None:
    courier.on_tick(now)
    settle(post, courier, now)


def test_a_box_that_hangs_holds_up_its_own_letters_only(boxes: dict[str, FakeBox]) -> None:
    post = post_with(boxes)
    [made, *_] = incidents(1)
    desk = NoticeDesk({}, rules())
    desk.on_event(made, PLACE, NOW)
    desk.on_tick(NOW)
    [letter] = desk.outbox.ready(NOW)
    post.offer(letter, NoticeTarget("ops", "x://"), Dialect.PLAIN)
    other = Letter("other", "lead", *(getattr(letter, name) for name in Letter.__slots__[2:]))
    boxes["lead"].answers.put("")
    post.offer(other, NoticeTarget("lead", "y://"), Dialect.HTML)
    done = []
    for _ in range(6000):
        done += post.results()
        if done:
            break
        threading.Event().wait(0.01)
    assert [one.letter.key for one in done] == ["other"]
    assert not post.is_idle


def test_at_the_end_what_is_under_way_is_noted_and_nothing_new_is_sent(boxes: dict[str, FakeBox]) -> None:
    stop = threading.Event()
    post, closing = post_with(boxes), Closing(stop)
    courier = Courier(NoticeDesk({}, rules()), post, closing)
    courier.on_event(INCIDENT, PLACE, NOW)
    courier.on_tick(NOW)
    closing.is_asked = True
    courier.on_tick(NOW)
    assert stop.is_set()
    assert boxes["ops"].asked.empty()
    assert len(courier.desk.outbox.ready(NOW)) == 1


def test_a_url_is_read_from_a_file_of_mode_600_only(tmp_path: Path) -> None:
    file = tmp_path / "url"
    target = NoticeTarget("ops", url_file=str(file))
    assert dialect_for(target) is Dialect.MARKDOWN
    file.write_text("slack://a/b/c\n")
    file.chmod(0o644)
    with pytest.raises(DeniedError, match="chmod 600"):
        url_of(target)
    file.chmod(0o600)
    assert url_of(target) == "slack://a/b/c"
    assert dialect_for(target) is Dialect.SLACK


@pytest.mark.parametrize("notices", ["", "targets: [{name: ops, url: 'json://127.0.0.1'}]\notherwise: [ops]\n"], ids=["programs", "people"])
def test_the_process_that_tells_is_started_only_where_somebody_is_to_be_told(notices: str, tmp_path: Path) -> None:
    home = Home("demo", tmp_path / "state", tmp_path / "config")
    home.config.mkdir()
    (home.config / "healstream.yaml").write_text("")
    assert workers_of(home) == WORKERS
    (home.config / "notices.yaml").write_text(notices)
    assert workers_of(home) == (*WORKERS, NOTIFIER)
