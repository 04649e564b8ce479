"""What is written about an incident: a check run's summary and an issue. Pure; called by ``console/github/desk.py``.

Whatever is not our own word stands as code on one line: there a name calls nobody, a number closes nothing and a link leads nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.github.cases import RunCase
from console.notices.markup import visible

# The server's own limit for a summary and for an issue's body.
MOST_BYTES = 65_535
MOST_TITLE = 200
_CUT = "\n\n(The rest does not fit here; `healstream incident explain` shows all of it.)\n"
_SENTENCES = {
    "": "{kind}: being looked at.",
    "healed": "{kind}: healed by {strategy}.",
    "self_healed": "{kind}: well again by itself.",
    "observed": "{kind}: observed only, nothing was done.",
    "refused": "{kind}: left alone, because running it again would help nobody or is not allowed.",
    "expired": "{kind}: nobody decided in time.",
    "rolled_back": "{kind}: {strategy} did not help; a person has to look.",
    "escalated": "{kind}: a person has to look.",
    "rollback_failed": "{kind}: {strategy} could NOT be taken back; a person has to look.",
}


@dataclass(frozen=True, slots=True)
class CheckText:
    """A check run: on which commit, under which name and whose incident; ``conclusion`` is empty while it goes on."""

    name: str
    commit: str
    incident_id: str
    title: str
    summary: str
    conclusion: str = ""
    details_url: str = ""


@dataclass(frozen=True, slots=True)
class IssueText:
    """An issue; ``marker`` is how it is found again. ``state``: open, closed, or empty to leave it as people have put it."""

    marker: str
    title: str
    body: str
    state: str = ""


def code(text: str, most: int = 300) -> str:
    """Return a stranger's text as code on one line."""
    seen = visible(text).replace("`", "'")
    return f"`{seen if len(seen) <= most else seen[: most - 3] + '...'}`" if seen else "`-`"


def check_text(incident_id: str, case: RunCase, base_url: str) -> CheckText:
    """Return the check run of an incident as it stands.

    Only what was healed succeeds, and nothing fails: the job has failed already, and a second red mark would hold a merge up for it twice.
    """
    conclusion = "" if not case.status else "success" if case.is_well else "neutral"
    name = f"healstream: {visible(case.job)}"[:100]
    return CheckText(
        name,
        case.commit,
        incident_id,
        _sentence(case)[:MOST_TITLE],
        _bounded(_summary(incident_id, case)),
        conclusion,
        _page(incident_id, base_url),
    )


def issue_text(incident_id: str, case: RunCase, base_url: str) -> IssueText:
    """Return the issue of an incident: closed when it ended well, and opened again only when what was healed fails again."""
    root = case.root or incident_id
    page = _page(incident_id, base_url)
    lines = [marker_of(root), "", _summary(incident_id, case), *([f"Page: {page}", ""] if page else [])]
    is_again = case.needs_people and bool(case.root) and case.root != incident_id
    state = "closed" if case.is_well else "open" if is_again else ""
    where = f"{case.kind.replace('_', ' ')} in {visible(case.job).replace('@', '')} of run {case.run_id}"
    return IssueText(marker_of(root), f"healstream: {where}"[:MOST_TITLE], _bounded("\n".join(lines)), state)


def marker_of(incident_id: str) -> str:
    """Return the line by which an incident's issue is found again; readers do not see it."""
    return f"<!-- healstream-incident: {incident_id} -->"


def _sentence(case: RunCase) -> str:
    return _SENTENCES[case.status].format(kind=_own(case.kind or "failure"), strategy=_own(case.strategy or "a recovery"))


def _own(word: str) -> str:
    return word.replace("_", " ")


def _page(incident_id: str, base_url: str) -> str:
    return f"{base_url.rstrip('/')}/incidents/{incident_id}" if base_url else ""


def _summary(incident_id: str, case: RunCase) -> str:
    parts = [
        f"**{_sentence(case)}**",
        "",
        f"Job {code(case.job)}, run {code(case.run_id)}, attempt {case.attempt}, commit {code(case.commit[:12])}.",
        "",
        f"Recognised as **{_own(case.kind or 'unknown')}** with confidence {case.confidence:.2f}.",
        *([f"Line {case.line} of the log, pattern {code(case.pattern)}: {code(case.text)}"] if case.text else []),
        *_listed("Why", case.reasons),
        *_decision(case),
        *_listed("What was done", case.steps),
        *_listed("How it was checked", case.verified),
        *_listed("What to do next", case.todo),
        *([f"\nReason: {code(case.reason)}"] if case.reason else []),
        "",
        f"More: `healstream incident explain {incident_id[:12]}`",
    ]
    return "\n".join(parts) + "\n"


def _decision(case: RunCase) -> list[str]:
    if not case.verdict:
        return []
    how = f" by {code(_own(case.strategy))}" if case.strategy else ""
    return ["", f"Decided: **{case.verdict}**{how}, risk {case.risk:.0f} of 100: {code(case.decided or 'no reason was given')}"]


def _listed(title: str, rows: tuple[str, ...]) -> list[str]:
    return ["", f"### {title}", *(f"- {code(row)}" for row in rows)] if rows else []


def _bounded(text: str) -> str:
    raw = text.encode()
    if len(raw) <= MOST_BYTES:
        return text
    return raw[: MOST_BYTES - len(_CUT.encode())].decode("utf-8", "ignore").rpartition("\n")[0] + _CUT
