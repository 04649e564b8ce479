"""What the operators allow: rollout levels, thresholds, budgets and waits; every field with its unit and its default's reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.decisions import Oversight
from schemas.oversight import RolloutLevel
from schemas.watched_workflows import WorkflowRule
from schemas.windows import WindowRule


@dataclass(frozen=True, slots=True)
class StrategyPolicy:
    """How far one strategy may go, on which targets; an empty ``targets`` means every target of the catalogue."""

    strategy: str
    level: RolloutLevel = RolloutLevel.OBSERVE
    targets: tuple[str, ...] = ()
    extra_risk: float = 0.0
    # Share (0..1) of the incidents that level ``canary`` heals by itself; the others are asked for. One in ten is enough to be seen
    # within days, and few enough to mend by hand.
    canary_share: float = 0.1


class RuleThen(StrEnum):
    """What a rule of the policy makes of a decision; none makes it looser."""

    REFUSE = "refuse"
    ESCALATE = "escalate"
    OBSERVE = "observe"
    ASK = "ask"
    ASK_TWO = "ask_two"
    NEVER = "never"
    RISK = "risk"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """When the CEL condition holds, ``then`` follows; ``points`` are what ``risk`` adds to the score."""

    name: str
    when: str
    then: RuleThen
    reason: str
    points: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """At most ``limit`` commands in any ``window_s`` seconds."""

    limit: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy. A fresh installation observes everything."""

    strategies: tuple[StrategyPolicy, ...] = ()
    oversight: Oversight = Oversight.TWO_PERSON
    # Kinds below this confidence are shown to a person instead of acted on; the classifier is calibrated, 0.9 is one wrong in ten at worst.
    minimum_confidence: float = 0.9
    # Score from which an approval is asked for (high) and from which two are (critical); 0..100.
    medium_from: float = 30.0
    high_from: float = 60.0
    critical_from: float = 85.0
    # Score from which nothing is done without hands: so much speaks against it that two tired approvers are no protection.
    never_from: float = 95.0
    # Conditions in CEL over ``schemas/rule_variables.py``; all are asked, and one that fails is a person's.
    rules: tuple[PolicyRule, ...] = ()
    # When people are there, as a zone of the IANA database and full hours of weekdays.
    zone: str = "UTC"
    office_from_hour: int = 8
    office_until_hour: int = 18
    # Points when nobody is there to mend what goes wrong; low, for a failure at night waits for nobody either.
    night_risk: float = 2.0
    weekend_risk: float = 3.0
    # A strategy is lowered by one level when the share that healed of its last ``demote_window`` outcomes (ten at least) is surely less:
    # below that at its upper 90 % bound. What heals less than half does more work than it saves.
    demote_below: float = 0.5
    demote_window: int = 20
    # How long a decision may wait for people before it is worthless: the failure has been handled otherwise by then.
    decision_valid_s: float = 3600.0
    command_valid_s: float = 120.0
    target_budget: Budget = Budget(limit=3, window_s=3600.0)
    strategy_budget: Budget = Budget(limit=20, window_s=3600.0)
    fleet_budget: Budget = Budget(limit=60, window_s=3600.0)
    # Breaker: that many failed recoveries in a row on one target open it for that long; then one single command tries it.
    breaker_failures: int = 3
    breaker_open_s: float = 1800.0
    # Loop guard of records.md.
    loop_limit: int = 3
    loop_window_s: float = 3600.0
    # A run whose log has gaps is classified after that long.
    incomplete_wait_s: float = 90.0
    # Failing targets of one scope are gathered that long before the deepest is chosen.
    gather_s: float = 2.0
    # When a cause is healed, what failed with it has that long to come back by itself before it is an incident of its own.
    aftermath_s: float = 15.0
    # Health hysteresis: that many failing (passing) checks in a row turn a target.
    fail_after: int = 2
    pass_after: int = 2
    # An event further in the future than this does not move the watermark.
    future_limit_s: float = 300.0
    # After a restart a service must stay healthy that long before the outcome is written.
    stabilise_s: float = 1.0
    # A new attempt of a re-run must be seen within this after its outcome.
    next_attempt_wait_s: float = 120.0
    # A job that was run again in vain waits so many seconds before it is run again, twice as many before each time after that, and never
    # more than the longest; a part of each wait is by chance. A short outage is over in a third of a minute; after five minutes more
    # waiting helps no more, and a person should see it.
    again_first_wait_s: float = 20.0
    again_longest_wait_s: float = 300.0
    # Distinct repositories (of one owner at most ``storm_per_owner``) that fail in the same way within ``storm_window_s`` seconds of
    # event time are one incident above theirs; 0 is never. Ten in ten minutes do not happen by chance, and a wrong storm only delays.
    storm_repositories: int = 10
    storm_window_s: float = 600.0
    # An installation usually has one owner, so it may make a storm alone; lower than ``storm_repositories`` where tenants share one.
    storm_per_owner: int = 10
    # Distinct runs that make a storm of however few repositories; 0 is never. Only at a known upstream, whose probes end a wrong one
    # within seconds: a repository does not fail fifty times in ten minutes by its own.
    storm_runs: int = 50
    # The share of the service groups, and at least how many of them, whose services fail within ``storm_window_s``: then nothing is
    # restarted and a person is told, for the cause is beneath all of them. Small fleets fail by halves; 0 groups is never.
    storm_groups_share: float = 0.5
    storm_groups: int = 10
    # How many held members are let go in any so many seconds once their parent is healed: an upstream that just came back is weak.
    storm_release: Budget = Budget(limit=10, window_s=60.0)
    # How many seconds members wait after their parent ended otherwise, in a person's hands; with the default they expire first. A
    # storm that goes on for longer is told again.
    storm_hold_s: float = 3600.0
    # An unexplained failure in that many distinct runs of that many distinct repositories becomes a proposed pattern; 0 runs is never.
    # Ten are no accident, three are no single project's own trouble; of one repository at most eight runs count.
    proposal_runs: int = 10
    proposal_repositories: int = 3
    # Of one owner at most so many repositories count. As many as are needed, so that a fleet of one owner gets proposals; a fleet that
    # several owners share sets it below ``proposal_repositories``, so that none of them alone can make one.
    proposal_per_owner: int = 3
    # What was not seen for that long is forgotten: two weeks span a holiday and a slow release.
    proposal_window_s: float = 14 * 24 * 3600.0
    # A proposal that nobody answers ends after that long; its topic keeps it for 30 days.
    proposal_valid_s: float = 14 * 24 * 3600.0
    # So many may wait for people at once: more than that nobody reads.
    proposal_open: int = 10
    # Share (0..1) of the stored successful logs that a pattern may hit in its back-test, and how many failures it may take from a right
    # verdict, before it is refused; none, because a success that looks like a failure would be healed, and a right verdict is one.
    trial_green_share: float = 0.0
    trial_stolen: int = 0
    # Share (0..1) of the successful runs that a live pattern may hit before it is demoted. Errors that a retry overcame stand in
    # successful logs too: of the recorded ones no shipped pattern hits more than 6 in 100.
    live_green_share: float = 0.1
    # Share (0..0.2) of the incidents on which strategies are tried that do not lead, where policy allows several; 0 is always the first.
    # One in ten: a strategy that never worked would then cost a tenth of the successes, and one that is much better shows in some
    # hundred cases.
    exploration_share: float = 0.1
    # A verified case counts half after that long: what changed a season ago should not decide, and a month holds enough cases.
    choice_half_life_s: float = 30 * 24 * 3600.0
    # Share (0..0.2) of the incidents that are left alone with their scope for ``decision_valid_s``, to measure what heals by itself; 0,
    # because leaving a failure alone is a cost that only the operators can accept.
    holdout_share: float = 0.0
    secrets: tuple[str, ...] = ()
    # Commands on the targets of one team of the catalogue; a target without a team has none.
    team_budget: Budget = Budget(limit=30, window_s=3600.0)
    # Failed recoveries in a row that open the breaker of a strategy or of one way of failing: they reach every target, and ten in a row do
    # not happen by chance.
    breaker_wide_failures: int = 10
    # At most this share (0..1) of the service groups, and at most so many of them, are changed within ``change_window_s`` seconds; so
    # few may be in any case, or a fleet of three groups would never heal. Half and ten, as for storms: what is more is no repair.
    change_share: float = 0.5
    change_most: int = 50
    change_least: int = 10
    change_window_s: float = 600.0
    # When targets are left alone, by the calendar.
    windows: tuple[WindowRule, ...] = ()
    # CI workflows that touch targets: while one runs, its targets are left alone.
    workflows: tuple[WorkflowRule, ...] = ()

    def for_strategy(self, name: str) -> StrategyPolicy:
        """Return the strategy's policy, or the observing default."""
        return next((row for row in self.strategies if row.strategy == name), StrategyPolicy(strategy=name))
