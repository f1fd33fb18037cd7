"""A request to the broker's endpoint is good for just itself and for a minute; all else is refused in one sentence."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.nkey import (
    REQUEST_WINDOW,
    SCHEME,
    check_nkey,
    check_request,
    new_nkey,
    public_of,
    raw_public,
    sign_request,
)
from messages.errors import KeyTrouble, Unverified

SEED, PUBLIC = new_nkey()
OTHER_SEED, OTHER = new_nkey()
NOW = 1_800_000_000_000
ASKED: dict[str, Any] = {"method": "GET", "host": "broker:8443", "path": "/trust/metadata/timestamp.json"}
HEADER = sign_request(SEED, **ASKED, now=NOW)


def checked(header: str | None = HEADER, **changed: Any) -> str:
    return check_request(header, **({**ASKED, "now": NOW} | changed))


def part(number: int, value: str) -> str:
    """The header with one of its four parts replaced: key, time, nonce, signature."""
    parts = HEADER.removeprefix(f"{SCHEME} ").split(".")
    parts[number] = value
    return f"{SCHEME} {'.'.join(parts)}"


def test_a_signed_request_says_who_asks() -> None:
    assert checked() == PUBLIC


@pytest.mark.parametrize("off", [-REQUEST_WINDOW, REQUEST_WINDOW, 0, 1])
def test_clocks_may_lie_a_minute_apart(off: int) -> None:
    assert checked(now=NOW + off) == PUBLIC


SIGNATURE = HEADER.rpartition(".")[2]
REFUSED: dict[str, tuple[str | None, dict[str, Any]]] = {
    "no header": (None, {}),
    "empty": ("", {}),
    "other method": (HEADER, {"method": "POST"}),
    "other host": (HEADER, {"host": "elsewhere:8443"}),
    "other port": (HEADER, {"host": "broker:8444"}),
    "other path": (HEADER, {"path": "/trust/metadata/1.root.json"}),
    "a query besides": (HEADER, {"path": ASKED["path"] + "?for=full"}),
    "too late": (HEADER, {"now": NOW + REQUEST_WINDOW + 1}),
    "too early": (HEADER, {"now": NOW - REQUEST_WINDOW - 1}),
    "other time": (part(1, str(NOW + 1)), {}),
    "same time otherwise written": (part(1, f"0{NOW}"), {}),
    "negative time": (part(1, "-1"), {}),
    "no number": (part(1, "x"), {}),
    "digits of another script": (part(1, str(NOW).replace("1", "١")), {}),
    "long time": (part(1, "9" * 300), {}),
    "other nonce": (part(2, "00" * 12), {}),
    "no nonce": (part(2, ""), {}),
    "other key": (part(0, OTHER), {}),
    "no key": (part(0, ""), {}),
    "lower case key": (part(0, PUBLIC.lower()), {}),
    "an account's key": (part(0, "A" + PUBLIC[1:]), {}),
    "no signature": (part(3, ""), {}),
    "zeros": (part(3, base64.urlsafe_b64encode(bytes(64)).decode()), {}),
    "short": (part(3, SIGNATURE[:-4]), {}),
    "longer": (part(3, SIGNATURE[:-2] + "AAAA"), {}),
    "not base64": (part(3, "*" * 88), {}),
    "not ascii": (part(3, "é" * 88), {}),
    "bytes that are no text": (part(2, "\udcff"), {}),
    "a host that is no text": (HEADER, {"host": "\udcff"}),
    "another scheme": (HEADER.replace(SCHEME, "Bearer"), {}),
    "five parts": (HEADER + ".x", {}),
    "huge": (HEADER + "A" * 10_000, {}),
    "another's signature": (sign_request(OTHER_SEED, **ASKED, now=NOW).replace(OTHER, PUBLIC), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_whatever_is_not_just_that_request_is_refused_in_the_same_words(case: str) -> None:
    header, changed = REFUSED[case]
    with pytest.raises(Unverified) as refusal:
        checked(header, **changed)
    assert str(refusal.value) == "Refused."
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_host_names_know_no_case() -> None:
    assert checked(host="BROKER:8443") == PUBLIC


def test_two_requests_of_one_moment_differ() -> None:
    assert sign_request(SEED, **ASKED, now=NOW) != HEADER


def test_fields_cannot_be_shifted_into_each_other() -> None:
    header = sign_request(SEED, method="GET", host="broker", path="/a b", now=NOW)
    for host, path in (("broker /a", "b"), ("broker", "/a"), ("broker", "/a b ")):
        with pytest.raises(Unverified):
            check_request(header, "GET", host, path, NOW)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: f"{SCHEME} {raw.decode('latin-1')}"))
@settings(max_examples=200, deadline=None)
def test_any_header_is_refused_in_the_same_words(header: str) -> None:
    with pytest.raises(Unverified, match=r"^Refused\.$"):
        checked(header)


def test_a_signature_has_one_spelling() -> None:
    """The last digit before the padding has bits that say nothing."""
    assert HEADER.endswith("==")
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for digit in digits:
        if (other := f"{HEADER[:-3]}{digit}==") != HEADER:
            with pytest.raises(Unverified):
                checked(other)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_header_is_refused_in_the_same_words(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(HEADER) - 1))
    damaged = HEADER[:at] + data.draw(st.text(max_size=2)) + HEADER[at + 1 :]
    if damaged == HEADER:
        return
    with pytest.raises(Unverified, match=r"^Refused\.$"):
        checked(damaged)


@pytest.mark.parametrize("seed", [b"", b"SUAB", b"x" * 58, SEED[:-1], PUBLIC.encode()], ids=range(5))
def test_what_is_no_seed_signs_nothing_and_is_not_shown(seed: bytes) -> None:
    with pytest.raises(KeyTrouble) as trouble:
        sign_request(seed, **ASKED, now=NOW)
    assert not seed or seed.decode() not in str(trouble.value)
    with pytest.raises(KeyTrouble):
        public_of(seed)


@pytest.mark.parametrize(
    "text",
    ["", "U", PUBLIC[:-1], PUBLIC + "A", PUBLIC.lower(), "U" * 56, "é" * 56, PUBLIC[:-1] + "="],
    ids=range(8),  # else the names of tests would differ in every process of a run that has several
)
def test_what_is_no_public_key_is_none(text: str) -> None:
    with pytest.raises(Unverified):
        raw_public(text)
    with pytest.raises(Unverified):
        check_nkey(text, b"data", bytes(64))


def test_a_key_of_another_role_is_not_a_users() -> None:
    for letter in ("A", "N", "X"):
        with pytest.raises(Unverified):
            raw_public(PUBLIC, letter)


@pytest.mark.parametrize("length", [0, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(Unverified):
        check_nkey(PUBLIC, b"data", bytes(length))
