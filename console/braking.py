"""A person's word on the brakes, one way for the command line and the page: freezes, breakers and levels, from rights to the signed word.

Each function checks everything that the judge of the word will check again, and returns the word; who calls it says it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from console.brake_words import FreezeView, freeze_named, freeze_of, lifted_of, reset_of
from console.configuration import load_people, load_policy, load_services
from console.home import Home
from console.rollout_words import Standing, rollout_word
from console.window_checks import is_known
from console.words import Speaker, require_right, speaker_in
from schemas.control_words import why_not_counted
from schemas.errors import ConfigurationError, DeniedError, UsageError
from schemas.oversight import Control, Freeze, RolloutLevel
from schemas.people import People, Right

_WORD = re.compile(r"fleet|[a-z]+:\S.{0,298}")
_LONGEST = timedelta(days=30)


def why_unchecked(place: Home, target: str) -> str:
    """Return why a target could not be looked up, empty when it is known; raises UsageError for one that is nothing or nobody's."""
    if _WORD.fullmatch(target) is None:
        raise UsageError(target, "this is no target", "Write service:NAME, group:NAME, team:NAME, environment:NAME or fleet")
    try:
        services = load_services(place.config)
    except ConfigurationError as error:
        # Mistakes in a file must not keep anybody from leaving a target alone.
        return f"services.yaml has mistakes, so {target} was not looked up in it: {error.why}"
    if not is_known(target, services):
        raise UsageError(target, "services.yaml has nothing of that name, so this would hold nothing", "See `healstream config view`")
    return ""


def frozen(place: Home, who: str, name: str, freeze: Freeze, now: datetime) -> Control:
    """Return the word that leaves a target alone for a time; raises UsageError or DeniedError."""
    speaker, people = _speaker(place, who)
    if freeze.until <= max(now, freeze.from_at) or freeze.until - freeze.from_at > _LONGEST:
        raise UsageError("--for", "a freeze ends in the future and lasts 30 days at most", "Write a window into policy/ for more")
    return _counted(freeze_of(name, freeze, speaker, now), people)


def lifted(place: Home, who: str, views: Sequence[FreezeView], name: str, now: datetime) -> tuple[FreezeView, Control]:
    """Return the freeze that begins so and the word that ends it now; raises NotFoundError or DeniedError."""
    speaker, people = _speaker(place, who)
    view = freeze_named(views, name)
    return view, _counted(lifted_of(view, speaker, now), people)


def closed(place: Home, who: str, circuit: str, reason: str, now: datetime) -> Control:
    """Return the word that what opened a breaker is mended; raises DeniedError."""
    speaker, people = _speaker(place, who)
    return _counted(reset_of(circuit, reason, speaker, now), people)


def levelled(place: Home, who: str, standing: Standing, level: RolloutLevel, now: datetime) -> Control:
    """Return the word on how far a strategy may go; raises DeniedError when decide would refuse it."""
    return rollout_word(standing, level, speaker_in(place.people, who), load_people(place.config), load_policy(place.config).oversight, now)


def _speaker(place: Home, who: str) -> tuple[Speaker, People]:
    speaker, people = speaker_in(place.people, who), load_people(place.config)
    require_right(people, speaker, Right.OVERRIDE)
    return speaker, people


def _counted(word: Control, people: People) -> Control:
    why = why_not_counted(word, people)
    if why:
        raise DeniedError(word.by, why, "Ask somebody whom policy/*.cedar allows it")
    return word
