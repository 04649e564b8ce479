"""A workflow as a strategy: its steps are other recipes' plans, each on its own target. The engine knows the order; this only passes on.

A call or a command for one of its steps names the step's recipe as its strategy, and the step as ``step/of the recipe``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from recoverers.ports import Answer, Call, Facts, Found, Recipe, Traits
from recoverers.steps import SEPARATOR
from schemas.attempts import StepResult
from schemas.decisions import HealingCommand
from schemas.workflow_values import OF_TARGETS, wrong_with_input
from schemas.workflows import Workflow, uses_in


@dataclass(frozen=True, slots=True)
class WorkflowRecipe:
    """The recipe of one workflow over the recipes that it uses."""

    workflow: Workflow
    recipes: Mapping[str, Recipe]

    @property
    def traits(self) -> Traits:
        """What is fixed: it is verified as long as the slowest of its recipes, and each step says for itself whether it is taken back."""
        used = [self.recipes[use.recipe].traits for use in uses_in(self.workflow.body)]
        return Traits(self.workflow.name, self.workflow.version, max(row.verify_within_s for row in used))

    def gather(self, command: HealingCommand) -> Facts:
        """Check the inputs, or let a step's recipe look."""
        if command.strategy != self.workflow.name:
            return self.recipes[command.strategy].gather(command)
        inputs = {row.name: row for row in self.workflow.inputs}
        for name, value in command.parameters:
            if name in OF_TARGETS:
                continue
            wrong = wrong_with_input(inputs[name], value) if name in inputs else "there is no such input"
            if wrong:
                return Facts(refusal=f"input {name}: {wrong}")
        return Facts()

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Name the steps and their recipes, or let a step's recipe plan."""
        if command.strategy != self.workflow.name:
            return self.recipes[command.strategy].plan(command, facts)
        return tuple(f"{use.name}: {use.recipe}" for use in uses_in(self.workflow.body))

    def pre_image(self, call: Call) -> str:
        """Return what the step's recipe says."""
        return self._of(call).pre_image(_own(call))

    def act(self, call: Call) -> StepResult:
        """Let the step's recipe act."""
        return self._of(call).act(_own(call))

    def probe(self, call: Call) -> Found:
        """Let the step's recipe look."""
        return self._of(call).probe(_own(call))

    def undo(self, call: Call) -> StepResult:
        """Let the step's recipe take it back."""
        return self._of(call).undo(_own(call))

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask a step's recipe for one factor about its target."""
        return self.recipes[command.strategy].check(command, facts, factor.partition(".")[2])

    def _of(self, call: Call) -> Recipe:
        return self.recipes[call.command.strategy]


def _own(call: Call) -> Call:
    """Return the call as the step's recipe knows it."""
    return replace(call, step=call.step.partition(SEPARATOR)[2])
