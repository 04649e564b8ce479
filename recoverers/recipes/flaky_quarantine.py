"""Run a test that fails and passes on one commit again, alone; leave it out for a while, with an issue. Heals ``job:*``.

Only tests that the commit really has can be named, and everything else that fails goes on to block.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from recoverers.failed_tests import failed_in
from recoverers.healable import healable
from recoverers.lockfile_ports import ProposalPort
from recoverers.ports import Answer, Call, CiPort, Facts, Found, Traits
from recoverers.trunk_port import QuarantinePort, TrunkPort
from schemas.attempts import CiJob, StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.trunk import TEST_NAME, HeldTest, TrunkSpec, held_at, held_from, held_text, trunk_of
from schemas.vocabulary import FAILED_RESULTS, result_from_word

_OK = StepResult(StepStatus.OK)
_UNKNOWN = StepResult(StepStatus.FAILED, "target_unknown")
_RUN = "it only runs in a folder of its own, which is gone afterwards"
# An older attempt than so many is not looked for.
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class FlakyQuarantine:
    """The recipe over the main branches of the service catalogue."""

    services: Services
    ci: CiPort
    trunks: TrunkPort
    quarantines: QuarantinePort
    proposals: ProposalPort
    traits: Traits = Traits("flaky_quarantine", 1, 300.0, keeps=(("retest", _RUN),))

    def gather(self, command: HealingCommand) -> Facts:
        """Look up which of the commit's own tests the log of the attempt that failed names, and what is left out already."""
        spec = healable(self._spec(command))
        if isinstance(spec, Facts):
            return spec
        if not spec.quarantine:
            return Facts(refusal="quarantine_off")
        job = self._failed_job(command)
        log = self.ci.log(command.target, job.job_id) if job else None
        if job is None or log is None:
            return Facts(refusal="ci_unreachable")
        names, held = self.trunks.tests_at(spec, job.commit), self.quarantines.held(spec)
        if names is None or held is None:
            return Facts(refusal="tests_unreadable" if names is None else "quarantine_unreadable")
        tests = failed_in(log, [name for name in names if TEST_NAME.fullmatch(name)])
        # Something failed that no list of tests knows: a person reads the log.
        if not tests:
            return Facts(refusal="test_unknown", for_people=True)
        return Facts(values=(("commit", job.commit), ("held", held_text(held)), ("tests", json.dumps(tests))))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Run again, tell people, leave out; when too many fail at once it is no test that is at fault."""
        spec = self._spec(command)
        if spec is None or len(_tests(facts)) > int(str(dict(command.bounds).get("max_tests", 0))):
            return None
        return tuple(f"{verb}:{spec.name}" for verb in ("retest", "issue", "hold"))

    def pre_image(self, call: Call) -> str:
        """Return the list as it is, and which issues are open already."""
        spec = self._spec(call.command)
        known = (self.proposals.open_issues(spec) if spec else None) or {}
        return json.dumps({"held": call.facts.value("held"), "open": [title for title in _titles(call.facts) if title in known]})

    def act(self, call: Call) -> StepResult:
        """Make the step."""
        spec = self._spec(call.command)
        if spec is None:
            return _UNKNOWN
        match call.step.partition(":")[0]:
            case "retest":
                return self.trunks.try_commit(spec, call.facts.value("commit"), _tests(call.facts))
            case "issue":
                body = (
                    f"It failed and passed on commit {call.facts.value('commit')}. It is left out until {_until(call.command).isoformat()}."
                )
                opened = (self.proposals.open_issue(spec, title, body) for title in _titles(call.facts))
                return next((result for result in opened if result.status is not StepStatus.OK), _OK)
            case _:
                return self.quarantines.write(spec, _before(call.facts), _after(call.command, call.facts))

    def probe(self, call: Call) -> Found:
        """Look at the open issues, or compare the list with both; another one is somebody else's."""
        spec, verb = self._spec(call.command), call.step.partition(":")[0]
        if spec is None:
            return Found.UNCLEAR
        if verb == "retest":
            return Found.MISSING
        if verb == "issue":
            known = self.proposals.open_issues(spec)
            if known is None:
                return Found.UNCLEAR
            return Found.DONE if all(title in known for title in _titles(call.facts)) else Found.MISSING
        held = self.quarantines.held(spec)
        after, before = _after(call.command, call.facts), _before(call.facts)
        return Found.DONE if held == after else Found.MISSING if held == before else Found.UNCLEAR

    def undo(self, call: Call) -> StepResult:
        """Put the list back, close the issues that were opened for it."""
        spec, verb = self._spec(call.command), call.step.partition(":")[0]
        if spec is None:
            return _UNKNOWN
        if verb == "retest":
            return StepResult(StepStatus.OK, _RUN)
        if verb == "hold":
            return self.quarantines.write(spec, _after(call.command, call.facts), _before(call.facts))
        theirs = json.loads(call.pre_image)["open"]
        closed = (self.proposals.close_issue(spec, title) for title in _titles(call.facts) if title not in theirs)
        return next((result for result in closed if result.status is not StepStatus.OK), _OK)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Run the tests alone as often as the bound says, ask for the issues, or read the list."""
        spec = self._spec(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor == "passes_alone":
            times = int(str(dict(command.bounds).get("passes", 0)))
            tried = self.trunks.try_commit(spec, facts.value("commit"), _tests(facts), times)
            return Answer(tried.status is StepStatus.OK, "sandbox", tried.detail or f"{times} of {times} passed", settled=True)
        if factor == "issue_open":
            known = self.proposals.open_issues(spec) or {}
            return Answer(all(title in known for title in _titles(facts)), "rest_issue", f"{len(known)} are open")
        left_out = held_at(self.quarantines.held(spec) or (), command.issued_at)
        return Answer(set(_tests(facts)) <= set(left_out), "quarantine_file", f"{len(left_out)} are left out")

    def _spec(self, command: HealingCommand) -> TrunkSpec | None:
        return trunk_of(command.target, self.services.trunks)

    def _failed_job(self, command: HealingCommand) -> CiJob | None:
        """Return the newest attempt that failed: one after it may have passed, which is what made the test suspect."""
        latest = self.ci.latest_attempt(command.target) or 0
        jobs = (self.ci.job(command.target, attempt) for attempt in range(latest, max(0, latest - _ATTEMPTS), -1))
        return next((job for job in jobs if job and job.commit and result_from_word(job.conclusion) in FAILED_RESULTS), None)


def _tests(facts: Facts) -> tuple[str, ...]:
    return tuple(json.loads(facts.value("tests") or "[]"))


def _titles(facts: Facts) -> list[str]:
    return [f"Flaky test: {test}" for test in _tests(facts)]


def _until(command: HealingCommand) -> datetime:
    return command.issued_at + timedelta(days=int(str(dict(command.bounds).get("held_days", 0))))


def _before(facts: Facts) -> tuple[HeldTest, ...]:
    return held_from(facts.value("held"))


def _after(command: HealingCommand, facts: Facts) -> tuple[HeldTest, ...]:
    """Return the list with the tests in it, and without those whose time has run out."""
    tests = _tests(facts)
    kept = [row for row in _before(facts) if row.test not in tests and row.until > command.issued_at]
    return tuple(sorted((*kept, *(HeldTest(test, _until(command)) for test in tests)), key=lambda row: row.test))
