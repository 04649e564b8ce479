"""CI logs and jobs through the whole detect stage: order, repetition, gaps, borders, restarts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.marks import Mark, MarkKind
from learning.patterns.matcher import Hit, Reading
from learning.structure import structure_of, to_signals
from schemas.configuration import Configuration
from schemas.events import Event, JobFinished, JobStarted, LogChunk
from schemas.incidents import Detection, DetectionStatus
from schemas.outputs import Count, Emit, Late, Output, Place
from schemas.vocabulary import Kind, Result
from streams.detect import Detect, DetectRules

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class LineMatcher:
    """A small real matcher: one expression a line, and one pair of lines; "hm" is a hint."""

    hints = frozenset({"hm"})

    def read(self, text: bytes) -> Reading:
        lines = text.decode().split("\n")
        single = [Hit("boom", Kind.DISK_FULL, number, line) for number, line in enumerate(lines, 1) if "BOOM" in line]
        pairs = zip(lines, lines[1:], range(2, len(lines) + 1), strict=False)
        double = [
            Hit("pair", Kind.TIMEOUT, number, line)
            for before, line, number in pairs
            if re.match("first", before) and re.match("then", line)
        ]
        single += [Hit("hm", Kind.TIMEOUT, number, line) for number, line in enumerate(lines, 1) if "HM" in line]
        marks = [Mark(MarkKind.EXIT, number, 1) for number, line in enumerate(lines, 1) if line == "exit 1"]
        marks += [Mark(MarkKind.RETRY, number) for number, line in enumerate(lines, 1) if line == "retry"][-1:]
        return Reading(tuple(single + double), tuple(marks))


RULES = DetectRules(Configuration(), LineMatcher(), lambda _hits, _structure, _result: ())
FINISHED = JobFinished("github", "acme/api", "7", 1, "ci", "build", "c0ffee", "main", "push", Result.FAILURE, NOW)


def chunks_of(texts: Sequence[str]) -> list[LogChunk]:
    return [LogChunk("github", "acme/api", "7", 1, "build", seq, text, eof=seq == len(texts) - 1, at=NOW) for seq, text in enumerate(texts)]


def feed(stage: Detect, events: Sequence[Event]) -> list[Output]:
    places = ((event, Place("ci.logs" if isinstance(event, LogChunk) else "ci.events", 1, getattr(event, "seq", 0))) for event in events)
    return [output for event, place in places for output in stage.on_event(event, place, NOW)]


def detections(outputs: Sequence[Output]) -> list[Detection]:
    return [output.record for output in outputs if isinstance(output, Emit) and isinstance(output.record, Detection)]


def test_a_failed_job_with_its_whole_log_is_detected_at_once() -> None:
    (found,) = detections(feed(Detect(RULES), [*chunks_of(["a\nb\nBO", "OM here\nc\n", "first\nthen\n"]), FINISHED]))
    assert (found.status, found.complete, found.target) == (DetectionStatus.FIRING, True, "job:github/acme/api/7/build")
    assert found.scope == "run:github/acme/api/7"
    assert [(hit.pattern, hit.line, hit.text) for hit in found.hits] == [("boom", 3, "BOOM here"), ("pair", 6, "then")]
    assert dict(found.signals)["tail"].endswith("first\nthen\n")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", found.traceparent)


def test_an_unknown_failure_carries_its_tail_and_its_trace() -> None:
    stage = Detect(RULES)
    stage.on_event(chunks_of(["odd\n"])[0], Place("ci.logs", 0, 0), NOW, "00-trace")
    (found,) = detections(feed(stage, [FINISHED]))
    assert (found.hits, dict(found.signals)["tail"], found.traceparent) == ((), "odd\n", "00-trace")


def test_a_success_is_told_at_once_and_its_later_chunks_are_no_news() -> None:
    stage = Detect(RULES)
    (found,) = detections(feed(stage, [replace(FINISHED, result=Result.SUCCESS)]))
    assert (found.status, found.hits, found.signals) == (DetectionStatus.SUMMARY, (), ())
    assert feed(stage, chunks_of(["BOOM\n"])) == []


def test_a_success_names_the_patterns_that_hit_it_and_shows_no_text() -> None:
    (found,) = detections(
        feed(Detect(RULES), [*chunks_of(["BOOM 1\nBOOM 2\nfi", "rst\nthen\n"]), replace(FINISHED, result=Result.SUCCESS)])
    )
    assert (found.status, found.hits) == (DetectionStatus.SUMMARY, ())
    assert found.signals == (("hits/boom", "2"), ("hits/pair", "1"), ("log", "seen"))


def test_a_success_without_its_last_chunk_is_told_with_what_came() -> None:
    half = replace(chunks_of(["x\nBOOM"])[0], eof=False)
    (found,) = detections(feed(Detect(RULES), [half, replace(FINISHED, result=Result.SUCCESS)]))
    assert found.signals == (("hits/boom", "1"), ("log", "seen"))


def test_a_log_with_a_gap_waits_and_its_later_chunks_go_to_the_side() -> None:
    #   finished +0 s ......... +89 s | +90 s told, incomplete ... chunk 1: late
    stage = Detect(RULES)
    first, second, last = chunks_of(["BOOM a\n", "BOOM b\n", "BOOM c\n"])
    assert detections(feed(stage, [first, last, FINISHED])) == []
    assert detections(stage.on_tick(NOW + timedelta(seconds=89))) == []
    (found,) = detections(stage.on_tick(NOW + timedelta(seconds=90)))
    assert (found.complete, len(found.hits)) == (False, 2)
    late = feed(stage, [second])
    assert isinstance(late[0], Late)
    assert isinstance(late[-1], Count)
    assert stage.on_tick(NOW + timedelta(seconds=200)) == []


@pytest.mark.parametrize(("received_s", "shown_s"), [(3600, -3600), (-3600, 3600), (0, -3600)])
def test_a_log_is_waited_for_as_long_whatever_the_clock_is_set_to_meanwhile(received_s: int, shown_s: int) -> None:
    """Given a clock that steps while a log is awaited, then the run is told 90 s after its end came, and never is it forgotten."""
    stage = Detect(RULES)
    first, _ = chunks_of(["BOOM a\n", "BOOM b\n"])
    received = NOW + timedelta(seconds=received_s)
    stage.on_tick(NOW)
    stage.on_event(FINISHED, Place("ci.events", 0, 0), received)
    stage.on_event(first, Place("ci.logs", 0, 0), received)
    set_to = received + timedelta(seconds=shown_s)
    assert detections(stage.on_tick(set_to)) == detections(stage.on_tick(set_to + timedelta(seconds=88))) == []
    (found,) = detections(stage.on_tick(set_to + timedelta(seconds=90)))
    assert not found.complete


def test_a_wait_that_a_wrong_clock_wrote_before_a_restart_begins_anew() -> None:
    stage = Detect(RULES)
    stage.on_event(FINISHED, Place("ci.events", 0, 0), NOW + timedelta(hours=1))
    again = Detect.from_state(stage.snapshot(), RULES)
    assert detections(again.on_tick(NOW)) == detections(again.on_tick(NOW + timedelta(seconds=89))) == []
    assert len(detections(again.on_tick(NOW + timedelta(seconds=90)))) == 1


def test_a_job_whose_count_of_chunks_is_known_needs_no_last_mark() -> None:
    (found,) = detections(feed(Detect(RULES), [replace(FINISHED, log_chunks=0)]))
    assert found.complete
    (chunk,) = (replace(one, eof=False) for one in chunks_of(["x\n"]))
    (found,) = detections(feed(Detect(RULES), [chunk, replace(FINISHED, log_chunks=1)]))
    assert found.complete


def test_a_secret_that_was_cut_by_a_border_is_masked_when_it_is_whole() -> None:
    (found,) = detections(feed(Detect(RULES), [*chunks_of(["BOOM pass", "word=hunter2hunter2\n"]), FINISHED]))
    assert found.hits[0].text == "BOOM password=[redacted]"


def test_a_secret_that_was_cut_by_a_border_is_masked_in_the_tail_too() -> None:
    """Given a token of which each chunk holds a half, then the tail that the detection shows, where the halves meet, does not hold it."""
    halves = ("login\nusing ghp_" + "a" * 15, "b" * 15 + " now\nexit 1\n")
    [detection] = detections(feed(Detect(RULES), [*chunks_of(halves), FINISHED]))
    tail = dict(detection.signals)["tail"]
    assert "using [redacted] now" in tail
    assert "aaa" not in tail


def test_what_only_a_hint_speaks_of_stays_unexplained() -> None:
    """Given an error that a hint hits, then its lines go with the detection; beside a hit that explains it they do not."""
    for text, lines in (("error: HM it took long\nexit 1\n", ("error: HM it took long",)), ("error: BOOM HM\nexit 1\n", ())):
        [detection] = detections(feed(Detect(RULES), [*chunks_of([text]), FINISHED]))
        assert detection.unexplained == lines


def test_a_run_that_never_ends_is_forgotten_after_six_hours() -> None:
    stage = Detect(RULES)
    feed(stage, [*chunks_of(["x\n"]), JobStarted("github", "a", "7", 1, "ci", "build", "c", "main", "push", NOW)])
    (count,) = stage.on_tick(NOW + timedelta(hours=7))
    assert isinstance(count, Count)
    assert not stage.snapshot()
    feed(stage, [FINISHED])
    stage.on_tick(NOW + timedelta(hours=8))
    stage.on_tick(NOW + timedelta(hours=15))
    assert not stage.snapshot()


def test_evidence_is_bounded_and_the_latest_hits_stay() -> None:
    texts = ["".join(f"BOOM {seq} {number} {'x' * 200}\n" for number in range(100)) for seq in range(4)]
    stage = Detect(RULES)
    feed(stage, chunks_of([*texts, "z" * 50_000, ""]))
    assert sum(map(len, stage.snapshot().values())) < 96 * 1024
    (found,) = detections(feed(stage, [FINISHED]))
    assert found.hits[-1].line == 400
    assert len(found.hits) <= 200


PIECES = st.lists(
    st.sampled_from(
        ["BOOM", "BO", "OM", "\n", "first\n", "then\n", "x\n", "word ", "fir", "st\n", "th", "en\n", "exit 1\n", "retry\n", "re", "try\n"]
    ),
    max_size=10,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_order_and_repetition_gives_the_same_detection_as_one_piece(data: st.DataObject) -> None:
    texts = ["".join(parts) for parts in data.draw(st.lists(PIECES, min_size=1, max_size=6))]
    events: list[Event] = [*chunks_of(texts), FINISHED]
    straight = detections(feed(Detect(RULES), events))
    assert straight[0].complete
    text = "".join(texts)
    whole = LineMatcher().read(text.encode())
    single = {(hit.pattern, hit.line, hit.text) for hit in whole.hits if hit.pattern == "boom"}
    assert {(hit.pattern, hit.line, hit.text) for hit in straight[0].hits if hit.pattern == "boom"} == single
    # Lines of plain work are read from the tail that a run keeps, all else from marks.
    marked = dict(to_signals(structure_of(whole.marks, text.count("\n") + 1, (), 1)))
    assert marked.items() <= {**dict(straight[0].signals), "log.work": marked["log.work"]}.items()
    # When any order: also repeated, and with a restart from the snapshot somewhere in between.
    mixed = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=4))))
    at = data.draw(st.integers(0, len(mixed)))
    stage = Detect(RULES)
    before = feed(stage, mixed[:at])
    again = Detect.from_state(stage.snapshot(), RULES)
    (found,) = detections([*before, *feed(again, mixed[at:])])
    assert found == straight[0]


@given(st.permutations([*chunks_of(["a\n", "BOOM\n", "c"]), FINISHED]))
def test_the_entries_that_changed_make_up_the_snapshot(events: list[Event]) -> None:
    stage = Detect(RULES)
    kept: dict[str, str] = {}
    for event in events:
        feed(stage, [event])
        for name, text in stage.take_changes().items():
            kept.pop(name, None)
            kept.update({} if text is None else {name: text})
    assert kept == stage.snapshot()
    assert stage.take_changes() == {}
