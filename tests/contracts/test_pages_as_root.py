"""What the pages have root type on a machine, typed as root: in a mount namespace, over copies of the machine's folders."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.docs.unplayed import AS_ROOT, UNPLAYED_LINES, row_of_line
from tests.docs.written import ROOT, Line, lines_in, without_remark
from tests.support.tools import tool

# /etc is a copy, /var an empty one: neither is the machine's. No systemd runs there, so that units are enabled and nothing is started.
_INSIDE = """set -e
mount --make-rprivate /
cp -a /etc "$1/etc"
mkdir -p "$1/var/lib" "$1/var/log" "$1/var/mail"
mount --bind "$1/etc" /etc
mount --bind "$1/var" /var
. "$2"
"""


def as_root(lines: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run lines of a shell in the checkout, until one fails; skip without the right to do so."""
    if os.geteuid() != 0:
        pytest.skip("typing what root types needs root")
    script = folder / "lines.sh"
    script.write_text("set -e\n" + "\n".join(lines) + "\n", encoding="utf-8")
    argv = [tool("unshare"), "--mount", "/bin/bash", "-c", _INSIDE, "sh", str(folder), str(script)]
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "SYSTEMD_OFFLINE": "1"}
    told = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
    if "unshare failed" in told.stderr:
        pytest.skip(f"no mount namespace here: {told.stderr}")
    return told


def typed_on(page: str) -> list[Line]:
    """Return the lines of a page that are typed here: those of the rows, and copies into folders of the machine."""
    lines = lines_in(page, (ROOT / page).read_text(encoding="utf-8"))
    return [line for line in lines if UNPLAYED_LINES.get(row_of_line(line)) == AS_ROOT or " /etc/" in line.text]


def test_a_machine_gets_its_user_its_folder_and_its_unit(tmp_path: Path) -> None:
    lines = [without_remark(line.text) for line in typed_on("docs/operations.md")]
    assert [line.split()[0] for line in lines] == ["useradd", "install", "cp", "systemctl", "systemctl", "journalctl"]
    # Without a systemd that runs there the last part of `enable --now`, the start, is an error: the unit is enabled before it.
    lines = [f"{line} || :" if "--now" in line else line for line in lines]
    told = as_root([*lines, "stat -c '%U:%G %a' /etc/healstream /var/lib/healstream", "id -un healstream"], tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-3] == "healstream:healstream 750"
    assert told.stdout.splitlines()[-2].startswith("healstream:healstream ")
    wanted = Path("etc/systemd/system/multi-user.target.wants/healstream.service")
    assert (tmp_path / wanted).is_symlink()
    assert not Path("/", wanted).is_symlink()


def test_a_machine_gets_the_shippers_token_and_unit(tmp_path: Path) -> None:
    lines = [without_remark(line.text) for line in typed_on("docs/shipper.md")]
    assert [line.split()[0] for line in lines] == ["cp", "install", "systemctl", "journalctl"]
    token = tmp_path / ".config/healstream/ingest.token"
    token.parent.mkdir(parents=True)
    token.write_text("secret\n", encoding="utf-8")
    lines = [f"{line} || :" if "--now" in line else line for line in lines]
    told = as_root(["mkdir /etc/healstream", *lines, "stat -c '%a' /etc/healstream/ingest-token"], tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1] == "600"
    assert (tmp_path / "etc/systemd/system/multi-user.target.wants/healstream-shipper.service").is_symlink()


def test_a_line_that_fails_fails_them_all(tmp_path: Path) -> None:
    assert as_root(["install -d -o nobody-of-that-name /etc/healstream"], tmp_path).returncode == 1
