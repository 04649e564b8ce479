"""The parser of ``re`` and the words of its tree, which the standard library keeps in modules that have no types.

Loaded by name: whether the type checker finds them as attributes of ``re`` depends on the order in which it reads the files.
Source: the folder ``re`` of CPython 3.11, ``_parser.py`` and ``_constants.py``.
"""

from __future__ import annotations

from importlib import import_module

words = import_module("re._constants")
parser = import_module("re._parser")
