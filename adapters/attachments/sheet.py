"""XLSX: the values that can be seen, row by row; and the workbook without properties."""

from datetime import date, datetime, time
from io import BytesIO
from typing import Any, Final

import openpyxl

from adapters.attachments import markup, picture
from adapters.attachments.archive import Archive, pack
from adapters.attachments.errors import AttachmentRefused
from adapters.attachments.markup import attribute, local, parse
from adapters.attachments.reading import Rendition, promised, rendition

_MAIN: Final = "xl/workbook.xml"


def _open(data: bytes) -> Archive:
    archive = Archive(data)
    if _MAIN not in archive or "[Content_Types].xml" not in archive:
        raise AttachmentRefused("attachment-format")
    markup.check_relations(archive)
    for name in archive.names:
        if name.startswith("xl/externalLinks/") or name in ("xl/connections.xml",):
            raise AttachmentRefused("attachment-external")
    for name in archive.names:  # before the library sees them
        if name.endswith((".xml", ".rels")):
            parse(archive.read(name))
    return archive


def _aside(archive: Archive) -> set[str]:
    """What stands in the workbook without being seen, from its parts."""
    found = set()
    for name in archive.names:
        if name.startswith(("xl/comments", "xl/threadedComments", "xl/persons")) or "/comments/" in name:
            found.add("comments")
        elif name.startswith(("xl/media/", "xl/charts/")):
            found.add("pictures")
        elif name.startswith(("xl/pivotCache/", "xl/queryTables/", "xl/revisions/", "customXml/")):
            found.add("stored data")
    return found


@promised
def text_of(data: bytes) -> Rendition:
    """The visible values, or raise `AttachmentRefused`. Formulas count as the values that were stored with them."""
    archive = _open(data)
    left_out = _aside(archive)
    book = openpyxl.load_workbook(BytesIO(data), data_only=True, keep_links=False)
    lines: list[str] = []
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            left_out.add("hidden sheets")
            continue
        lines.append(sheet.title)
        hidden = _hidden_columns(sheet)
        rows: dict[int, list[tuple[int, str]]] = {}
        for (row, column), cell in sorted(sheet._cells.items()):
            if cell.value is None:
                continue
            if sheet.row_dimensions[row].hidden:
                left_out.add("hidden rows")
            elif any(low <= column <= high for low, high in hidden):
                left_out.add("hidden columns")
            else:
                rows.setdefault(row, []).append((column, _words(cell.value)))
        lines += [" | ".join(text for _, text in row) for row in rows.values()]
        lines.append("")
    return rendition(lines, left_out)


def _hidden_columns(sheet: Any) -> list[tuple[int, int]]:
    found = [(d.min, d.max) for d in sheet.column_dimensions.values() if d.hidden]
    return [(low, high) for low, high in found if low is not None and high is not None]


def _words(value: object) -> str:
    """A value as people write it: a date never as the number of its day, which nobody would find."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d") if value.time() == time() else value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@promised
def clean(data: bytes) -> bytes:
    """The workbook without properties and with clean pictures, or raise `AttachmentRefused`.

    It is not edited: one that holds comments, hidden sheets, rows or columns, or stored data is refused.
    """
    archive = _open(data)
    if _aside(archive) - {"pictures"}:
        raise AttachmentRefused("attachment-changes")
    parts: list[tuple[str, bytes]] = []
    for name, part in archive.parts():
        if name == _MAIN or name.startswith("xl/worksheets/sheet"):
            _check_visible(part)
        if not name.lower().startswith(("docprops/thumbnail", "xl/printersettings/")):
            parts.append((name, picture.clean_inside(name, markup.without_properties(name, part))))
    return pack(parts)


def _check_visible(part: bytes) -> None:
    for element in parse(part).iter():
        kind = local(element)
        state = attribute(element, "state") if kind == "sheet" else None
        hidden = attribute(element, "hidden") if kind in ("row", "col", "definedName") else None
        if state not in (None, "visible") or hidden in ("1", "true"):
            raise AttachmentRefused("attachment-changes")
