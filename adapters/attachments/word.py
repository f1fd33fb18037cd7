"""DOCX: the visible words, without tracked changes, comments and hidden text; and the document without properties."""

from typing import Final
from xml.etree.ElementTree import Element

from adapters.attachments import markup, picture
from adapters.attachments.archive import Archive, pack
from adapters.attachments.errors import AttachmentRefused
from adapters.attachments.markup import children, is_on, local, parse
from adapters.attachments.reading import Rendition, promised, rendition

_MAIN: Final = "word/document.xml"
_GONE: Final = frozenset({"del", "moveFrom", "delText", "delInstrText"})
_ADDED: Final = frozenset({"ins", "moveTo"})
_CHANGED: Final = frozenset(
    {"rPrChange", "pPrChange", "tblPrChange", "sectPrChange", "cellIns", "cellDel", "numberingChange"}
)
_COMMENTS: Final = frozenset({"commentReference", "commentRangeStart"})
_SIGNS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "sym": "\ufffd"}
_HIDDEN: Final = frozenset({"vanish", "webHidden", "specVanish"})


class _Reader:
    """Walks one part and gathers its lines; `left_out` says what was passed over."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.left_out: set[str] = set()
        self._line: list[str] = []

    def read(self, root: Element) -> None:
        self._walk(root)
        self._end()

    def _end(self) -> None:
        self.lines.append("".join(self._line))
        self._line = []

    def _walk(self, element: Element) -> None:
        name = local(element)
        if name in _GONE:
            self.left_out.add("tracked changes")
        elif name == "t":
            self._line.append(element.text or "")
        elif name in _SIGNS:
            self._line.append(_SIGNS[name])
        elif name == "r" and _is_hidden(element):
            self.left_out.add("hidden text")
        elif name == "AlternateContent":  # the same thing twice, for newer and for older programs
            chosen = next(children(element, "Choice"), None)
            self._inside(element if chosen is None else chosen)
        elif name == "tr":
            self._row(element)
        elif name in ("instrText", "fldData", "softHyphen"):
            return
        else:
            self._note(name)
            self._inside(element)
            if name == "p":
                self._end()

    def _note(self, name: str) -> None:
        if name in _ADDED or name in _CHANGED:
            self.left_out.add("tracked changes")
        elif name in _COMMENTS:
            self.left_out.add("comments")
        elif name in ("blip", "imagedata", "chart"):
            self.left_out.add("pictures")

    def _inside(self, element: Element) -> None:
        for child in element:
            self._walk(child)

    def _row(self, element: Element) -> None:
        cells = []
        for cell in children(element, "tc"):
            inner = _Reader()
            inner.read(cell)
            self.left_out |= inner.left_out
            cells.append(" ".join(line for line in inner.lines if line))
        self.lines.append(" | ".join(cells))


def _is_hidden(run: Element) -> bool:
    return any(local(p) in _HIDDEN and is_on(p) for style in children(run, "rPr") for p in style)


def _open(data: bytes) -> Archive:
    archive = Archive(data)
    if _MAIN not in archive or "[Content_Types].xml" not in archive:
        raise AttachmentRefused("attachment-format")
    markup.check_relations(archive)
    return archive


def _texts(archive: Archive) -> tuple[list[str], set[str]]:
    reader = _Reader()
    names = [n for n in archive.names if _is_text(n)]
    for name in sorted(names, key=lambda n: (n != _MAIN, n)):
        reader.read(parse(archive.read(name)))
    if any(n.startswith("word/comments") for n in archive.names):
        reader.left_out.add("comments")
    return reader.lines, reader.left_out


def _is_text(name: str) -> bool:
    stem = name.removeprefix("word/").removesuffix(".xml").rstrip("0123456789")
    return name == _MAIN or (name.startswith("word/") and stem in ("header", "footer", "footnotes", "endnotes"))


@promised
def text_of(data: bytes) -> Rendition:
    """The visible words, or raise `AttachmentRefused`."""
    lines, left_out = _texts(_open(data))
    return rendition(lines, left_out)


@promised
def clean(data: bytes) -> bytes:
    """The document without properties and with clean pictures, or raise `AttachmentRefused`.

    It is not edited: one that holds tracked changes, comments or hidden text is refused.
    """
    archive = _open(data)
    _, left_out = _texts(archive)
    if left_out - {"pictures"} or any(_is_aside(n) for n in archive.names):
        raise AttachmentRefused("attachment-changes")
    parts = [
        (name, picture.clean_inside(name, markup.without_properties(name, part)))
        for name, part in archive.parts()
        if not name.lower().startswith("docprops/thumbnail")
    ]
    return pack(parts)


def _is_aside(name: str) -> bool:
    return name.startswith(("word/comments", "word/people", "customXml/", "word/glossary/"))
