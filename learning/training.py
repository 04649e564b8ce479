"""Train the shipped model from the catalogue's own examples and variants of them; the same seed gives the same model on every machine."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

from learning.classifier import Classifier, Snapshot
from learning.features import make_features
from learning.patterns.matcher import Matcher
from schemas.vocabulary import Kind, Result

EPOCHS = 4
_VARIANTS = 3
_HOSTS = ("registry.example", "mirror.example", "git.example", "dl.example")
_NOISE = (
    "Downloading archive 12 of 40",
    "Run the build",
    "Setting up the environment",
    "Cache restored from key",
    "added 120 packages in 9s",
    "Compiling 12 source files",
    "+ make all",
    "Process completed with exit code 1",
)


_Item = TypeVar("_Item")


@dataclass(slots=True)
class _Draw:
    """Numbers from a seed by hashing: the same on every machine and version, which a library's generator does not promise."""

    seed: int
    drawn: int = 0

    def number(self) -> int:
        self.drawn += 1
        number: int = int.from_bytes(blake2b(f"{self.seed}/{self.drawn}".encode(), digest_size=8).digest(), "big")
        return number

    def choice(self, items: Sequence[_Item]) -> _Item:
        return items[self.number() % len(items)]

    def shuffled(self, items: Sequence[_Item]) -> list[_Item]:
        placed = [(self.number(), place) for place in range(len(items))]
        return [items[place] for _, place in sorted(placed)]


def train_model(matcher: Matcher, seed: int) -> Classifier:
    """Learn every example in several variants, balanced by kind, in an order drawn from the seed."""
    draw = _Draw(seed)
    by_kind: dict[Kind, list[str]] = defaultdict(list)
    for pattern in matcher.catalogue.patterns:
        by_kind[pattern.kind].extend(_vary(example, draw) for example in pattern.examples for _ in range(_VARIANTS))
    most = max(len(texts) for texts in by_kind.values())
    examples = [(kind, text, most / len(texts)) for kind, texts in sorted(by_kind.items()) for text in texts]
    # Read once, told in every epoch.
    found = {text: matcher.scan(text.encode()) for _, text, _ in examples}
    classifier = Classifier()
    for _ in range(EPOCHS):
        for kind, text, balance in draw.shuffled(examples):
            features = make_features(found[text], text.split("\n"), draw.choice((Result.FAILURE, None)), text.count("\n") + 1)
            classifier.learn(features, kind, min(balance, 2.0))
    return classifier


def model_text(snapshot: Snapshot) -> str:
    """Return the text of ``catalogue/model.json``."""
    return json.dumps(snapshot, sort_keys=True, separators=(",", ":")) + "\n"


def _vary(example: str, draw: _Draw) -> str:
    host = draw.choice(_HOSTS)
    text = example.replace("registry.example", host).replace("dl.example", host)
    before = draw.shuffled(_NOISE)[: draw.number() % 4]
    after = draw.shuffled(_NOISE)[: draw.number() % 2]
    return "\n".join([*before, text, *after])
