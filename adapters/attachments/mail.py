"""EML: the words of a mail. Its headers stay behind; five of them go to whoever may know."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Final

from adapters.attachments.errors import AttachmentRefused
from adapters.attachments.reading import Rendition, promised, rendition

_HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")
_BLOCKS: Final = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "blockquote", "table", "ul", "ol"})
_UNSEEN: Final = frozenset({"script", "style", "head", "title", "template", "noscript"})
PARTS: Final = 100


class _Words(HTMLParser):
    """The words between the tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _BLOCKS:
            self.words.append("\n")
        elif tag in ("td", "th"):
            self.words.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BLOCKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)


def _body(data: bytes) -> tuple[EmailMessage, list[str], set[str]]:
    mail = message_from_bytes(data, policy=policy.default)
    if not isinstance(mail, EmailMessage) or not any(mail.get(name) for name in ("From", "Subject", "Date")):
        raise AttachmentRefused("attachment-format")
    plain: list[str] = []
    marked: list[str] = []
    left_out: set[str] = set()
    for number, part in enumerate(mail.walk()):
        kind = part.get_content_type()
        if number > PARTS:
            raise AttachmentRefused("attachment-too-large")
        if kind in ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"):
            raise AttachmentRefused("attachment-encrypted")
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            continue
        if part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment":
            left_out.add("pictures")
        elif kind not in ("text/plain", "text/html") or part.get_filename() or part.is_attachment():
            raise AttachmentRefused("attachment-nested")
        elif kind == "text/plain":
            plain.append(str(part.get_content()))
        else:
            words = _Words()
            words.feed(str(part.get_content()))
            words.close()
            marked.append("".join(words.words))
    return mail, plain or marked, left_out


@promised
def text_of(data: bytes) -> Rendition:
    """The words of the mail without any header, or raise `AttachmentRefused`."""
    _, words, left_out = _body(data)
    return rendition(words, left_out | {"headers"})


@promised
def clean(data: bytes) -> bytes:
    """Sender, recipients, date, subject and words as plain text; nothing of how the mail travelled."""
    mail, words, left_out = _body(data)
    head = [f"{name}: {' '.join(str(mail[name]).split())}" for name in _HEADERS if mail.get(name)]
    return rendition([*head, "", *words], left_out).text.encode()
