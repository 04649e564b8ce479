"""Workflow files: what is right becomes a record, what is wrong is shown with its place and what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from console.configuration import Files, configuration_of
from console.durations import seconds_in
from console.workflow_files import names_in, workflows_in
from console.workflow_schema import schema_text
from console.yaml_places import MAX_VALUES, Problem
from schemas.catalogue import CARDS, card_named
from schemas.configuration import Configuration, Keys, cards_with
from schemas.strategy_card import Reversibility
from schemas.vocabulary import Kind
from schemas.workflow_cards import CONTENT, card_of
from schemas.workflow_text import content_of, workflows_body, workflows_from
from schemas.workflows import Chain, Fork, Join, Retry, Use, Workflow, uses_in

ROOT = Path(__file__).parents[2]
FILE = "workflows/w.yaml"
HEAD = """\
name: flow
version: 1
title: A flow of two steps
heals: [service_down]
targets: [service]
deadline: 60s
inputs:
  count: {type: int, default: 3, min: 1, max: 8}
  deep: {type: bool, default: true}
  wait: {type: duration, default: 20s, max: 1m}
"""


def read(text: str, file: str = FILE) -> tuple[tuple[Workflow, ...], list[Problem]]:
    problems: list[Problem] = []
    return workflows_in({file: text}, CARDS, problems), problems


def example() -> str:
    (found,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def test_the_example_of_the_docs_is_a_workflow_that_crosses_the_catalogue_unchanged() -> None:
    (flow,), problems = read(example())
    assert problems == []
    assert workflows_from(workflows_body([flow])) == (flow,)
    assert [use.name for use in uses_in(flow.body)] == ["restore", "web", "api", "jobs"]
    restore, fork = flow.body.steps
    assert isinstance(restore, Use)
    assert (restore.retry, restore.timeout_s) == (Retry(3, 1.0, 2.0, 10.0), 20.0)
    assert isinstance(fork, Fork)
    assert (fork.join, isinstance(fork.branches[1], Chain)) == (Join.ALL, True)
    web, jobs = flow.use("web"), flow.use("jobs")
    assert web is not None
    assert jobs is not None
    assert web.when == "inputs.restart && steps.restore.done"
    assert jobs.when.startswith("(inputs.restart && steps.restore.done) && (inputs.reach")


def test_a_workflow_is_a_strategy_as_any_other() -> None:
    (flow,), _ = read(example())
    card = card_of(flow, CARDS)
    assert (card.heals, card.base_risk, card.reversibility) == (frozenset({Kind.CONFIG_DRIFT}), 20.0, Reversibility.FULL)
    assert dict(card.parameters)["patience"] == 20.0
    assert dict(card.bounds) == {CONTENT: content_of(flow)}
    assert card_named(cards_with([flow]), flow.name) == card


def test_the_folder_s_workflows_are_part_of_the_configuration_and_the_policy_may_name_them() -> None:
    policy = "strategies: [{strategy: restore_and_restart, level: approve}]\n"
    texts = {"healstream.yaml": "version: 1\n", FILE: example(), "policy/a.yaml": policy}
    found = configuration_of(Files(texts, {}), Keys())
    assert isinstance(found, Configuration)
    assert [flow.name for flow in found.workflows] == ["restore_and_restart"]
    assert found.cards[-1].name == "restore_and_restart"
    assert names_in({FILE: example()}) == ("restore_and_restart",)


def test_the_schema_for_editors_is_current_and_names_every_part() -> None:
    stored = (ROOT / "schemas" / "json" / "workflow.json").read_text(encoding="utf-8")
    assert stored == schema_text(), "write it anew with `python -m console.workflow_schema schemas/json/workflow.json`"
    assert {"StepRow", "ParallelRow", "SequenceRow", "InputRow"} <= set(json.loads(stored)["$defs"])


STEP = "steps:\n  - step: a\n    use: service_restart\n"
WRONG: list[tuple[str, str, int, str]] = [
    ("unknown recipe", "steps:\n  - step: a\n    use: nope\n", 13, "nope is no recipe"),
    ("unknown step", STEP + "    when: steps.b.done\n", 14, "there is no step b"),
    ("no step", "steps:\n  - stepp: a\n    use: service_restart\n", 12, "this is no step"),
    ("unknown field", STEP + "    onn: service:x\n", 14, "there is no such field"),
    ("itself", STEP + "    when: steps.a.done\n", 14, "or is the step itself"),
    ("cycle of the workflow", "steps:\n  - step: a\n    use: flow\n", 13, "the workflow uses itself"),
    ("no CEL", STEP + "    when: inputs.deep &&\n", 14, "this is no CEL"),
    ("no truth", STEP + "    when: inputs.count + 1\n", 14, "it is a int, and a bool is wanted"),
    ("mistyped", STEP + "    when: inputs.count + 'x' == ''\n", 14, "No such overload"),
    ("mistyped behind an or", STEP + "    when: inputs.deep || inputs.count > 'x'\n", 14, "No such overload"),
    ("no such input", STEP + "    when: inputs.nope\n", 14, "there is no nope"),
    ("stranger", STEP + "    when: environment.home == ''\n", 14, "there is no environment"),
    ("brackets", STEP + "    when: inputs['deep']\n", 14, "without brackets"),
    ("unknown bound", STEP + "    with: {nope: 1}\n", 14, "service_restart has no nope"),
    ("bound's type", STEP + "    with: {max_services: many}\n", 14, "'many' is no int"),
    ("wide bound", STEP + "    with: {max_services: 99}\n", 14, "99 is wider than the 8"),
    ("bound's expression", STEP + "    with: {max_services: {cel: inputs.wait}}\n", 14, "it is a number, and a int is wanted"),
    ("no value", STEP + "    with: {max_services: [1]}\n", 14, "write a plain value"),
    ("target's type", STEP + "    on: disk:root\n", 14, "disk:root is no target of service_restart"),
    ("own target", "steps:\n  - step: a\n    use: rerun_job\n", 12, "rerun_job cannot heal the workflow's own target"),
    ("no duration", STEP + "    timeout: soon\n", 14, "'soon' is no duration"),
    ("long time-out", STEP + "    timeout: 2h\n", 14, "it is longer than the deadline"),
    ("retry", STEP + "    retry: {attempts: 0}\n", 14, "greater than or equal to 1"),
    ("waits", STEP + "    retry: {attempts: 2, first_wait: 9s, longest: 1s}\n", 14, "the longest wait is shorter"),
    ("undo", STEP + "    undo: false\n", 14, "write true, or {none:"),
    ("undo's reason", STEP + "    undo: {none: no}\n", 14, "at least 10 characters"),
    ("twice", STEP + "  - step: a\n    use: service_restart\n", 14, "a is there twice"),
    ("one branch", "steps:\n  - parallel:\n      branches: [{step: a, use: service_restart}]\n", 13, "at least 2 items"),
    ("verify", STEP + "verify: [a.nope]\n", 14, "a.nope is no factor of a step"),
    ("output", STEP + "outputs:\n  n: {type: int, cel: steps.a.detail}\n", 15, "it is a string, and a int is wanted"),
    ("alias", "steps: &s\n  - *s\n", 11, "it is a cycle: an alias leads back"),
    ("no YAML", "steps: [\n", 12, "this is no YAML"),
]


@pytest.mark.parametrize(("text", "line", "what"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_mistake_is_shown_where_it_stands_with_what_to_do(text: str, line: int, what: str) -> None:
    _, problems = read(HEAD + text)
    assert [what in str(problem) for problem in problems] == [True], [str(problem) for problem in problems]
    (problem,) = problems
    assert (problem.file, problem.line) == (FILE, line), str(problem)
    assert problem.column >= 1
    assert problem.mend


INPUTS: list[tuple[str, str]] = [
    ("{type: int, default: 9, max: 8}", "9 is more than 8"),
    ("{type: int, default: true}", "True is no int"),
    ("{type: int, default: 1, min: 5, max: 2}", "it is more than max"),
    ("{type: int, default: 1, min: x}", "min 'x' is no number"),
    ("{type: duration, default: 30}", ""),
    ("{type: duration, default: long}", "'long' is no duration"),
    ("{type: duration, default: 2m, max: 1m}", "120.0 is more than 60 s"),
    ("{type: string, default: abcdef, max: 3}", "6 is more than 3 letters"),
    ("{type: enum, default: a}", "enum without values"),
    ("{type: enum, default: a, values: [b]}", "'a' is none of b"),
    ("{type: bool, default: true, min: 1}", "a bool has no min and max"),
    ("{type: colour, default: red}", "Input should be 'string'"),
]


@pytest.mark.parametrize(("row", "what"), INPUTS)
def test_an_input_that_does_not_fit_itself_is_refused(row: str, what: str) -> None:
    _, problems = read(HEAD.replace("{type: bool, default: true}", row) + STEP)
    assert [what in str(problem) for problem in problems] == ([True] if what else []), [str(problem) for problem in problems]


def test_an_input_may_not_be_called_as_what_every_command_says_of_its_target() -> None:
    _, (problem,) = read(HEAD.replace("deep:", "commit:") + STEP)
    assert "commit is what every command says" in problem.what


def test_a_step_may_read_neither_a_later_one_nor_another_branch() -> None:
    later = STEP + "    when: steps.b.done\n  - step: b\n    use: service_restart\n"
    branches = (
        "steps:\n  - parallel:\n      branches:\n        - {step: a, use: service_restart}\n"
        "        - {step: b, use: service_restart, when: steps.a.done}\n"
    )
    for text in (later, branches):
        _, (problem,) = read(HEAD + text)
        assert "has not ended by then" in problem.what


def test_steps_that_read_each_other_are_a_cycle() -> None:
    _, problems = read(HEAD + STEP + "    when: steps.b.done\n  - step: b\n    use: service_restart\n    when: steps.a.done\n")
    assert any("it is a cycle: a reads b reads a" in problem.what for problem in problems)


def test_a_workflow_in_a_workflow_and_two_of_one_name_are_refused() -> None:
    problems: list[Problem] = []
    other = HEAD.replace("name: flow", "name: other") + "steps:\n  - step: a\n    use: flow\n"
    workflows_in({"workflows/1.yaml": HEAD + STEP, "workflows/2.yaml": other, "workflows/3.yaml": HEAD + STEP}, CARDS, problems)
    assert ["flow is a workflow" in str(problems[0]), "flow is there twice" in str(problems[1])] == [True, True]


def test_aliases_that_stand_for_very_many_values_are_refused_at_once() -> None:
    rows = "\n".join(f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}, *b{n - 1}, *b{n - 1}, *b{n - 1}, *b{n - 1}]" for n in range(1, 12))
    _, (problem,) = read(f"b0: &b0 [1, 2]\n{rows}\n")
    assert str(MAX_VALUES) in problem.what


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30.0), ("1m30s", 90.0), ("2h", 7200.0), ("500ms", 0.5), ("1h1m1s1ms", 3661.001)])
def test_durations_are_written_in_units(text: str, seconds: float) -> None:
    assert seconds_in(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "30", "s", "1s1m", "-1s", "1.5s", "1 s", None, 30])
def test_what_is_no_duration_is_refused_with_how_to_write_one(text: object) -> None:
    with pytest.raises(ValueError, match="write 30s"):
        seconds_in(text)
