"""Slack with buttons as a place to put a letter: an incoming webhook of the app, or its Web API; used by ``console/notify.py``.

Apprise sends texts only, so ``slack-hook://`` and ``slack-app://`` go this way, and its own ``slack://`` stays without buttons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import structlog

from console.notices.letters import Letter
from console.notices.rules import SLACK_APP, SLACK_HOOK
from console.notices.slack_blocks import message_of
from console.post import Box
from infra.adapters.slack_calls import call_slack
from schemas.errors import ConfigurationError, HealstreamError

log = structlog.get_logger("slack")
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_MEND = "Write slack-hook://HOST/PATH of an incoming webhook, or slack-app://TOKEN@slack.com/CHANNEL"


@dataclass(frozen=True, slots=True)
class SlackPlace:
    """Where a message is sent: a webhook's URL, or the Web API's with a token and a channel."""

    url: str
    token: str = ""
    channel: str = ""

    def document(self, message: Mapping[str, object]) -> Mapping[str, object]:
        """Return the message as this place takes it."""
        return {"channel": self.channel, **message} if self.channel else message


def slack_place(text: str) -> SlackPlace:
    """Return the place that a target's URL means; raises ConfigurationError that shows nothing of it, for it holds a secret."""
    try:
        parts = urlsplit(text)
        # Anything but this machine is asked by TLS only.
        scheme = "http" if parts.hostname in _LOOPBACK and parts.port else "https"
    except ValueError as error:
        raise ConfigurationError("URL of Slack", "it is no URL", _MEND) from error
    host, path = parts.netloc.rpartition("@")[2], parts.path.strip("/")
    if parts.scheme == SLACK_HOOK and host and path and "@" not in parts.netloc:
        return SlackPlace(f"{scheme}://{host}/{path}")
    if parts.scheme == SLACK_APP and host and path and parts.username and "/" not in path:
        return SlackPlace(f"{scheme}://{host}/api/chat.postMessage", unquote(parts.username), unquote(path))
    raise ConfigurationError("URL of Slack", "a part of it is missing", _MEND)


@dataclass(frozen=True, slots=True)
class SlackBox:
    """One place in Slack; URL and signing secret are asked for before each message, so that a file may change."""

    url: Callable[[], str]
    secret: Callable[[], str]

    def put(self, letter: Letter, form: str) -> str:
        """Send one letter; return why it was not taken, empty when it was."""
        del form
        try:
            place = slack_place(self.url())
        except OSError as error:
            return f"its URL's file cannot be read: {error.strerror}"
        except HealstreamError as error:
            return str(error)
        return call_slack(place.url, place.document(message_of(letter, self._secret_now())), place.token).why

    def _secret_now(self) -> str:
        try:
            return self.secret()
        except HealstreamError as error:
            # The people are told all the same, and answer by the commands in the text.
            log.warning("no buttons", why=str(error), next="the message goes without; mend `slack` in notices.yaml")
            return ""


@dataclass(frozen=True, slots=True)
class ByScheme:
    """Takes Slack's box for the schemes with buttons; asked each time, for a file may hold another URL by then."""

    url: Callable[[], str]
    by_slack: Box
    by_apprise: Box

    def put(self, letter: Letter, form: str) -> str:
        """Send one letter by the box that its URL belongs to."""
        try:
            scheme = self.url().partition("://")[0].lower()
        except (OSError, UnicodeDecodeError, HealstreamError) as error:
            return f"its URL cannot be read: {type(error).__name__}"
        return (self.by_slack if scheme in {SLACK_HOOK, SLACK_APP} else self.by_apprise).put(letter, form)
