"""What reading a file yields, and the promise that every reader keeps: a result, or `AttachmentRefused`."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from adapters.attachments.errors import AttachmentRefused

P = ParamSpec("P")
T = TypeVar("T")
TEXT: Final = 400_000
"""Most characters of a rendition: some hundred pages; a section holds 1 MiB, and four bytes may be one character."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")
_BROKEN: Final = re.compile(r"[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rendition:
    """The words of a file, and in plain words what of it is not among them ("comments", "hidden rows")."""

    text: str
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Rendition({len(self.text)} characters)"


def promised(function: Callable[P, T]) -> Callable[P, T]:
    """Whatever a library raises over hostile bytes becomes the one error that readers promise."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except AttachmentRefused:
            raise
        except (MemoryError, RecursionError):
            raise AttachmentRefused("attachment-too-slow") from None
        except Exception:  # dozens of kinds, none of them documented
            raise AttachmentRefused("attachment-unreadable") from None

    return wrapper


def rendition(lines: list[str], left_out: set[str]) -> Rendition:
    """The lines as one text, tidied; raises `AttachmentRefused` where nothing in it can be read as words."""
    text = "\n".join(lines).replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", text.replace("\x0b", "\n").replace("\x0c", "\n").replace("\x85", "\n"))
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    if len(text) > TEXT:
        raise AttachmentRefused("attachment-too-large")
    broken = len(_BROKEN.findall(text))
    if broken * 50 > len(text):  # letters of a font that says nowhere which they are
        raise AttachmentRefused("attachment-no-text")
    text = _BROKEN.sub("\u25a1", text)
    if not any(unicodedata.category(c)[0] in "LN" for c in text):
        raise AttachmentRefused("attachment-no-text")
    return Rendition(text, tuple(sorted(left_out)))
