"""From ripe templates to a draft: the pattern that they would make, the kind that it looks like, and what its back-test says.

``streams/proposals.py`` asks when an unexplained failure was seen often enough; nothing here decides or acts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from learning.backtest import BackTest, Budget, back_test
from learning.classification import Recognizer
from learning.masking import NUMBER, is_kept
from learning.neighbours import Neighbourhood, Suggestion
from learning.patterns.confirm import matches
from learning.patterns.model import Pattern
from learning.proposed_expression import Expression, expression_of
from learning.stored_logs import StoredLog
from learning.structure import speaks_of_error
from learning.templates import Template
from schemas.ids import content_id
from schemas.vocabulary import Kind

# The kind of a draft that nothing known is near: a failure of the change itself, which no recipe ever heals.
STAND_IN = Kind.BUILD_CONFIG_ERROR
_WEIGHT = 0.8
_SINCE = "1.0"
_TITLE_LETTERS = 120
_NAME_WORDS = 3
_NAME_LETTERS = 40


@dataclass(frozen=True, slots=True)
class Draft:
    """A pattern that could be proposed; ``refused`` says why its back-test speaks against it, empty when nothing does."""

    template: Template
    pattern: Pattern
    suggestion: Suggestion
    report: BackTest
    refused: tuple[str, ...]

    def text(self) -> str:
        """Return the pattern as the JSON text that a pattern file would hold."""
        return json.dumps(self.pattern.model_dump(mode="json", exclude_defaults=True), sort_keys=True)


class Proposer:
    """Makes drafts; what it rests on is read when it is first asked, because most processes never ask."""

    def __init__(self, recognizer: Callable[[], Recognizer], logs: Callable[[], Sequence[StoredLog]], budget: Budget) -> None:
        """Read nothing yet; ``budget`` is what a draft may do wrong in its back-test."""
        self._recognizer, self._logs, self._budget = recognizer, logs, budget
        self._around: Neighbourhood | None = None
        self._stored: Sequence[StoredLog] = ()

    def draft(self, ripe: Sequence[Template], known: Collection[str]) -> Draft | None:
        """Return the draft of the most telling template whose pattern is not ``known`` by its id; None when there is none."""
        recognizer = self._recognizer()
        taken = {*known, *recognizer.matcher.catalogue.by_id()}
        for template, expression in sorted(_expressions(ripe), key=_worth, reverse=True):
            name = name_of(expression)
            if name in taken:
                continue
            self._around = self._around or Neighbourhood(recognizer.matcher.catalogue.patterns)
            suggestion = self._around.suggest([_said(template)])
            pattern = pattern_of(template, expression, suggestion.kind or STAND_IN)
            if pattern is None:
                continue
            self._stored = self._stored or self._logs()
            report = back_test(pattern, self._stored, recognizer, self._budget)
            return Draft(template, pattern, suggestion, report, tuple(_refusals(report)))
        return None


def name_of(expression: Expression) -> str:
    """Return the id of the pattern of an expression: some of its words, and a digest of all of it."""
    words = [re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in expression.words]
    told = "-".join([word for word in words if word][:_NAME_WORDS])[:_NAME_LETTERS].strip("-")
    return "-".join(part for part in ("proposed", told, content_id("Expression", expression.text)[:8]) if part)


def pattern_of(template: Template, expression: Expression, kind: Kind) -> Pattern | None:
    """Return the checked pattern; None when it would not load, or not match its own evidence and only that."""
    lines = tuple(example.text for example in template.examples)
    try:
        made = Pattern(
            id=name_of(expression),
            kind=kind,
            title=f"Proposed: {' '.join(expression.words)}"[:_TITLE_LETTERS],
            expressions=(expression.text,),
            weight=_WEIGHT,
            examples=(*dict.fromkeys(lines), *lines[:1])[: max(len(set(lines)), 2)],
            counter_examples=tuple(_near_misses(expression.matched[0])),
            source=f"mined from {template.runs} runs of {len(template.sources)} repositories",
            since=_SINCE,
        )
    except ValidationError:
        # What strangers wrote may make an expression that is refused, as any other is: then nothing is proposed.
        return None
    fits = all(matches(made, line) for line in lines) and not any(matches(made, line) for line in made.counter_examples)
    return made if fits else None


def _said(template: Template) -> str:
    """Return the words that all members share: what differs from run to run is like nothing."""
    return " ".join("0" if token == NUMBER else token for token in template.tokens if is_kept(token) or token == NUMBER)


def _near_misses(matched: str) -> Iterator[str]:
    """Yield the two halves of what is matched: each lacks words that must be there."""
    spaces = [found.start() for found in re.finditer(r"[ \t]+", matched)]
    middle = min(spaces, key=lambda at: abs(2 * at - len(matched))) if spaces else len(matched) // 2
    yield matched[:middle]
    yield matched[middle:].strip()


def _expressions(ripe: Sequence[Template]) -> Iterator[tuple[Template, Expression]]:
    for template in ripe:
        expression = expression_of(template.tokens, [example.text for example in template.examples])
        if expression is not None:
            yield template, expression


def _worth(pair: tuple[Template, Expression]) -> tuple[bool, int, str]:
    _, expression = pair
    return speaks_of_error(expression.matched[0]), expression.letters, expression.text


def _refusals(report: BackTest) -> Iterator[str]:
    yield from report.refused
    if report.wrong:
        # What nobody explains has no business in a failure whose cause is known.
        yield f"it hits {len(report.wrong)} stored failures of another kind"
