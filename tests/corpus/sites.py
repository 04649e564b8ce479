"""What a healthy package server would answer, as path -> bytes: tiny packages of the tools' own formats, made on the spot."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import Mapping

Site = Mapping[str, bytes]
_EPOCH = (2024, 1, 1, 0, 0, 0)


def zipped(files: Mapping[str, str]) -> bytes:
    """Return a zip archive of the files, the same bytes every time."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text)
    return held.getvalue()


def tarred(files: Mapping[str, str]) -> bytes:
    """Return a gzipped tar archive of the files, the same bytes every time."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(held.getvalue(), mtime=0)


def sha256(content: bytes) -> str:
    """Return the digest in hex."""
    return hashlib.sha256(content).hexdigest()


def wheel(name: str, version: str, requires: tuple[str, ...] = ()) -> bytes:
    """Return a wheel with one module and, so that a cut has something to cut, some ballast."""
    info = f"{name}-{version}.dist-info"
    ballast = "".join(hashlib.sha256(f"{name}{number}".encode()).hexdigest() for number in range(400))
    needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}/__init__.py": f'"""{name}."""\nBALLAST = "{ballast}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: acme\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    return zipped({**files, f"{info}/RECORD": record})


def sdist(name: str, version: str, setup: str) -> bytes:
    """Return a source distribution whose set-up program is given."""
    folder = f"{name}-{version}"
    files = {"setup.py": setup, "PKG-INFO": f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n"}
    return tarred({f"{folder}/{path}": text for path, text in files.items()})


def python_index(packages: Mapping[str, Mapping[str, bytes]]) -> Site:
    """Return a simple index; ``packages`` holds the files by name, each by package."""
    site: dict[str, bytes] = {}
    for name, files in packages.items():
        links = "".join(f'<a href="/files/{file}#sha256={sha256(content)}">{file}</a><br/>\n' for file, content in files.items())
        site[f"/simple/{name}/"] = f"<!DOCTYPE html><html><body>\n{links}</body></html>".encode()
        site |= {f"/files/{file}": content for file, content in files.items()}
    return site


def node_tarball(name: str, version: str, manifest: Mapping[str, object] | None = None, files: Mapping[str, str] | None = None) -> bytes:
    """Return an npm package."""
    told = json.dumps({"name": name, "version": version, "main": "index.js", **(manifest or {})})
    ballast = "".join(hashlib.sha256(f"{name}{number}".encode()).hexdigest() for number in range(400))
    held = {"package.json": told, "index.js": f"module.exports = '{ballast}';\n", **(files or {})}
    return tarred({f"package/{path}": text for path, text in held.items()})


def node_integrity(tarball: bytes) -> str:
    """Return the integrity word that a lock file carries."""
    return "sha512-" + b64encode(hashlib.sha512(tarball).digest()).decode()


def node_registry(
    base: str, packages: Mapping[str, Mapping[str, bytes]], manifests: Mapping[str, Mapping[str, object]] | None = None
) -> Site:
    """Return an npm registry at ``base``; ``packages`` holds tarballs by version, each by name, ``manifests`` what else a name declares."""
    site: dict[str, bytes] = {}
    for name, versions in packages.items():
        rows = {}
        for version, content in versions.items():
            path = f"/{name}/-/{name}-{version}.tgz"
            site[path] = content
            about = {"tarball": base + path, "integrity": node_integrity(content), "shasum": hashlib.sha1(content).hexdigest()}  # noqa: S324 - npm's own field
            rows[version] = {"name": name, "version": version, "dist": about, **((manifests or {}).get(name, {}))}
        document = {"name": name, "dist-tags": {"latest": max(versions)}, "versions": rows}
        site[f"/{name}"] = json.dumps(document).encode()
    return site
