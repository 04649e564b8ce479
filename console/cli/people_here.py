"""The people of the configuration folder of this machine: whose rights are checked before a word is sent, admit checks them again."""

from __future__ import annotations

from console.configuration import load_people
from console.home import Home
from schemas.people import People


def people_of(home: Home) -> People:
    """Return the people; raises ConfigurationError with the place of a mistake."""
    return load_people(home.config)
