"""A backup as objects of an S3-compatible bucket: fits ``console.backup.Store``. Signatures and retries are the client library's.

Each backup has a folder of its own, named by its content, and ``latest`` names the newest: what is cut short changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import TypeVar
from urllib.parse import urlsplit

from minio import Minio
from minio.error import MinioException, S3Error
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from schemas.errors import ConfigurationError, DeniedError, HealstreamError, NotFoundError, UnreachableError

LATEST = "latest"
MAX_OBJECTS = 2_000
MAX_BYTES = 64 * 1024 * 1024
_NAME_DIGITS = 32
_CONNECT_S, _READ_S, _RETRIES = 5.0, 30.0, 3
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_DENIED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "RequestTimeTooSkewed"})
_ABSENT = frozenset({"NoSuchBucket", "NoSuchKey"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where the server is and who asks; the keys are never shown."""

    endpoint: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class S3Store:
    """The real adapter; ``backup`` is the name of the one that is read, the newest when it is empty."""

    access: S3Access
    bucket: str
    prefix: str = ""
    backup: str = ""

    def put(self, files: Mapping[str, bytes], at: datetime) -> str:
        """Keep exactly these files beside the earlier backups; return the name under which they come back."""
        del at
        name = _name_of(files)
        client = self._client()

        def send() -> str:
            for file, content in sorted(files.items()):
                client.put_object(self.bucket, self._key(name, file), BytesIO(content), len(content))
            client.put_object(self.bucket, self._key(LATEST), BytesIO(name.encode()), len(name))
            return name

        return self._asked(send)

    def get(self) -> Mapping[str, bytes]:
        """Return the files of a backup; raises NotFoundError when the bucket holds none of that name."""
        client = self._client()
        return self._asked(lambda: self._read(client))

    def _read(self, client: Minio) -> Mapping[str, bytes]:
        name = self.backup or self._content(client, self._key(LATEST), _NAME_DIGITS).decode("ascii", "replace")
        begin, found, size = self._key(name, ""), dict[str, bytes](), 0
        for row in client.list_objects(self.bucket, prefix=begin, recursive=True):
            key = str(row.object_name)
            found[key.removeprefix(begin)] = self._content(client, key, MAX_BYTES - size)
            size += len(found[key.removeprefix(begin)])
            if len(found) > MAX_OBJECTS:
                raise ConfigurationError(self.bucket, f"{name} has more than {MAX_OBJECTS} objects", "Name the prefix of a backup")
        if not found:
            raise NotFoundError(f"backup {name}", f"{self.bucket} holds none of that name", "See what `healstream backup` said")
        return found

    def _content(self, client: Minio, key: str, most: int) -> bytes:
        answer = client.get_object(self.bucket, key)
        with closing(answer):
            content = bytes(answer.read(most + 1))
            answer.release_conn()
        if len(content) > most:
            raise ConfigurationError(f"{self.bucket}/{key}", f"it is larger than {most} bytes", "Name the prefix of a backup")
        return content

    def _key(self, *parts: str) -> str:
        return "/".join(part for part in (self.prefix.strip("/"), *parts) if part or part == parts[-1]).lstrip("/")

    def _client(self) -> Minio:
        place = urlsplit(self.access.endpoint)
        is_secure = place.scheme == "https"
        if not place.hostname or (not is_secure and (place.scheme != "http" or place.hostname not in _LOOPBACK)):
            raise ConfigurationError("HEALSTREAM_S3_ENDPOINT", "it is no https address", "Write https://HOST[:PORT]; http for loopback")
        pool = PoolManager(
            timeout=Timeout(connect=_CONNECT_S, read=_READ_S),
            retries=Retry(total=_RETRIES, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
            cert_reqs="CERT_REQUIRED",
        )
        keys = (self.access.access_key, self.access.secret_key)
        return Minio(place.netloc, *keys, secure=is_secure, region=self.access.region, http_client=pool)

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except S3Error as error:
            raise self._explained(error) from error
        except (MinioException, HTTPError, OSError, ValueError) as error:
            raise UnreachableError(self.access.endpoint, str(error)[:200], "Check HEALSTREAM_S3_ENDPOINT and the network") from error

    def _explained(self, error: S3Error) -> HealstreamError:
        what, why = f"bucket {self.bucket}", f"{error.code}: {error.message}"[:200]
        if error.code in _DENIED:
            return DeniedError(what, why, "Check the keys, their rights and the clock")
        if error.code in _ABSENT:
            return NotFoundError(what, why, "Make the bucket, or name a backup that is there")
        return UnreachableError(what, why, "Look at the server's log, then try again")


def _name_of(files: Mapping[str, bytes]) -> str:
    sums = "".join(f"{name}\0{sha256(content).hexdigest()}\n" for name, content in sorted(files.items()))
    return sha256(sums.encode("utf-8")).hexdigest()[:_NAME_DIGITS]
