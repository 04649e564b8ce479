"""From a YAML file's text to plain values with the place of every value, so that a mistake is shown as ``file:line:column``.

Called by ``console/configuration.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import CollectionNode, Node
from typing_extensions import override

Step = str | int
MAX_FILE_BYTES = 1024 * 1024
MAX_VALUES = 200_000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a configuration file, where, and what to do."""

    file: str
    line: int
    column: int
    what: str
    mend: str = "correct the line"

    @override
    def __str__(self) -> str:
        """Return the problem on one line."""
        return f"{self.file}:{self.line}:{self.column}: {self.what}; {self.mend}"


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file: ``root`` still knows its places, ``plain`` does not."""

    file: str
    root: object
    plain: object

    def place(self, path: Sequence[Step]) -> tuple[int, int]:
        """Return line and column (from 1) of the deepest part of the path that exists."""
        here, node = (1, 1), self.root
        for step in path:
            if isinstance(node, CommentedMap) and step in node:
                found = node.lc.key(step)
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                found = node.lc.item(step)
            else:
                return here
            here, node = (found[0] + 1, found[1] + 1), node[step]
        return here

    def problem(self, path: Sequence[Step], what: str, mend: str = "correct the line") -> Problem:
        """Return a problem at the path's place; the path's own words are part of the message."""
        line, column = self.place(path)
        where = ".".join(str(step) for step in path)
        return Problem(self.file, line, column, f"{where}: {what}" if where else what, mend)


def plain_of(node: object) -> object:
    """Return the value without its places."""
    if isinstance(node, Mapping):
        return {str(key): plain_of(value) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str | bytes):
        return [plain_of(value) for value in node]
    return str(node) if isinstance(node, str) else node


def _wrong_aliases(file: str, text: str) -> Problem | None:
    """Return where an alias leads back to what holds it, or that aliases stand for very many values."""
    if "*" not in text:
        return None
    # Each entry is a node, or the end of one that is open.
    todo: list[tuple[Node, bool]] = [(YAML(typ="rt").compose(text), False)]
    open_nodes: set[int] = set()
    for _ in range(MAX_VALUES):
        if not todo:
            return None
        node, is_end = todo.pop()
        if is_end:
            open_nodes.discard(id(node))
        elif id(node) in open_nodes:
            mark = node.start_mark
            what = "it is a cycle: an alias leads back to the value that holds it"
            return Problem(file, mark.line + 1, mark.column + 1, what, "write the value out")
        elif isinstance(node, CollectionNode):
            open_nodes.add(id(node))
            parts = [part for row in node.value for part in (row if isinstance(row, tuple) else (row,))]
            todo += [(node, True), *((part, False) for part in parts)]
    return Problem(file, 1, 1, f"its aliases stand for more than {MAX_VALUES} values", "write the values out")


def read_document(file: str, text: str) -> Document | Problem:
    """Parse one file; an empty one is an empty mapping."""
    if len(text) > MAX_FILE_BYTES:
        return Problem(file, 1, 1, f"the file is larger than {MAX_FILE_BYTES} bytes", "split it")
    reader = YAML(typ="rt")
    # A text knows by its class how it was written, so that a place inside it can be told.
    reader.preserve_quotes = True
    try:
        wrong = _wrong_aliases(file, text)
        if wrong:
            return wrong
        root = reader.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Problem(file, line, column, f"this is no YAML: {error.problem or error.context}")
    except YAMLError as error:
        return Problem(file, 1, 1, f"this is no YAML: {str(error)[:200]}")
    root = CommentedMap() if root is None else root
    return Document(file, root, plain_of(root))
