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


def tarred(files: Mapping[str, str], mode: int = 0o644) -> bytes:
    """Return a gzipped tar archive of the files, the same bytes every time."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), mode
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(held.getvalue(), mtime=0)


def sha256(content: bytes) -> str:
    """Return the digest in hex."""
    return hashlib.sha256(content).hexdigest()


def wheel(name: str, version: str, requires: tuple[str, ...] = (), python: str = ">=3.8") -> bytes:
    """Return a wheel with one module and, so that a cut has something to cut, some ballast."""
    info = f"{name}-{version}.dist-info"
    ballast = "".join(hashlib.sha256(f"{name}{number}".encode()).hexdigest() for number in range(400))
    needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}/__init__.py": f'"""{name}."""\nBALLAST = "{ballast}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {python}\n{needed}",
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


def node_registry(packages: Mapping[str, Mapping[str, bytes]], manifests: Mapping[str, Mapping[str, object]] | None = None) -> Site:
    """Return an npm registry; ``packages`` holds tarballs by version, each by name, ``manifests`` what else a name declares."""
    site: dict[str, bytes] = {}
    for name, versions in packages.items():
        rows = {}
        for version, content in versions.items():
            path = f"/{name}/-/{name}-{version}.tgz"
            site[path] = content
            about = {"tarball": "@BASE@" + path, "integrity": node_integrity(content), "shasum": hashlib.sha1(content).hexdigest()}  # noqa: S324 - npm's own field
            rows[version] = {"name": name, "version": version, "dist": about, **((manifests or {}).get(name, {}))}
        document = {"name": name, "dist-tags": {"latest": max(versions)}, "versions": rows}
        site[f"/{name}"] = json.dumps(document).encode()
    return site


def downloads() -> Site:
    """Return a file and its digest, which fits."""
    archive = tarred(
        {f"sdk-4.2.1/lib/part{part}.txt": "".join(sha256(f"{part}.{row}".encode()) for row in range(80)) for part in range(40)}
    )
    return {"/tools/sdk-4.2.1.tar.gz": archive, "/tools/sdk-4.2.1.sha256": f"{sha256(archive)}  sdk-4.2.1.tar.gz\n".encode()}


def python_packages() -> Site:
    """Return an index with a client, what it needs, and packages whose installation fails."""
    broken = "import sys\nprint('checking for libwire.so.2')\nsys.exit('libwire 2.1 or newer is needed to build acme-native')\n"
    return python_index(
        {
            "acme-client": {
                f"acme_client-{version}-py3-none-any.whl": wheel("acme_client", version, (f"acme-wire{wire}",))
                for version, wire in (("1.3.0", "<2"), ("1.4.0", ">=2"))
            },
            "acme-wire": {f"acme_wire-{version}-py3-none-any.whl": wheel("acme_wire", version) for version in ("1.9.0", "2.1.3")},
            "acme-native": {"acme_native-0.3.0.tar.gz": sdist("acme_native", "0.3.0", broken)},
            "acme-clang": {"acme_clang-0.1.0.tar.gz": sdist("acme_clang", "0.1.0", _EXTENSION)},
            "acme-future": {"acme_future-3.0.0-py3-none-any.whl": wheel("acme_future", "3.0.0", python=">=3.99")},
        }
    )


_EXTENSION = """from setuptools import Extension, setup
open("wire.c", "w").write("#include <acme/wire.h>\\nint wire(void) { return 0; }\\n")
setup(name="acme_clang", version="0.1.0", ext_modules=[Extension("acme_clang", ["wire.c"])])
"""


def node_packages() -> Site:
    """Return a registry with a library, what it needs, a peer conflict, and a package whose installation fails."""
    packages = {
        "acme-client": {"1.3.0": node_tarball("acme-client", "1.3.0"), "1.4.0": node_tarball("acme-client", "1.4.0")},
        "acme-wire": {"2.1.3": node_tarball("acme-wire", "2.1.3")},
        "acme-old": {"1.0.0": node_tarball("acme-old", "1.0.0")},
        "acme-plugin": {"5.0.0": node_tarball("acme-plugin", "5.0.0", {"peerDependencies": {"acme-client": "^1.3.0"}})},
        "acme-native": {"0.3.0": node_tarball("acme-native", "0.3.0", _NATIVE, {"check.js": _NATIVE_CHECK})},
        "acme-future": {"3.0.0": node_tarball("acme-future", "3.0.0", {"engines": {"node": ">=99"}})},
    }
    manifests: dict[str, Mapping[str, object]] = {
        "acme-client": {"dependencies": {"acme-wire": "^2.0.0"}},
        "acme-old": {"deprecated": "acme-old is no longer supported, use acme-client"},
        "acme-plugin": {"peerDependencies": {"acme-client": "^1.3.0 <1.4.0"}},
        "acme-native": {**_NATIVE, "hasInstallScript": True},
        "acme-future": {"engines": {"node": ">=99"}},
    }
    return node_registry(packages, manifests)


_NATIVE: Mapping[str, object] = {"scripts": {"install": "node check.js"}}
_NATIVE_CHECK = "console.error('acme-native: no prebuilt binary for this platform'); process.exit(1);\n"
