"""Identifiers are checked once, where they come in; nothing but an identifier passes."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import ids
from messages.errors import Malformed

HANDLES: dict[str, Callable[[object], str]] = {
    "a": ids.agency_handle,
    "c": ids.contact_handle,
    "g": ids.guard_handle,
    "w": ids.worker_handle,
    "o": ids.officer_handle,
}
GOOD = "abcdefghij27"


@pytest.mark.parametrize("letter", HANDLES)
@pytest.mark.parametrize("of", HANDLES)
def test_a_handle_of_one_sort_is_no_handle_of_another(letter: str, of: str) -> None:
    text = letter + GOOD
    assert ids.signer_handle(text) == text
    if letter == of:
        assert HANDLES[of](text) == text
    else:
        with pytest.raises(Malformed):
            HANDLES[of](text)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a" + "b" * 11, "a" + "b" * 13, "A" + GOOD, "a" + GOOD.upper(), "a" + "0" * 12, "a" + "1" * 12,
        "a" + "8" * 12, f"a{GOOD}\n", f" a{GOOD}", "аbcdefghij27a", "a" + "é" * 12, "a" + "２" * 12,
        "a.bcdefghij27", "a*bcdefghij27", "a>bcdefghij27", None, 7, b"a" + b"b" * 12, ["a"],
    ],
)  # fmt: skip
def test_what_is_not_twelve_letters_of_base32_after_its_letter_is_no_handle(text: object) -> None:
    for check in (*HANDLES.values(), ids.signer_handle):
        with pytest.raises(Malformed):
            check(text)


@given(st.text())
def test_no_identifier_can_be_read_as_part_of_a_subject_or_path(text: str) -> None:
    for check in (*HANDLES.values(), ids.view_id, ids.name, ids.agreement_id, ids.section_name):
        try:
            checked = check(text)
        except Malformed:
            continue
        assert checked == text
        assert text.isascii()
        assert not set(text) & set("/\\*> \t\r\n\0")
        assert ".." not in text or check is ids.agreement_id


@pytest.mark.parametrize("text", ["harbour-police", "a", "unit7", "a-1-b"])
def test_a_name_has_small_letters_digits_and_single_hyphens(text: str) -> None:
    assert ids.name(text) == text


@pytest.mark.parametrize("text", ["", "-a", "a-", "a--b", "7a", "Harbour", "a_b", "a/b", "ä", "a" * 49, "a\n", None])
def test_anything_else_is_no_name(text: object) -> None:
    with pytest.raises(Malformed):
        ids.name(text)


@pytest.mark.parametrize("text", ["cover", "a02.1.identity", "a24.1.sealed.2"])
def test_a_section_name_has_dots_between_short_words(text: str) -> None:
    assert ids.section_name(text) == text


@pytest.mark.parametrize("text", ["", "A02", ".a", "a.", "a..b", "a.b.c.d.e", "1a", "a" * 17, "a-b", "a b", "a\n", 1])
def test_anything_else_is_no_section_name(text: object) -> None:
    with pytest.raises(Malformed):
        ids.section_name(text)


@pytest.mark.parametrize("text", ["0" * 31, "0" * 33, "G" * 32, "A" * 32, "0" * 31 + "\n", None])
def test_a_view_id_is_thirty_two_small_hexadecimal_digits(text: object) -> None:
    assert ids.view_id("0123456789abcdef" * 2)
    with pytest.raises(Malformed):
        ids.view_id(text)


def test_a_message_id_is_a_random_uuid_and_its_text_form_comes_back() -> None:
    raw = UUID("0f0e0d0c-0b0a-4908-8706-05040302aabb").bytes
    text = ids.message_text(ids.message_id(raw))
    assert text == "0f0e0d0c-0b0a-4908-8706-05040302aabb"
    assert ids.message_from_text(text) == raw


@pytest.mark.parametrize("version", [v for v in range(16) if v != 4])
def test_a_uuid_of_another_version_is_no_message_id(version: int) -> None:
    with pytest.raises(Malformed):
        ids.message_id(bytes(6) + bytes([version << 4]) + b"\0\x80" + bytes(7))


@pytest.mark.parametrize("variant", [0, 1, 3])
def test_a_uuid_of_another_variant_is_no_message_id(variant: int) -> None:
    with pytest.raises(Malformed):
        ids.message_id(bytes(6) + b"\x40\0" + bytes([variant << 6]) + bytes(7))


@pytest.mark.parametrize("text", ["", "hello", "0f0e0d0c-0b0a-1908-8706-05040302aabb"])
def test_what_is_not_a_random_uuid_in_text_is_no_message_id(text: str) -> None:
    with pytest.raises(Malformed):
        ids.message_from_text(text)


AGENCY = "a" + "b" * 12


@pytest.mark.parametrize("handles", [[], [AGENCY], [AGENCY, AGENCY, "a" + "7" * 12]])
def test_many_agencies_are_read_as_each_would_be(handles: list[str]) -> None:
    assert ids.agency_handles(handles) == tuple(map(ids.agency_handle, handles))


@pytest.mark.parametrize(
    "handle",
    ["", "x", "c" + "b" * 12, AGENCY + "b", AGENCY.upper(), AGENCY + "\n", "\n" + AGENCY, f"{AGENCY}\n{AGENCY}"],
)
@pytest.mark.parametrize("others", [[], [AGENCY, AGENCY]])
def test_one_among_many_that_is_no_agency_refuses_them_all(handle: str, others: list[str]) -> None:
    for place in range(len(others) + 1):
        with pytest.raises(Malformed):
            ids.agency_handles([*others[:place], handle, *others[place:]])
