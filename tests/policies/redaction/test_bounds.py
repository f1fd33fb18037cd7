"""Whatever the text, the work grows with its length and not with its square, and only promised errors come."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from policies.redaction.engine import Matcher
from policies.redaction.errors import RedactionError
from policies.redaction.intake import identity_of, kept_of
from tests.policies.redaction.people import EVERYONE, SUSPECTS

HOSTILE = {
    "letters": "a",
    "digits": "1 ",
    "glued digits": "1",
    "initials": "O.",
    "at signs": "@",
    "dots": "a.b",
    "codes": "A1-",
    "invisible": "\u200b",
    "han": "王",
    "underscores": "x_",
    "numbers with dots": "1.1.",
    "broken name": "Oksa-\n",
    "half a name": "Oksana ",
    "spaced name": "O k s a n a ",
    "pluses": "+",
    "at in words": "at [at] ",
    "plus and phone": "+40722123456",
    "brackets": "([{<",
    "months": "May 1 ",
    "day words": "first of ",
    "iban": "GB33BUKB",
    "colons": "a:1:",
    "streets": "12 Long Street ",
    "capitals": "Aa Bb ",
    "relatives": "her sister Maria, ",
    "quotes": "\"'“",
    "right to left": "\u202eabc\u202c ",
    "combining": "e\u0301",
    "emoji": "😀",
    "placeholders": "[phone]",
    "open brackets": "[a date in ",
    "machine zone": "P<UTO<<",
    "wallets": "0x1234567890abcdef",
    "arabic": "الخطيب ",
    "thai": "ภาษา",
    "newlines": "\n",
    "tabs": "\t \t",
    "zeros in words": "zero oh ",
    "ending": "ending 588 ",
}
SMALL, FACTOR = 4_000, 8


def _once(matcher: Matcher, text: str) -> float:
    start = time.process_time()
    with suppress(RedactionError):
        matcher.redact(text)
    return time.process_time() - start


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_for_a_hostile_text_grows_with_its_length_and_not_with_its_square(name: str) -> None:
    """Eight times the text may take thirty times as long on a busy machine; with the square it would be sixty-four,
    in each try. Every try has lengths of its own, so that no word of it has been seen before.
    """
    piece = HOSTILE[name]
    matcher = Matcher(EVERYONE, SUSPECTS)
    matcher.redact("warm")

    def ratio(longer: int) -> float:
        small, alike = (piece * (SMALL // len(piece) + more) for more in (longer, longer + 1))
        few = min(_once(matcher, small), _once(matcher, alike))
        return _once(matcher, small * FACTOR) / max(few, 1e-4)

    assert any(ratio(longer) <= 30 for longer in range(0, 12, 2))


@pytest.mark.parametrize(
    "names",
    [
        *(["A"], ["A B"], ["Li"], ["Chad"], ["China"], ["The"], ["Will"], ["-"], [""], ["王"], ["A. B. C."]),
        *(["India Jordan"], ["😀"], ["of the"]),
    ],
)
def test_an_identity_of_one_letter_a_country_or_a_plain_word_is_taken_and_leaves_the_text_readable(
    names: list[str],
) -> None:
    matcher = Matcher((identity_of({"names": names, "aliases": names, "documents": names}),), kept_of(names))
    text = "the people of the village were in a house, and a man of the house will be in a car with the others"
    done = matcher.redact(text)
    assert sum(f.end - f.start for f in done.findings) <= 4


def test_a_text_of_megabytes_is_read_to_its_end() -> None:
    piece = "On that day the van left the depot, and nobody spoke of it again until the court sat in the spring. "
    text = piece * 20_000 + "Oksana Popescu"
    done = Matcher(EVERYONE, SUSPECTS).redact(text)
    assert len(text) > 2_000_000
    assert [f.whose for f in done.findings] == [EVERYONE[0].pseudonym]


@pytest.mark.parametrize(
    "text", ["", " ", "\n", "\u200f", "\u202e\u202c", "abc \u200f Oksana", "א Oksana ب", "a\x00b", "\ufeff"]
)
def test_odd_texts_raise_nothing_unpromised(text: str) -> None:
    Matcher(EVERYONE, SUSPECTS).redact(text)
