"""The integration tests run on a broker in a container as they run on the embedded one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.docker_engine import container_engine

HERE = Path(__file__).parent


def test_the_tests_of_topics_and_records_pass_on_a_broker_in_a_container(tmp_path: Path) -> None:
    with container_engine() as host:
        environ = {**os.environ, "HEALSTREAM_TEST_BROKER": "container", "DOCKER_HOST": host}
        words = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "t")]
        done = subprocess.run(
            [sys.executable, *words, str(HERE / "test_kafka_and_topics.py")],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert " skipped" not in done.stdout
