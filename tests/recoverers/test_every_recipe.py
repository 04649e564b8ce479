"""One check suite for every recipe that an executor is built with: reading is pure, each step can be found again and taken back.

A recipe that is added needs a case here: where it has something to heal. A step that is not taken back is named by the recipe's traits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from recoverers.journal import RunState
from recoverers.perform import choose
from recoverers.plan import check_command
from recoverers.ports import Call, Facts, Found, Recipe
from recoverers.precondition import Ending
from schemas.attempts import StepResult, StepStatus
from schemas.catalogue import CARDS, card_named
from schemas.decisions import HealingCommand, Mode, plan_hash_of
from schemas.recoveries import OutcomeStatus
from schemas.services import Services
from schemas.strategy_card import Reversibility, StrategyCard
from tests.support.fakes import FakeHands
from tests.support.runs import RECIPES, Sandbox, command


@dataclass(frozen=True)
class Case:
    """A recipe and a world in which it has something to heal."""

    strategy: str
    target: str
    prepare: Callable[[Sandbox], None] = lambda _: None
    label: str = ""

    def begin(self) -> Bench:
        sandbox = Sandbox.for_recipe(self.strategy)
        self.prepare(sandbox)
        order = command(self.strategy, self.target)
        return Bench(sandbox, order, sandbox.terms(order).recipe, sandbox.terms(order).card)


@dataclass(frozen=True)
class Bench:
    """One fresh world, the order and the recipe over it."""

    sandbox: Sandbox
    order: HealingCommand
    recipe: Recipe
    card: StrategyCard

    def calls(self) -> list[Call]:
        """Return the planned steps as the engine calls them, without their pre-images."""
        facts = self.recipe.gather(self.order)
        steps = self.recipe.plan(self.order, facts)
        assert steps
        return [Call(self.order, facts, step, f"key-{step}") for step in steps]

    def act(self, call: Call) -> StepResult:
        """Make a step, asking again while it is pending."""
        result = self.recipe.act(call)
        for _ in range(20):
            if result.status is not StepStatus.PENDING:
                break
            result = self.recipe.act(replace(call, said=result.detail))
        return result

    def keeps(self, call: Call) -> bool:
        return call.step.partition(":")[0] in dict(self.recipe.traits.keeps)


def _no_quarantine(sandbox: Sandbox) -> None:
    sandbox.disks.room = 0
    sandbox.disks.put("data", 500)
    sandbox.disks.put("tmp/layers", 200)


CASES = (*(Case(*row) for row in RECIPES), Case("disk_cleanup", "disk:db-1:/srv/db", _no_quarantine, "without a quarantine"))
each_recipe = pytest.mark.parametrize("case", CASES, ids=[f"{case.strategy} {case.label}".strip() for case in CASES])


def test_every_recipe_of_the_executor_has_a_case_and_a_card() -> None:
    made = Sandbox.for_recipe("service_restart").recipes()
    assert set(made) == {case.strategy for case in CASES}
    assert set(made) == {card.name for card in CARDS}


@each_recipe
def test_gathering_and_planning_touch_nothing_and_say_the_same_twice(case: Case) -> None:
    bench = case.begin()
    before = bench.sandbox.state(), bench.sandbox.effects()

    # Looks of a scripted probe are used up, so the second answer comes from a second world.
    first, second = bench.recipe.gather(bench.order), case.begin().recipe.gather(bench.order)
    assert first == second
    assert first.refusal == ""
    assert not first.healthy
    assert bench.recipe.plan(bench.order, first) == bench.recipe.plan(bench.order, second)
    assert (bench.sandbox.state(), bench.sandbox.effects()) == before


@each_recipe
def test_each_steps_pre_image_is_read_without_a_trace_and_is_a_record(case: Case) -> None:
    bench = case.begin()
    before = bench.sandbox.state(), bench.sandbox.effects()
    for call in bench.calls():
        assert isinstance(json.loads(bench.recipe.pre_image(call)), dict)
    assert (bench.sandbox.state(), bench.sandbox.effects()) == before


@each_recipe
def test_each_step_is_found_again_after_its_act_or_the_traits_say_why_not(case: Case) -> None:
    bench = case.begin()
    for call in bench.calls():
        call = replace(call, pre_image=bench.recipe.pre_image(call))  # noqa: PLW2901 - the engine calls every step with its own
        assert bench.recipe.probe(call) is Found.MISSING
        assert bench.act(call).status is StepStatus.OK
        wanted = {Found.DONE, Found.MISSING} if bench.keeps(call) else {Found.DONE}
        assert bench.recipe.probe(call) in wanted
    assert all(len(why) > 10 for _, why in bench.recipe.traits.keeps)


@each_recipe
def test_acting_twice_with_one_key_has_one_effect(case: Case) -> None:
    once, twice = case.begin(), case.begin()
    for call in once.calls():
        once.act(replace(call, pre_image=once.recipe.pre_image(call)))
    for call in twice.calls():
        full = replace(call, pre_image=twice.recipe.pre_image(call))
        twice.act(full)
        twice.act(full)
    assert once.sandbox.effects() == twice.sandbox.effects()
    assert once.sandbox.state() == twice.sandbox.state()


@each_recipe
def test_undo_of_do_is_the_state_at_the_start_but_for_what_the_traits_say_is_kept(case: Case) -> None:
    bench, only_kept = case.begin(), case.begin()
    before = bench.sandbox.state()
    done = []
    for call in bench.calls():
        done.append(replace(call, pre_image=bench.recipe.pre_image(call)))
        assert bench.act(done[-1]).status is StepStatus.OK
    for call in [row for row in reversed(done) for _ in range(2)]:
        assert bench.recipe.undo(call).status is StepStatus.OK

    # A world in which nothing but the kept steps was made is what must be left.
    for call in only_kept.calls():
        if only_kept.keeps(call):
            only_kept.act(replace(call, pre_image=only_kept.recipe.pre_image(call)))
    assert bench.sandbox.state() == only_kept.sandbox.state()
    assert bench.sandbox.state() == before or bench.card.reversibility is not Reversibility.FULL


@each_recipe
@pytest.mark.parametrize("mode", [Mode.DRY_RUN, Mode.PLAN])
def test_a_run_that_only_pretends_changes_nothing(case: Case, mode: Mode) -> None:
    bench = case.begin()
    before = bench.sandbox.state(), bench.sandbox.effects()
    outcome = bench.sandbox.run(replace(bench.order, mode=mode), FakeHands())
    assert outcome.status in {OutcomeStatus.OBSERVED, OutcomeStatus.PLANNED}
    assert outcome.plan is not None
    assert outcome.plan.steps
    assert (bench.sandbox.state(), bench.sandbox.effects()) == before


def _wrong_orders(bench: Bench) -> list[HealingCommand]:
    order, bounds = bench.order, dict(bench.order.bounds)
    wider = {name: value * 2 for name, value in bounds.items() if isinstance(value, int | float)}
    wrong_bounds = [(*order.bounds, ("anything", 1)), *(((name, value),) for name, value in wider.items())]
    hashed = [replace(order, bounds=rows, plan_hash=plan_hash_of(order.strategy, 1, order.target, (), rows)) for rows in wrong_bounds]
    return [
        *hashed,
        replace(order, parameters=(("path", "/etc"),)),
        replace(order, target=f"{order.target}x"),
        replace(order, recipe_version=2),
        replace(order, deadline_s=bench.card.deadline_s * 2),
    ]


@each_recipe
def test_bounds_parameters_versions_and_targets_that_do_not_fit_are_refused_untouched(case: Case) -> None:
    bench = case.begin()
    before = bench.sandbox.state(), bench.sandbox.effects()
    for order in _wrong_orders(bench):
        ending = check_command(order, bench.recipe, bench.card)
        assert ending is not None
        assert ending.status is OutcomeStatus.REFUSED
        assert bench.sandbox.run(order, FakeHands()).status is OutcomeStatus.REFUSED
    assert (bench.sandbox.state(), bench.sandbox.effects()) == before


@each_recipe
def test_a_target_of_another_type_or_of_no_catalogue_is_refused_and_each_step_fails(case: Case) -> None:
    bench = case.begin()
    nothing_known = bench.sandbox.recipes(Services())[case.strategy]
    calls = bench.calls()
    before = bench.sandbox.state(), bench.sandbox.effects()
    for target in ("service:nobody", "nonsense", "", f"{case.target.partition(':')[0]}:../../etc"):
        stranger = replace(bench.order, target=target)
        assert bench.recipe.gather(stranger).refusal
        for factor in bench.card.factors:
            assert not bench.recipe.check(stranger, Facts(values=calls[0].facts.values), factor).passed
        for call in calls:
            lost = replace(call, command=stranger, pre_image=bench.recipe.pre_image(call))
            assert nothing_known.act(lost).status is StepStatus.FAILED
            assert nothing_known.probe(lost) in {Found.UNCLEAR, Found.MISSING}
    assert (bench.sandbox.state(), bench.sandbox.effects()) == before


@each_recipe
def test_the_factors_speak_from_two_sources_that_do_not_pass_before_the_act(case: Case) -> None:
    bench = case.begin()
    calls = bench.calls()
    said = [bench.recipe.check(bench.order, calls[0].facts, factor) for factor in bench.card.factors]
    assert not all(answer.passed for answer in said)
    for call in calls:
        bench.act(replace(call, pre_image=bench.recipe.pre_image(call)))
    said = [bench.recipe.check(bench.order, calls[0].facts, factor) for factor in bench.card.factors]
    assert [answer.passed for answer in said] == [True] * len(said)
    assert len({answer.source for answer in said}) >= 2


@each_recipe
def test_the_card_and_the_recipe_agree(case: Case) -> None:
    bench = case.begin()
    card = card_named(CARDS, case.strategy)
    assert card is not None
    assert (card.name, card.recipe_version) == (bench.recipe.traits.name, bench.recipe.traits.version)
    assert case.target.partition(":")[0] in card.targets
    assert card.deadline_s > 0
    assert not isinstance(check_command(bench.order, bench.recipe, card), Ending)
    terms = bench.sandbox.terms(bench.order)
    assert not isinstance(choose(RunState(bench.order), terms, FakeHands()), Ending)
