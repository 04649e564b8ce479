"""What acts is infra, certain and unopposed; a success never acts, a code failure never acts, and doubt abstains."""

from __future__ import annotations

import pytest

from learning.classification import Recognizer, classify_hits, classify_log, classify_read
from learning.features import FEATURE_SPACE, MAX_FEATURES, make_features, mask_tokens
from learning.reading import read_log
from learning.structure import Structure, structure_of
from schemas.vocabulary import Group, Kind, Result

_DNS = "fatal: unable to access 'https://git.example/a.git/': Could not resolve host: git.example"
_EXIT = "##[error]Process completed with exit code 128."


def test_an_infra_failure_at_the_end_of_a_failed_job_acts(recognizer: Recognizer) -> None:
    """Given a clear infra message before the exit line, then it is named, acts and may heal."""
    said = classify_log(f"start\n{_DNS}\n{_EXIT}", Result.FAILURE, recognizer)
    assert (said.kind, said.group, said.acts, said.heals, said.line) == (Kind.DNS_RESOLUTION, Group.INFRA, True, True, 2)
    assert said.pattern == "git-host-unresolved"
    assert said.reasons


@pytest.mark.parametrize(
    ("text", "result"), [(_DNS, Result.SUCCESS), (_DNS, Result.SKIP), (f"{_DNS}\nDone. Your build exited with 0.", None)]
)
def test_a_success_is_a_success_whatever_its_text_says(text: str, result: Result | None, recognizer: Recognizer) -> None:
    """Given a success by conclusion or by the log's last word, then nothing acts."""
    said = classify_log(text, result, recognizer)
    assert (said.kind, said.group, said.acts) == (Kind.SUCCESS, Group.NONE, False)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("connect ECONNREFUSED 192.0.2.1:443\n=== 1 failed, 3 passed in 0.10s ===", Kind.TEST_FAILURE),
        ("src/a.c:12:5: error: 'x' undeclared\nmake: *** [all] Error 1", Kind.COMPILE_ERROR),
        ("would reformat src/a.py", Kind.LINT_OR_POLICY),
        ("make: *** No rule to make target 'instal'.  Stop.", Kind.BUILD_CONFIG_ERROR),
    ],
)
def test_a_code_failure_never_acts(text: str, kind: Kind, recognizer: Recognizer) -> None:
    """Given a failure of the change, even beside infra words, then it is named and does not act."""
    said = classify_log(f"{text}\n{_EXIT}", Result.FAILURE, recognizer)
    assert (said.kind, said.acts, said.heals) == (kind, False, False)


def test_a_cause_beats_its_symptom(recognizer: Recognizer) -> None:
    """Given a full disk and the compile error that it led to, then the disk is named."""
    text = f"cc1: error writing to /tmp/x.s: No space left on device\nsrc/a.c:1:1: error: cannot write\n{_EXIT}"
    assert classify_log(text, Result.FAILURE, recognizer).kind is Kind.DISK_FULL


def test_an_unknown_failure_abstains_with_guesses(recognizer: Recognizer) -> None:
    """Given words that no pattern knows, then the answer is unknown, with the classifier's alternatives."""
    said = classify_log(f"the flux capacitor is misaligned\n{_EXIT}", Result.FAILURE, recognizer)
    assert (said.kind, said.group, said.abstained, said.acts) == (Kind.UNKNOWN, Group.UNKNOWN, True, False)
    assert len(said.alternatives) == 5


def test_an_error_that_a_retry_overcame_is_not_the_cause(recognizer: Recognizer) -> None:
    """Given an error, a retry, and another failure later, then the later one is named."""
    text = f"{_DNS}\nRetrying, 2 of 3\nok\n" + "npm ERR! code E404\n" + _EXIT
    assert classify_log(text, Result.FAILURE, recognizer).kind is Kind.DEPENDENCY_RESOLUTION


def test_a_retry_that_is_only_announced_has_overcome_nothing(recognizer: Recognizer) -> None:
    """Given a log that is cut after a retry's announcement, then the error before it still counts."""
    said = classify_log(f"start\n{_DNS}\nthe command failed. Retrying, 2 of 3\n", Result.FAILURE, recognizer)
    assert said.kind is Kind.DNS_RESOLUTION
    assert said.confidence > 0.5


def test_without_a_stated_failure_an_error_far_from_the_end_does_not_act(recognizer: Recognizer) -> None:
    """Given no conclusion and no verdict, when work goes on after an error, then nothing acts."""
    assert not classify_log(_DNS + "\nwork" * 200, None, recognizer).acts
    assert not classify_log(_DNS + "\nBUILD SUCCESS\n", None, recognizer).acts


def test_two_infra_kinds_of_like_strength_do_not_act(recognizer: Recognizer) -> None:
    """Given contradicting evidence, then a kind is named but does not act."""
    text = f"npm ERR! code EINTEGRITY\nERROR: JAVA_HOME is set to an invalid directory: /x\n{_EXIT}"
    said = classify_log(text, Result.FAILURE, recognizer)
    assert not said.acts
    assert "nearly as likely" in said.reasons[-1]


