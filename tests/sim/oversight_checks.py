"""I8, I9 and I10 from the topics alone: what people stopped, what they allowed, and how much of it there may be. Pure; see ``judge.py``.

The rules are written down here a second time on purpose: a checker that asked the product's own functions could not see them broken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from schemas.decisions import Decision, HealingCommand, Mode, Tier, Verdict
from schemas.oversight import Control, SwitchMode
from schemas.policy import Budget
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.signing import is_signed_by
from tests.sim.people import PEOPLE
from tests.sim.timeline import moment
from tests.sim.witness import Timed, Witness
from tests.support.run_invariants import UNDOES

STOP_WITHIN = timedelta(seconds=2)
# A lease is young for 1.5 s after it was heard; what acts later than this after the last one acts without any.
LEASE_REACHES = timedelta(seconds=2)
MAY = {"engage": frozenset({"olga", "anton"}), "release": frozenset({"olga", "anton"}), "approve": frozenset({"anton"})}
FOREVER = moment(1e6)
_FAILED = frozenset({OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED, OutcomeStatus.ESCALATED})


def check_i8(witness: Witness) -> list[str]:
    """Check that nothing begins later than 2 s after a stop, and that nothing goes forward without a lease."""
    return [*_acts_while_stopped(witness), *_orders_while_stopped(witness), *_acts_without_lease(witness)]


def check_i9_words(witness: Witness) -> list[str]:
    """Check that behind each approval of a command there is that person's signed yes to exactly this plan, valid when it was used."""
    found: list[str] = []
    for timed in witness.commands:
        command = timed.record
        if not isinstance(command, HealingCommand) or command.mode is not Mode.RUN:
            continue
        decision = witness.history.decisions.get(command.decision_id)
        wanted = decision.approvals_required if decision else 0
        people = {given.person for given in command.approvals if _said_yes(witness, command, given.person)}
        if command.tier in {Tier.HIGH, Tier.CRITICAL} and len(people - _proposer(decision)) < max(1, wanted):
            found.append(f"I9: {command.target} was ordered with {wanted} approvals wanted and the words of {sorted(people)} on the topic")
    return found


def check_i10(witness: Witness) -> list[str]:
    """Check that no sliding window holds more orders than its budget, and that an open breaker lets none pass."""
    # By the time of the topic: the door's own clock may have been set in between.
    orders = sorted(_orders(witness), key=lambda one: one[1])
    policy = witness.policy
    found: list[str] = []
    keys: dict[str, tuple[Budget, Callable[[HealingCommand], str]]] = {
        "target": (policy.target_budget, lambda one: one.target),
        "strategy": (policy.strategy_budget, lambda one: one.strategy),
        "fleet": (policy.fleet_budget, lambda _: "fleet"),
    }
    for name, (budget, key) in keys.items():
        times: defaultdict[str, list[datetime]] = defaultdict(list)
        for order, at in orders:
            times[key(order)].append(at)
        for subject, moments in times.items():
            if _is_over(moments, budget.limit, timedelta(seconds=budget.window_s)):
                found.append(f"I10: {subject} had more than {budget.limit} orders of its {name} budget in {budget.window_s:g} s")
    return [*found, *_orders_in_loops(witness, orders), *_orders_past_breakers(witness)]


def _orders_in_loops(witness: Witness, orders: Sequence[tuple[HealingCommand, datetime]]) -> Iterator[str]:
    policy, decisions = witness.policy, witness.history.decisions
    for number, (order, at) in enumerate(orders):
        since = at - timedelta(seconds=policy.loop_window_s)
        before = sum(one.target == order.target and given > since for one, given in orders[:number])
        decision = decisions.get(order.decision_id)
        if before >= policy.loop_limit and decision is not None and decision.verdict is Verdict.HEAL:
            yield f"I10: {order.target} was ordered again after {before} orders, {policy.loop_limit} are where the loop guard stops"


def _orders(witness: Witness) -> list[tuple[HealingCommand, datetime]]:
    return [(one.record, one.at) for one in witness.commands if isinstance(one.record, HealingCommand) and one.record.mode is Mode.RUN]


def _is_over(moments: Sequence[datetime], limit: int, window: timedelta) -> bool:
    return any(later - earlier < window for earlier, later in zip(moments, moments[limit:], strict=False))


def _proposer(decision: Decision | None) -> set[str]:
    return {decision.proposer} if decision else set()


