"""XML of a stranger: no document type, no entity, nothing fetched. With what office documents have in common."""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, tostring

from defusedxml.ElementTree import fromstring

from adapters.attachments.archive import Archive
from adapters.attachments.errors import AttachmentRefused

_LINKS: Final = "hyperlink"  # text that leads elsewhere loads nothing by itself
_DROPPED: Final = ("/thumbnail", "/printerSettings")
_PRINTER: Final = re.compile(rb'(<(?:\w+:)?pageSetup\b[^>]*?)\s+\w+:id="[^"]*"')
EMPTY_CORE: Final = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    b'<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>'
)
EMPTY_APP: Final = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    b'<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>'
)
EMPTY_CUSTOM: Final = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    b'<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"/>'
)
_PROPERTIES: Final = {
    "docprops/core.xml": EMPTY_CORE,
    "docprops/app.xml": EMPTY_APP,
    "docprops/custom.xml": EMPTY_CUSTOM,
}


def parse(data: bytes) -> Element:
    """The root of an XML part; raises whatever `promised` turns into the one error."""
    root: Element = fromstring(data, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    return root


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def attribute(element: Element, name: str) -> str | None:
    """An attribute by its name without its namespace."""
    return next((v for k, v in element.attrib.items() if k.rpartition("}")[2] == name), None)


def is_on(element: Element) -> bool:
    """Whether a switch such as `<w:vanish/>` is on."""
    return (attribute(element, "val") or "1").lower() not in ("0", "false", "off", "none")


def children(element: Element, name: str) -> Iterator[Element]:
    """Direct children of this name."""
    return (child for child in element if local(child) == name)


def check_relations(archive: Archive) -> None:
    """Refuse a document that loads something from elsewhere, embeds another file, or has macros."""
    for name in archive.names:
        if not name.endswith(".rels"):
            continue
        for relation in parse(archive.read(name)):
            kind = (attribute(relation, "Type") or "").rpartition("/")[2]
            external = (attribute(relation, "TargetMode") or "").lower() == "external"
            if kind in ("vbaProject", "wordVbaData", "control", "ctrlProp", "xlMacrosheet"):
                raise AttachmentRefused("attachment-active")
            if kind in ("oleObject", "package", "aFChunk", "subDocument"):
                raise AttachmentRefused("attachment-external" if external else "attachment-nested")
            if kind == "externalLink" or (external and kind != _LINKS):
                raise AttachmentRefused("attachment-external")
    types = archive.read("[Content_Types].xml")
    if any(mark in types.lower() for mark in (b"macroenabled", b"vbaproject", b"activex", b"oleobject")):
        raise AttachmentRefused("attachment-active")


def without_properties(name: str, data: bytes) -> bytes:
    """A part as it may travel: properties that say nothing, no picture of the first page, and no printer."""
    if name == "_rels/.rels" or name.startswith("xl/worksheets/_rels/"):
        root = parse(data)
        for relation in list(root):
            if (attribute(relation, "Type") or "").endswith(_DROPPED):
                root.remove(relation)
        plain: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
        return plain
    if name.startswith("xl/worksheets/"):
        return _PRINTER.sub(rb"\1", data)
    return _PROPERTIES.get(name.lower(), data)
