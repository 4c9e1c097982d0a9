"""The model's card as HTML: the little of Markdown that our cards are written in; everything else stays text."""

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final

from markupsafe import Markup, escape

_CODE: Final = re.compile(r"`([^`]+)`")
_RULE: Final = re.compile(r"\|(\s*:?-+:?\s*\|)+")
_HEADING: Final = re.compile(r"(#{1,3}) +(.*)")


def card_html(text: str) -> Markup:
    """Return headings, lists, tables and paragraphs; what the text holds of HTML is shown, not obeyed."""
    return Markup("\n").join(_blocks(text))


def _blocks(text: str) -> Iterator[Markup]:
    for kind, lines in groupby(text.splitlines(), key=_kind):
        yield from _WRITERS[kind]([line.strip() for line in lines])


def _kind(line: str) -> str:
    if not line.strip():
        return "empty"
    if _HEADING.fullmatch(line):
        return "heading"
    if line.startswith("|"):
        return "table"
    return "list" if line.startswith("- ") else "paragraph"


def _headings(lines: list[str]) -> Iterator[Markup]:
    for line in lines:
        marks, _, title = line.partition(" ")
        yield Markup("<h{0}>{1}</h{0}>").format(len(marks), _inline(title.strip()))


def _table(lines: list[str]) -> Iterator[Markup]:
    rows = [_cells(line) for line in lines if not _RULE.fullmatch(line)]
    head = _row("th", rows[0]) if rows else Markup()
    body = Markup().join(_row("td", row) for row in rows[1:])
    yield Markup(
        '<div class="scroll" tabindex="0"><table class="card"><thead>{}</thead><tbody>{}</tbody></table></div>'
    ).format(head, body)


def _row(tag: str, cells: list[str]) -> Markup:
    written = Markup().join(Markup("<{0}>{1}</{0}>").format(Markup(tag), _inline(cell)) for cell in cells)  # noqa: S704  ours
    return Markup("<tr>{}</tr>").format(written)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _list(lines: list[str]) -> Iterator[Markup]:
    items = Markup().join(Markup("<li>{}</li>").format(_inline(line.removeprefix("- "))) for line in lines)
    yield Markup("<ul>{}</ul>").format(items)


def _paragraphs(lines: list[str]) -> Iterator[Markup]:
    yield Markup("<p>{}</p>").format(_inline(" ".join(lines)))


def _nothing(_lines: list[str]) -> Iterator[Markup]:
    return iter(())


def _inline(text: str) -> Markup:
    """Escape a text, but for what stands between backquotes, which is escaped and set as code."""
    parts = _CODE.split(text)
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


_WRITERS: Final[dict[str, Callable[[list[str]], Iterator[Markup]]]] = {
    "empty": _nothing,
    "heading": _headings,
    "table": _table,
    "list": _list,
    "paragraph": _paragraphs,
}
