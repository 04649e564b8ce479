"""A pattern that makes another one silent in the whole set is found out by that one's own examples."""

from __future__ import annotations

from learning.backtest import Budget, back_test
from learning.classification import Recognizer
from learning.patterns.loader import catalogue_of
from learning.patterns.matcher import Matcher
from learning.patterns.model import Pattern
from learning.silenced import silenced_in
from learning.stored_logs import StoredLog
from schemas.vocabulary import Kind, Result

_GREEN = StoredLog("green", "tool", "family", "none", "fault", Kind.SUCCESS, Result.SUCCESS, "plain", "12 passed in 0.4s\n")


def pattern(name: str, expression: str, *examples: str) -> Pattern:
    return Pattern(
        id=name,
        kind=Kind.ENVIRONMENT_CONFIG,
        title="A pattern of our own",
        expressions=(expression,),
        weight=0.9,
        examples=examples,
        counter_examples=("nothing", "of it"),
        source="written here",
        since="0.2",
    )


FLUX = pattern("flux", r"out of phase", "the flux is out of phase", "a flux out of phase")
SPROCKET = pattern("sprocket", r"sprocket \d+ is loose", "sprocket 7 is loose", "sprocket 12 is loose")
# What a set that loses its second example looks like from outside: the text stands there, and no hit does.
LOST = SPROCKET.model_copy(update={"examples": ("sprocket 7 is loose", "sprocket twelve is loose")})


def test_a_set_that_finds_every_example_silences_none() -> None:
    """Given patterns that do not hinder each other, then none is silent."""
    assert silenced_in(Matcher(catalogue_of((FLUX, SPROCKET), ()))) == ()


def test_a_pattern_that_its_own_example_no_longer_brings_up_is_silent() -> None:
    """Given a set that misses one example of a pattern, then that pattern is silent, unless it is the one that is tried."""
    together = Matcher(catalogue_of((FLUX, LOST), ()))
    assert silenced_in(together) == ("sprocket",)
    assert silenced_in(together, besides="sprocket") == ()


def test_a_pattern_in_shadow_is_heard_too() -> None:
    """Given a set in which one only shadows, then what it finds there counts."""
    assert silenced_in(Matcher(catalogue_of((FLUX, SPROCKET), ()), shadow=frozenset({"sprocket"}))) == ()


def test_a_back_test_refuses_what_silences_another(recognizer: Recognizer) -> None:
    """Given the whole set in which another pattern is silent, then the pattern is refused and the other one is named."""
    report = back_test(FLUX, (_GREEN,), recognizer, Budget(0.0, 0), Matcher(catalogue_of((FLUX, LOST), ())))
    assert report.silenced == ("sprocket",)
    assert [why for why in report.refused if "silences sprocket" in why]
    assert back_test(FLUX, (_GREEN,), recognizer, Budget(0.0, 0)).refused == ()
