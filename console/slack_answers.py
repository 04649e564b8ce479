"""From a button pressed in Slack to the same signed word as ``approval approve|deny`` and ``incident ack`` say; for ``slack_routes.py``.

Slack vouches for its user, `notices.yaml` says which person that is, and the word is signed with that person's key on this machine: people
without one here say it themselves. What is asked of people stands in the read model; admit checks the word again like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from console.approving import answered
from console.brake_words import acknowledgement_of
from console.configuration import load_notices, load_people, load_services
from console.home import Home
from console.notices.markup import neutral
from console.notices.rules import Dialect, SlackRule
from console.notices.slack import Answer, Press, answer_in, require_slack
from console.readmodel import IncidentView, Pending, ReadModel
from console.words import Speaker, speaker_in
from schemas.authorization import Matter
from schemas.control_words import why_not_counted
from schemas.errors import ConfigurationError, DeniedError, NotFoundError
from schemas.ids import id_of
from schemas.lifecycle import Life
from schemas.matters import matter_of
from schemas.oversight import Control
from schemas.people import People
from schemas.services import Services

_WHAT = "Slack's answer"
_LIST = "List what waits with `healstream approval list`"


@dataclass(frozen=True, slots=True)
class Said:
    """A person's signed word, the line that tells of it, and which buttons still count after it."""

    word: Control
    line: str
    left: tuple[Press, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer beside what is known of its incident, and a number of its own for the word that it may become."""

    answer: Answer
    model: ReadModel
    now: datetime
    nonce: str

    @property
    def incident_id(self) -> str:
        """The incident that the button was about."""
        return self.answer.asked.incident_id

    @property
    def view(self) -> IncidentView:
        """What is known of the incident; raises NotFoundError."""
        found = self.model.incidents.get(self.incident_id)
        if found is None:
            raise NotFoundError(_WHAT, "this copy knows no such incident", _LIST)
        return found

    def waiting(self) -> Pending:
        """Return what waits for exactly this answer; raises NotFoundError that says how it ended, or DeniedError for another plan."""
        found = next((row for row in self.model.pending(self.now) if row.decision_id == self.answer.asked.decision_id), None)
        if found is None:
            raise NotFoundError(_WHAT, f"nobody is asked any more: {_how_it_ended(self)}", _LIST)
        if found.plan_hash != self.answer.asked.plan_hash:
            raise DeniedError(_WHAT, "the plan has changed since the message", "Look at it: `healstream approval list`")
        return found


def _how_it_ended(heard: Heard) -> str:
    decision = next((one for one in heard.view.decisions if id_of(one) == heard.answer.asked.decision_id), None)
    life = heard.view.life()
    if decision is not None and life is Life.QUEUED and decision.expires_at <= heard.now:
        return f"it expired at {decision.expires_at:%Y-%m-%d %H:%M} UTC"
    return f"the incident is {life.value.replace('_', ' ')}"


@dataclass(frozen=True, slots=True)
class SlackDoor:
    """Who may answer by a button; ``keys`` is the folder with the keys of the people of this machine."""

    rule: SlackRule
    secret: str
    people: People
    services: Services
    keys: Path

    def answer(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[str, Answer]:
        """Return a request's signature and what it says; raises DeniedError or UsageError for what is not Slack's own and fresh."""
        return require_slack(headers, body, self.secret, now), answer_in(body, self.secret)

    def said(self, heard: Heard) -> Said:
        """Return what a person says by an answer; raises DeniedError for who may not, NotFoundError for what is not asked any more."""
        name = dict(self.rule.people).get(heard.answer.user)
        if name is None:
            raise DeniedError(_WHAT, "notices.yaml knows no such Slack user", "List the user under `slack: people`")
        speaker = speaker_in(self.keys, name)
        said = self._acknowledged(heard, speaker) if heard.answer.press is Press.ACK else self._decided(heard, speaker)
        why = why_not_counted(said.word, self.people, self._matter(heard.view))
        if why:
            raise DeniedError(_WHAT, why, "Ask somebody whom policy/*.cedar allows it")
        return said

    def _acknowledged(self, heard: Heard, speaker: Speaker) -> Said:
        word = acknowledgement_of(heard.incident_id, "in Slack", speaker, heard.now)
        # Whoever looks after it may still have to be answered by somebody.
        is_asked = any(row.decision_id == heard.answer.asked.decision_id for row in heard.model.pending(heard.now))
        left = (Press.YES, Press.NO) if is_asked else ()
        return Said(word, f"{speaker.name} looks after {_shown(heard.view.incident.target)}.", left)

    def _decided(self, heard: Heard, speaker: Speaker) -> Said:
        row, is_yes = heard.waiting(), heard.answer.press is Press.YES
        before = row.given(self.people, heard.now)
        if is_yes and speaker.name in before:
            raise DeniedError(speaker.name, "you have said yes already; this takes another person beside you", _LIST)
        word = answered(row, speaker, self.people, heard.now, heard.nonce, approve=is_yes)
        about = f"{_shown(row.decision.strategy.replace('_', ' '))} on {_shown(row.decision.target)}"
        if not is_yes:
            return Said(word, f"{speaker.name} denies {about}.", ())
        missing = row.decision.approvals_required - len(before) - 1
        if missing > 0:
            return Said(word, f"{speaker.name} approves {about}; {missing} more must say yes.", tuple(Press))
        return Said(word, f"{speaker.name} approves {about}.", ())

    def _matter(self, view: IncidentView) -> Matter:
        if not view.decisions:
            return matter_of(view.incident.target, self.services)
        decision = view.decisions[-1]
        return matter_of(decision.target, self.services, decision.tier, decision.strategy)


def _shown(text: str) -> str:
    return neutral(text, Dialect.SLACK)


def door_at(home: Home) -> SlackDoor:
    """Return the door as the configuration folder says now; raises ConfigurationError, or DeniedError where Slack is not spoken of."""
    notices = load_notices(home.config)
    if not notices.slack.signing_secret_file:
        raise DeniedError(_WHAT, "notices.yaml says nothing of Slack", "Add `slack` to it, or take the buttons' address out of Slack")
    return SlackDoor(notices.slack, secret_in(notices.slack), load_people(home.config), load_services(home.config), home.people)


def secret_at(config: Path) -> str:
    """Return the signing secret that a folder names, empty where it names none; raises ConfigurationError."""
    rule = load_notices(config).slack
    return secret_in(rule) if rule.signing_secret_file else ""


def secret_in(rule: SlackRule) -> str:
    """Return the signing secret; raises ConfigurationError for a file that cannot be read, or that others may read."""
    path = Path(rule.signing_secret_file)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"signing secret {path}", "others may read it", f"Run `chmod 600 {path}`")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"signing secret {path}", str(error), "Put Slack's signing secret of the app into the file") from error
