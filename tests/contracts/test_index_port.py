"""The same checks for the fake settings and for the real adapter over the files of pip, npm and apt."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from infra.adapters.indexes import Indexes
from infra.adapters.step_records import StepRecords
from recoverers.host_ports import IndexPort
from schemas.attempts import StepStatus
from schemas.targets.index import IndexSpec, IndexTool, MirrorChange
from tests.support.fake_indexes import FakeIndexes

ONE, TWO = "https://one.example/simple", "https://two.example/simple"
FILES = {
    IndexTool.PIP: f"[global]\r\n# index-url = {ONE}\r\nindex-url = {ONE}/\r\ntimeout: 15\r\nextra-index-url = {ONE}\r\n",
    IndexTool.NPM: f"; registry={ONE}\nregistry={ONE}\n@acme:registry={ONE}/\n//one.example/:always-auth=true\n\n",
    IndexTool.GIT: f'[user]\n\tname = ci\n[url "{ONE}/"]\n\tinsteadOf = {ONE}/\n[url "{ONE}-other/"]\n\tinsteadOf = x\n',
    IndexTool.APT: f"# deb {ONE} old main\ndeb [arch=amd64] {ONE} stable main\ndeb-src {ONE}/ stable main\ndeb {ONE}-security stable main",
}
# The lines in which the second mirror stands after a switch; in all other ones every byte stays.
SWITCHED = {IndexTool.PIP: [2], IndexTool.NPM: [1, 2], IndexTool.APT: [1, 2], IndexTool.GIT: [2]}


@dataclass
class IndexCase:
    """A port, its setting, the file's bytes and how somebody else writes it."""

    port: IndexPort
    spec: IndexSpec
    content: Callable[[], bytes]
    write: Callable[[str], None]


def spec_at(place: Path, tool: IndexTool) -> IndexSpec:
    lists = str(place / "apt" / "lists") if tool is IndexTool.APT else ""
    ask = (
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import pathlib,sys;sys.exit({TWO!r} not in pathlib.Path({str(place / 'setting')!r}).read_text())",
    )
    return IndexSpec("own", tool, str(place / "setting"), (ONE, TWO), "github", ("acme/api",), ask, lists)


