"""What a notice says: one sentence, whose it is, and what to do next; every word that is not ours goes through ``markup.neutral``.

A link only ever shows: it opens the page's drawer, behind the login, and nothing is approved by following one.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.notices.cases import Case, Said
from console.notices.markup import command, neutral
from console.notices.rules import Dialect, Severity

_SENTENCES: dict[Said, str] = {
    Said.OPENED: "{kind} on {target}",
    Said.APPROVAL: "{strategy} on {target} waits for {approvals} to say yes (risk {risk:g}, until {until})",
    Said.HEALED: "{target} is healed by {strategy}",
    Said.SELF_HEALED: "{target} is well again by itself",
    Said.OBSERVED: "{kind} on {target} was only observed: {reason}",
    Said.REFUSED: "{kind} on {target} is left alone: {reason}",
    Said.EXPIRED: "{kind} on {target}: nobody decided in time",
    Said.ROLLED_BACK: "{strategy} on {target} did not help and was taken back: {reason}",
    Said.ESCALATED: "{kind} on {target} needs a person: {reason}",
    Said.ROLLBACK_FAILED: "{strategy} on {target} could NOT be taken back: {reason}",
}
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Addressee:
    """How a notice is written for one target: its dialect, where the page is, and whose the failing target is."""

    dialect: Dialect
    base_url: str = ""
    team: str = ""
    environment: str = ""


def sentence(case: Case, said: Said, dialect: Dialect) -> str:
    """Return what happened in one sentence."""
    words = {
        "kind": _own(case.kind or "failure"),
        "target": neutral(case.target, dialect),
        "strategy": neutral(case.strategy.replace("_", " ") or "a recovery", dialect),
        "reason": neutral(case.reason or "no reason was given", dialect),
        "approvals": "one person" if case.approvals <= 1 else f"{case.approvals} people",
        "until": case.expires_at.strftime("%Y-%m-%d %H:%M UTC") if case.expires_at else "it expires",
        "risk": case.risk,
    }
    told = _SENTENCES[said].format(**words)
    many = f" ({case.members} incidents together)" if said is Said.OPENED and case.members > 1 else ""
    return f"{told}{many}."


def _own(word: str) -> str:
    return word.replace("_", " ")


def title(severity: Severity, said: Said, case: Case, dialect: Dialect) -> str:
    """Return the line above; where a body is HTML the title is plain text, and elsewhere it may be put into the body."""
    as_read = Dialect.PLAIN if dialect is Dialect.HTML else dialect
    return f"[{severity.value}] {_own(said.value)}: {neutral(case.target, as_read, 80)}"


def body(incident_id: str, case: Case, said: Said, to: Addressee, key: str) -> str:
    """Return the whole message; ``key`` lets a reader, or a program, see that one was told twice."""
    lines = [sentence(case, said, to.dialect), _owner(to)]
    lines += [f"{label}: {command(words, to.dialect)}" for label, words in _commands(incident_id, case, said)]
    page = f"{to.base_url.rstrip('/')}/?incident={incident_id}" if to.base_url else ""
    lines += [f"Page: {page}"] if page else []
    return joined([*(line for line in lines if line), f"Reference {key}"], to.dialect)


def _owner(to: Addressee) -> str:
    team = neutral(to.team, to.dialect) if to.team else "nobody"
    where = f" in {neutral(to.environment, to.dialect)}" if to.environment else ""
    return f"Owner: {team}{where}."


def _commands(incident_id: str, case: Case, said: Said) -> list[tuple[str, str]]:
    seen = ("Look", f"healstream incident explain {incident_id[:_SHORT]}")
    if said is Said.APPROVAL:
        decision = case.pending[:_SHORT]
        return [("Yes", f"healstream approval approve {decision}"), ("No", f"healstream approval deny {decision}"), seen]
    return [seen]


def joined(lines: list[str], dialect: Dialect) -> str:
    """Return the lines as the channel parts them."""
    return ("<br>\n" if dialect is Dialect.HTML else "\n").join(lines)
