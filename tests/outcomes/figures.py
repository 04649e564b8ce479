"""The figures of a run: shares with their counts, times with their intervals by resampling, and the two shops without healing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from learning.evaluation import quantile_interval
from schemas.recoveries import OutcomeStatus
from tests.bench.figures import Figure, at_least, below, quantile
from tests.outcomes.plan import BY_WAY, FILES, REFUSALS, Way
from tests.outcomes.records import NOBODY, PERSON, Begun, Played, Watched
from tests.outcomes.seen import Ended

TWO = 2


def share_of(part: int, whole: int) -> float:
    """Return a share in percent; of nothing it is all, since none was missed."""
    return 100.0 * part / whole if whole else 100.0


def shown(name: str, value: float, unit: str, how: str) -> Figure:
    """Return a figure that nobody set a target for: it is there to compare with."""
    return Figure(name, round(value, 4), unit, "none", ok=True, how=how)


def shop_named(played: Played, name: str) -> Watched:
    """Return what was seen of one shop."""
    return next(one for one in played.shops if one.name == name)


def uptime_of(seen: Watched) -> float:
    """Return the share of looks, each second at each service, that were answered, in percent."""
    looks = [look for row in seen.answered.values() for look in row]
    return share_of(sum(looks), len(looks))


def repair_seconds(begun: Sequence[Begun], which: Callable[[Begun], bool]) -> list[float]:
    """Return how long failures lasted that were seen well again."""
    return [(one.well_at - one.at).total_seconds() for one in begun if one.well_at and which(one)]


def is_healable(begun: Begun) -> bool:
    """Tell whether a failure is one of those that can be healed, and really began."""
    return BY_WAY[begun.failure.way].is_healable and not begun.was_broken


def figures_of(played: Played, ends: Sequence[Ended], how: str) -> list[Figure]:
    """Return every figure of the run."""
    return [*_interventions(played, ends, how), *_times(played, ends, how), *_trust(played, ends, how), *_control(played, how)]


def _interventions(played: Played, ends: Sequence[Ended], how: str) -> list[Figure]:
    healable = [one for one in ends if BY_WAY[one.failure.way].is_healable]
    avoided = sum(one.is_avoided for one in healable)
    refusals = [one for one in ends if one.failure.way in REFUSALS]
    right = sum(one.is_refused_rightly for one in refusals)
    alone = [one for one in ends if one.failure.way is Way.RETURNS]
    itself = sum(one.status is OutcomeStatus.SELF_HEALED or (one.status is None and one.was_well_again) for one in alone)
    by_itself = sum(one.well_at is not None and not one.by_hand for one in shop_named(played, NOBODY).begun if not one.was_broken)
    return [
        at_least("interventions avoided", share_of(avoided, len(healable)), "%", 90, f"{avoided} of {len(healable)} healable; {how}"),
        at_least("right refusals", share_of(right, len(refusals)), "%", 100, f"{right} of {len(refusals)}: tests, cancelled, forks; {how}"),
        shown("ended as they should", share_of(sum(one.is_right for one in ends), len(ends)), "%", f"of {len(ends)}; {how}"),
        at_least("failures begun", len(ends), "failures", 1, f"of {len(played.plan.failures)} drawn, the others were broken still; {how}"),
        shown("healed by itself", itself, "failures", f"of {len(alone)} that come back; no credit taken; {how}"),
        shown("healed by itself without us", by_itself, "failures", f"in the shop that nobody mends; {how}"),
    ]


def _times(played: Played, ends: Sequence[Ended], how: str) -> list[Figure]:
    seed = played.plan.seed
    healable = [one for one in ends if BY_WAY[one.failure.way].is_healable]
    detect = [one.detect_s for one in healable if one.detect_s is not None]
    recover = [one.recover_s for one in healable if one.recover_s is not None]
    found: list[Figure] = []
    for name, values, limit_s in (("time to detection", detect, 120.0), ("time to recovery", recover, 300.0)):
        for word, share in (("p50", 0.5), ("p99", 0.99)):
            if values:
                held = quantile_interval(values, share, seed)
                found.append(below(f"{name}, {word}", held.value, "s", limit_s, f"{held}, n {len(values)}; {how}"))
        if values:
            found.append(below(f"mean {name}", sum(values) / len(values), "s", limit_s, f"n {len(values)}; {how}"))
    return found


def _trust(played: Played, ends: Sequence[Ended], how: str) -> list[Figure]:
    healed = [one for one in played.outcomes if one.status is OutcomeStatus.HEALED]
    sure = sum(len({row.source for row in one.verification if row.passed}) >= TWO for one in healed)
    back = [one for one in played.outcomes if one.status is OutcomeStatus.ROLLED_BACK and one.rollback]
    given_up = [one for one in ends if one.status is OutcomeStatus.ROLLED_BACK and one.failure.way in FILES]
    slow = quantile([one.rollback_s or 0.0 for one in back], 0.99) if back else 0.0
    wrong = sum(len(rows) for rows in played.found.values())
    return [
        at_least("verified by two sources or more", share_of(sure, len(healed)), "%", 100, f"of {len(healed)} healed outcomes; {how}"),
        shown("rollbacks", len(back), "rollbacks", f"outcomes rolled back; {how}"),
        at_least(
            "rolled back to the pre-image",
            share_of(sum(bool(one.put_back) for one in given_up), len(given_up)),
            "%",
            100,
            f"of {len(given_up)} files, looked at from outside, byte for byte; {how}",
        ),
        below("rollback, p99", slow, "s", 60, f"n {len(back)}; {how}"),
        Figure("violations of an invariant", wrong, "violations", "= 0", wrong == 0, f"{', '.join(played.found)}; {how}"),
        below("quiet after the end", played.quiet_s, "s", 120, f"nothing unread, every incident ended; {how}"),
        at_least("uptime of the healed services", uptime_of(played.shops[0]), "%", 99, f"asked each second from outside; {how}"),
    ]


def _control(played: Played, how: str) -> list[Figure]:
    nobody, person = shop_named(played, NOBODY), shop_named(played, PERSON)
    came = sum(one.by_hand for one in person.begun if is_healable(one))
    ours = sum(one.by_hand for one in played.shops[0].begun if is_healable(one))
    late = repair_seconds(person.begun, lambda one: is_healable(one) and one.by_hand)
    after = f"a person after {played.person_s / 60:g} min"
    found = [
        shown("uptime, nobody mends", uptime_of(nobody), "%", f"control, the same failures; {how}"),
        shown("uptime, a person mends", uptime_of(person), "%", f"control, {after}; {how}"),
        shown("interventions, a person mends", came, "hands", f"control, healable failures that needed a hand, {after}; {how}"),
        shown("interventions with healing", ours, "hands", f"healable failures that needed a hand, {after}; {how}"),
    ]
    if late:
        held = quantile_interval(late, 0.5, played.plan.seed)
        found.append(shown("time to recovery, a person mends, p50", held.value, "s", f"control, {after}, {held}, n {len(late)}; {how}"))
    return found
