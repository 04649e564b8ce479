"""One page a kind of failure: what it means, how it is recognised, what does not count, and which recipes heal it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.catalogue import CARDS
from schemas.metric_rules import METRIC_RULES, RULE_KINDS
from schemas.strategy_card import StrategyCard
from schemas.vocabulary import Group, Kind, group_of, is_asked_first, is_healable
from streams.runtime_kinds import EXACT_KINDS
from tests.docs.marks import code, raw_table, table

MEANINGS: Mapping[Kind, str] = {
    Kind.NETWORK_CONNECTIVITY: "A connection was refused, reset, or never came about, though the name was resolved.",
    Kind.DNS_RESOLUTION: "A name could not be resolved.",
    Kind.TLS_CERTIFICATE: "A certificate has expired, is not trusted, or bears another name; or the two sides agree on no protocol.",
    Kind.REMOTE_SERVICE_ERROR: "Somebody else's service answered with an error of its own, as with a 500.",
    Kind.RATE_LIMITED: "A service said: too many requests, or the quota is spent.",
    Kind.AUTH_CREDENTIALS: "A login, token, key or right is missing, wrong or has expired.",
    Kind.DEPENDENCY_RESOLUTION: "No set of versions meets what is asked for, or a package or version does not exist.",
    Kind.PACKAGE_INSTALL_FAILURE: "A package was found and could not be installed.",
    Kind.LOCKFILE_MISMATCH: "A lock file and its manifest do not agree.",
    Kind.INTEGRITY_OR_CACHE: "A checksum does not fit, an archive is cut short, or a cache entry is broken.",
    Kind.DISK_FULL: "There is no room left, or there are no inodes left.",
    Kind.OUT_OF_MEMORY: "A process was ended for the memory that it took, or could not get what it asked for.",
    Kind.TIMEOUT: "Something took longer than it was given.",
    Kind.RUNNER_LOST_OR_CANCELLED: "The machine that ran the job went away, or the run was ended from outside.",
    Kind.CONTAINER_RUNTIME: "A container, its image or its engine could not be started or fetched.",
    Kind.SERVICE_UNAVAILABLE: "A service that the job itself rests on, such as its database, was not there.",
    Kind.ENVIRONMENT_CONFIG: "The machine lacks a tool, a file, a variable or a right that the job takes for granted.",
    Kind.SCM_CHECKOUT: "The repository could not be fetched, checked out or pushed to.",
    Kind.COMPILE_ERROR: "The code does not compile.",
    Kind.TEST_FAILURE: "A test ran and said no.",
    Kind.LINT_OR_POLICY: "A linter, a formatter or a check of rules said no.",
    Kind.BUILD_CONFIG_ERROR: "The description of the build is wrong: a workflow file, a Makefile, a project file.",
    Kind.SUCCESS: "Nothing is wrong; whatever the log holds did not end it.",
    Kind.SERVICE_DOWN: "A service of the catalogue is not running or does not answer.",
    Kind.SERVICE_DEGRADED: "A service or node answers, but slowly, with errors, or not with all of its parts.",
    Kind.CRASH_LOOP: "A service is started again and again and ends each time.",
    Kind.CONFIG_DRIFT: "What is there is not what git pins or the catalogue declares.",
    Kind.METRIC_ANOMALY: "A number is beyond its bound, or far from what is usual.",
    Kind.SLO_BURN: "Errors use up the budget of an objective faster than it lasts.",
    Kind.HEARTBEAT_MISSING: "What was heard of regularly has fallen silent.",
    Kind.FLAKY_TEST: "A test failed and passed on one and the same commit.",
    Kind.BRANCH_BROKEN: "A main branch fails since one commit, on every run.",
    Kind.UNKNOWN: "Nothing explains it surely enough. That is an abstention: a person looks, and says with feedback what it was.",
}
_GROUPS: Mapping[Group, str] = {
    Group.INFRA: "infrastructure: what a job runs on or reaches",
    Group.CODE: "code: its authors' own",
    Group.RUNTIME: "running things: seen by probes, rules and alerts, or by several runs of one job together",
    Group.NONE: "no failure",
    Group.UNKNOWN: "not known",
}
_WHY_NOT: Mapping[Group, str] = {
    Group.CODE: "Nothing is ever done about it: a retry would hide a real fault. The decision is `refuse`; the job stays red.",
    Group.NONE: "Nothing is to be done.",
    Group.UNKNOWN: "Nothing is done; it goes to people as `escalate`. Enough failures of one shape become a proposal of a pattern.",
}
# Of what is no code: whether a recipe might heal it, if there were one.
_LEFT: Mapping[bool, str] = {
    True: "No recipe heals it: it goes to people as `escalate`, with what speaks for it.",
    False: "It fails again until its owner mends it, so nothing is tried: the decision is `refuse`, with the line that speaks for it.",
}


def kind_pages(patterns: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the index of the kinds and a page for each."""
    rows = [
        (
            f"[{kind.value}]({kind.value}.md)",
            group_of(kind).value,
            _may(kind),
            ", ".join(card.name for card in _healers(kind)) or "-",
            MEANINGS[kind],
        )
        for kind in Kind
    ]
    index = (
        "# Kinds of failures\n\nMade from the tables of `schemas/` and the shipped patterns. A kind says what is wrong, a pattern how it "
        f"showed. {len(patterns)} patterns are shipped; `healstream pattern list` shows your own beside them.\n\n"
        f"{table(('kind', 'group', 'may be healed', 'recipes', 'means'), rows)}"
    )
    return {"kinds/index.md": index, **{f"kinds/{kind.value}.md": _page(kind, patterns) for kind in Kind}}


