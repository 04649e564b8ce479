"""One JSON document to one address of Slack, in bounded time, following nowhere and keeping little of the answer.

Called by ``console/slack_box.py`` and ``console/slack_routes.py``. An address may be a secret in itself: no word of it is handed on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

TIMEOUT_S = 4.0
_MOST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class SlackAnswer:
    """What Slack said: ``why`` it did not take the document, empty when it did."""

    why: str


def call_slack(url: str, document: Mapping[str, object], token: str = "", timeout_s: float = TIMEOUT_S) -> SlackAnswer:
    """Send a document; a webhook answers in words, the Web API in JSON that says whether it is ``ok``."""
    headers = {"Content-Type": "application/json; charset=utf-8"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with (
            httpx.Client(timeout=timeout_s, follow_redirects=False) as client,
            client.stream("POST", url, content=json.dumps(document).encode(), headers=headers) as response,
        ):
            text = _beginning_of(response)
            status, wait = response.status_code, response.headers.get("retry-after", "")[:8]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Its text may hold the address.
        return SlackAnswer(f"Slack could not be asked: {type(error).__name__}")
    if status != httpx.codes.OK:
        return SlackAnswer(f"Slack answered {status}" + (f", to be asked again after {wait} s" if wait.isdecimal() else ""))
    return SlackAnswer(_why_not(text) if token else "")


def _beginning_of(response: httpx.Response) -> str:
    body = b""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > _MOST_ANSWER:
            break
    return body[:_MOST_ANSWER].decode("utf-8", "replace")


def _why_not(text: str) -> str:
    try:
        said = json.loads(text)
    except ValueError:
        return "Slack's Web API answered no JSON"
    if isinstance(said, dict) and said.get("ok") is True:
        return ""
    error = said.get("error") if isinstance(said, dict) else None
    known = error if isinstance(error, str) and error.isascii() and error.replace("_", "").isalnum() else "no reason given"
    return f"Slack did not take it: {known[:80]}"
