"""A schema registry that speaks Confluent's REST interface, as the codec asks it: ids for our schemas, texts for anybody's ids.

Called by ``infra/kafka.py`` for an address that names one. Each id and each text is asked for once a process: a registry that goes away
later is missed only by what is new. A registry that does not answer raises; it never makes a good record look like a broken one.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import httpx

from infra.adapters.authorities import trusted
from schemas.avro_codec import schema_text
from schemas.errors import ConfigurationError, UnreachableError

MEDIA = "application/vnd.schemaregistry.v1+json"
ANSWER_S = 5.0
MOST_UNKNOWN = 1_000
# How long an id that nobody knew is not asked for again: a stranger may send as many as there are numbers.
FORGET_S = 60.0
_MEND = "Start the registry, or unset HEALSTREAM_REGISTRY_URL: records are then written without one, and both forms are read"


class SchemaRegistry:
    """One registry at a base address; ``clock`` is monotonic seconds. Used from any thread."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask nothing yet."""
        self._url = url.rstrip("/")
        self._client = httpx.Client(timeout=ANSWER_S, transport=transport, verify=trusted(), trust_env=False, headers={"Accept": MEDIA})
        self._clock = clock
        self._lock = Lock()
        self._ids: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self._unknown: OrderedDict[int, float] = OrderedDict()

    def id_of(self, record: str) -> int | None:
        """Return the id of a record's schema, registered under its full name where it is new.

        Raises UnreachableError without an answer, ConfigurationError when the registry holds the schema against its rules.
        """
        with self._lock:
            if record not in self._ids:
                text = schema_text(record)
                self._ids[record] = number = self._register(f"healstream.{record}", text)
                self._texts[number] = text
            return self._ids[record]

    def schema_of(self, schema_id: int) -> str | None:
        """Return a schema's text, or None when nobody registered the id; raises UnreachableError without an answer."""
        with self._lock:
            if schema_id in self._texts:
                return self._texts[schema_id]
            if self._clock() - self._unknown.get(schema_id, -FORGET_S) < FORGET_S:
                return None
            text = self._look_up(schema_id)
            if text is None:
                self._note_unknown(schema_id)
            else:
                self._texts[schema_id] = text
            return text

    def _register(self, subject: str, text: str) -> int:
        answer = self._ask("POST", f"/subjects/{subject}/versions", {"schema": text, "schemaType": "AVRO"})
        if answer.status_code in {409, 422}:
            why = f"the registry does not take the schema of {subject}: {answer.text[:200]}"
            mend = "Compare it with the versions there; an upgrade needs compatibility BACKWARD or FORWARD of the subject"
            raise ConfigurationError("schema registry", why, mend)
        number = _member(answer, "id")
        if answer.status_code != httpx.codes.OK or not isinstance(number, int):
            raise self._no_answer(f"it answered {answer.status_code} to the schema of {subject}")
        return number

    def _look_up(self, schema_id: int) -> str | None:
        answer = self._ask("GET", f"/schemas/ids/{schema_id}", None)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        text = _member(answer, "schema")
        if answer.status_code != httpx.codes.OK or not isinstance(text, str):
            raise self._no_answer(f"it answered {answer.status_code} to the schema id {schema_id}")
        return text

    def _note_unknown(self, schema_id: int) -> None:
        self._unknown[schema_id] = self._clock()
        self._unknown.move_to_end(schema_id)
        if len(self._unknown) > MOST_UNKNOWN:
            self._unknown.popitem(last=False)

    def _ask(self, method: str, path: str, body: dict[str, str] | None) -> httpx.Response:
        try:
            return self._client.request(method, self._url + path, json=body, headers={"Content-Type": MEDIA} if body else {})
        except httpx.HTTPError as error:
            raise self._no_answer(f"it does not answer ({type(error).__name__})") from error

    def _no_answer(self, why: str) -> UnreachableError:
        return UnreachableError(f"schema registry {self._url}", why, _MEND)


def _member(answer: httpx.Response, name: str) -> object:
    try:
        found = answer.json()
    except ValueError:
        return None
    return found.get(name) if isinstance(found, dict) else None
