"""Plain text and CSV: the words as they stand, once they are UTF-8."""

import csv
import re
from io import StringIO

from adapters.attachments.errors import AttachmentRefused
from adapters.attachments.reading import Rendition, promised, rendition

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def _decoded(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise AttachmentRefused("attachment-unreadable") from None
    if "\x00" in text:
        raise AttachmentRefused("attachment-format")
    return text


@promised
def text_of(data: bytes) -> Rendition:
    """The words, or raise `AttachmentRefused`."""
    return rendition([_decoded(data)], set())


@promised
def clean(data: bytes) -> bytes:
    """The text in UTF-8, with one kind of line end."""
    return text_of(data).text.encode()


def _rows(data: bytes) -> list[list[str]]:
    text = _decoded(data)
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:4096], ",;\t|")
    except csv.Error:
        dialect = csv.excel
    return list(csv.reader(StringIO(text), dialect))


@promised
def rows_of(data: bytes) -> Rendition:
    """A table's cells, one row a line, or raise `AttachmentRefused`."""
    return rendition([" | ".join(row) for row in _rows(data)], set())


@promised
def clean_rows(data: bytes) -> bytes:
    """The table as CSV in UTF-8; one with a cell that a spreadsheet would run is refused."""
    rows = _rows(data)
    for row in rows:
        for cell in row:
            if cell[:1] in ("=", "@", "\t") or (cell[:1] in "+-" and not re.fullmatch(r"[+-]?[0-9 ().,/-]*", cell)):
                raise AttachmentRefused("attachment-active")
    width = max(map(len, rows), default=0)
    rows = [[*row, *[""] * (width - len(row))] for row in rows if row]
    target = StringIO()
    csv.writer(target, lineterminator="\n").writerows(rows)
    rendition([target.getvalue()], set())
    return target.getvalue().encode()