def _healers(kind: Kind) -> list[StrategyCard]:
    return [card for card in CARDS if kind in card.heals]


def _may(kind: Kind) -> str:
    if is_healable(kind):
        return "yes"
    return "after asking" if is_asked_first(kind) else "no"


def _page(kind: Kind, patterns: Sequence[Mapping[str, Any]]) -> str:
    own = sorted((one for one in patterns if one["kind"] == kind.value), key=lambda one: str(one["id"]))
    return "\n".join(
        (
            f"# {kind.value}\n\n{MEANINGS[kind]}\n",
            f"Group: {_GROUPS[group_of(kind)]}.\n",
            _what_happens(kind),
            "## How it is recognised\n",
            _from_signals(kind),
            _from_logs(kind, own),
            _what_to_do(kind),
        )
    )


def _what_happens(kind: Kind) -> str:
    healers = _healers(kind)
    if not healers:
        why = _WHY_NOT.get(group_of(kind)) or _LEFT[is_healable(kind)]
        return f"## What happens\n\n{why}\n"
    asked = "" if is_healable(kind) else "It fails again until its owner mends it, so a recipe first asks whether it would. "
    rows = [
        (
            f"[{card.name}](../strategies/{card.name}.md)",
            ", ".join(sorted(card.targets)),
            card.title,
            f"{card.base_risk:.0f}",
            card.reversibility.value,
            ", ".join(code(factor) for factor in card.factors),
        )
        for card in healers
    ]
    heads = ("recipe", "on targets", "does", "base risk", "taken back", "verified by")
    return (
        f"## Which recipes heal it\n\n{asked}Of several the first is chosen until another one is surely better. How far each may go is its "
        f"rollout level, `observe` until somebody raises it.\n\n{table(heads, rows)}"
    )


def _from_signals(kind: Kind) -> str:
    probes = [probe.value for probe, named in EXACT_KINDS.items() if named is kind]
    rules = [rule for rule in METRIC_RULES if rule.kind is kind]
    said = []
    if kind is Kind.SERVICE_DOWN:
        said.append(
            "Probes of kind `process`, `unit`, `tcp`, `http` or `container_running` fail several times in a row; two that agree are sure."
        )
    if probes:
        said.append(f"A probe of kind {', '.join(code(probe) for probe in probes)}: one look says it exactly.")
    if rules:
        said.append(f"Shipped rules on metrics: {', '.join(code(rule.name) for rule in rules)}.")
    if kind in RULE_KINDS:
        said.append("A rule of your own under `metric_rules` in `services.yaml` may name this kind.")
    if kind is Kind.FLAKY_TEST:
        said.append("One test failed and passed in two runs of one commit.")
    if kind is Kind.BRANCH_BROKEN:
        said.append("Every run of a watched job fails from one commit of the main branch on.")
    return "\n".join(f"- {line}" for line in said) + ("\n" if said else "")


def _from_logs(kind: Kind, own: Sequence[Mapping[str, Any]]) -> str:
    if not own:
        # A log of its own kind may still be named by what the classifier has learned.
        return "" if group_of(kind) is Group.RUNTIME else "No shipped pattern names it.\n"
    rows = [(one["id"], one["title"], one["examples"][0], one["counter_examples"][0]) for one in own]
    return (
        f"{len(own)} shipped patterns. Each has more examples than are shown: `healstream pattern get ID`. The last column is a near miss "
        f"that the pattern does **not** match.\n\n{raw_table(('pattern', 'means', 'a line that it matches', 'a near miss'), rows)}"
    )


def _what_to_do(kind: Kind) -> str:
    lines = [
        "## At the terminal\n",
        "    healstream explain build.log            # what one log shows",
        "    healstream incident list                # what was seen",
    ]
    lines += [f"    healstream strategy get {card.name}" for card in _healers(kind)[:1]]
    lines += [f"    healstream feedback give ID --wrong --kind {kind.value}    # it was this, and another kind was said"]
    return "\n".join(lines) + "\n"
