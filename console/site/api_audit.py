"""``/api/v1/audit``: the chain's standing, its newest records by search, and an export of it as the command line makes one."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from console.audit_export import Span, export, manifest_path
from console.home import Home
from console.keys import load_key
from console.periods import begin_of
from console.site import views
from console.site.api import After, Answer, Limit, listed
from console.site.chronicle import audit_rows, chain_in, chain_row
from console.site.entrance import SiteHere, VisitorHere
from console.site.place import Site
from schemas.errors import DeniedError, TooManyError
from schemas.signing import public_text

AUDIT = APIRouter(prefix="/api/v1/audit")
FILE, FAULTS = "audit.jsonl", "FAULTS.txt"
Search = Annotated[str, Query(max_length=200)]
Moment = Annotated[str, Query(max_length=40)]


def notary_key(home: Home) -> str:
    """Return the notary's public key, empty where the notary's is another machine."""
    try:
        return public_text(load_key(home.keys / "notary.key"))
    except DeniedError:
        return ""


@AUDIT.get("")
def list_audit(_visitor: VisitorHere, site: SiteHere, q: Search = "", limit: Limit = 50, after: After = "") -> Answer:
    """Show the newest records of the audit chain with every word of ``q``, the newest first."""
    with site.base() as base:
        return listed(views.Page(*audit_rows(base, q, limit, after)))


@AUDIT.get("/chain")
def get_chain(_visitor: VisitorHere, site: SiteHere) -> Answer:
    """Show up to which record the chain holds, its newest break, and whose signature the newest checkpoint is."""
    with site.base() as base:
        return listed(views.Page([chain_row(chain_in(base), notary_key(site.home))]))


@AUDIT.get("/export", response_class=FileResponse)
def get_export(request: Request, _visitor: VisitorHere, site: SiteHere, since: Moment = "", until: Moment = "") -> FileResponse:
    """Download the records and their signed manifest, as ``healstream audit export`` writes them, in one zip file."""
    now = site.now()
    span = Span(begin_of(since, now) if since else None, begin_of(until, now) if until else None)
    with _only_one(request.app.state.exporting):
        folder = Path(tempfile.mkdtemp(prefix="audit-", dir=_room(site)))
        try:
            packed = _packed(site, folder, span)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return FileResponse(
        packed,
        media_type="application/zip",
        filename=f"healstream-audit-{now:%Y%m%dT%H%M%SZ}.zip",
        headers={"cache-control": "no-store"},
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


def _room(site: Site) -> Path:
    folder = site.base_path.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def _only_one(lock: Lock) -> Iterator[None]:
    """Let one export run at a time: each reads the whole topic and fills as much of the disk."""
    if not lock.acquire(blocking=False):
        raise TooManyError("audit export", "another one is being made", "Wait for it, then try again", 30)
    try:
        yield
    finally:
        lock.release()


def _packed(site: Site, folder: Path, span: Span) -> Path:
    key = load_key(site.home.keys / "notary.key")
    lines, packed = folder / FILE, folder / "audit.zip"
    _, faults = export(site.chain(), lines, span, key, site.now())
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for path in (lines, manifest_path(lines)):
            out.write(path, path.name)
        if faults:
            out.writestr(FAULTS, "\n".join(faults) + "\n")
    lines.unlink()
    return packed
