"""One copy whose broker is locked: its lock, and its principals made known to the broker.

Called by ``system.py``. Whoever owns the state folder owns all of its logins; a copy stays as it was first started.
"""

from __future__ import annotations

from collections.abc import Mapping

from console.home import LOCKED_VARIABLE, Home
from infra.broker.lock_rows import Lock, lock_in
from infra.logins import login_file
from infra.rights_admin import apply_rights, make_known
from schemas.errors import HealstreamError


def lock_of(home: Home, environ: Mapping[str, str]) -> Lock | None:
    """Return the lock of a copy that has one or is to get one; raises HealstreamError when its data was made without."""
    has_lock = login_file(home.logins, "admin").exists()
    if not has_lock and environ.get(LOCKED_VARIABLE, "") != "1":
        return None
    if not has_lock and (home.state / "broker" / "data").exists():
        mend = "Start it without --locked, or another copy with --name; nothing was changed"
        raise HealstreamError(f"state folder {home.state}", "its broker's data was made without a lock", mend)
    return lock_in(home.logins)


def put_in_force(home: Home, brokers: str) -> None:
    """Make every principal and its rights known to the broker; ``brokers`` is the administrator's address."""
    make_known(brokers, home.logins)
    apply_rights(brokers)
