"""What an operator says about notices, as records: targets, routes, hours, ladders, storms; made by ``console/notice_shapes.py``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from schemas.windows import WindowRule


class Severity(StrEnum):
    """How much a notice matters, the least first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return its place, 0 for the least."""
        return list(Severity).index(self)


class Dialect(StrEnum):
    """How a channel reads what it is sent, and so what has to be taken out of a stranger's words."""

    PLAIN = "plain"
    SLACK = "slack"
    MARKDOWN = "markdown"
    HTML = "html"


# Slack's own, of both of its clouds.
REPLY_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
# Slack with buttons: an incoming webhook of the app, and its Web API by a bot's token. Apprise's ``slack://`` has none.
SLACK_HOOK, SLACK_APP = "slack-hook", "slack-app"
# The schemes of Apprise whose services read more than plain text; every other one is taken for Markdown, which mangles most.
DIALECTS: dict[str, Dialect] = {
    "slack": Dialect.SLACK,
    SLACK_HOOK: Dialect.SLACK,
    SLACK_APP: Dialect.SLACK,
    "json": Dialect.PLAIN,
    "jsons": Dialect.PLAIN,
    "xml": Dialect.PLAIN,
    "xmls": Dialect.PLAIN,
    "syslog": Dialect.PLAIN,
    "mailto": Dialect.HTML,
    "mailtos": Dialect.HTML,
    "tgram": Dialect.HTML,
    "matrix": Dialect.HTML,
    "matrixs": Dialect.HTML,
}


@dataclass(frozen=True, slots=True)
class NoticeTarget:
    """One Apprise URL under a name; ``url`` or the file that holds it. In its ``quiet`` hours only what is at least ``breaks`` comes."""

    name: str
    url: str = ""
    url_file: str = ""
    quiet: tuple[str, ...] = ()
    breaks: Severity = Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class Route:
    """What goes to whom: of ``teams``, ``environments`` and ``during`` each that is named narrows; none is everything."""

    name: str
    targets: tuple[str, ...]
    severity: Severity = Severity.WARNING
    teams: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    during: tuple[str, ...] = ()
    ladder: str = ""


@dataclass(frozen=True, slots=True)
class Rung:
    """Who is told next when nobody has acknowledged so many minutes after the first notice."""

    after_minutes: float
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs in their order."""

    name: str
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class StormRule:
    """So many notices a target in so many seconds; what is more waits for the window's end and comes as one summary."""

    window_s: float = 300.0
    most: int = 5

    @property
    def window(self) -> timedelta:
        """Return the window's length."""
        return timedelta(seconds=self.window_s)


@dataclass(frozen=True, slots=True)
class SlackRule:
    """Where the signing secret lies, which person of people.yaml a Slack user is, and on which hosts messages may be changed."""

    signing_secret_file: str = ""
    people: tuple[tuple[str, str], ...] = ()
    reply_hosts: tuple[str, ...] = REPLY_HOSTS


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """Everything that ``notices.yaml`` says; without a target nothing is sent. ``otherwise``: who is told when no route speaks."""

    targets: tuple[NoticeTarget, ...] = ()
    routes: tuple[Route, ...] = ()
    hours: tuple[WindowRule, ...] = ()
    ladders: tuple[Ladder, ...] = ()
    otherwise: tuple[str, ...] = ()
    storm: StormRule = StormRule()
    slack: SlackRule = SlackRule()
    base_url: str = ""

    def target(self, name: str) -> NoticeTarget | None:
        """Return the target of that name."""
        return next((row for row in self.targets if row.name == name), None)

    def ladder(self, name: str) -> Ladder | None:
        """Return the ladder of that name."""
        return next((row for row in self.ladders if row.name == name), None)

    def hours_named(self, names: tuple[str, ...]) -> tuple[WindowRule, ...]:
        """Return the hours of these names."""
        return tuple(row for row in self.hours if row.name in names)


def dialect_of(url: str) -> Dialect:
    """Return how the service behind an Apprise URL reads a text."""
    return DIALECTS.get(url.partition("://")[0].lower(), Dialect.MARKDOWN)
