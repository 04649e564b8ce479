"""The recordings of real tools under real faults that come with the program; back-tests of proposals and of the commands read them."""

from __future__ import annotations

from importlib.resources import files

from learning.stored_logs import StoredLog, load_stored_logs


def recorded_logs() -> tuple[StoredLog, ...]:
    """Return them; raises ConfigurationError when a file is broken."""
    folder = files("learning").joinpath("corpus")
    return load_stored_logs({path.name: path.read_bytes() for path in folder.iterdir() if path.name.endswith(".xz")})
