"""``healstream site token make|list|revoke``: what programs use ``/api/v1`` with; making and revoking is told to the audit chain first."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import typer

from console.cli.deeds import DRY, tell
from console.cli.formats import Output
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, brokers_of, home, show, talk
from console.periods import span_of
from console.site.place import tokens_path
from console.site.tokens import keep, made, token_named, tokens_in
from console.site.tokens import revoke as take_away
from console.words import FLUSH_S, Speaker, require_right, speaker_in
from infra.kafka import codec_of, deliver
from schemas.errors import NotFoundError
from schemas.oversight import AuditEntry
from schemas.people import Right, Role

ROLE = typer.Option(Role.VIEWER, "--role", help="what it may at most: viewer, operator, approver or admin; never more than its person")
SPAN = typer.Option("30d", "--for", help="how long it lasts: 12h, 30d, 52w")
_COLUMNS = ("id", "person", "role", "state", "expires_at", "made_by", "made_at")


def add_to(app: typer.Typer) -> None:
    """Add the noun below ``site``."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("make")(make)
    noun.command("list")(list_all)
    noun.command("revoke")(revoke)
    app.add_typer(noun, name="token", help="tokens with which programs use /api/v1")


def make(person: str, role: Role = ROLE, span: str = SPAN, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Make a token that acts for a person with one role at most; its word goes to standard output, this once."""
    place, now = home(name), datetime.now(UTC)
    speaker = _speaker(who, name)
    if people_of(place).named(person) is None:
        raise NotFoundError(f"person {person}", "people.yaml does not know them", "Add the person to people.yaml")
    word, token = made(secrets.token_hex(4), secrets.token_urlsafe(32), (person, speaker.name), role, span_of(span, "--for", now))
    if dry:
        tell(f"a token acts for {person} as {role} until {token.expires_at}", dry=True)
        return
    _tell(name, speaker, "token.made", token.id, (("person", person), ("role", role.value), ("expires_at", token.expires_at)))
    keep(tokens_path(place), token)
    typer.echo(word)
    talk(f"token {token.id} acts for {person} as {role} until {token.expires_at}; it is not shown again")
    talk("send it as `Authorization: Bearer ...`; end it with `healstream site token revoke`")


def list_all(name: str = NAME, output: Output = OUTPUT) -> None:
    """List the tokens, without their words."""
    now = datetime.now(UTC)
    show([token.row(now) for token in tokens_in(tokens_path(home(name))).values()], output, _COLUMNS)


def revoke(token: str, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Take a token away: its next call is turned away."""
    speaker, path = _speaker(who, name), tokens_path(home(name))
    if dry:
        found = token_named(path, token)
        tell(f"token {found.id} of {found.person} is revoked", dry=True)
        return
    # Taken away first: what is to be stopped at once does not wait for a broker.
    found = take_away(path, token)
    talk(f"token {found.id} of {found.person} is revoked")
    _tell(name, speaker, "token.revoked", found.id, (("person", found.person), ("role", found.role)))


def _speaker(who: str, name: str) -> Speaker:
    speaker = speaker_in(home(name).people, who)
    require_right(people_of(home(name)), speaker, Right.VIEW)
    return speaker


def _tell(name: str, speaker: Speaker, action: str, token: str, details: tuple[tuple[str, str], ...]) -> None:
    entry = AuditEntry(speaker.name, action, f"token:{token}", datetime.now(UTC), details)
    deliver(brokers_of(name), [entry], codec_of(brokers_of(name), [AuditEntry]), FLUSH_S)
