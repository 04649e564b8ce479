"""The reference of the configuration: every file's fields with type, default and bounds, and every variable of the environment."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from console.file_shapes import HealstreamFile, PeopleFile, PolicyFile, ServicesFile
from console.notice_shapes import NoticesFile
from console.policy_cases import CasesFile
from console.workflow_shapes import WorkflowFile
from learning.patterns.model import PatternFile
from schemas.policy import Policy
from tests.docs.marks import code, sentence, table
from tests.docs.written import ROOT

FILES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("healstream.yaml", HealstreamFile),
    ("people.yaml", PeopleFile),
    ("services.yaml", ServicesFile),
    ("policy/*.yaml", PolicyFile),
    ("notices.yaml", NoticesFile),
    ("workflows/*.yaml", WorkflowFile),
    ("patterns/*.json", PatternFile),
    ("cases for `healstream policy test`", CasesFile),
)
VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "HEALSTREAM_BROKERS": "bootstrap address of a broker of your own; when not set, the one that `healstream up` runs",
        "HEALSTREAM_CHAOS": "`1` arms the fail points of the tests; never in production",
        "HEALSTREAM_CHECKPOINTS": "where the supervisor keeps the audit's checkpoints; it goes before `checkpoints` of `healstream.yaml`",
        "HEALSTREAM_CONFIG": "the configuration folder, instead of `$XDG_CONFIG_HOME/healstream/NAME`",
        "HEALSTREAM_FAIL_POINT": "where a process of the tests ends itself; only with HEALSTREAM_CHAOS",
        "HEALSTREAM_GATEWAY_URL": "the gateway that `healstream send` tells, when it is not the one of this machine",
        "HEALSTREAM_GITHUB_SECRET": "the webhook's secret at GitHub; several, one a line, are valid side by side",
        "HEALSTREAM_GITLAB_SECRET": "the webhook's secret token or signing key at GitLab",
        "HEALSTREAM_INGEST_TOKEN": "the bearer token of all other senders",
        "HEALSTREAM_IN_FLIGHT": "recoveries that one executor carries out at the same time; 200",
        "HEALSTREAM_KEYS": "the folder of a component's private keys",
        "HEALSTREAM_LOCKED": "`1`: nobody comes to the embedded broker without a name; set by `healstream up --locked`",
        "HEALSTREAM_LOGIN_FILE": "the file with name and password for a locked broker",
        "HEALSTREAM_METRICS_PORT": "the loopback port of a process' metrics and readiness; 0 for any free one",
        "HEALSTREAM_NAME": "which copy, as `--name`",
        "HEALSTREAM_PROBE_HOSTS": "the only hosts that the prober may dial, for a machine that must not reach more",
        "HEALSTREAM_PUBLISHER_KEY": "the public key whose configuration a worker takes",
        "HEALSTREAM_REGISTRY_URL": "the schema registry by which records are written; without one they name their schema by a fingerprint",
        "HEALSTREAM_ROLE": "what a worker carries: `all`, `detect` or `middle`",
        "HEALSTREAM_S3_ACCESS_KEY_FILE": "the file with the access key of a bucket for back-ups",
        "HEALSTREAM_S3_ENDPOINT": "the address of the S3 server",
        "HEALSTREAM_S3_REGION": "its region, where it is not us-east-1",
        "HEALSTREAM_S3_SECRET_KEY_FILE": "the file with the secret key of a bucket for back-ups",
        "HEALSTREAM_SERVE_CERTIFICATE": "the gateway's certificate (PEM); needed off loopback",
        "HEALSTREAM_SERVE_HOST": "where the gateway listens; 127.0.0.1",
        "HEALSTREAM_SERVE_KEY": "the gateway's private key (PEM)",
        "HEALSTREAM_SERVE_NAMES": "names, with commas, by which browsers may call the page beside loopback's",
        "HEALSTREAM_SERVE_PORT": "the gateway's port; 0 for any free one",
        "HEALSTREAM_STATE": "the state folder, instead of `$XDG_STATE_HOME/healstream/NAME`",
    }
)
_MADE = re.compile(r"[\"'](HEALSTREAM_[A-Z0-9_]+[A-Z0-9])[\"']")
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "min_length": "at least", "max_length": "at most"}


def configuration_pages() -> dict[str, str]:
    """Return the pages of the files and of the environment."""
    parts = [_file(name, shape) for name, shape in FILES]
    head = (
        "# Configuration\n\nMade from the shapes that read the files; a field that is not here is refused, with file, line and column. "
        "`healstream init` makes the folder `~/.config/healstream/default` with comments, `healstream config check` reads it, and the "
        "running supervisor publishes what is right. Times are in seconds.\n\n"
    )
    rows = [(code(name), text) for name, text in sorted(VARIABLES.items())]
    secrets = "Each of the three secrets may stand in a file of mode 600 instead, named by the same variable with `_FILE`.\n"
    environment = f"# Environment\n\nEvery variable that healstream reads. {secrets}\n{table(('variable', 'is'), rows)}"
    return {"reference/configuration.md": head + "\n".join(parts), "reference/environment.md": environment}


def variables_in_code() -> frozenset[str]:
    """Return the variables that the source names."""
    names = ("schemas", "learning", "infra", "streams", "recoverers", "console")
    texts = (path.read_text(encoding="utf-8") for name in names for path in (ROOT / name).rglob("*.py"))
    return frozenset(
        found for text in texts for found in _MADE.findall(text) if not found.endswith("_FILE") or "_S3_" in found or "LOGIN" in found
    )


def _file(name: str, shape: type[BaseModel]) -> str:
    rows = _rows_of(shape)
    title = name if "`" in name else f"`{name}`"
    below = "\n".join(f"### {row.__name__.removesuffix('Row')} of {title}\n\n{_shape(row)}" for row in rows)
    return f"## {title}\n\n{_shape(shape)}\n{below}"


def _shape(shape: type[BaseModel]) -> str:
    policy = Policy() if shape is PolicyFile else None
    rows = [
        (code(name), _type(field), _default(name, field, policy), _bounds(field.metadata)) for name, field in shape.model_fields.items()
    ]
    return f"{sentence(inspect.getdoc(shape))}\n\n{table(('field', 'type', 'default', 'bounds'), rows)}"


def _rows_of(shape: type[BaseModel]) -> Sequence[type[BaseModel]]:
    """Return the shapes inside a shape, each once, in the order of their fields."""
    found: dict[type[BaseModel], None] = {}

    def walk(one: type[BaseModel]) -> None:
        for field in one.model_fields.values():
            for inner in _models_in(field.annotation):
                if inner not in found:
                    found[inner] = None
                    walk(inner)

    walk(shape)
    return tuple(found)


def _models_in(hint: Any) -> Iterable[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for inner in get_args(hint):
        yield from _models_in(inner)


def _type(field: FieldInfo) -> str:
    return code(_named(field.annotation))


def _named(hint: Any) -> str:
    inner = [_named(one) for one in get_args(hint) if one not in {type(None), Ellipsis} and not _is_mark(one)]
    origin = getattr(hint, "__origin__", None)
    if origin is tuple:
        return f"list of {inner[0]}"
    if origin is dict:
        return f"map of {inner[0]} to {inner[1]}"
    if getattr(hint, "__args__", None) is None:
        return _word(hint)
    return " or ".join(dict.fromkeys(inner))


def _is_mark(one: Any) -> bool:
    return not isinstance(one, type | str | int) and not get_args(one)


def _word(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(str(member.value) for member in hint)
    if isinstance(hint, type):
        return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}.get(
            hint.__name__, hint.__name__.removesuffix("Row")
        )
    return str(hint)


def _default(name: str, field: FieldInfo, policy: Policy | None) -> str:
    if policy is not None:
        return code(_plain(getattr(policy, name)))
    if field.is_required():
        return "**needed**"
    value = field.get_default(call_default_factory=True)
    return code(_plain(value)) if value not in (None, "", (), {}) else "none"


def _plain(value: object) -> str:
    limit = getattr(value, "limit", None)
    if limit is not None:
        return f"{{limit: {limit}, window_s: {getattr(value, 'window_s', '')}}}"
    return str(getattr(value, "value", value)) if value != () else "[]"


def _bounds(marks: Iterable[Any]) -> str:
    said = []
    for mark in marks:
        said += [
            f"{words} {getattr(mark, name)}" + (" long" if "length" in name else "")
            for name, words in _BOUNDS.items()
            if getattr(mark, name, None) is not None
        ]
        if getattr(mark, "pattern", None):
            said.append(f"like {code(mark.pattern)}")
    return ", ".join(said)
