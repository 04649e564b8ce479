"""Row 30: a pattern that matches everything is refused by the back-test; pushed anyway, it is demoted within two minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from console.words import Speaker
from learning.backtest import BackTest, Budget, back_test
from learning.green_hits import SHADOW, from_signals
from learning.patterns.loader import Catalogue, load_catalogue
from learning.patterns.model import Pattern
from learning.patterns.reviewed import digest_of
from learning.recordings import recorded_logs
from schemas.configuration import PATTERNS_PREFIX, Configuration
from schemas.incidents import Detection, DetectionStatus, Incident
from schemas.oversight import AuditRecord
from schemas.pattern_review import PatternDemotion, PatternReview, PatternState
from schemas.policy import Policy
from schemas.signing import sign
from schemas.vocabulary import Kind
from streams.bounds import shipped as shipped_texts
from streams.rules import FaustRules, Shipped, rules_from
from tests.scenarios.test_01_package_index_timeout import TIMED_OUT
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_publisher import MemoryPublisher
from tests.support.memory_world import SHOP, Job, MemoryWorld
from tests.support.own_pattern import own_file
from tests.support.story import AUTOMATIC, KEYS, PEOPLE, told_of

BROAD = own_file(
    id="all-words",
    kind="disk_full",
    expressions=["[a-z]+ [a-z]+"],
    examples=["the flux is out", "out of phase"],
    counter_examples=["flux", "PHASE 1"],
)
STRICT = Budget(Policy().trial_green_share, Policy().trial_stolen)
GREEN = "Collecting six\nsuccessfully installed six\n12 tests passed in 0.4s\n"
EVERY_S = 4.0


@pytest.fixture(scope="module")
def shipped() -> Shipped:
    """Return the texts that come with the program, of which one family of patterns is enough here."""
    texts = shipped_texts()
    return replace(texts, patterns={"pip.json": texts.patterns["pip.json"]})


@pytest.fixture(scope="module")
def good(shipped: Shipped) -> FaustRules:
    """Return the rules before anything bad is pushed."""
    return rules_from(configured(shipped), shipped)


def configured(shipped: Shipped) -> Configuration:
    patterns = ((f"{PATTERNS_PREFIX}pip.json", shipped.patterns["pip.json"]),)
    return Configuration(policy=Policy(strategies=AUTOMATIC), services=SHOP, people=PEOPLE, patterns=patterns)


def broad() -> Pattern:
    loaded = load_catalogue({"own.json": BROAD})
    assert isinstance(loaded, Catalogue)
    return loaded.patterns[0]


def tried(rules: FaustRules) -> BackTest:
    return back_test(broad(), recorded_logs()[::20], rules.recognizer(), STRICT)


def let_act(seconds_after: float, flow: MemoryFlow, report: str) -> PatternReview:
    speaker = Speaker("anton", KEYS["anton"])
    at = flow.now + timedelta(seconds=seconds_after)
    return sign(PatternReview("all-words", digest_of(broad()), PatternState.ACTING, "olga", speaker.name, at, report), speaker.key)


def pushed(shipped: Shipped, *words: PatternReview) -> Configuration:
    known = configured(shipped)
    return replace(known, patterns=(*known.patterns, (f"{PATTERNS_PREFIX}own.json", BROAD)), reviews=words)


def begun(good: FaustRules, shipped: Shipped) -> tuple[MemoryFlow, MemoryPublisher]:
    flow = MemoryFlow(configured(shipped), MemoryWorld(good.matcher), good)
    publisher = MemoryPublisher(flow, shipped)
    publisher.publish(configured(shipped))
    publisher.pass_time(4)
    return flow, publisher


def run_green(flow: MemoryFlow, publisher: MemoryPublisher, first: int, count: int) -> None:
    for number in range(first, first + count):
        flow.world.run_job(Job((GREEN,), run_id=f"green-{number}"), flow.now, ("success",))
        publisher.pass_time(EVERY_S)


def greens(flow: MemoryFlow) -> list[dict[str, str]]:
    found = flow.of(Detection, "heal.detections")
    return [dict(row.signals) for row in found if row.run and row.status is DetectionStatus.SUMMARY]


def acting(rules: FaustRules) -> list[str]:
    """Return what decides, byte for byte, in its order."""
    return [pattern.model_dump_json() for pattern in rules.matcher.by_id.values()]


def failed(flow: MemoryFlow, publisher: MemoryPublisher, run_id: str) -> Incident:
    job = Job((TIMED_OUT, GREEN), run_id=run_id)
    flow.world.run_job(job, flow.now)
    publisher.pass_time(30)
    [incident] = told_of(flow, job.target).incidents
    return incident


def test_the_back_test_refuses_it(good: FaustRules) -> None:
    report = tried(good)
    assert report.green
    assert any("successful logs" in why for why in report.refused)


def test_pushed_anyway_it_is_demoted_within_two_minutes_and_the_rest_of_the_set_stays_as_it_was(good: FaustRules, shipped: Shipped) -> None:
    # given a flow that judges a failure rightly
    flow, publisher = begun(good, shipped)
    before, rightly = acting(flow.rules), failed(flow, publisher, "before")
    assert rightly.kind is Kind.NETWORK_CONNECTIVITY

    # when a person lets the pattern act although its back-test was refused
    publisher.publish(pushed(shipped, let_act(0, flow, tried(good).digest())))
    publisher.pass_time(4)
    assert len(acting(flow.rules)) == len(before) + 1
    begin, seen = flow.now, len(greens(flow))
    run_green(flow, publisher, 0, 20)

    # then it is demoted within two minutes, once, and the audit says why
    [demotion] = flow.of(PatternDemotion, "heal.demotions")
    assert demotion.pattern == "all-words"
    assert demotion.at - begin < timedelta(minutes=2)
    [told] = [row.entry for row in flow.of(AuditRecord, "heal.audit") if row.entry.action == "pattern.demoted"]
    assert (told.subject, dict(told.details)["why"]) == ("all-words", demotion.why)

    # and it hits no successful run any more: what it would have said is shown as shadow
    hit = [("all-words" in from_signals(row), "all-words" in from_signals(row, SHADOW)) for row in greens(flow)[seen:]]
    assert hit == [(True, False)] * demotion.green + [(False, True)] * (20 - demotion.green)

    # and the previous set decides as before, byte for byte
    assert acting(flow.rules) == before
    again = failed(flow, publisher, "after")
    assert (again.kind, again.confidence, again.hits) == (rightly.kind, rightly.confidence, rightly.hits)
    assert "in shadow: all-words would say disk_full" in again.reasons


def test_it_stays_demoted_over_restarts_and_publications_until_a_later_word_of_who_may(good: FaustRules, shipped: Shipped) -> None:
    flow, publisher = begun(good, shipped)
    word = let_act(0, flow, "refused")
    publisher.publish(pushed(shipped, word))
    publisher.pass_time(4)
    run_green(flow, publisher, 0, 12)
    assert flow.rules.demoted == {"all-words"}
    for name in ("detect-runs", "classify"):
        flow.restart(name)

    # Neither the same word again, nor the author's, nor one without a right, nor one that was said earlier lifts it.
    by_author = replace(let_act(1, flow, "report"), by="olga")
    unsigned = replace(let_act(1, flow, "report"), signature="")
    for words in ((word,), (word, sign(by_author, KEYS["olga"])), (word, unsigned), (let_act(-3600, flow, "report"),)):
        publisher.publish(replace(pushed(shipped, *words), version="other"))
        publisher.pass_time(4)
        assert flow.rules.demoted == {"all-words"}

    publisher.publish(pushed(shipped, let_act(1, flow, "report")))
    publisher.pass_time(4)
    assert flow.rules.demoted == frozenset()
    assert "all-words" in flow.rules.matcher.by_id
    run_green(flow, publisher, 100, 12)
    assert len(flow.of(PatternDemotion, "heal.demotions")) == 2
