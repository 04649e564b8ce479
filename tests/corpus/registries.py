"""More of what healthy package servers would answer: crates, Go modules, Maven artifacts, gems, Composer, apt and images."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from functools import cache

from tests.corpus.sites import Site, downloads, node_packages, python_packages, sha256, tarred, zipped


def crates() -> Site:
    """Return a sparse index with one crate."""
    name, version = "acme-wire", "2.1.0"
    ballast = "".join(sha256(f"{name}{row}".encode()) for row in range(300))
    files = {
        f"{name}-{version}/Cargo.toml": f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n',
        f"{name}-{version}/src/lib.rs": f'pub const NAME: &str = "wire";\npub const BALLAST: &str = "{ballast}";\n',
    }
    crate = tarred(files)
    row = {"name": name, "vers": version, "deps": [], "cksum": sha256(crate), "features": {}, "yanked": False}
    return {
        "/index/config.json": b'{"dl": "@BASE@/crates/{crate}-{version}.crate"}',
        "/index/ac/me/acme-wire": json.dumps(row).encode() + b"\n",
        f"/crates/{name}-{version}.crate": crate,
    }


def modules() -> Site:
    """Return a module proxy with one module in one version."""
    path, version = "acme.example/wire", "v1.2.3"
    mod = f"module {path}\n\ngo 1.20\n"
    ballast = "".join(sha256(f"{path}{row}".encode()) for row in range(300))
    code = f'// Package wire is a wire.\npackage wire\n\n// Name is a name.\nconst Name = "wire"\n\nconst ballast = "{ballast}"\n'
    info = json.dumps({"Version": version, "Time": "2024-01-01T00:00:00Z"}).encode()
    return {
        f"/{path}/@v/list": f"{version}\n".encode(),
        f"/{path}/@latest": info,
        f"/{path}/@v/{version}.info": info,
        f"/{path}/@v/{version}.mod": mod.encode(),
        f"/{path}/@v/{version}.zip": zipped({f"{path}@{version}/go.mod": mod, f"{path}@{version}/wire.go": code}),
    }


def artifacts() -> Site:
    """Return a Maven repository with one library and one whose own parent is missing."""
    own = "<groupId>com.acme</groupId><artifactId>{name}</artifactId><version>1.2</version>"
    pom = f"<project><modelVersion>4.0.0</modelVersion>{{more}}{own}</project>"
    lost = "<parent><groupId>com.acme</groupId><artifactId>lost-parent</artifactId><version>7</version></parent>"
    ballast = "".join(sha256(f"jar{row}".encode()) for row in range(300))
    files: dict[str, bytes] = {}
    for name, more in (("wire", ""), ("orphan", lost)):
        base = f"/com/acme/{name}/1.2/{name}-1.2"
        files[f"{base}.pom"] = pom.format(name=name, more=more).encode()
        files[f"{base}.jar"] = zipped({"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n", "com/acme/ballast.txt": ballast})
    # Maven's own digest files.
    return files | {f"{path}.sha1": hashlib.sha1(content).hexdigest().encode() for path, content in files.items()}  # noqa: S324


_GEM = """--- !ruby/object:Gem::Specification
name: {name}
version: !ruby/object:Gem::Version
  version: {version}