def test_a_detection_without_text_is_classified_from_hits_and_features(recognizer: Recognizer) -> None:
    """Given only hits and features of a failed run, then the kind is the same as from the text."""
    text = f"start\n{_DNS}\n{_EXIT}"
    hits = recognizer.matcher.scan(text.encode())
    said = classify_hits(hits, make_features(hits, (), Result.FAILURE, 3), Result.FAILURE, Structure(), recognizer)
    assert (said.kind, said.acts) == (Kind.DNS_RESOLUTION, True)


def test_features_are_bounded_masked_and_repeatable(recognizer: Recognizer) -> None:
    """Given long evidence, then at most 256 pairs inside the hashed space come out, the same each time."""
    text = "\n".join(f"error word{chr(97 + n % 26)} other{n}x /srv/w{n}/f.c 10.0.{n}" for n in range(90))
    hits = recognizer.matcher.scan(text.encode())
    block = structure_of((), 90, text.split("\n"), 1).block
    features = make_features(hits, block, None, 90)
    assert features == make_features(hits, block, None, 90)
    assert 0 < len(features) <= MAX_FEATURES
    assert all(0 <= index < FEATURE_SPACE for index in features)
    assert mask_tokens("GET https://a.example/x 1.2.3 /srv/a/b deadbeef01 42") == ["get", "urlmask", "vermask", "pathmask", "hexmask", "0"]
    # A path is masked from its word's beginning, and a word of nothing but letters is no path however long it is.
    assert mask_tokens("(src/a/b.c:12) x/y ~/c/d") == ["pathmask", "0", "x", "y", "pathmask"]
    assert mask_tokens("x" * 5000) == ["x" * 1000]


_COMPILER = "src/main.c:7:5: error: expected ';' before 'return'\nmake: *** [Makefile:3: main.o] Error 1\n"
_PASSED = "============================== 3 passed in 0.04s ==============================="


def test_what_the_work_went_past_is_not_the_cause(recognizer: Recognizer) -> None:
    """Given an infra error long before a compiler that stops, then the compiler's error is named and the reason is said."""
    said = classify_log(f"{_DNS}\n" + "work\n" * 20 + _COMPILER + _EXIT, Result.FAILURE, recognizer)
    assert (said.kind, said.acts) == (Kind.COMPILE_ERROR, False)
    near = classify_log(f"{_DNS}\n{_COMPILER}{_EXIT}", Result.FAILURE, recognizer)
    assert near.kind is Kind.DNS_RESOLUTION


def test_a_summary_that_passed_after_an_error_stops_acting_unless_the_ci_says_failed(recognizer: Recognizer) -> None:
    """Given an error with an exit line and a summary that passed after both, then it acts only when the job is known to have failed."""
    text = f"{_DNS}\n{_EXIT}\n{_PASSED}\n"
    unsure = classify_log(text, None, recognizer)
    assert not unsure.acts
    assert "work passed" in unsure.reasons[-1]
    assert classify_log(text, Result.FAILURE, recognizer).acts


@pytest.mark.parametrize(
    "after",
    ["Server answered\nStarting suite of 12 cases\nCart adds an item", _PASSED, "Successfully installed demo-1.0"],
    ids=["work", "a summary that passed", "what was got at last"],
)
def test_nothing_acts_on_an_error_that_the_failed_job_went_past(after: str, recognizer: Recognizer) -> None:
    """Given a clear error that work or a success followed, and then a failure that nobody knows, then nothing acts on the error."""
    text = f"{_DNS}\n{after}\nthe flux capacitor is misaligned\n{_EXIT}\n"
    assert not classify_log(text, Result.FAILURE, recognizer).acts
    assert classify_log(text.replace(f"{after}\n", ""), Result.FAILURE, recognizer).acts


def test_a_limit_acts_whatever_passed_before_it_was_read(recognizer: Recognizer) -> None:
    """Given a job's limit with a summary that passed printed after it, then the limit is still what ended the job."""
    text = f"Build timed out (after 133 minutes). Marking the build as failed.\n{_PASSED}\n"
    said = classify_log(text, Result.FAILURE, recognizer)
    assert (said.kind, said.acts) == (Kind.TIMEOUT, True)


def test_the_confidence_is_explained(recognizer: Recognizer) -> None:
    """Given any named failure, then its reasons say how often such verdicts are right."""
    said = classify_log(f"start\n{_DNS}\n{_EXIT}", Result.FAILURE, recognizer)
    assert any(f"{said.confidence:.0%} are right" in reason for reason in said.reasons)


@pytest.mark.parametrize("kept", [0, 1])
def test_a_log_read_once_is_judged_without_some_patterns(kept: int, recognizer: Recognizer) -> None:
    """Given a log that was read, when its patterns are dropped, then nothing is named; the reading itself stays as it was."""
    read = read_log(f"start\n{_DNS}\n{_EXIT}", recognizer.matcher)
    shown = read if kept else read.without(lambda _: True)
    assert classify_read(shown, Result.FAILURE, recognizer).kind is (Kind.DNS_RESOLUTION if kept else Kind.UNKNOWN)


