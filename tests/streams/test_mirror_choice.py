"""decide: whose turn it is - a job is run again first, from the next mirror then, and only from one that the catalogue lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.configuration import Configuration
from schemas.incidents import HitSeen
from schemas.oversight import RolloutLevel
from schemas.policy import StrategyPolicy
from schemas.targets.index import GIT_CAUSES, IndexSpec, IndexTool
from schemas.vocabulary import Kind
from streams.healing_history import HealingHistory
from streams.strategy_choice import Asked, Choice, choose_strategy
from tests.support.failures import at, configuration, incident
from tests.support.shipped_patterns import shipped_catalogue

HOME, NEXT = "https://index.example/simple", "https://two.example/simple"
PIP = IndexSpec("pip", IndexTool.PIP, "/pip.conf", (HOME, NEXT), "github", ("acme/api",), ("ask",))
APT = replace(PIP, name="apt", tool=IndexTool.APT, mirrors=("http://deb.example/debian", NEXT), lists="/apt/lists")
PIP_LINE = "HTTPSConnectionPool(host='index.example', port=443): Read timed out."
APT_LINE = "E: Failed to fetch http://deb.example/debian/Packages  Hash Sum mismatch"


def rules(*indexes: IndexSpec, level: RolloutLevel = RolloutLevel.AUTOMATIC, targets: tuple[str, ...] = ()) -> Configuration:
    known = configuration()
    rows = (*known.policy.strategies, *(StrategyPolicy(name, level, targets) for name in ("mirror_switch", "lists_refresh")))
    return replace(known, policy=replace(known.policy, strategies=rows), services=replace(known.services, indexes=indexes))


def chosen(known: Configuration, attempt: int, line: str = PIP_LINE, kind: Kind = Kind.NETWORK_CONNECTIVITY) -> Choice:
    failed = replace(incident(kind=kind), hits=(HitSeen("some-pattern", kind, 7, line),))
    found = choose_strategy(known, failed, Asked("tenth", attempt, at(1)), HealingHistory({}, known))
    assert found is not None
    return found


def named(choice: Choice) -> dict[str, object]:
    return {name: value for name, value in choice.parameters or () if name in {"index", "mirror"}}


def test_the_second_attempt_is_from_another_mirror_and_the_decision_names_it() -> None:
    first, second = chosen(rules(APT, PIP), 1), chosen(rules(APT, PIP), 2)
    assert (first.card.name, named(first)) == ("rerun_job", {})
    assert (second.card.name, named(second)) == ("mirror_switch", {"index": "pip", "mirror": HOME})
    assert [(row.strategy, row.propensity) for row in second.candidates] == [("mirror_switch", 1.0)]


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (rules(), PIP_LINE),
        (rules(PIP), PIP_LINE.replace("index.example", "evil.example")),
        (rules(replace(PIP, projects=("acme/other",))), PIP_LINE),
        (rules(replace(PIP, healing=False)), PIP_LINE),
        (rules(PIP, level=RolloutLevel.OBSERVE), PIP_LINE),
        (rules(PIP, targets=("job:github/acme/api/78/build",)), PIP_LINE),
    ],
    ids=["no index", "a host that no list has", "a project that does not read it", "healing off", "only observed", "another target"],
)
def test_without_a_mirror_to_switch_to_the_job_is_run_again_as_before(known: Configuration, line: str) -> None:
    second = chosen(known, 2, line)
    assert (second.card.name, named(second)) == ("rerun_job", {})


def moved(known: Configuration, attempt: int, runner: str, kind: Kind = Kind.NETWORK_CONNECTIVITY) -> Choice:
    """Return what is chosen for a job that failed on a runner, where jobs may be moved."""
    moving = replace(known.policy, strategies=(*known.policy.strategies, StrategyPolicy("retry_elsewhere", RolloutLevel.AUTOMATIC)))
    known, failed = replace(known, policy=moving), incident(kind=kind)
    assert failed.run is not None
    found = choose_strategy(
        known,
        replace(failed, run=replace(failed.run, runner=runner), hits=(HitSeen("some-pattern", kind, 7, PIP_LINE),)),
        Asked("tenth", attempt, at(1)),
        HealingHistory({}, known),
    )
    assert found is not None
    return found


def test_the_second_attempt_goes_to_another_runner_where_it_is_known_on_which_the_job_failed() -> None:
    assert moved(rules(), 1, "build-1").card.name == "rerun_job"
    assert moved(rules(), 2, "build-1").card.name == "retry_elsewhere"
    assert moved(rules(), 2, "").card.name == "rerun_job"
    assert chosen(rules(), 2).card.name == "rerun_job", "the policy only observes it"


def test_another_mirror_comes_before_another_runner() -> None:
    assert moved(rules(PIP), 2, "build-1").card.name == "mirror_switch"


def test_a_job_that_ran_out_of_time_is_not_moved_a_second_time() -> None:
    assert moved(rules(), 2, "build-1", Kind.TIMEOUT).card.name == "rerun_elsewhere"


GIT = replace(PIP, name="clones", tool=IndexTool.GIT, mirrors=("https://git.example", "ssh://git@git.example"))


def test_a_transport_of_git_is_switched_for_a_failure_of_gits_transport_only() -> None:
    failed = incident(kind=Kind.NETWORK_CONNECTIVITY)

    def second(pattern: str, line: str) -> Choice | None:
        hit = HitSeen(pattern, Kind.NETWORK_CONNECTIVITY, 7, line)
        known = rules(GIT, PIP)
        return choose_strategy(known, replace(failed, hits=(hit,)), Asked("tenth", 2, at(1)), HealingHistory({}, known))

    hung_up, by_pip = second("git-hung-up", "fatal: early EOF"), second("pip-gave-up-connecting", f"{PIP_LINE} git.example")
    assert hung_up is not None
    assert named(hung_up) == {"index": "clones", "mirror": "https://git.example"}
    assert by_pip is not None
    assert named(by_pip) == {"index": "pip", "mirror": HOME}


def test_every_cause_of_a_switch_is_a_shipped_pattern_that_may_be_retried() -> None:
    kinds = {row.id: row.kind for row in shipped_catalogue().patterns}
    assert {kinds[name] for name in GIT_CAUSES} == {Kind.NETWORK_CONNECTIVITY, Kind.REMOTE_SERVICE_ERROR}


def test_lists_that_do_not_fit_their_mirror_are_fetched_anew_at_once_and_only_those_of_apt() -> None:
    kind = Kind.INTEGRITY_OR_CACHE
    first = chosen(rules(PIP, APT), 1, APT_LINE, kind)
    assert (first.card.name, named(first)) == ("lists_refresh", {"index": "apt", "mirror": "http://deb.example/debian"})
    assert chosen(rules(PIP, APT), 1, PIP_LINE, kind).card.name == "rerun_job"
    assert chosen(rules(PIP, APT), 2, PIP_LINE, kind).card.name == "mirror_switch"
    assert chosen(rules(PIP, APT), 1, APT_LINE).card.name == "rerun_job"
