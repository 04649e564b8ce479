"""One page a recipe: its card, its steps with their probe and undo, what it touches, and how it is tried without acting."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import get_type_hints

from recoverers.cluster_port import ClusterPort
from recoverers.container_port import ContainerPort
from recoverers.host_ports import CachePort, DiskPort, IndexPort
from recoverers.limit_port import LimitPort
from recoverers.lockfile_ports import PackagePort, ProposalPort
from recoverers.ports import CiPort, ConfigFilePort, HealthPort, ProcessPort, Recipe
from recoverers.push_port import PushPort
from recoverers.trunk_port import QuarantinePort, TrunkPort
from schemas.catalogue import CARDS
from schemas.decisions import Parameters
from schemas.policy import Policy
from schemas.strategy_card import Reversibility, StrategyCard
from streams.risk import tier_of
from tests.docs.marks import code, sentence, table
from tests.docs.written import ROOT
from tests.support.runs import RECIPES, Sandbox, command

# What the executor's own user has to be allowed for each port that a recipe is built on.
RIGHTS: Mapping[type, str] = {
    ProcessPort: "start and end the services' processes as its own user; of a `unit` `systemctl start` and `reload`, by polkit",
    ConfigFilePort: "write the configuration file, and read the git repository that pins it",
    HealthPort: "reach the addresses of the target's probes",
    CiPort: "a token of the CI server that reads runs, jobs and logs and may run jobs again (GitHub: `actions: write`)",
    ContainerPort: "the socket of the container engine",
    DiskPort: "list, move and delete files below the disk's rules, and write its quarantine folder",
    CachePort: "read and move the cache's entries, and run the cache's two commands",
    PackagePort: "read the clone, write branches below `healstream/` in it, and run the package tool",
    ProposalPort: "a token that may push branches and propose them (GitHub: `contents: write`, `pull_requests: write`, `issues: write`)",
    LimitPort: "write the limit's file below `/proc/sys`, which is root's unless a rule gives it",
    IndexPort: "write the tool's settings file and run its refresh",
    ClusterPort: "the role of `infra/deploy/kubernetes/executor.yaml`; for nodes that of `executor-nodes.yaml` too",
    TrunkPort: "read the clone of the main branch, write branches below `healstream/` in it, and run the job's own commands there",
    QuarantinePort: "write the list of tests that are left out",
    PushPort: "write the bot's clone and push to its branch, never by force",
}
_REVERSED: Mapping[Reversibility, str] = {
    Reversibility.FULL: "whole: undo of do is the state before",
    Reversibility.COMPENSATED: "made good: the effect is taken back, something harmless may stay",
    Reversibility.NONE: "not: an act leaves nothing to take back, or cannot be unmade",
}
_METHODS = ("gather", "plan", "act", "probe", "undo", "check")
_SAYS = {
    "gather": "reads",
    "plan": "plans",
    "act": "acts",
    "probe": "after a crash",
    "undo": "takes back",
    "check": "checks",
}


def strategy_pages() -> dict[str, str]:
    """Return the index of the recipes and a page for each."""
    rows = [
        (
            f"[{card.name}]({card.name}.md)",
            ", ".join(f"[{kind.value}](../kinds/{kind.value}.md)" for kind in sorted(card.heals)),
            ", ".join(sorted(card.targets)),
            card.title,
            f"{card.base_risk:.0f}, {tier_of(card.base_risk, Policy()).value}",
            card.reversibility.value,
        )
        for card in CARDS
    ]
    index = (
        "# Recipes\n\nMade from the cards in `schemas/cards/` and the code in `recoverers/recipes/`. The tier is that of the base risk at "
        "the shipped thresholds; a decision adds what it knows of the target and the hour.\n\n"
        f"{table(('recipe', 'heals', 'on', 'does', 'base risk, tier', 'taken back'), rows)}"
    )
    targets = dict(RECIPES)
    return {"strategies/index.md": index, **{f"strategies/{card.name}.md": _page(card, targets[card.name]) for card in CARDS}}


def ports_of(recipe: object) -> list[type]:
    """Return the ports that a recipe is built on, those of the views and attempts inside it too."""
    if not is_dataclass(recipe) or isinstance(recipe, type):
        return []
    hints = get_type_hints(type(recipe), vars(sys.modules[type(recipe).__module__]))
    found: list[type] = []
    for field in fields(recipe):
        hint = hints[field.name]
        found += [hint] if hint in RIGHTS else ports_of(getattr(recipe, field.name))
    return list(dict.fromkeys(found))


def family_page(name: str) -> str:
    """Return the file name of the page in ``docs/recipes`` whose title names the recipe, empty when there is none."""
    for path in sorted((ROOT / "docs/recipes").glob("*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0]
        if name in title.replace("`", " ").replace(",", " ").replace(":", " ").split():
            return path.name
    return ""


def _page(card: StrategyCard, target: str) -> str:
    sandbox = Sandbox.for_recipe(card.name)
    recipe = sandbox.recipes()[card.name]
    family = family_page(card.name)
    more = f"[How it works in detail](../recipes/{family}), with what to write into `services.yaml`.\n" if family else ""
    return "\n".join(
        (
            f"# {card.name}\n\n{card.title}.\n",
            f"{sentence(_module_doc(recipe))}\n",
            more,
            _facts(card, recipe),
            _steps(card, recipe, target),
            _rights(recipe),
            _try_it(card),
        )
    )


def _module_doc(recipe: Recipe) -> str | None:
    return inspect.getdoc(inspect.getmodule(type(recipe)))


def _facts(card: StrategyCard, recipe: Recipe) -> str:
    gives_up = recipe.traits.gives_up_as.value
    rows = (
        ("heals", ", ".join(f"[{kind.value}](../kinds/{kind.value}.md)" for kind in sorted(card.heals))),
        ("on targets", ", ".join(code(f"{name}:...") for name in sorted(card.targets))),
        ("parameters", _pairs(card.parameters) or "none; what it does is said by the catalogue, never by a log"),
        ("bounds", _pairs(card.bounds) or "those of the target in `services.yaml`"),
        ("base risk", f"{card.base_risk:.0f} of 100, tier {tier_of(card.base_risk, Policy()).value} by itself"),
        ("taken back", _REVERSED[card.reversibility]),
        ("least confidence", f"{card.minimum_confidence:.2f}"),
        ("attempts", f"{card.max_attempts}" + (f", from attempt {card.first_attempt} on" if card.first_attempt > 1 else "")),
        ("deadline of a run", f"{card.deadline_s:.0f} s; verified within {recipe.traits.verify_within_s:.0f} s"),
        ("when it did not help", f"the outcome is `{gives_up}`"),
        ("believed beforehand", f"{card.prior.good:.0f} of {card.prior.good + card.prior.bad:.0f}: {card.prior.why}"),
        ("later steps may read", _pairs(card.outputs) or "nothing"),
        ("only where", _conditions(card) or "always"),
    )
    return table(("", ""), ((f"**{name}**", text) for name, text in rows))


def _pairs(pairs: Parameters) -> str:
    return ", ".join(code(f"{name} = {value}") for name, value in pairs)


def _conditions(card: StrategyCard) -> str:
    said = (
        (card.indexes, f"the job reads a package index of {', '.join(sorted(card.indexes))} that the catalogue names"),
        (card.patterns, f"one of these patterns shows: {', '.join(sorted(card.patterns))}"),
        (card.of_runners, "the job failed on a runner of the catalogue"),
        (card.moves_job, "the CI server says on which runner the job failed"),
        (card.asks_resolver, "the catalogue knows the resolver of the job's main branch"),
    )
    return "; ".join(text for holds, text in said if holds)


def _steps(card: StrategyCard, recipe: Recipe, target: str) -> str:
    order = command(card.name, target)
    plan = recipe.plan(order, recipe.gather(order)) or ()
    rows = [(_SAYS[name], sentence(inspect.getdoc(getattr(recipe, name)))) for name in _METHODS]
    keeps = [f"- {code(verb)} is not taken back: {why}." for verb, why in recipe.traits.keeps]
    shown = "\n".join(f"{number}. {code(step)}" for number, step in enumerate(plan, 1))
    verified = (
        f"\nVerified by {', '.join(code(factor) for factor in card.factors)}; two different sources have to agree "
        "([verification](../verification.md)).\n"
    )
    return "\n".join(
        (
            f"## Steps\n\nOn {code(target)} of the tests' catalogue the plan is:\n\n{shown}\n",
            "Each step is written to the journal before and after. A run that was cut off asks the probe what happened and goes on.\n",
            table(("the recipe", ""), rows),
            *keeps,
            verified,
        )
    )


def _rights(recipe: Recipe) -> str:
    rows = [f"- {RIGHTS[port]}" for port in ports_of(recipe)]
    return "\n".join(
        (
            "## Rights that the executor needs\n",
            *rows,
            "\nOn a locked broker it is `healstream-executor`: [who may do what](../principals.md).\n",
        )
    )


def _try_it(card: StrategyCard) -> str:
    lines: Sequence[str] = (
        f"    healstream strategy get {card.name}    # its cases so far",
        f"    healstream rollout get {card.name}     # who decided what about its level",
    )
    note = (
        "At level `shadow` a whole run is made in which no step acts: facts and plan are real, the steps are pretended, the outcome "
        "says `dry_run`. Write it into a file of `policy/`, for the targets that you name; a word at the terminal only lowers."
    )
    sample = f"```yaml\nstrategies:\n  - {{strategy: {card.name}, level: shadow}}\n```"
    return "\n".join(("## Try it without acting\n", note, "", sample, "", *lines, ""))
