"""From a button pressed in Slack to the same signed word as `healstream approval approve|deny`; for the gateway's `/slack/answers`.

Slack vouches for its user, `notices.yaml` says which person that is, and the word is signed with that person's key on this machine: people
without one here say it themselves. Admit checks the word again like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from console.approving import answered, pending_named
from console.notices.rules import SlackRule
from console.notices.slack import answer_in, require_slack
from console.readmodel import Pending
from console.words import speaker_in
from schemas.errors import ConfigurationError, DeniedError
from schemas.oversight import Control
from schemas.people import People


@dataclass(frozen=True, slots=True)
class SlackDoor:
    """Who may answer by a button; ``keys`` is the folder with the keys of the people of this machine."""

    rule: SlackRule
    secret: str
    people: People
    keys: Path

    def word_in(self, headers: Mapping[str, str], body: bytes, waiting: Sequence[Pending], now: datetime, nonce: str) -> Control:
        """Return the signed yes or no in a request; raises DeniedError, UsageError or NotFoundError with what is wrong."""
        require_slack(headers, body, self.secret, now)
        answer = answer_in(body)
        name = dict(self.rule.people).get(answer.user)
        if name is None:
            raise DeniedError("Slack's answer", "notices.yaml knows no such Slack user", "List the user under `slack: people`")
        row = pending_named(waiting, answer.decision_id)
        if row.plan_hash != answer.plan_hash:
            raise DeniedError("Slack's answer", "the plan has changed since the message", "Look at it: `healstream approval list`")
        return answered(row, speaker_in(self.keys, name), self.people, now, nonce, approve=answer.is_yes)


def secret_in(rule: SlackRule) -> str:
    """Return the signing secret; raises ConfigurationError for a file that cannot be read, or that others may read."""
    path = Path(rule.signing_secret_file)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"signing secret {path}", "others may read it", f"Run `chmod 600 {path}`")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"signing secret {path}", str(error), "Put Slack's signing secret of the app into the file") from error
