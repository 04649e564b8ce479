"""From a step's output to the log of a CI job that ran it: GitHub Actions, GitLab, Jenkins or plain, chosen by the recipe's id for ever."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from schemas.vocabulary import Result
from tests.corpus.recipe import Stop

_START = dt.datetime(2026, 3, 2, 7, 0, 0, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step ended: its commands, its output by line, its exit code, and whether the runner ended it."""

    id: str
    commands: Sequence[str]
    lines: Sequence[str]
    exit_code: int
    stop: Stop


def number_of(id_: str) -> int:
    """Return the number that stands for an id, the same for ever."""
    return int.from_bytes(hashlib.sha256(id_.encode()).digest()[:6], "big")


def result_of(ended: Ended) -> Result:
    """Return the conclusion that the CI system would give."""
    if ended.stop is Stop.CANCELLED:
        return Result.CANCELLATION
    if ended.stop is Stop.TIME_LIMIT:
        return Result.TIMEOUT
    return Result.FAILURE if ended.exit_code else Result.SUCCESS


def _closing(ended: Ended, stopped: Mapping[Stop, list[str]], failed: list[str], passed: list[str]) -> list[str]:
    """Return the words by which a runner closes a step."""
    if ended.stop is not Stop.NEVER:
        return stopped[ended.stop]
    return failed if ended.exit_code else passed


def _github(ended: Ended) -> list[str]:
    head = ["##[group]Run " + ended.commands[0], *ended.commands, "shell: /usr/bin/bash -e {0}", "env:", "  CI: true", "##[endgroup]"]
    minutes = 5 * (1 + number_of(ended.id) % 12)
    why = "This can happen when the runner service is stopped, or a manually started runner is canceled."
    stopped = {
        Stop.CANCELLED: ["##[error]The operation was canceled."],
        Stop.TIME_LIMIT: [f"##[error]The action 'Build' has timed out after {minutes} minutes."],
        Stop.KILLED: [f"##[error]The runner has received a shutdown signal. {why}"],
    }
    tail = _closing(ended, stopped, [f"##[error]Process completed with exit code {ended.exit_code}."], [])
    return _stamped(ended.id, [*head, *ended.lines, *tail, "Post job cleanup.", "Cleaning up orphan processes"])


def _stamped(id_: str, lines: Sequence[str]) -> list[str]:
    number = number_of(id_)
    at, told = _START + dt.timedelta(seconds=number % 9_000_000), []
    for place, line in enumerate(lines):
        at += dt.timedelta(microseconds=1 + (number >> (place % 24)) % 90_000)
        told.append(f"{at:%Y-%m-%dT%H:%M:%S.%f}{number % 10}Z {line}")
    return told


def _gitlab(ended: Ended) -> list[str]:
    second = int(_START.timestamp()) + number_of(ended.id) % 9_000_000
    head = [
        "Running with gitlab-runner 17.5.3 (12030cf4)",
        "  on runner-7 t1_Acme7x, system ID: s_0b7f3c8a1d2e",
        f'section_start:{second}:prepare_executor\r\x1b[0KPreparing the "shell" executor',
        "Using Shell (bash) executor...",
        f"section_end:{second + 1}:prepare_executor\r\x1b[0K",
        f'section_start:{second + 1}:step_script\r\x1b[0KExecuting "step_script" stage of the job script',
    ]
    shown = [f"\x1b[32;1m$ {command}\x1b[0;m" for command in ended.commands]
    stopped = {
        Stop.CANCELLED: [_red("ERROR: Job failed: canceled")],
        Stop.TIME_LIMIT: [_red("ERROR: Job failed: execution took longer than 1h0m0s seconds")],
        Stop.KILLED: [_red("ERROR: Job failed (system failure): aborted: terminated")],
    }
    tail = _closing(ended, stopped, [_red(f"ERROR: Job failed: exit status {ended.exit_code}")], ["\x1b[32;1mJob succeeded\x1b[0;m"])
    return [*head, *shown, *ended.lines, f"section_end:{second + 60}:step_script\r\x1b[0K", *tail]


def _red(words: str) -> str:
    return f"\x1b[31;1m{words}\x1b[0;m"


def _jenkins(ended: Ended) -> list[str]:
    head = ["[Pipeline] stage", "[Pipeline] { (Build)", "[Pipeline] sh", *(f"+ {command}" for command in ended.commands)]
    close = ["[Pipeline] }", "[Pipeline] // stage", "[Pipeline] End of Pipeline"]
    ending = ["Sending interrupt signal to process", "script returned exit code 143"]
    gone = 'Cannot contact agent-7: hudson.remoting.ChannelClosedException: Channel "agent-7": Remote call on agent-7 failed.'
    stopped = {
        Stop.CANCELLED: [*ending, *close, "Finished: ABORTED"],
        Stop.TIME_LIMIT: ["Cancelling nested steps due to timeout", *ending, *close, "Timeout has been exceeded", "Finished: ABORTED"],
        Stop.KILLED: [gone, *close, "Finished: ABORTED"],
    }
    failed = [*close, f"ERROR: script returned exit code {ended.exit_code}", "Finished: FAILURE"]
    return [*head, *ended.lines, *_closing(ended, stopped, failed, [*close, "Finished: SUCCESS"])]


def _plain(ended: Ended) -> list[str]:
    return [*(f"$ {command}" for command in ended.commands), *ended.lines]


DRESSES: Mapping[str, Callable[[Ended], list[str]]] = {"github": _github, "gitlab": _gitlab, "jenkins": _jenkins, "plain": _plain}
# Out of ten recordings; what a bare `plain` log of a stopped step cannot say, the runner's words must.
_SHARES = ("github", "github", "github", "github", "gitlab", "gitlab", "gitlab", "jenkins", "plain", "plain")


def dress_of(id_: str, stop: Stop) -> str:
    """Return the name of the dialect in which the recording of this id is dressed."""
    name = _SHARES[number_of(id_) % len(_SHARES)]
    return "gitlab" if name == "plain" and stop is not Stop.NEVER else name


def dress(ended: Ended) -> str:
    """Return the log of the job."""
    return "\n".join(DRESSES[dress_of(ended.id, ended.stop)](ended)) + "\n"