platform: ruby
authors:
- Acme
bindir: bin
cert_chain: []
date: 2024-01-01 00:00:00.000000000 Z
dependencies: []
description: Acme
{extensions}
extra_rdoc_files: []
files:
- lib/{name}.rb
homepage: https://acme.example
licenses:
- MIT
metadata: {{}}
rdoc_options: []
require_paths:
- lib
required_ruby_version: !ruby/object:Gem::Requirement
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: "0"
required_rubygems_version: !ruby/object:Gem::Requirement
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: "0"
requirements: []
rubygems_version: 3.3.5
specification_version: 4
summary: Acme
test_files: []
"""


def gem(name: str, version: str, extension: str = "") -> bytes:
    """Return a gem; ``extension`` is the program that configures its native part."""
    listed = "extensions:\n- ext/extconf.rb" if extension else "extensions: []"
    told = _GEM.format(name=name, version=version, extensions=listed)
    ballast = "".join(sha256(f"{name}{row}".encode()) for row in range(200))
    files = {f"lib/{name}.rb": f"BALLAST = '{ballast}'\n"} | ({"ext/extconf.rb": extension} if extension else {})
    parts = {"metadata.gz": gzip.compress(told.encode(), mtime=0), "data.tar.gz": tarred(files)}
    sums = "---\nSHA256:\n" + "".join(f"  {part}: {sha256(content)}\n" for part, content in parts.items())
    parts["checksums.yaml.gz"] = gzip.compress(sums.encode(), mtime=0)
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for part, content in parts.items():
            member = tarfile.TarInfo(part)
            member.size, member.mode = len(content), 0o444
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


def gems() -> Site:
    """Return a compact index with a plain gem and one whose native part cannot be configured."""
    missing = "abort 'libacmewire is missing; please install libacmewire-dev'"
    extension = f"require 'mkmf'\n{missing} unless have_library('acmewire', 'wire_open')\ncreate_makefile('acme')\n"
    site: dict[str, bytes] = {}
    versions = "created_at: 2024-01-01T00:00:00Z\n---\n"
    for name, version, program in (("acme-wire", "2.1.0", ""), ("acme-native", "0.3.0", extension)):
        content = gem(name, version, program)
        info = f"---\n{version} |checksum:{sha256(content)}\n".encode()
        site |= {f"/gems/{name}-{version}.gem": content, f"/info/{name}": info}
        # The index's own digest.
        versions += f"{name} {version} {hashlib.md5(info).hexdigest()}\n"  # noqa: S324
    return site | {"/versions": versions.encode(), "/names": b"---\nacme-native\nacme-wire\n"}


def composer_packages() -> Site:
    """Return a Composer repository with one library, and one for a later PHP."""
    content = zipped(
        {"composer.json": '{"name": "acme/wire"}', "src/Wire.php": "<?php // " + "".join(sha256(f"{row}".encode()) for row in range(300))}
    )
    dist = {"type": "zip", "url": "@BASE@/dist/wire.zip", "shasum": hashlib.sha1(content).hexdigest()}  # noqa: S324 - Composer's own field
    packages = {
        "acme/wire": {version: {"name": "acme/wire", "version": version, "dist": dist} for version in ("1.9.0", "2.1.0")},
        "acme/client": {"1.0.0": {"name": "acme/client", "version": "1.0.0", "dist": dist, "require": {"acme/wire": "^2"}}},
        "acme/future": {"3.0.0": {"name": "acme/future", "version": "3.0.0", "dist": dist, "require": {"php": ">=9.9"}}},
        "acme/ext": {"1.0.0": {"name": "acme/ext", "version": "1.0.0", "dist": dist, "require": {"ext-acmewire": "*"}}},
    }
    return {"/packages.json": json.dumps({"packages": packages}).encode(), "/dist/wire.zip": content}


def _archive(parts: Mapping[str, bytes]) -> bytes:
    """Return an ar archive, which is what a Debian package is."""
    held = b"!<arch>\n"
    for name, content in parts.items():
        held += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode() + content + b"\n" * (len(content) % 2)
    return held


def debian_package(name: str, version: str, depends: str = "", after: str = "") -> bytes:
    """Return a Debian package; ``after`` is its program that runs after the unpacking."""
    control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Acme <ci@acme.example>\nDescription: acme\n"
    files = {"./control": control + (f"Depends: {depends}\n" if depends else "")} | ({"./postinst": after} if after else {})
    ballast = "".join(sha256(f"{name}{row}".encode()) for row in range(300))
    return _archive(
        {"debian-binary": b"2.0\n", "control.tar.gz": tarred(files, 0o755), "data.tar.gz": tarred({f"./opt/acme/{name}": ballast})}
    )


def debian_archive() -> Site:
    """Return an archive without signatures that holds a package, one that depends on what is missing, and one that fails to configure."""
    packages = {
        "acme-wire": debian_package("acme-wire", "1.2"),
        "acme-client": debian_package("acme-client", "1.2", "acme-wire (>= 2.0)"),
        "acme-broken": debian_package("acme-broken", "1.2", after="#!/bin/sh\necho 'acme-broken: cannot start acmed' >&2\nexit 3\n"),
    }
    listed, site = "", {}
    for name, content in packages.items():
        depends = "Depends: acme-wire (>= 2.0)\n" if name == "acme-client" else ""
        path = f"pool/main/{name}_1.2_all.deb"
        site[f"/debian/{path}"] = content
        file = f"Filename: {path}\nSize: {len(content)}\nSHA256: {sha256(content)}\n"
        listed += f"Package: {name}\nVersion: 1.2\nArchitecture: all\n{depends}{file}Description: acme\n\n"
    index = listed.encode()
    row = f" {sha256(index)} {len(index)} main/binary-amd64/Packages\n"
    about = "Origin: Acme\nSuite: stable\nCodename: stable\nDate: Mon, 01 Jan 2024 00:00:00 UTC"
    release = f"{about}\nArchitectures: amd64\nComponents: main\nSHA256:\n{row}"
    return site | {"/debian/dists/stable/main/binary-amd64/Packages": index, "/debian/dists/stable/Release": release.encode()}


def images() -> Site:
    """Return an image registry with one small image."""
    layer = tarred({"hello.txt": "".join(sha256(f"layer{row}".encode()) for row in range(300))})
    unpacked = sha256(gzip.decompress(layer))
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [f"sha256:{unpacked}"]}}
    ).encode()
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": len(config),
                "digest": f"sha256:{sha256(config)}",
            },
            "layers": [
                {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(layer), "digest": f"sha256:{sha256(layer)}"}
            ],
        }
    ).encode()
    base = "/v2/acme/app"
    blobs = {f"{base}/blobs/sha256:{sha256(blob)}": blob for blob in (config, layer)}
    return {"/v2/": b"{}", f"{base}/manifests/1.0": manifest, f"{base}/manifests/sha256:{sha256(manifest)}": manifest, **blobs}


SITES: Mapping[str, Callable[[], Site]] = {
    make.__name__: cache(make)
    for make in (downloads, python_packages, node_packages, crates, modules, artifacts, gems, composer_packages, debian_archive, images)
}
