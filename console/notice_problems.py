"""What is wrong in ``notices.yaml`` beside its rows' shapes: names that are there twice or not at all; asked by ``configuration.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.notices.rules import NoticeRules
from console.yaml_places import Document, Problem, Step


def notice_problems(document: Document, rules: NoticeRules, persons: Sequence[str]) -> list[Problem]:
    """Return every problem, each at its place in the file."""
    return [
        *_repeated(document, rules),
        *_unknown(document, _targets_named(rules), [row.name for row in rules.targets], "target"),
        *_unknown(document, _hours_named(rules), [row.name for row in rules.hours], "row of hours"),
        *_unknown(document, _ladders_named(rules), [row.name for row in rules.ladders], "ladder"),
        *_unknown(document, [(("slack", "people", user), name) for user, name in rules.slack.people], persons, "person of people.yaml"),
        *_unheard(document, rules),
    ]


def _repeated(document: Document, rules: NoticeRules) -> Iterator[Problem]:
    sections = {
        "targets": [row.name for row in rules.targets],
        "routes": [row.name for row in rules.routes],
        "hours": [row.name for row in rules.hours],
        "ladders": [row.name for row in rules.ladders],
    }
    for section, names in sections.items():
        for index, name in enumerate(names):
            if name in names[:index]:
                yield document.problem((section, index, "name"), f"{name} is there twice", "give it another name")


Named = list[tuple[tuple[Step, ...], str]]


def _targets_named(rules: NoticeRules) -> Named:
    found: Named = [(("otherwise", number), name) for number, name in enumerate(rules.otherwise)]
    found += [(("routes", n, "targets", m), name) for n, row in enumerate(rules.routes) for m, name in enumerate(row.targets)]
    rungs = [(n, m, rung) for n, row in enumerate(rules.ladders) for m, rung in enumerate(row.rungs)]
    return found + [(("ladders", n, "rungs", m, "targets", k), name) for n, m, rung in rungs for k, name in enumerate(rung.targets)]


def _hours_named(rules: NoticeRules) -> Named:
    found: Named = [(("routes", n, "during", m), name) for n, row in enumerate(rules.routes) for m, name in enumerate(row.during)]
    return found + [(("targets", n, "quiet", m), name) for n, row in enumerate(rules.targets) for m, name in enumerate(row.quiet)]


def _ladders_named(rules: NoticeRules) -> Named:
    return [(("routes", n, "ladder"), row.ladder) for n, row in enumerate(rules.routes) if row.ladder]


def _unknown(document: Document, named: Named, known: Sequence[str], what: str) -> Iterator[Problem]:
    for path, name in named:
        if name not in known:
            yield document.problem(path, f"{name} is no {what}", f"name one of {', '.join(known) or 'those that you add'}")


def _unheard(document: Document, rules: NoticeRules) -> Iterator[Problem]:
    # Whoever lists targets wants to hear of what needs a person; routes that all narrow can leave it to nobody.
    narrow = all(route.teams or route.environments or route.during for route in rules.routes)
    if rules.targets and narrow and not rules.otherwise:
        yield document.problem(("targets",), "what fits no route would be told to nobody", "list targets under `otherwise`")
