"""One letter to one target, and how long it waits: after a refusal, in quiet hours, in a storm; kept as a row of state until taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b

from console.notices.cases import Said
from console.notices.rules import Dialect, NoticeRules, NoticeTarget, Severity
from console.notices.wording import joined
from schemas.ids import content_id
from schemas.windows import open_until

FIRST_WAIT_S = 1.0
MOST_WAIT_S = 300.0
# A channel that has taken nothing for so long is given up for this letter, and said so in the log: a person reads the page.
GIVEN_UP_AFTER = timedelta(days=1)
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one target; ``key`` is the same for the same. ``due_at``: not before; ``is_free``: the storm's count is passed."""

    key: str
    target: str
    severity: Severity
    said: Said
    incident_id: str
    title: str
    body: str
    line: str
    made_at: datetime
    due_at: datetime
    tries: int = 0
    is_free: bool = False
    # The letters that a summary stands for.
    members: tuple[str, ...] = ()
    # Of a question: the decision and exactly the plan that the message shows.
    decision_id: str = ""
    plan_hash: str = ""


def letter_key(news_key: str, target: str) -> str:
    """Return the key of a piece of news for a target."""
    return content_id("Notice", news_key, target)


def quiet_until(target: NoticeTarget, rules: NoticeRules, severity: Severity, now: datetime) -> datetime:
    """Return when the target may be disturbed with something that matters so much."""
    if severity.rank >= target.breaks.rank:
        return now
    ends = (open_until(hours, now) for hours in rules.hours_named(target.quiet))
    return max((end for end in ends if end), default=now)


def refused(letter: Letter, now: datetime) -> Letter | None:
    """Return the letter as it waits after the channel did not take it; None when it is given up."""
    if now - letter.made_at >= GIVEN_UP_AFTER:
        return None
    wait_s = min(FIRST_WAIT_S * 2.0 ** min(letter.tries, 16), MOST_WAIT_S)
    # Letters that were refused together do not come back together; half of the wait is drawn from the letter's own key.
    drawn = blake2b(f"{letter.key}/{letter.tries}".encode(), digest_size=2).digest()
    share = 0.5 + int.from_bytes(drawn, "big") / 0x1FFFE
    return replace(letter, tries=letter.tries + 1, due_at=now + timedelta(seconds=wait_s * share))


def summary(letters: Sequence[Letter], dialect: Dialect, now: datetime) -> Letter:
    """Return one letter that stands for many to the same target: how many of what, and the gravest first."""
    gravest = sorted(letters, key=lambda one: (-one.severity.rank, one.made_at))
    counts = Counter(one.said for one in letters)
    told = ", ".join(f"{count} {said.value.replace('_', ' ')}" for said, count in counts.most_common())
    lines = [f"{len(letters)} notices together: {told}.", *(f"- {one.line}" for one in gravest[:_SHOWN])]
    left = len(letters) - _SHOWN
    lines += [f"- and {left} more; all of them: healstream incident list"] if left > 0 else []
    lines += ["Waiting for people: healstream approval list"] if counts[Said.APPROVAL] else []
    key = content_id("NoticeSummary", letters[0].target, sorted(one.key for one in letters))
    return replace(
        gravest[0],
        key=key,
        incident_id="",
        title=f"[{gravest[0].severity.value}] {len(letters)} notices: {told}",
        body=joined([*lines, f"Reference {key}"], dialect),
        line=lines[0],
        made_at=min(one.made_at for one in letters),
        due_at=now,
        tries=0,
        is_free=True,
        members=tuple(one.key for one in letters),
        decision_id="",
        plan_hash="",
    )
