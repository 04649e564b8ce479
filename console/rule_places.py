"""From the policy's conditions in CEL to problems at the place in the YAML file where the condition itself is wrong.

Called by ``console/configuration.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import FoldedScalarString, LiteralScalarString

from console.yaml_places import Document, Problem
from schemas.conditions import Misfit, compile_condition
from schemas.policy import PolicyRule
from schemas.rule_variables import VARIABLES

_MEND = "correct the condition; docs/policy.md lists what it may read"


def rule_problems(document: Document, rules: Sequence[PolicyRule]) -> list[Problem]:
    """Return everything that is wrong with the rules of one file: names that come twice, and conditions that cannot be meant."""
    problems: list[Problem] = []
    for index, rule in enumerate(rules):
        if any(other.name == rule.name for other in rules[:index]):
            problems.append(document.problem(("rules", index, "name"), f"{rule.name} is there twice", "give it another name"))
        found = compile_condition(rule.when, VARIABLES)
        if isinstance(found, Misfit):
            line, column = _place(document, index, found)
            problems.append(Problem(document.file, line, column, f"{rule.name}: {found.what}", _MEND))
    return problems


def _place(document: Document, index: int, misfit: Misfit) -> tuple[int, int]:
    rules = document.root["rules"] if isinstance(document.root, CommentedMap) else None
    row = rules[index] if isinstance(rules, CommentedSeq) else None
    if not isinstance(row, CommentedMap):
        return document.place(("rules", index))
    line, column = row.lc.value("when")
    text = row["when"]
    # A block begins on the line after its mark and keeps its lines only when it is a literal one.
    if isinstance(text, LiteralScalarString):
        return line + 1 + misfit.line, misfit.column
    if isinstance(text, FoldedScalarString) or misfit.line > 1:
        return line + 1, column + 1
    return line + 1, column + misfit.column + (type(text) is not str)
