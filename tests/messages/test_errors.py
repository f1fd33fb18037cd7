"""One error tree, as drawn: stable codes, sentences for people."""

import re

import pytest

from messages import errors
from messages.errors import BundleRefused, NewerEpoch, ShareError


def tree(root: type[ShareError]) -> list[type[ShareError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in tree(child))]


DEFINED = [e for e in tree(ShareError) if e.__module__ == "messages.errors"]


def test_the_drawing_names_every_error_and_no_other() -> None:
    drawn = re.findall(r"^[│├└─ ]*([A-Z]\w+Error|[A-Z]\w+)(?:  |$)", errors.__doc__ or "", re.MULTILINE)
    assert set(drawn) >= {e.__name__ for e in DEFINED}
    assert len(DEFINED) >= 13


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [e.code for e in DEFINED]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", c) for c in codes)


@pytest.mark.parametrize("error", DEFINED, ids=lambda e: e.__name__)
def test_an_error_without_words_says_what_its_kind_says(error: type[ShareError]) -> None:
    if error is NewerEpoch:  # it has a number instead of words
        assert str(NewerEpoch(7)) == error.says and NewerEpoch(7).epoch == 7
    elif error is BundleRefused:  # what is wrong comes before the words
        refusal = BundleRefused("frozen", "Other words.")
        assert (refusal.why, str(refusal), str(BundleRefused())) == ("frozen", "Other words.", error.says)
    else:
        assert (str(error()), str(error("Other words."))) == (error.says, "Other words.")
    assert error.says.endswith(".")
