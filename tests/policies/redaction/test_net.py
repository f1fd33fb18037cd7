"""The net for other people's names: it only adds, and is never missed in silence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from policies.redaction.engine import Matcher
from policies.redaction.errors import NetMissing
from tests.policies.redaction.people import EVERYONE, OKSANA, SUSPECTS


class Says:
    """A net that names the given words wherever they stand."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked: list[tuple[str, str | None]] = []

    def find(self, text: str, lang: str | None) -> Sequence[tuple[int, int]]:
        self.asked.append((text, lang))
        return [(text.index(name), text.index(name) + len(name)) for name in self.names if name in text]


class Fails:
    def find(self, text: str, lang: str | None) -> Sequence[tuple[int, int]]:
        raise NetMissing("the model failed (OSError)")


def test_other_people_that_the_net_names_go() -> None:
    done = Matcher(EVERYONE, SUSPECTS, Says("Juan Ortiz")).redact("Then Juan Ortiz paid Oksana.")
    assert done.text == f"Then [name] paid {OKSANA.pseudonym}."
    assert [(f.reason, f.whose) for f in done.findings] == [("model", None), ("name", OKSANA.pseudonym)]


def test_a_suspects_name_stays_whatever_the_net_says() -> None:
    text = "Then Ion Popescu and Dobre paid."
    assert Matcher(EVERYONE, SUSPECTS, Says("Ion Popescu", "Dobre")).redact(text).text == text


def test_the_known_identity_keeps_its_pseudonym_where_the_net_takes_more_words() -> None:
    done = Matcher(EVERYONE, SUSPECTS, Says("Zoran Oksana")).redact("Then Zoran Oksana left.")
    assert done.text == f"Then [name] {OKSANA.pseudonym} left."


@pytest.mark.parametrize("words", ["Mr", "the court", "said", "2024", ""])
def test_titles_plain_words_and_numbers_are_nobody(words: str) -> None:
    text = "Then Mr said to the court in 2024 so."
    assert Matcher((), (), Says(words)).redact(text).text == text


def test_offsets_of_the_net_are_those_of_the_text_as_it_was_given() -> None:
    text = "\u200bé e\u0301 \u00ad😀 Juan Ortiz"
    (finding,) = Matcher((), (), Says("Juan Ortiz")).redact(text).findings
    assert text[finding.start : finding.end] == "Juan Ortiz"


def test_a_net_that_is_demanded_and_missing_refuses() -> None:
    with pytest.raises(NetMissing):
        Matcher(EVERYONE, SUSPECTS).redact("nothing", demand_net=True)


def test_a_net_that_fails_refuses_and_is_not_taken_for_nobody() -> None:
    with pytest.raises(NetMissing):
        Matcher(EVERYONE, SUSPECTS, Fails()).redact("nothing")


def test_the_net_is_asked_once_however_often_a_text_is_read() -> None:
    net = Says("Juan Ortiz")
    done = Matcher(EVERYONE, SUSPECTS, net).redact("See %41 and Juan Ortiz &auml;, 0ksana.Kova1enko@mail.example")
    assert "Ortiz" not in done.text
    assert len(net.asked) == 1


def test_the_net_is_told_the_language() -> None:
    net = Says()
    Matcher((), (), net).redact("nimic", lang="ro")
    assert net.asked == [("nimic", "ro")]


def test_in_another_language_than_the_nets_own_a_span_must_look_like_a_name() -> None:
    """The model knows English: elsewhere it takes any capital letter for a person."""
    text = "Am Montag kam Maria Schulz mit dem Vertrag zur Beratung nach Berlin."
    net = Says("Maria Schulz", "Vertrag", "Beratung nach Berlin")
    assert Matcher(EVERYONE, SUSPECTS, net).redact(text, lang="de").text == text.replace("Maria Schulz", "[name]")


def test_the_net_is_believed_in_english_also_where_the_language_is_not_told() -> None:
    text = "They said that it was there and that she had gone with Quxley to the house."
    assert "[name]" in Matcher(EVERYONE, SUSPECTS, Says("Quxley")).redact(text).text
