"""Certificates for the fault server: a small authority and what it signs, good, expired or for another name; made anew for every run."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ("registry.example", "mirror.example", "git.example", "packages.example", "repo.example", "downloads.example", "images.example")


class Certificate(StrEnum):
    """What the server shows when a client asks for TLS."""

    GOOD = "good"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    SELF_SIGNED = "self_signed"
    WRONG_HOST = "wrong_host"
    UNKNOWN_AUTHORITY = "unknown_authority"


@dataclass(frozen=True, slots=True)
class Authority:
    """One that signs: its name and key."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme"), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _authority(common: str) -> Authority:
    return Authority(_name(common), ec.generate_private_key(ec.SECP256R1()))


def _signed(authority: Authority, subject: Authority, hosts: tuple[str, ...], days: tuple[int, int], now: dt.datetime) -> x509.Certificate:
    """Return a certificate that is valid from ``days[0]`` to ``days[1]`` counted from now; no hosts means an authority's own."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject.name)
        .issuer_name(authority.name)
        .public_key(subject.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(subject.key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def _written(path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)


def write_certificates(folder: Path, now: dt.datetime) -> Path:
    """Write one PEM file for every kind of certificate into the folder; return the file of the authority that clients trust."""
    trusted, other = _authority("Acme Root CA"), _authority("Other Root CA")
    rows: dict[Certificate, tuple[Authority, tuple[str, ...], tuple[int, int]]] = {
        Certificate.GOOD: (trusted, HOSTS, (-30, 300)),
        Certificate.EXPIRED: (trusted, HOSTS, (-400, -35)),
        Certificate.NOT_YET: (trusted, HOSTS, (20, 300)),
        Certificate.WRONG_HOST: (trusted, ("internal-proxy.example",), (-30, 300)),
        Certificate.UNKNOWN_AUTHORITY: (other, HOSTS, (-30, 300)),
    }
    for kind, (authority, hosts, days) in rows.items():
        server = _authority(hosts[0])
        _written(folder / f"{kind}.pem", _signed(authority, server, hosts, days, now), server.key)
    alone = _authority(HOSTS[0])
    _written(folder / f"{Certificate.SELF_SIGNED}.pem", _signed(alone, alone, HOSTS, (-30, 300), now), alone.key)
    root = folder / "authority.pem"
    root.write_bytes(_signed(trusted, trusted, (), (-60, 3000), now).public_bytes(serialization.Encoding.PEM))
    return root


def server_context(folder: Path, kind: Certificate) -> ssl.SSLContext:
    """Return what a server needs to show the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{kind}.pem")
    return context
