"""The shipper as a process against a real gateway: killed in the middle of a sending, told to wait, refused, and called wrongly."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from schemas.errors import BusyError
from tests.support.gateway import Gateway
from tests.support.shipper_process import PATIENCE_S, HeldOutlet, end_of, served, start_shipper, text_of

RUN = ("--run", "jenkins/acme/shop/77/build")
# A start is about two seconds of processor time where nothing else runs.
pytestmark = pytest.mark.timeout(600)


def lines(first: int, count: int) -> str:
    return "".join(f"{number} step of the build\n" for number in range(first, first + count))


def test_a_shipper_that_is_killed_in_the_middle_of_a_sending_loses_no_line_and_doubles_none(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    outlet = HeldOutlet()
    with served(Gateway(outlet=outlet)) as url:
        # given a shipper whose first part the broker has, and who never hears of it
        log.write_text(lines(0, 100), encoding="utf-8")
        outlet.hold(0, is_kept=True)
        first = start_shipper(tmp_path, url, str(log), *RUN)
        assert outlet.is_holding.wait(PATIENCE_S)
        first.kill()
        first.communicate()
        outlet.let_go()

        # when the log goes on, is rotated and packed meanwhile, and the next one is killed before the broker has its second part
        log.write_text(lines(0, 200), encoding="utf-8")
        time_ns = log.stat().st_mtime_ns
        (tmp_path / "build.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
        log.write_text(lines(200, 50), encoding="utf-8")
        assert (tmp_path / "build.log.1.gz").stat().st_mtime_ns >= time_ns
        outlet.hold(1, is_kept=False)
        second = start_shipper(tmp_path, url, str(log), *RUN)
        assert outlet.is_holding.wait(PATIENCE_S)
        second.kill()
        second.communicate()
        outlet.let_go()
        log.write_text(lines(200, 100), encoding="utf-8")

        # then a third one sends the rest, and all of it is there once
        assert end_of(start_shipper(tmp_path, url, str(log), *RUN, "--once"))[0] == 0
    assert text_of(outlet) == lines(0, 300)


def test_a_gateway_that_has_too_much_to_do_is_left_alone_for_as_long_as_it_says(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text(lines(0, 3), encoding="utf-8")
    gateway = Gateway()
    gateway.outlet.trouble = BusyError("the queue", "it is full", "Come again")
    with served(gateway) as url:
        process = start_shipper(tmp_path, url, f"{tmp_path}/{{job}}.log", "--run", "jenkins/acme/shop/77/{job}", "--once")
        assert process.stderr
        said = []
        while not any("waiting" in line for line in said):
            said.append(process.stderr.readline())
            assert said[-1], said
        assert "429" in said[-1]
        assert '"seconds": 1' in said[-1]
        gateway.outlet.trouble = None
        assert end_of(process)[0] == 0
    assert text_of(gateway.outlet) == lines(0, 3)


def test_a_wrong_token_a_wrong_call_and_a_missing_log_are_told_with_what_to_do(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("x\n", encoding="utf-8")
    with served(Gateway()) as url:
        code, said = end_of(start_shipper(tmp_path, url, str(log), *RUN, token="a-token-that-nobody-has-given"))
        assert (code, "HEALSTREAM_INGEST_TOKEN" in said) == (4, True), said
        code, said = end_of(start_shipper(tmp_path, url, str(tmp_path / "other.log"), *RUN, "--once"))
        assert (code, "no file is there" in said) == (3, True), said
    code, said = end_of(start_shipper(tmp_path, "http://logs.example", str(log), *RUN))
    assert (code, "could be read on its way" in said) == (2, True), said
