"""``healstream init``: a configuration folder that observes everything, the first person, and the keys; nothing is overwritten."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from console.home import Home, make_state, write_file
from console.keys import component_keys, ensure_key
from schemas.errors import UsageError
from schemas.people import Role
from schemas.signing import public_text

_DEFAULTS = ("healstream.yaml", "services.yaml", "policy/observe.yaml", "policy/people.cedar")


def default_texts() -> dict[str, str]:
    """Return the shipped configuration files by relative name."""
    folder = files("infra").joinpath("deploy", "default")
    return {name: folder.joinpath(*name.split("/")).read_text(encoding="utf-8") for name in _DEFAULTS}


def person_lines(name: str, roles: tuple[Role, ...], public_key: str) -> str:
    """Return one person as a row of ``people.yaml``."""
    return f"  - name: {name}\n    roles: [{', '.join(roles)}]\n    public_key: {public_key}\n"


def init(home: Home, person: str) -> tuple[Path, ...]:
    """Make what is missing and return the files made; raises UsageError for a name that cannot be a file's."""
    if not person or not person.replace("-", "").replace("_", "").replace(".", "").isalnum() or person.startswith("."):
        raise UsageError(f"person {person!r}", "a name has letters, digits, - and _ only", "Give one with --person")
    make_state(home)
    component_keys(home.keys)
    texts = default_texts()
    if not (home.config / "people.yaml").exists():
        key = ensure_key(home.people / f"{person}.key")
        texts["people.yaml"] = "# Who may do what; private keys never stand here.\npeople:\n" + person_lines(
            person, (Role.ADMIN,), public_text(key)
        )
    absent = absent_files(home)
    for path in absent:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, texts[path.relative_to(home.config).as_posix()], 0o644)
    return absent


def absent_files(home: Home) -> tuple[Path, ...]:
    """Return the files of a configuration folder that are not there."""
    return tuple(path for name in (*default_texts(), "people.yaml") if not (path := home.config / name).exists())
