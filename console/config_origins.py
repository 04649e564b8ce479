"""From a configuration folder and the environment to what is shown of them: each value with its origin, and no secret. Pure.

Called by ``healstream config view``. Secrets are found in the files as they are read, so that a mistake elsewhere hides none of them less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from console.yaml_places import Document, Problem, Step, read_document
from schemas.policy import Policy

MASK = "***"
DEFAULT, ENVIRONMENT = "default", "environment"
POLICY = "policy/"
_OURS = "HEALSTREAM_"
_SECRET_WORDS = ("SECRET", "TOKEN", "PASSWORD")
Row = dict[str, object]


def is_secret(file: str, path: tuple[Step, ...]) -> bool:
    """Tell whether the value that stands there is a secret: a literal to mask, or a URL that lets in whoever has it."""
    named = tuple("*" if isinstance(step, int) else step for step in path)
    return (file, named) in {
        ("healstream.yaml", ("secrets", "*")),
        ("healstream.yaml", ("heartbeat", "url")),
        ("notices.yaml", ("targets", "*", "url")),
    }


def leaves(node: object, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], object]]:
    """Yield every plain value with its path; an empty list or mapping is one too."""
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(node, list) and node:
        for number, value in enumerate(node):
            yield from leaves(value, (*path, number))
    else:
        yield path, node


def _documents(texts: Mapping[str, str]) -> dict[str, Document | Problem]:
    return {file: read_document(file, text) for file, text in sorted(texts.items()) if file.endswith(".yaml")}


def masked(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the files with their secrets left out; of a file that cannot be read only where it cannot."""
    documents = _documents(texts)
    found = {str(value) for file, one in documents.items() if isinstance(one, Document) for value in _secrets_of(one)}
    # The longest first: one secret may be part of another.
    secrets = sorted(found - {""}, key=len, reverse=True)
    shown = {}
    for file, text in sorted(texts.items()):
        one = documents.get(file)
        shown[file] = (
            f"# not shown, for what is secret in it cannot be told: {one}\n" if isinstance(one, Problem) else _without(text, secrets)
        )
    return shown


def _secrets_of(document: Document) -> Iterator[object]:
    return (value for path, value in leaves(document.plain) if value is not None and is_secret(document.file, path))


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def origin_rows(texts: Mapping[str, str], environ: Mapping[str, str]) -> list[Row]:
    """Return each setting with its value and where it is from: ``file:line:column``, the environment, or the policy's default."""
    rows: list[Row] = []
    named: set[str] = set()
    for file, one in _documents(texts).items():
        if isinstance(one, Problem):
            rows.append({"setting": file, "value": one.what, "origin": f"{file}:{one.line}:{one.column}"})
            continue
        for path, value in leaves(one.plain):
            line, column = one.place(path)
            shown = MASK if is_secret(file, path) and value else _plain(value)
            rows.append({"setting": ".".join(map(str, path)), "value": shown, "origin": f"{file}:{line}:{column}"})
            named |= {str(path[0])} if file.startswith(POLICY) and path else set()
    rules: list[Row] = [{"setting": file, "value": "rules", "origin": f"{file}:1:1"} for file in sorted(texts) if file.endswith(".cedar")]
    return [*rows, *rules, *_defaults(named), *_of_environment(environ)]


def _plain(value: object) -> object:
    """Return what JSON can say too: YAML knows dates."""
    return value if value is None or isinstance(value, str | int | float | list | dict) else str(value)


def _defaults(named: set[str]) -> Iterator[Row]:
    policy = Policy()
    for field in fields(policy):
        value = getattr(policy, field.name)
        if field.name not in named and isinstance(value, str | int | float):
            yield {"setting": field.name, "value": value, "origin": DEFAULT}


def _of_environment(environ: Mapping[str, str]) -> Iterator[Row]:
    for name in sorted(name for name in environ if name.startswith(_OURS)):
        is_hidden = not name.endswith("_FILE") and any(word in name for word in _SECRET_WORDS)
        yield {"setting": name, "value": MASK if is_hidden else environ[name], "origin": ENVIRONMENT}
