"""A JUnit report to records: what failed as a log for the streams to recognise, and the job's end; read by ``senders.py``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse
from junitparser import Error, Failure, JUnitXml, JUnitXmlError, TestCase, TestSuite
from junitparser.xunit2 import FlakyError, FlakyFailure

from console.gateway.answers import Taken
from console.gateway.jobs import ended, provenance_of
from console.gateway.logs import chunks_of, place_of
from console.gateway.reading import clean
from console.gateway.received import Received
from schemas.errors import UsageError
from schemas.events import JobStarted, Origin, StepResult, Trust
from schemas.vocabulary import Result

ASKS = ("run", "attempt", "workflow", "commit", "branch", "trigger")
MAX_DEPTH = 30
MAX_FAILURES = 200
MAX_FAILURE_LETTERS = 8_000
_MEND = "Send the file that the test runner wrote, unchanged"


def translate(received: Received, origin: Origin) -> Taken:
    """Return what a report becomes; raises UsageError for XML that is none, is hostile, or is no report."""
    job = place_of(received.query.get("run", ""), received.query.get("attempt", ""), "")
    # A job of its own: the chunks of the job's own log have its name and their numbers.
    place = replace(job, job=f"{job.job} tests")
    suites = list(_suites(_report(received.body)))
    provenance = provenance_of(origin, Trust.UNKNOWN, "")
    said = {name: clean(received.query.get(name, "")) for name in ASKS[2:]}
    started = JobStarted(
        *(place.source, place.project, place.run_id, place.attempt, said["workflow"], place.job),
        *(said["commit"], said["branch"], said["trigger"], received.at),
        provenance=provenance,
    )
    failures = [(suite, case) for suite in suites for case in suite if _faults(case)]
    flaky = [_named("FLAKY", suite, case) + ", which passed when it ran again\n" for suite in suites for case in suite if _is_flaky(case)]
    text = "".join(_told(suite, case) for suite, case in failures[:MAX_FAILURES]) or "no test failed\n"
    text += "".join(flaky[:MAX_FAILURES])
    chunks = chunks_of(place, text, received.at, provenance)
    steps = tuple(StepResult(clean(suite.name or ""), number, _result(suite)) for number, suite in enumerate(suites[:200], 1))
    result = Result.FAILURE if failures else Result.SUCCESS
    return Taken((*chunks, ended(started, result, received.at, steps, len(chunks))))


def _report(body: bytes) -> JUnitXml | TestSuite:
    try:
        depth = 0
        root = Element("testsuites")
        for event, element in iterparse(io.BytesIO(body), events=("start", "end"), forbid_dtd=True):
            root = element if depth == 0 and event == "start" else root
            depth += 1 if event == "start" else -1
            if depth > MAX_DEPTH:
                raise UsageError("the body", f"its XML is nested more than {MAX_DEPTH} levels", _MEND)
        return JUnitXml.fromroot(root)  # type: ignore[arg-type] # lxml's element where it is installed, else this one
    except DefusedXmlException as error:
        raise UsageError("the body", f"its XML holds what a report does not need: {type(error).__name__}", _MEND) from error
    except (ParseError, JUnitXmlError, ValueError, TypeError, LookupError) as error:
        raise UsageError("the body", f"it is no JUnit report: {error}"[:200], _MEND) from error


def _suites(report: JUnitXml | TestSuite) -> Iterator[TestSuite]:
    if isinstance(report, TestSuite):
        yield report
        for inner in report.iterchildren(TestSuite):  # type: ignore[no-untyped-call] # the library leaves it out
            yield from _suites(inner)
        return
    for suite in report:
        yield from _suites(suite)


def _faults(case: TestCase) -> list[Failure | Error]:
    return [fault for fault in case.result if isinstance(fault, Failure | Error)]


def _is_flaky(case: TestCase) -> bool:
    # What it said when it failed is left out: the job has passed, and nothing is to be recognised in it.
    return any(True for kind in (FlakyFailure, FlakyError) for _ in case.iterchildren(kind))  # type: ignore[no-untyped-call] # as above


def _named(word: str, suite: TestSuite, case: TestCase) -> str:
    return f"{word} {case.classname or suite.name or ''}::{case.name or ''}"


def _result(suite: TestSuite) -> Result:
    return Result.FAILURE if any(_faults(case) for case in suite) else Result.SUCCESS


def _told(suite: TestSuite, case: TestCase) -> str:
    lines = [_named("FAILED", suite, case)]
    for fault in _faults(case):
        lines += [line for line in (fault.message or "", fault.text or "") if line]
    lines += [line for line in (case.system_out or "", case.system_err or "") if line]
    return "\n".join(lines)[:MAX_FAILURE_LETTERS] + "\n"
