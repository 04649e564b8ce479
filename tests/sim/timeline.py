"""Virtual time: calls at moments, and tasks that wait, of which exactly one moves at any moment.

The executor's core waits as a thread does, so each task is a thread; but only the one that holds the baton moves. Who waits goes on
making the calls of the others until its own moment comes, and hands the baton over only when another task's moment is next. The order
follows from the moments alone, so the same seed gives the same run. Used by ``play.py``.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class CrashedError(BaseException):
    """The process of this task died here; nothing may catch it but the task's end."""


class Task:
    """One thread that moves only while it holds the baton; ``work`` is None for the main one."""

    def __init__(self, timeline: Timeline, work: Callable[[], None] | None) -> None:
        self._timeline = timeline
        self._work = work
        self._baton = threading.Lock()
        self._baton.acquire()
        self._thread = threading.Thread(target=self._run, daemon=True) if work else None
        self.is_over = False

    def take_baton(self) -> None:
        """Let this task move; the caller's thread must stop moving now."""
        if self._thread is not None and self._thread.ident is None:
            self._thread.start()
        else:
            self._baton.release()

    def await_baton(self) -> None:
        """Stop moving until somebody hands the baton over."""
        self._baton.acquire()

    def _run(self) -> None:
        timeline = self._timeline
        try:
            if self._work is not None and not timeline.is_closing:
                self._work()
        except CrashedError:
            pass
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            timeline.failure = error
        self.is_over = True
        timeline.go_on(None)


class Timeline:
    """The moments to come, and the task that moves now (None: a call does)."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.current: Task | None = None
        self.failure: BaseException | None = None
        self.is_closing = False
        self._numbers = count()
        self._moments: list[tuple[float, int, Task | Callable[[], None]]] = []
        self._tasks: list[Task] = []
        self._main = Task(self, None)

    @property
    def now(self) -> datetime:
        """Return the true time."""
        return moment(self.now_s)

    def at(self, second: float, what: Task | Callable[[], None]) -> None:
        """Call, or let a task go on, at a second from the start; what is at the same second keeps its order."""
        heapq.heappush(self._moments, (max(second, self.now_s), next(self._numbers), what))

    def begin(self, work: Callable[[], None]) -> Task:
        """Start a task now."""
        task = Task(self, work)
        self._tasks.append(task)
        self.at(self.now_s, task)
        return task

    def wait(self, seconds: float) -> None:
        """Let the task that moves wait."""
        task = self.current
        assert task is not None, "only a task waits"
        self.at(self.now_s + max(seconds, 0.001), task)
        self.go_on(task)
        if self.is_closing:
            raise CrashedError

    def run_until(self, second: float) -> None:
        """Make every call up to that second; called by the main thread."""
        self.at(second, self._main)
        self.go_on(self._main)
        if self.failure is not None:
            raise self.failure

    def go_on(self, me: Task | None) -> None:
        """Make calls until the moment of ``me``, or, for a task that is over, until another one takes the baton."""
        following = self._next_task()
        # Said before the baton goes: afterwards the other one moves.
        self.current = following if following is not self._main else None
        if following is not me:
            following.take_baton()
            if me is not None:
                me.await_baton()

    def _next_task(self) -> Task:
        while self.failure is None and not self.is_closing:
            self.now_s, _, what = heapq.heappop(self._moments)
            if isinstance(what, Task):
                if not what.is_over:
                    return what
                continue
            self.current = None
            try:
                what()
            except BaseException as error:  # noqa: BLE001 - the main thread raises it
                self.failure = error
        return self._main

    def close(self) -> None:
        """End every task that still waits, one after the other."""
        self.is_closing = True
        for task in self._tasks:
            if not task.is_over:
                task.take_baton()
                self._main.await_baton()
        self._moments.clear()


def moment(second: float) -> datetime:
    """Return the true time at a second from the start, in whole milliseconds."""
    return START + timedelta(milliseconds=round(second * 1000))
