"""The row ``oidc`` of ``healstream.yaml``: which identity provider lets people in at the page, and which of its groups give which roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from console.heartbeat_rule import why_no_url
from console.shape import Shape
from schemas.people import Role

Claim = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.:/-]{0,199}$")]


@dataclass(frozen=True, slots=True)
class OidcRule:
    """``name_claim`` holds the person's name of people.yaml, ``groups`` is a closed table: a group that is not in it gives nothing.

    ``address`` is the page's own, where browsers reach it by another than the page is served under; ``scopes`` are asked for beside openid.
    """

    issuer: str
    client_id: str
    groups: tuple[tuple[str, frozenset[Role]], ...]
    name_claim: str = "sub"
    groups_claim: str = "groups"
    scopes: tuple[str, ...] = ()
    secret_file: str = ""
    address: str = ""

    def roles_of(self, groups: tuple[str, ...]) -> frozenset[Role]:
        """Return what these groups give together; nothing when none is in the table."""
        return frozenset(role for group, roles in self.groups if group in groups for role in roles)


def _check_url(text: str) -> str:
    if text and (why := why_no_url(text)):
        raise ValueError(why)
    if urlsplit(text).query:
        raise ValueError("an issuer and an address have no question mark")
    return text


def _check_address(text: str) -> str:
    if urlsplit(_check_url(text)).path not in {"", "/"}:
        raise ValueError("the page has its host for itself: write https://host or https://host:port")
    return text.rstrip("/")


class GroupRow(Shape):
    """One group of the provider, and the roles that being in it gives."""

    group: Annotated[str, Field(min_length=1, max_length=200)]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]


class OidcRow(Shape):
    """The provider. ``name_claim`` must be one that people cannot choose for themselves; ``secret_file`` has mode 600."""

    issuer: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_check_url)]
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    groups: Annotated[tuple[GroupRow, ...], Field(min_length=1, max_length=100)]
    name_claim: Claim = "sub"
    groups_claim: Claim = "groups"
    scopes: Annotated[tuple[Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,100}$")], ...], Field(max_length=20)] = ()
    secret_file: Annotated[str, Field(pattern=r"^/[^\x00-\x1f]*$|^$", max_length=1000)] = ""
    address: Annotated[str, Field(max_length=500), AfterValidator(_check_address)] = ""

    def record(self) -> OidcRule:
        """Return the record."""
        table = tuple((row.group, frozenset(row.roles)) for row in self.groups)
        names = (self.name_claim, self.groups_claim)
        return OidcRule(self.issuer, self.client_id, table, *names, self.scopes, self.secret_file, self.address)
