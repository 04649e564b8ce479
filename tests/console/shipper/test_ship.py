"""The shipper as a process against a real gateway: killed in the middle of a sending, told to wait, refused, and called wrongly."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from console.ship import run
from console.shipper.checkpoints import Checkpoints
from console.shipper.templates import Job
from schemas.errors import BusyError, DeniedError, HealstreamError, NotFoundError, UnreachableError, UsageError
from tests.support.gateway import TOKEN, Gateway
from tests.support.shipper_process import PATIENCE_S, HeldOutlet, end_of, orders, served, start_shipper, text_of

SHIP = "console.ship"
KNOWN_HERE = {"HEALSTREAM_INGEST_TOKEN": TOKEN}
pytestmark = pytest.mark.timeout(600)


def lines(first: int, count: int) -> str:
    return "".join(f"{number} step of the build\n" for number in range(first, first + count))


def test_a_shipper_that_is_killed_in_the_middle_of_a_sending_loses_no_line_and_doubles_none(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    outlet = HeldOutlet()
    with served(Gateway(outlet=outlet)) as url:
        # given a shipper whose first part the broker has, and who never hears of it
        log.write_text(lines(0, 100), encoding="utf-8")
        again = orders(tmp_path, url, str(log))
        outlet.hold(0, is_kept=True)
        first = start_shipper(tmp_path, url, again.written(), module=SHIP)
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
        second = start_shipper(tmp_path, url, again.written(), module=SHIP)
        assert outlet.is_holding.wait(PATIENCE_S)
        second.kill()
        second.communicate()
        outlet.let_go()
        log.write_text(lines(200, 100), encoding="utf-8")

        # then a third one sends the rest, and all of it is there once
        assert run(orders(tmp_path, url, str(log), once=True), KNOWN_HERE, Event()) == 0
    assert text_of(outlet) == lines(0, 300)


def test_a_gateway_that_has_too_much_to_do_is_left_alone_for_as_long_as_it_says(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text(lines(0, 3), encoding="utf-8")
    gateway = Gateway()
    gateway.outlet.trouble = BusyError("the queue", "it is full", "Come again")
    with served(gateway) as url:
        process = start_shipper(tmp_path, url, f"{tmp_path}/{{job}}.log", "--run", "jenkins/acme/shop/77/{job}", "--once")
        assert process.stderr
        said: list[str] = []
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
        with pytest.raises(DeniedError, match="HEALSTREAM_INGEST_TOKEN"):
            run(orders(tmp_path, url, str(log)), {"HEALSTREAM_INGEST_TOKEN": "a-token-that-nobody-has-given"}, Event())
        with pytest.raises(NotFoundError, match="no file is there"):
            run(orders(tmp_path, url, str(tmp_path / "other.log"), once=True), KNOWN_HERE, Event())
        with pytest.raises(UnreachableError, match="answered 404"):
            run(orders(tmp_path, f"{url}/elsewhere", str(log), once=True), KNOWN_HERE, Event())
    with pytest.raises(UsageError, match="could be read on its way"):
        run(orders(tmp_path, "http://logs.example", str(log)), KNOWN_HERE, Event())


def test_two_logs_of_one_job_are_not_mixed_and_a_second_shipper_is_turned_away(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text(f"{name}\n", encoding="utf-8")
    gateway = Gateway()
    with served(gateway) as url:
        assert run(orders(tmp_path, url, f"{tmp_path}/*.log", once=True), KNOWN_HERE, Event()) == 1
        assert text_of(gateway.outlet) == "a\n"
        with Checkpoints(tmp_path / "shipper").held(), pytest.raises(HealstreamError, match="another shipper"):
            run(orders(tmp_path, url, f"{tmp_path}/*.log", once=True), KNOWN_HERE, Event())


def test_a_position_that_cannot_be_read_is_told_and_the_others_are_followed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text(f"{name}\n", encoding="utf-8")
    gateway = Gateway()
    with served(gateway) as url:
        told = replace(orders(tmp_path, url, f"{tmp_path}/{{job}}.log", once=True), known={"source": "s", "project": "p", "run_id": "7"})
        assert run(told, KNOWN_HERE, Event()) == 0
        Checkpoints(tmp_path / "shipper").of(Job("s", "p", "7", "a").address).path.write_bytes(b"{}")
        for name in ("a", "b"):
            with (tmp_path / f"{name}.log").open("a", encoding="utf-8") as out:
                out.write("more\n")
        assert run(told, KNOWN_HERE, Event()) == 1
    assert text_of(gateway.outlet, "a") == "a\n"
    assert text_of(gateway.outlet, "b") == "b\nmore\n"
