"""What a visitor may do here: what people.yaml and the rules give their name, and never more than what they came in with gives.

Who comes with a local password brings no limit. Who comes through an identity provider, or with a token, brings roles: those limit, and
add nothing but the look. Admit judges every word again by people.yaml alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from console.site.sessions import Session
from schemas.authorization import is_permitted_somewhere
from schemas.errors import DeniedError
from schemas.people import People, Right

# Which rights each change may take, by its route. Of a change that is not listed nobody knows: a limited visitor needs every right for it.
TAKES: Mapping[str, tuple[Right, ...]] = {
    "/api/v1/approvals/{decision}": (Right.APPROVE,),
    "/api/v1/control/killswitch": (Right.ENGAGE_SWITCH, Right.RELEASE_SWITCH),
    "/api/v1/circuits/reset": (Right.OVERRIDE,),
    "/api/v1/freezes": (Right.OVERRIDE,),
    "/api/v1/freezes/{freeze}/lift": (Right.OVERRIDE,),
    "/api/v1/rollouts/{strategy}": (Right.ENGAGE_SWITCH, Right.RELEASE_SWITCH),
    "/api/v1/models/{version}/promote": (Right.PROMOTE_MODEL,),
    "/api/v1/patterns/try": (Right.VIEW,),
    "/api/v1/patterns/{name}/backtest": (Right.VIEW,),
    "/api/v1/patterns/{name}/accept": (Right.PROMOTE_MODEL, Right.EDIT_PATTERN),
    "/api/v1/patterns/{name}/refuse": (Right.PROMOTE_MODEL, Right.EDIT_PATTERN),
    "/patterns/try": (Right.VIEW,),
    "/patterns/one/{name}/backtest": (Right.VIEW,),
}
# Where one of them is enough.
TAKES_ONE_OF: Mapping[str, tuple[Right, ...]] = {"/api/v1/incidents/{incident}/feedback": (Right.APPROVE, Right.OVERRIDE)}
_MEND = "Ask somebody who edits people.yaml and policy/*.cedar"


def require_look(session: Session, people: People) -> None:
    """Raise DeniedError unless the visitor may look.

    Whom people.yaml does not know says nothing here, for there is no key of theirs; the roles that they bring let them look.
    """
    is_guest = session.roles is not None and people.named(session.name) is None
    if not _given(session, people, Right.VIEW) or not (is_guest or people.may(session.name, Right.VIEW)):
        raise DeniedError(session.name, f"no rule gives the right to {Right.VIEW}", _MEND)


def may_table(session: Session, people: People) -> dict[str, bool]:
    """Return, by the right's name, whether there may be something on which the visitor has it."""
    return {right.value: may_do(session, people, right) for right in Right}


def require_change(session: Session, people: People, route: str) -> None:
    """Raise DeniedError when what the visitor came in with does not give what the change takes."""
    if session.roles is None:
        return
    if people.named(session.name) is None:
        raise DeniedError(session.name, "people.yaml does not know them, so they may look and say nothing", "Add the person to people.yaml")
    missing = _missing(session, people, route)
    if missing:
        why = f"came in as {', '.join(sorted(session.roles)) or 'nobody'}, and that gives no right to {missing[0]}"
        raise DeniedError(session.name, why, "Come in with what gives it, or ask somebody who may")


def may_do(session: Session, people: People, right: Right) -> bool:
    """Tell whether there may be something on which the visitor has the right."""
    return _given(session, people, right) and people.may_somewhere(session.name, right)


def _missing(session: Session, people: People, route: str) -> list[Right]:
    if route in TAKES_ONE_OF:
        return [] if any(_given(session, people, right) for right in TAKES_ONE_OF[route]) else list(TAKES_ONE_OF[route])
    return [right for right in TAKES.get(route, tuple(Right)) if not _given(session, people, right)]


def _given(session: Session, people: People, right: Right) -> bool:
    return session.roles is None or is_permitted_somewhere(people.rules, session.name, sorted(session.roles), right)
