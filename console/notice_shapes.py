"""The shapes of ``notices.yaml``: who is told of what, when and by which URL; turned into the records of ``console/notices/rules.py``."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from console.notices.rules import REPLY_HOSTS, Ladder, NoticeRules, NoticeTarget, Route, Rung, Severity, SlackRule, StormRule
from console.shape import Name, Shape
from console.window_shapes import WindowRow

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_PAGE = r"^(https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~/-]*)?)?$"
Names = Annotated[tuple[Name, ...], Field(max_length=100)]
Host = Annotated[str, Field(pattern=r"^[a-z0-9.-]+(:[0-9]{1,5})?$", max_length=253)]
Path = Annotated[str, Field(pattern=r"^/[^\x00-\x1f]*$|^$", max_length=1000)]


def _check_url(text: str) -> str:
    if text and not _URL.fullmatch(text):
        # The text is not shown: it may hold a secret.
        raise ValueError("this is no Apprise URL; write scheme://..., such as mailto://team@mail.example")
    return text


class NoticeTargetRow(Shape):
    """One Apprise URL under a name; one that holds a secret belongs into a file of mode 600 that ``url_file`` names."""

    name: Name
    url: Annotated[str, Field(max_length=2000), AfterValidator(_check_url)] = ""
    url_file: Path = ""
    quiet: Names = ()
    breaks: Severity = Severity.CRITICAL

    @model_validator(mode="after")
    def _has_one_url(self) -> Self:
        if bool(self.url) == bool(self.url_file):
            raise ValueError("give either url or url_file")
        return self

    def record(self) -> NoticeTarget:
        """Return the record."""
        return NoticeTarget(**self.model_dump())


class RouteRow(Shape):
    """What goes to whom."""

    name: Name
    targets: Annotated[Names, Field(min_length=1)]
    severity: Severity = Severity.WARNING
    teams: Names = ()
    environments: Names = ()
    during: Names = ()
    ladder: Annotated[str, Field(max_length=100)] = ""

    def record(self) -> Route:
        """Return the record."""
        return Route(**self.model_dump())


class RungRow(Shape):
    """Who is told after so many minutes without a word."""

    after_minutes: Annotated[float, Field(gt=0, le=7 * 24 * 60)]
    targets: Annotated[Names, Field(min_length=1)]


class LadderRow(Shape):
    """The rungs, each later than the one before."""

    name: Name
    rungs: Annotated[tuple[RungRow, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        minutes = [rung.after_minutes for rung in self.rungs]
        if minutes != sorted(set(minutes)):
            raise ValueError("each rung comes later than the one before it")
        return self

    def record(self) -> Ladder:
        """Return the record."""
        return Ladder(self.name, tuple(Rung(rung.after_minutes, rung.targets) for rung in self.rungs))


class StormRow(Shape):
    """How many notices a target gets one by one in a window."""

    window_s: Annotated[float, Field(ge=10, le=24 * 3600)] = 300.0
    most: Annotated[int, Field(ge=1, le=100)] = 5


class SlackRow(Shape):
    """Who a Slack user is, the file with the app's signing secret, and the hosts on which messages may be changed."""

    signing_secret_file: Annotated[Path, Field(min_length=1)]
    people: Annotated[dict[str, Name], Field(max_length=1000)] = Field(default_factory=dict)
    reply_hosts: Annotated[tuple[Host, ...], Field(min_length=1, max_length=10)] = REPLY_HOSTS

    def record(self) -> SlackRule:
        """Return the record."""
        return SlackRule(self.signing_secret_file, tuple(self.people.items()), self.reply_hosts)


class NoticesFile(Shape):
    """``notices.yaml``; without a target nobody is told."""

    targets: Annotated[tuple[NoticeTargetRow, ...], Field(max_length=100)] = ()
    routes: Annotated[tuple[RouteRow, ...], Field(max_length=200)] = ()
    hours: Annotated[tuple[WindowRow, ...], Field(max_length=100)] = ()
    ladders: Annotated[tuple[LadderRow, ...], Field(max_length=100)] = ()
    otherwise: Names = ()
    storm: StormRow = StormRow()
    slack: SlackRow | None = None
    base_url: Annotated[str, Field(pattern=_PAGE, max_length=500)] = ""

    def record(self) -> NoticeRules:
        """Return the record."""
        return NoticeRules(
            targets=tuple(row.record() for row in self.targets),
            routes=tuple(row.record() for row in self.routes),
            hours=tuple(row.record() for row in self.hours),
            ladders=tuple(row.record() for row in self.ladders),
            otherwise=self.otherwise,
            storm=StormRule(self.storm.window_s, self.storm.most),
            slack=self.slack.record() if self.slack else SlackRule(),
            base_url=self.base_url,
        )
