"""The targets of the catalogue as people see them: whose each is, whether it may be healed, how it is looked at, what may be done there.

Pure; from the configuration alone, by the code that decide goes by. Used by ``healstream target``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.catalogue import cards_for
from schemas.configuration import Configuration
from schemas.errors import NotFoundError
from schemas.matters import matter_of
from schemas.probes import ProbeSpec
from schemas.services import UPSTREAM, Services
from schemas.strategy_card import StrategyCard
from schemas.vocabulary import Kind
from schemas.watches import watches_of
from streams.strategy_choice import is_allowed_on, is_healing_on

# A job's own name comes with its run: the catalogue knows its project only.
_EVERY_JOB = "*"
Row = dict[str, object]


def targets_of(services: Services) -> list[str]:
    """Return the typed names of everything in the catalogue; a project of a CI server stands for its jobs."""
    return [
        *(f"service:{spec.name}" for spec in services.services),
        *(f"config:{spec.name}:{spec.path}" for spec in services.configs),
        *(f"{UPSTREAM}:{spec.name}" for spec in services.upstreams),
        *(spec.target for spec in services.others()),
        *(f"job:{server.source}/{project}/{_EVERY_JOB}" for server in services.ci for project in server.projects),
    ]


def target_named(services: Services, text: str) -> str:
    """Return the one target whose name is this or begins so; raises NotFoundError."""
    known = targets_of(services)
    found = [text] if text in known else [name for name in known if text and name.startswith(text)]
    if len(found) != 1:
        why = f"{len(found)} targets begin so" if found else "nothing of that name is in services.yaml"
        raise NotFoundError(f"target {text}", why, "List them with `healstream target list`")
    return found[0]


def target_row(configuration: Configuration, target: str) -> Row:
    """Return one target as a line of the list."""
    matter = matter_of(target, configuration.services)
    names = dict.fromkeys(card.name for _, card in _allowed(configuration, target))
    return {
        "target": target,
        "type": target.partition(":")[0],
        "scope": configuration.services.scope_of(target),
        "team": matter.team,
        "environment": matter.environment,
        "healing": "on" if is_healing_on(configuration, target) else "off",
        "strategies": ", ".join(f"{name}={_level(configuration, name)}" for name in names),
    }


def target_card(configuration: Configuration, target: str) -> Row:
    """Return all that the configuration says of one target: its probes, and its strategies by kind, in the catalogue's order."""
    by_kind: dict[str, list[Row]] = {}
    for kind, card in _allowed(configuration, target):
        row: Row = {"strategy": card.name, "title": card.title, "level": _level(configuration, card.name)}
        by_kind.setdefault(kind.value, []).append(row)
    return {
        **target_row(configuration, target),
        "probes": [{"name": probe.name, "kind": probe.kind.value} for probe in _probes_of(configuration.services, target)],
        "strategies": by_kind,
        "left_out": _left_out(configuration, target),
    }


def target_story(configuration: Configuration, target: str) -> Iterator[str]:
    """Yield in words what would be done about a failure there, and what would not."""
    row = target_row(configuration, target)
    where = f" in {row['environment']}" if row["environment"] else ""
    yield f"{target}: conflicts are judged by {row['scope']}; it belongs to {row['team'] or 'nobody who is named'}{where}."
    yield "Healing is on." if row["healing"] == "on" else "Healing is switched off: what fails there is told, and healing it is refused."
    looked = ", ".join(f"{probe.name} ({probe.kind})" for probe in _probes_of(configuration.services, target))
    yield f"It is looked at by {looked}." if looked else "No probe looks at it."
    by_kind: dict[Kind, list[str]] = {}
    for kind, card in _allowed(configuration, target):
        by_kind.setdefault(kind, []).append(f"{card.name} ({_level(configuration, card.name)})")
    for kind, names in by_kind.items():
        yield f"{kind}: {', or '.join(names)}"
    for name in _left_out(configuration, target):
        yield f"{name} heals such targets, but the policy names others for it."
    if not _cards_on(configuration, target):
        yield "No strategy acts on a target of this type."


def _cards_on(configuration: Configuration, target: str) -> list[tuple[Kind, StrategyCard]]:
    # A job of a repository that the catalogue knows may also be healed there.
    repository = configuration.services.repository_of(target)
    places = dict.fromkeys((target, repository.target if repository else target))
    return [(kind, card) for kind in sorted(Kind) for place in places for card in cards_for(configuration.cards, kind, place)]


def _allowed(configuration: Configuration, target: str) -> list[tuple[Kind, StrategyCard]]:
    return [(kind, card) for kind, card in _cards_on(configuration, target) if _may_act(configuration, card, target)]


def _left_out(configuration: Configuration, target: str) -> list[str]:
    return sorted({card.name for _, card in _cards_on(configuration, target) if not _may_act(configuration, card, target)})


def _may_act(configuration: Configuration, card: StrategyCard, target: str) -> bool:
    if not target.endswith(f"/{_EVERY_JOB}"):
        return is_allowed_on(configuration, card.name, target)
    named = configuration.policy.for_strategy(card.name).targets
    return not named or any(name.startswith(target.removesuffix(_EVERY_JOB)) for name in named)


def _level(configuration: Configuration, strategy: str) -> str:
    return configuration.policy.for_strategy(strategy).level.value


def _probes_of(services: Services, target: str) -> Sequence[ProbeSpec]:
    kind, _, name = target.partition(":")
    upstream = services.upstream(name) if kind == UPSTREAM else None
    return upstream.probes if upstream else [watch.probe for watch in watches_of(services) if watch.target == target]