def _said_yes(witness: Witness, command: HealingCommand, person: str) -> bool:
    return any(
        word.key == f"approval/{command.decision_id}/{person}"
        and word.by == person
        and word.approval is not None
        and word.approval.approve
        and word.approval.plan_hash == command.plan_hash
        and word.approval.expires_at > command.issued_at
        and _is_from(word, "approve")
        for word in (one.record for one in witness.controls)
        if isinstance(word, Control)
    )


def _is_from(word: Control, right: str) -> bool:
    person = PEOPLE.named(word.by)
    return person is not None and word.by in MAY[right] and is_signed_by(word, person.public_key)


def stops_of(witness: Witness, *modes: SwitchMode) -> list[tuple[str, datetime, datetime]]:
    """Return from when until when which scope was stopped: from the switches' words, and from the stop file."""
    found = [("fleet", begin, end) for begin, end in witness.stop_files] if SwitchMode.HALT in modes else []
    engaged: dict[str, tuple[SwitchMode, str, datetime]] = {}
    for timed in witness.controls:
        word = timed.record
        if not isinstance(word, Control) or word.killswitch is None:
            continue
        scope, mode = word.key.removeprefix("killswitch/"), word.killswitch.mode
        before = engaged.get(scope)
        if mode is SwitchMode.OFF and before and before[1] != word.by and _is_from(word, "release"):
            found += [(scope, before[2], timed.at)] if before[0] in modes else []
            del engaged[scope]
        elif mode is not SwitchMode.OFF and not before and _is_from(word, "engage"):
            engaged[scope] = (mode, word.by, timed.at)
    return [*found, *((scope, at, FOREVER) for scope, (mode, _, at) in engaged.items() if mode in modes)]


def _scope_of(witness: Witness, target: str) -> str:
    kind, _, name = target.partition(":")
    spec = witness.services.config(name) if kind == "config" else None
    service = witness.services.service(spec.service if spec else name)
    return f"group:{service.group}" if service else target


def _acts_while_stopped(witness: Witness) -> Iterator[str]:
    for scope, begin, end in stops_of(witness, SwitchMode.HALT):
        for effect in witness.history.effects:
            if begin + STOP_WITHIN < effect.at < end and scope in {"fleet", _scope_of(witness, effect.target), effect.target}:
                yield f"I8: {effect.act} on {effect.target} began {effect.at - begin} after {scope} was halted"


def _orders_while_stopped(witness: Witness) -> Iterator[str]:
    for scope, begin, end in stops_of(witness, SwitchMode.HALT, SwitchMode.DRAIN):
        is_file = (begin, end) in witness.stop_files
        for timed in witness.commands if not is_file else ():
            order = timed.record
            if not isinstance(order, HealingCommand) or order.mode is not Mode.RUN or scope not in {"fleet", order.scope}:
                continue
            if begin + STOP_WITHIN < timed.at < end:
                yield f"I8: {order.target} was ordered {timed.at - begin} after {scope} was stopped"


def _acts_without_lease(witness: Witness) -> Iterator[str]:
    times = [one.at for one in witness.leases]
    for effect in witness.history.effects:
        if effect.act not in UNDOES and not any(at <= effect.at <= at + LEASE_REACHES for at in times):
            yield f"I8: {effect.act} on {effect.target} at {effect.at} had no lease"


def _orders_past_breakers(witness: Witness) -> Iterator[str]:
    policy = witness.policy
    rows: list[tuple[datetime, Timed]] = sorted(((one.at, one) for one in (*witness.commands, *witness.outcomes)), key=lambda row: row[0])
    failed: defaultdict[str, list[datetime]] = defaultdict(list)
    for at, timed in rows:
        match timed.record:
            case RecoveryOutcome(status=status) as outcome if outcome.command_id and outcome.strategy:
                _note_end(failed[outcome.target], status, at)
            case HealingCommand(mode=Mode.RUN) as order:
                ends = failed[order.target]
                if len(ends) >= policy.breaker_failures and at < ends[-1] + timedelta(seconds=policy.breaker_open_s):
                    yield f"I10: {order.target} was ordered {at - ends[-1]} after its breaker opened"
            case _:
                continue


def _note_end(ends: list[datetime], status: OutcomeStatus, at: datetime) -> None:
    if status in {OutcomeStatus.HEALED, OutcomeStatus.SELF_HEALED}:
        ends.clear()
    elif status in _FAILED:
        ends.append(at)