@pytest.fixture(params=["fake", *IndexTool])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> IndexCase:
    if request.param == "fake":
        fake = FakeIndexes({"own": f"deb {ONE} stable"}, dead={ONE})
        spec = spec_at(tmp_path, IndexTool.APT)

        def content() -> bytes:
            return fake.files["own"].encode()

        return IndexCase(fake, spec, content, lambda text: fake.files.update(own=text))
    spec = spec_at(tmp_path, request.param)
    setting = Path(spec.file)
    setting.write_bytes(FILES[request.param].encode())
    setting.chmod(0o640)
    port = Indexes(StepRecords(tmp_path / "records"), tmp_path / "kept")
    return IndexCase(port, spec, setting.read_bytes, lambda text: _write(setting, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def change_of(case: IndexCase) -> MirrorChange:
    setting = case.port.setting(case.spec)
    assert setting is not None
    assert setting.mirrors == (ONE,)
    assert setting.sha256 == sha256(case.content()).hexdigest()
    return MirrorChange(ONE, TWO, setting.sha256)


def test_one_address_is_replaced_and_the_file_comes_back_byte_for_byte(case: IndexCase) -> None:
    before, change = case.content(), change_of(case)
    assert case.port.ask(case.spec).status is StepStatus.FAILED
    for _ in range(2):
        assert case.port.switch(case.spec, change, "k").status is StepStatus.OK
        assert case.port.has_switched(case.spec, change, "k")
    assert not case.port.has_switched(case.spec, change, "other")
    seen = case.port.setting(case.spec)
    assert seen is not None
    assert TWO in seen.mirrors
    assert case.port.ask(case.spec).status is StepStatus.OK
    for _ in range(2):
        assert case.port.put_back(case.spec, change, "k").status is StepStatus.OK
    assert case.content() == before
    assert not case.port.has_switched(case.spec, change, "k")


def test_a_setting_that_somebody_writes_meanwhile_is_left_to_them(case: IndexCase) -> None:
    change = change_of(case)
    case.write(f"deb {ONE} testing")
    assert case.port.switch(case.spec, change, "k").status is StepStatus.FAILED
    assert case.content() == f"deb {ONE} testing".encode()

    case.write(f"deb {ONE} later")
    again = replace(change, sha256=sha256(case.content()).hexdigest())
    assert case.port.switch(case.spec, again, "l").status is StepStatus.OK
    case.write("deb by-hand")
    assert case.port.put_back(case.spec, again, "l").status is StepStatus.FAILED
    assert case.content() == b"deb by-hand"


def test_an_address_that_the_catalogue_does_not_list_is_never_written(case: IndexCase) -> None:
    before, change = case.content(), change_of(case)
    evil = replace(change, to="https://evil.example/simple")
    assert case.port.switch(case.spec, evil, "k").status is StepStatus.FAILED
    assert case.content() == before


@pytest.mark.parametrize("tool", IndexTool)
def test_only_the_lines_that_name_the_mirror_change(tool: IndexTool, tmp_path: Path) -> None:
    spec = spec_at(tmp_path, tool)
    setting = Path(spec.file)
    setting.write_bytes(FILES[tool].encode())
    setting.chmod(0o640)
    before = FILES[tool].encode().splitlines(keepends=True)
    change = MirrorChange(ONE, TWO, sha256(b"".join(before)).hexdigest())
    assert Indexes(StepRecords(tmp_path / "r"), tmp_path / "k").switch(spec, change, "k").status is StepStatus.OK
    after = setting.read_bytes().splitlines(keepends=True)
    assert [number for number, line in enumerate(after) if line != before[number]] == SWITCHED[tool]
    assert [after[number] for number in SWITCHED[tool]] == [before[number].replace(ONE.encode(), TWO.encode()) for number in SWITCHED[tool]]
    assert setting.stat().st_mode & 0o777 == 0o640


def test_a_deb822_file_is_read_too_and_a_link_or_a_folder_is_not(tmp_path: Path) -> None:
    spec, port = spec_at(tmp_path, IndexTool.APT), Indexes(StepRecords(tmp_path / "r"), tmp_path / "k")
    assert port.setting(spec) is None
    (tmp_path / "real").write_text(f"Types: deb\nURIs: {ONE}\nSuites: stable\n", encoding="utf-8")
    (tmp_path / "setting").symlink_to(tmp_path / "real")
    assert port.setting(spec) is None
    seen = port.setting(replace(spec, file=str(tmp_path / "real")))
    assert seen is not None
    assert seen.mirrors == (ONE,)
    assert port.setting(replace(spec, file=str(tmp_path))) is None


def test_lists_are_removed_and_nothing_beside_them_nor_behind_a_link(tmp_path: Path) -> None:
    spec, port = spec_at(tmp_path, IndexTool.APT), Indexes(StepRecords(tmp_path / "r"), tmp_path / "k")
    lists = Path(spec.lists)
    (lists / "partial").mkdir(parents=True)
    for name in ("one_Packages", "partial/one_Packages", "lock"):
        (lists / name).write_bytes(b"x")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_bytes(b"x")
    (tmp_path / "apt" / "status").write_bytes(b"x")
    (lists / "away").symlink_to(tmp_path / "precious")

    assert port.clean(spec, "k").status is StepStatus.OK

    assert sorted(str(path.relative_to(lists)) for path in lists.rglob("*")) == ["away", "lock", "partial"]
    assert (tmp_path / "precious" / "file").exists()
    assert (tmp_path / "apt" / "status").exists()
    (lists / "fetched_since").write_bytes(b"x")
    assert port.clean(spec, "k").status is StepStatus.OK
    assert (lists / "fetched_since").exists()


@pytest.mark.parametrize(
    ("text", "mirror"),
    [
        ("E: Failed to fetch http://two.example/debian/Packages  Hash Sum mismatch", "http://two.example/debian"),
        ("HTTPSConnectionPool(host='two.example', port=443): Read timed out.", "http://two.example/debian"),
        ("connect to 127.0.0.1:802 failed", "http://127.0.0.1:802/a"),
        ("connect to 127.0.0.1:8020 failed", "http://127.0.0.1:80/a"),
        ("http://two.example.evil.example/ and not-two.example and two.example-2", ""),
        ("nothing", ""),
    ],
)
def test_a_log_only_selects_one_of_the_listed_mirrors(text: str, mirror: str) -> None:
    listed = ("http://one.example/debian", "http://two.example/debian", "http://127.0.0.1:80/a", "http://127.0.0.1:802/a")
    assert IndexSpec("own", IndexTool.APT, "/f", listed, "github", ("acme/api",), ("x",)).mirror_in([text]) == mirror
