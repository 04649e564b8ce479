"""Private keys as files that only their owner reads: those of the components and those of people; called by init, system and signing."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.adapters.launch import write_whole
from schemas.configuration import Keys
from schemas.errors import DeniedError
from schemas.signing import private_bytes, private_key_from, public_text

COMPONENTS = ("admit", "notary", "publisher")


def ensure_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in the file, making it (mode 600, never overwritten) when there is none."""
    if path.exists():
        return load_key(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        write_whole(beside, private_bytes(Ed25519PrivateKey.generate()))
        # A link takes the name only when nobody has it: of two that begin at once the first one's key counts.
        path.hardlink_to(beside)
    except FileExistsError:
        pass
    finally:
        beside.unlink(missing_ok=True)
    return load_key(path)


def load_key(path: Path) -> Ed25519PrivateKey:
    """Return the key; raises DeniedError when it is missing, damaged, or open to others."""
    try:
        if path.stat().st_mode & 0o077:
            raise DeniedError(f"key {path}", "others may read it", f"Run `chmod 600 {path}`")
        return private_key_from(path.read_bytes())
    except FileNotFoundError as error:
        raise DeniedError(f"key {path}", "there is none", "Name a person whose key is on this machine, or run `healstream init`") from error
    except (OSError, ValueError) as error:
        raise DeniedError(f"key {path}", str(error), "Restore the file from its backup") from error


def component_keys(folder: Path) -> Keys:
    """Make the components' keys where they are missing and return the public halves that others rely on."""
    made = {name: public_text(ensure_key(folder / f"{name}.key")) for name in COMPONENTS}
    return Keys(admit=made["admit"], notary=made["notary"])
