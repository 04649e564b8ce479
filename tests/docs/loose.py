"""The calls of the pages that stand in no session, and which of them have still to be typed on a running copy; called by the tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.docs.parsing import is_named_only
from tests.docs.site import generated_pages
from tests.docs.standing import covers, shape, skeleton, typed
from tests.docs.unplayed import row_of, row_of_line
from tests.docs.written import ROOT, Call, Line, calls_in, calls_in_sessions, lines_in, pages, sessions_in, without_remark


def written_pages() -> dict[str, str]:
    """Return the text of every page that people wrote, by its place in the repository."""
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in pages()}


def made_pages() -> dict[str, str]:
    """Return the pages that are made from the code; the reference of the commands is read off the program and shows no call."""
    return {page: text for page, text in generated_pages().items() if page != "reference/commands.md"}


def calls_by_page(texts: dict[str, str]) -> Iterator[Call]:
    """Return all calls of these pages."""
    for page, text in texts.items():
        yield from calls_in(page, text)


def session_calls() -> list[Call]:
    """Return the calls of all sessions."""
    return [call for page, text in written_pages().items() for call in calls_in_sessions(page, text)]


def to_type() -> list[Call]:
    """Return one call of each shape that no session and no line plays and that is not in the table of those that are not played."""
    in_sessions = [*session_calls(), *line_calls()]
    # What names its things comes first: it stands for what has place holders.
    others = sorted(
        (call for call in calls_by_page(written_pages()) if call not in in_sessions),
        key=lambda call: "".join(shape(typed(call))).count("*"),
    )
    found = list(_first_of_each(others, [shape(typed(call)) for call in in_sessions]))
    skeletons = {skeleton(typed(call)) for call in (*in_sessions, *found)}
    for call in calls_by_page(made_pages()):
        words = typed(call)
        if skeleton(words) not in skeletons and _is_typed(call):
            skeletons.add(skeleton(words))
            found.append(call)
    return found


def other_lines() -> list[Line]:
    """Return every line of the written pages that calls other programs than ours."""
    return [line for page, text in written_pages().items() for line in lines_in(page, text)]


def line_calls() -> list[Call]:
    """Return our own calls in lines that a shell is given because of other programs in them."""
    places = {(line.page, line.line) for line in lines_to_type()}
    return [call for call in calls_by_page(written_pages()) if (call.page, call.line) in places]


def lines_to_type() -> list[Line]:
    """Return one of each of these lines that no session plays and that is not in the table of those that are not played."""
    steps = (step for page, text in written_pages().items() for _, steps in sessions_in(page, text) for step in steps)
    known = {without_remark(step.command) for step in steps}
    found: list[Line] = []
    for line in other_lines():
        text = without_remark(line.text)
        if text not in known and not row_of_line(line):
            known.add(text)
            found.append(line)
    return found


def named_only() -> list[Call]:
    """Return the calls that a sentence names without what they need."""
    return [call for call in calls_by_page({**written_pages(), **made_pages()}) if is_named_only(call) and not row_of(call)]


def _is_typed(call: Call) -> bool:
    # A bare ``make`` is the name of a program.
    return bool(call.argv) and not row_of(call) and not is_named_only(call)


def _first_of_each(calls: Iterable[Call], shapes: list[tuple[str, ...]]) -> Iterator[Call]:
    for call in calls:
        if _is_typed(call) and not any(covers(one, shape(typed(call))) for one in shapes):
            shapes.append(shape(typed(call)))
            yield call
