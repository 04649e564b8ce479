"""``healstream site rebuild|password|token``: the page's read model from the topics, and who may log in at it."""

from __future__ import annotations

import typer
from argon2 import PasswordHasher

from console.cli import site_token
from console.cli.deeds import DRY, YES, require_meant, tell
from console.cli.people_here import people_of
from console.cli.show import NAME, brokers_of, home, talk
from console.site.accounts import require_long, set_password
from console.site.feed import rebuild as rebuild_model
from console.site.place import accounts_path, base_path
from schemas.errors import NotFoundError

PASSWORD = typer.Option("", prompt=True, hide_input=True, confirmation_prompt=True, help="asked for when not given")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("rebuild")(rebuild)
    noun.command("password")(password)
    site_token.add_to(noun)
    app.add_typer(noun, name="site", help=text)


def rebuild(name: str = NAME, dry: bool = DRY, yes: bool = YES) -> None:
    """Throw the read model away and build it from the topics; a page that runs goes on with the new one."""
    brokers, base = brokers_of(name), base_path(home(name))
    if dry:
        tell(f"{base} is built anew from the topics of {brokers}", dry=True)
        return
    require_meant(f"throw {base} away and build it anew", is_sure=yes)
    count = rebuild_model(brokers, base)
    talk(f"{count} messages were read")


def password(person: str, secret: str = PASSWORD, name: str = NAME, dry: bool = DRY) -> None:
    """Let a person of people.yaml log in at the page with a password."""
    place = home(name)
    if people_of(place).named(person) is None:
        raise NotFoundError(f"person {person}", "people.yaml does not know them", "Add the person to people.yaml")
    require_long(secret)
    if not dry:
        set_password(accounts_path(place), person, secret, PasswordHasher())
    tell(f"{person} may log in; what they may do is what policy/*.cedar allows them", dry=dry)
