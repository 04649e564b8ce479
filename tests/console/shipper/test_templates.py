"""A path template says which files are followed and whose log each is; rotated names are told from logs."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli.send_follow import words_in
from console.gateway.logs import place_of
from console.shipper.generations import generations, is_rotated
from console.shipper.templates import Job, template_of
from schemas.errors import UsageError

ALL = {"source": "jenkins", "project": "acme/shop", "run_id": "7", "job": "build"}


def test_fields_of_a_path_name_the_job() -> None:
    template = template_of("/ci/{project:path}/{run_id:int}/{attempt:int}/{job}.log", {"source": "jenkins"})
    assert (template.root, template.glob) == ("/ci", "**/*/*/*.log")
    assert template.job_of("acme/web/shop/77/2/unit tests.log") == Job("jenkins", "acme/web/shop", "77", "unit tests", 2)
    assert template.job_of("shop/now/1/build.log") is None
    assert template.job_of("77/1/build.log") is None


def test_wildcards_and_letters_that_mean_something_elsewhere_stand_for_themselves() -> None:
    template = template_of("/ci/a[1].b/*-?/**/x.log", ALL)
    assert template.glob == "*-?/**/x.log"
    assert template.root == "/ci/a[1].b"
    assert template.job_of("ab-c/x.log") == template.job_of("-c/d/e/x.log") == Job("jenkins", "acme/shop", "7", "build")
    assert template.job_of("ab-cc/x.log") is None


@given(
    st.dictionaries(
        st.sampled_from(["source", "run_id", "job"]),
        st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1, max_size=40),
    )
)
def test_what_a_job_is_called_is_understood_by_the_gateway(words: dict[str, str]) -> None:
    known = {**ALL, **words}
    try:
        job = template_of("/ci/x.log", known).job_of("x.log")
    except UsageError:
        assert {".", ".."} & set(known.values())
        return
    assert job
    place = place_of(unquote(job.address.partition("?")[0]), "1", "")
    assert (place.source, place.project, place.run_id, place.job) == (job.source, job.project, job.run_id, job.job)


@pytest.mark.parametrize(
    ("path", "known", "why"),
    [
        ("/ci/{run_id}/x.log", {"source": "a"}, "nothing says project, job"),
        ("/ci/{job}/x.log", ALL, "job is given twice"),
        ("/ci/{name}.log", ALL, "is no field"),
        ("/ci/{job:hex}.log", {}, "is no field"),
        ("/ci/{job:path}/x.log", {}, "only a project"),
        ("/*/x.log", ALL, "below a folder"),
        ("ci/x.log", ALL, "below a folder"),
        ("/ci/x.log.gz", ALL, "below a folder"),
    ],
)
def test_a_template_that_names_no_jobs_is_refused(path: str, known: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        template_of(path, known)


def test_a_file_whose_words_name_no_job_is_refused() -> None:
    template = template_of("/ci/{attempt}/{job}.log", {key: word for key, word in ALL.items() if key != "job"})
    for path in ("0/a.log", "x/a.log", "1/...log", "1/a\x07.log"):
        with pytest.raises(UsageError):
            template.job_of(path)


def test_the_words_of_a_run_may_be_left_to_the_path() -> None:
    assert words_in("jenkins/acme/shop/{run_id}/{job}") == {"source": "jenkins", "project": "acme/shop"}
    assert words_in("") == {}
    with pytest.raises(UsageError, match="four parts"):
        words_in("jenkins/shop/7")


def test_rotated_files_are_put_in_the_order_in_which_they_were_written() -> None:
    names = ["a.log", "a.log.1", "a.log.2.gz", "a.log.10.gz", "a.log-20260103", "a.log-20260102.gz", "b.log.1", "a.log.tmp", "a.logs"]
    assert generations("a.log", names) == ("a.log-20260102.gz", "a.log-20260103", "a.log.10.gz", "a.log.2.gz", "a.log.1", "a.log")


def test_a_file_that_is_being_packed_counts_once() -> None:
    assert generations("a.log", ["a.log.1", "a.log.1.gz"]) == ("a.log.1",)


def test_a_rotated_file_is_no_log_of_its_own_unless_its_log_is_not_there() -> None:
    assert is_rotated("x/a.log.1", frozenset({"x/a.log", "x/a.log.1"}))
    assert not is_rotated("x/a.log.1", frozenset({"y/a.log", "x/a.log.1"}))
    assert not is_rotated("a-1.log", frozenset({"a.log", "a-1.log"}))
