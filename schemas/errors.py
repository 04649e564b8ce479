"""The errors of healstream: one sentence each on when it is raised and what an operator does; the type says retry or not."""

from __future__ import annotations


class HealstreamError(Exception):
    """Any failure that has an explanation: what failed, why, and the next thing to do."""

    exit_code = 1

    def __init__(self, what: str, why: str, mend: str) -> None:
        """Keep the three sentences apart, so that a screen or a log line can lay them out."""
        super().__init__(f"{what}: {why}. {mend}")
        self.what = what
        self.why = why
        self.mend = mend


class UsageError(HealstreamError):
    """The call's words are off; correct the call and say it again."""

    exit_code = 2


class ConfigurationError(HealstreamError):
    """A configuration, people or pattern file is wrong; correct the named line, the old set stays in force meanwhile."""

    exit_code = 2


class NotFoundError(HealstreamError):
    """The thing that was named is not there; list what is and name one of those."""

    exit_code = 3


class DeniedError(HealstreamError):
    """The person may not do this; ask somebody whose role allows it."""

    exit_code = 4


class UnreachableError(HealstreamError):
    """The broker, a topic or a service does not answer; start it or mend the address, then retry."""

    exit_code = 5


class TimedOutError(HealstreamError):
    """What was waited for has not come in the time that was given; it may still come, look again or give more time."""

    exit_code = 6


class ApprovalNeededError(HealstreamError):
    """It waits for somebody's yes; ask a person whose role allows it."""

    exit_code = 7


class FencedError(HealstreamError):
    """Another owner has taken over while this one slept; the process ends and its supervisor starts it anew."""

    exit_code = 1


class RecordShapeError(HealstreamError):
    """A record of ours does not fit its schema: a defect in the code that built it; report it with the record's name."""

    exit_code = 1


class BusyError(HealstreamError):
    """More waits to be sent than may wait; send the same again after a moment."""

    exit_code = 5


class StaleError(HealstreamError):
    """What the person saw is no longer so; look again, and say it anew if it is still meant."""

    exit_code = 1


class LoginError(HealstreamError):
    """Nobody is logged in, or name and password do not fit; log in again."""

    exit_code = 4


class TooManyError(HealstreamError):
    """More was tried than is allowed in the time; wait for ``retry_s`` seconds, then try again."""

    exit_code = 1

    def __init__(self, what: str, why: str, mend: str, retry_s: int) -> None:
        """Keep how long to wait beside the three sentences."""
        super().__init__(what, why, mend)
        self.retry_s = retry_s
