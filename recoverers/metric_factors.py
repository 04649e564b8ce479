"""Metrics and alerts that the catalogue gives what was healed, as factors of its verification, whatever the recipe; for ``verify``."""

from __future__ import annotations

from recoverers.journal import RunState
from recoverers.ports import Answer
from recoverers.steps import EntryStatus
from recoverers.terms import Terms
from schemas.probes import ASKS_PROMETHEUS, ProbeSpec
from schemas.recoveries import Condition
from schemas.services import Services

SOURCE = "prometheus"


def metrics_of(run: RunState, terms: Terms) -> list[tuple[str, ProbeSpec]]:
    """Return the factors' names and what they ask: ``prometheus.<probe>``, in a workflow after the name of the step."""
    if terms.around is None:
        return []
    made = [(f"{entry.name}.", entry.target) for entry in run.entries if run.workflow and entry.status is EntryStatus.OPEN]
    healed = made if run.workflow else [("", run.command.target)]
    services = terms.around.services
    return [(f"{step}{SOURCE}.{probe.name}", probe) for step, target in healed for probe in _probes_of(target, services)]


def ask_metric(terms: Terms, probe: ProbeSpec) -> Answer:
    """Return what the metric says; one that cannot be told has not passed."""
    if terms.around is None:
        return Answer(False, SOURCE, "this executor has no catalogue")
    sight = terms.around.port.ask(probe)
    told = f"unreadable: {sight.detail}" if sight.condition is Condition.UNREADABLE else sight.detail
    return Answer(sight.condition is Condition.WELL, SOURCE, told)


def _probes_of(target: str, services: Services) -> list[ProbeSpec]:
    owner = services.owner_of(target) or services.spec_of(target)
    return [probe for probe in owner.probes if probe.kind in ASKS_PROMETHEUS] if owner else []