_BROKEN = "src/main.c:7:5: error: expected ';' before 'return'"
_REFUSED = "curl: (7) Failed to connect to reports.example port 443: Connection refused"


def test_an_upload_that_fails_after_the_code_did_is_not_the_cause(recognizer: Recognizer) -> None:
    """Given a compiler that stops and then a report that cannot be sent, then the code is at fault and nothing acts."""
    said = classify_log(f"work\n{_BROKEN}\n{_REFUSED}\n##[error]Process completed with exit code 1.\n", None, recognizer)
    assert (said.kind, said.acts) == (Kind.COMPILE_ERROR, False)


def test_nothing_acts_on_an_error_shortly_before_a_clear_failure_of_the_code(recognizer: Recognizer) -> None:
    """Given a refused connection, work, and then a compiler that stops, then nothing is retried; the refused connection alone is."""
    end = "##[error]Process completed with exit code 1.\n"
    assert not classify_log(f"{_REFUSED}\ncompiling\ncompiling\n{_BROKEN}\n{end}", None, recognizer).acts
    assert classify_log(f"{_REFUSED}\n{end}", None, recognizer).acts


def test_a_step_that_ends_with_127_does_not_outweigh_a_missing_wrapper(recognizer: Recognizer) -> None:
    """Given a wrapper script that the checkout lacks, then the build is wrong, whatever the shell's exit code says of tools."""
    text = "/w/step.sh: line 1: ./gradlew: No such file or directory\n##[error]Process completed with exit code 127.\n"
    assert classify_log(text, None, recognizer).kind is Kind.BUILD_CONFIG_ERROR


def test_a_hint_names_only_a_stated_failure_that_nothing_else_explains_and_never_acts(recognizer: Recognizer) -> None:
    """Given words of the wire alone, then a failed job is named after them; beside a pattern, or without a failure, they say nothing."""
    words = "publishing failed: Unknown host repo.example"
    alone = classify_log(words, Result.FAILURE, recognizer)
    assert (alone.kind, alone.pattern, alone.acts) == (Kind.DNS_RESOLUTION, "hint-resolver", False)
    beside = classify_log(f"src/a.c:12:5: error: 'x' undeclared\n{words}", Result.FAILURE, recognizer)
    assert (beside.kind, beside.alternatives) == (Kind.COMPILE_ERROR, ())
    assert classify_log(words, None, recognizer).abstained


def test_a_wrapper_loses_to_the_error_inside_it(recognizer: Recognizer) -> None:
    """Given a wrapper line and its inner error, then the inner error is the kind; the wrapper alone is named after itself."""
    wrapper = "The SSL connection could not be established, see inner exception."
    inner = "  Unable to read data from the transport connection: Connection reset by peer."
    assert classify_log(wrapper, Result.FAILURE, recognizer).kind is Kind.TLS_CERTIFICATE
    assert classify_log(f"{wrapper}\n{inner}", Result.FAILURE, recognizer).kind is Kind.NETWORK_CONNECTIVITY


def test_a_pattern_may_outrank_a_kind_that_explains_its_own(recognizer: Recognizer) -> None:
    """Given an example of the documentation that does not compile when it is tested, then the test failed, not the build."""
    text = (
        "error: expected expression, found reserved keyword `do`\nthread 'a.md (line 12)' panicked at 'couldn't compile the test', x.rs:1:2"
    )
    assert classify_log(text, Result.FAILURE, recognizer).kind is Kind.TEST_FAILURE


@pytest.mark.parametrize(
    "line",
    [
        "Failed to transfer file: http://repo.example/d-1.pom. Return code is: {} , ReasonPhrase:{}. -> [Help 1]",
        "status code: {}, reason phrase: {} -> [Help 1]",
        "transfer failed for https://repo.example/d-1.pom, status: {} {} -> [Help 1]",
    ],
    ids=["maven 3.0", "maven 3.6", "maven 3.9"],
)
def test_a_status_that_no_registry_holds_is_named_and_does_not_act(line: str, recognizer: Recognizer) -> None:
    """Given a resolution that failed by a server's error, then a registered one acts; one of an edge's own may stand for a dead server."""
    project = "[ERROR] Failed to execute goal on project app: Could not resolve dependencies for project a:b:jar:1: Could not transfer"
    log = f"{project} artifact c:d:pom:1 from/to r (https://repo.example): {line}\n{_EXIT}"
    told = classify_log(log.format(503, "Service Unavailable"), Result.FAILURE, recognizer)
    assert (told.kind, told.acts) == (Kind.REMOTE_SERVICE_ERROR, True)
    for code, reason in ((520, "Unknown Error"), (521, "Web server is down"), (530, "none"), (599, "none")):
        said = classify_log(log.format(code, reason), Result.FAILURE, recognizer)
        assert (said.kind, said.acts) == (Kind.REMOTE_SERVICE_ERROR, False), code
