"""The same checks for the limits in memory and for files of one number."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.adapters.limits import Limits
from recoverers.limit_port import LimitPort
from schemas.attempts import StepStatus
from schemas.targets.limit import LimitSpec, LimitUse
from tests.support.fake_limits import FakeLimits


@pytest.fixture
def spec(tmp_path: Path) -> LimitSpec:
    (tmp_path / "max").write_text("100\n", encoding="ascii")
    (tmp_path / "count").write_text("98\n", encoding="ascii")
    return LimitSpec("conntrack", str(tmp_path / "max"), str(tmp_path / "count"), 100, 400)


@pytest.fixture(params=["fake", "real"])
def limits(request: pytest.FixtureRequest) -> LimitPort:
    return FakeLimits({"conntrack": LimitUse(100, 98)}) if request.param == "fake" else Limits()


def test_a_limit_is_read_set_from_the_value_that_was_seen_and_put_back(limits: LimitPort, spec: LimitSpec) -> None:
    assert limits.use(spec) == LimitUse(100, 98)
    for before, after in ((100, 150), (100, 150), (150, 100)):
        assert limits.put(spec, before, after).status is StepStatus.OK
        assert limits.use(spec) == LimitUse(after, 98)


def test_a_limit_that_somebody_set_meanwhile_is_left_alone(limits: LimitPort, spec: LimitSpec) -> None:
    assert limits.put(spec, 90, 150).status is StepStatus.FAILED
    assert limits.use(spec) == LimitUse(100, 98)


@pytest.mark.parametrize("text", ["", "a lot", "-1", "9" * 30])
def test_what_is_no_number_is_neither_read_nor_written_over(spec: LimitSpec, text: str) -> None:
    Path(spec.path).write_text(text, encoding="ascii")
    assert Limits().use(spec) is None
    assert Limits().put(spec, 100, 150).status is StepStatus.FAILED
    assert Path(spec.path).read_text(encoding="ascii") == text


def test_a_link_in_the_place_of_the_file_is_not_followed(spec: LimitSpec, tmp_path: Path) -> None:
    Path(spec.path).rename(tmp_path / "other")
    Path(spec.path).symlink_to(tmp_path / "other")
    assert Limits().use(spec) is None
    assert Limits().put(spec, 100, 150).status is StepStatus.FAILED
    assert (tmp_path / "other").read_text(encoding="ascii") == "100\n"
