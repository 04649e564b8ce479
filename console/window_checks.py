"""Do the policy's windows and workflows name what there is? A rule about what nobody has would hold nothing, and nobody would notice.

Called by ``console/configuration.py`` once every file has its shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from console.yaml_places import Document, Problem, Step, read_document
from schemas.catalogue import CARDS, card_named
from schemas.services import Services

_KINDS = ("job", "repo", "upstream", "host", "deployment", "disk", "cache", "index")
_MEND = "name one of services.yaml"


def window_problems(texts: Mapping[str, str], services: Services) -> list[Problem]:
    """Return the names in ``windows`` and ``workflows`` of these policy files that are there twice or that nothing bears."""
    problems: list[Problem] = []
    for file, text in texts.items():
        document = read_document(file, text)
        if isinstance(document, Document):
            problems += [*_repeated(document), *_unknown(document, services)]
    return problems


def _rows(document: Document, section: str) -> Sequence[Mapping[str, object]]:
    plain = cast("Mapping[str, Sequence[Mapping[str, object]] | None]", document.plain)
    return plain.get(section) or ()


def _repeated(document: Document) -> list[Problem]:
    problems: list[Problem] = []
    for section in ("windows", "workflows"):
        names = [row["name"] for row in _rows(document, section)]
        twice = [number for number, name in enumerate(names) if name in names[:number]]
        problems += [
            document.problem((section, number, "name"), f"{names[number]} is there twice", "give it another name") for number in twice
        ]
    return problems


def _unknown(document: Document, services: Services) -> list[Problem]:
    teams, environments = {spec.team for spec in services.services}, {spec.environment for spec in services.services}
    problems: list[Problem] = []
    for path, word in _words(document, "except"):
        if card_named(CARDS, word) is None:
            known = ", ".join(card.name for card in CARDS)
            problems.append(document.problem(path, f"{word} is no strategy", f"name one of {known}"))
    for field, there in (("teams", teams), ("environments", environments)):
        problems += [document.problem(path, f"nothing is of {word}", _MEND) for path, word in _words(document, field) if word not in there]
    problems += [
        document.problem(path, f"{word} names nothing", _MEND) for path, word in _words(document, "targets") if not is_known(word, services)
    ]
    return problems


def _words(document: Document, field: str) -> Iterator[tuple[tuple[Step, ...], str]]:
    for section in ("windows", "workflows"):
        for number, row in enumerate(_rows(document, section)):
            for place, word in enumerate(cast("Sequence[str]", row.get(field) or ())):
                yield (section, number, field, place), word


def is_known(word: str, services: Services) -> bool:
    """Tell whether a word names something of the catalogue, or something that only its own system can know."""
    kind, _, name = word.partition(":")
    if word == "fleet" or kind in _KINDS:
        return True
    of_services: Mapping[str, set[str]] = {
        "group": {spec.group for spec in services.services},
        "team": {spec.team for spec in services.services},
        "environment": {str(spec.environment) for spec in services.services},
        "service": {spec.name for spec in services.services},
        "config": {spec.name for spec in services.configs},
    }
    return bool(name) and name.partition(":")[0] in of_services.get(kind, set())
