"""A custom pattern shadows until another person than its author lets that very wording act; a shipped one acts as it is shipped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from learning.patterns.loader import Catalogue
from learning.patterns.matcher import Matcher
from learning.patterns.reviewed import digest_of, in_force
from schemas.pattern_review import PatternReview, PatternState, counted_reviews, why_not_counted
from schemas.people import People, Person, Role
from schemas.signing import public_text, sign

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = {name: Ed25519PrivateKey.generate() for name in ("olga", "amir", "vera")}
ROLES = {"olga": Role.OPERATOR, "amir": Role.APPROVER, "vera": Role.VIEWER}
PEOPLE = People(tuple(Person(name, frozenset({role}), public_text(KEYS[name])) for name, role in ROLES.items()))


def word(by: str = "amir", author: str = "olga", state: PatternState = PatternState.ACTING, **other: object) -> PatternReview:
    review = PatternReview(str(other.pop("pattern", "mine")), "d", state, author, by, NOW, str(other.pop("backtest", "report")))
    return sign(replace(review, **other), KEYS[by])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("review", "why"),
    [
        (word(), None),
        (word(by="amir", author="amir"), "another person than its author"),
        (word(by="olga", author="amir"), "no right"),
        (word(author=""), "another person than its author"),
        (word(backtest=""), "only after a back-test"),
        (word(by="olga", state=PatternState.DISABLED, backtest=""), None),
        (word(by="vera", state=PatternState.DISABLED), "no right"),
        (replace(word(), digest="other"), "not signed"),
    ],
)
def test_a_word_on_a_pattern_counts_by_signature_right_and_author(review: PatternReview, why: str | None) -> None:
    found = why_not_counted(review, PEOPLE)
    assert found is None if why is None else why in str(found)


def test_of_several_counted_words_the_latest_holds() -> None:
    off = word(by="olga", state=PatternState.DISABLED, at=NOW + timedelta(hours=1))
    forged = replace(word(at=NOW + timedelta(hours=2)), author="nobody")
    assert counted_reviews((off, word(), forged), PEOPLE) == {"mine": off}


def test_a_shipped_pattern_acts_and_a_changed_or_own_one_shadows_until_its_wording_is_accepted(catalogue: Catalogue) -> None:
    first, second = catalogue.patterns[:2]
    changed = second.model_copy(update={"weight": 0.01})
    small = replace(catalogue, patterns=(first, changed))
    shipped = {first.id: first, second.id: second}

    alone = in_force(small, shipped, {})
    accepted = in_force(small, shipped, {second.id: word(pattern=second.id, digest=digest_of(changed))})
    stale = in_force(small, shipped, {second.id: word(pattern=second.id, digest=digest_of(second))})
    off = in_force(small, shipped, {first.id: word(pattern=first.id, state=PatternState.DISABLED)})

    assert alone.shadow == {second.id} == stale.shadow
    assert accepted.shadow == frozenset()
    assert len({alone.digest, accepted.digest, off.digest}) == 3
    assert [pattern.id for pattern in off.catalogue.patterns] == [second.id]


def test_what_shadows_is_matched_and_told_apart_and_pushes_out_nothing(catalogue: Catalogue) -> None:
    pattern = next(pattern for pattern in catalogue.patterns if len(pattern.expressions) == 1)
    small = replace(catalogue, patterns=(pattern,))
    text = pattern.examples[0].encode()
    acting, shadowing = Matcher(small).read(text), Matcher(small, shadow=frozenset({pattern.id})).read(text)
    assert acting.hits
    assert not acting.shadow
    assert shadowing.shadow == acting.hits
    assert not shadowing.hits
