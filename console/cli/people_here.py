"""The people of the configuration folder of this machine: whose rights are checked before a word is sent, admit checks them again."""

from __future__ import annotations

from console.configuration import load_configuration
from console.home import Home
from console.system_paths import shipped_patterns
from schemas.configuration import Keys
from schemas.people import People


def people_of(home: Home) -> People:
    """Return the people; raises ConfigurationError with the place of a mistake."""
    return load_configuration(home.config, shipped_patterns(), Keys()).people
