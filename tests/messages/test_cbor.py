"""The CBOR we allow: what the vectors show by example, shown here for all tags, sizes and depths."""

import struct
import tracemalloc
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import cbor, limits
from messages.cbor import Reader
from messages.errors import Malformed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def nested(value: Any) -> int:
    if isinstance(value, list):
        return 1 + max(map(nested, value), default=0)
    return 1 + max(map(nested, value.values()), default=0) if isinstance(value, dict) else 0


def head(major: int, number: int) -> bytes:
    """A CBOR head in its shortest form."""
    if number < 24:
        return bytes([major << 5 | number])
    for info, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        try:
            return bytes([major << 5 | info]) + struct.pack(form, number)
        except struct.error:
            continue
    raise AssertionError


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    data = cbor.dump(value)
    if nested(value) <= limits.DEPTH:
        assert cbor.load(data, len(data)) == value
    else:
        with pytest.raises(Malformed):
            cbor.load(data, len(data))


def test_no_tag_whatever_is_read() -> None:
    contents = [cbor2.dumps(v) for v in (0, b"\x01", "a", [], {}, [0, 0], "2026-09-21T00:00:00Z", None)]
    tags = [*range(3000), 43_000, 55_799, 55_800, 65_536, 2**32, 2**64 - 1]
    for tag in tags:
        for content in contents:
            with pytest.raises(Malformed):
                cbor.load(head(6, tag) + content, 100)
            with pytest.raises(Malformed):
                cbor.load(b"\xa1\x61a" + head(6, tag) + content, 100)


def test_of_the_simple_values_false_true_and_null_are_read() -> None:
    read = {}
    for number in range(256):
        data = bytes([0xE0 | number]) if number < 24 else bytes([0xF8, number])
        try:
            read[number] = cbor.load(data, 2)
        except Malformed:
            continue
    assert read == {20: False, 21: True, 22: None}


@given(st.floats(), st.sampled_from([">e", ">f", ">d"]))
def test_no_float_is_read(number: float, form: str) -> None:
    try:
        packed = struct.pack(form, number)
    except OverflowError:
        return
    with pytest.raises(Malformed):
        cbor.load(bytes([{2: 0xF9, 4: 0xFA, 8: 0xFB}[len(packed)]]) + packed, 9)


@pytest.mark.parametrize("major", [2, 3, 4, 5])
@pytest.mark.parametrize("promised", [2**16, 2**32 - 1, 2**40, 2**63, 2**64 - 1])
def test_a_promise_of_more_than_follows_is_refused_without_reserving_memory(major: int, promised: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            cbor.load(head(major, promised), 100)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("unit", [b"\x81", b"\xa1\x61a"])
def test_nesting_is_bounded(unit: bytes) -> None:
    assert cbor.load(unit * limits.DEPTH + b"\x00", 100)
    for depth in (limits.DEPTH + 1, 100, 100_000):
        with pytest.raises(Malformed):
            cbor.load(unit * depth + b"\x00", 10**6)


def test_a_limit_holds_to_the_byte() -> None:
    data = cbor.dump(b"x" * 100)
    assert cbor.load(data, len(data)) == b"x" * 100
    with pytest.raises(Malformed):
        cbor.load(data, len(data) - 1)


@pytest.mark.parametrize("data", [None, "text", bytearray(b"\x00"), memoryview(b"\x00"), 0])
def test_what_is_not_bytes_is_refused(data: Any) -> None:
    with pytest.raises(Malformed):
        cbor.load(data, 100)


def test_errors_say_what_was_wrong_and_nothing_of_what_was_sent() -> None:
    secret = "Nguyễn Thị Ánh"
    for data in (cbor.dump({secret: secret}), cbor.dump(secret) + b"\0", cbor.dump([secret])):
        for read in (
            lambda d: Reader(cbor.load(d, 999), "map").end(),
            lambda d: Reader(cbor.load(d, 999), "m").text("v"),
        ):
            with pytest.raises(Malformed) as caught:
                read(data)
            assert secret not in str(caught.value)
            assert caught.value.__cause__ is None or secret not in str(caught.value.__cause__)


WRONG: list[tuple[str, tuple[Any, ...], list[Any]]] = [
    ("raw", (1, 2), [None, "a", 1, b"", b"abc", [], True]),
    ("fixed", (2,), [None, "ab", b"a", b"abc"]),
    ("maybe", (2,), ["ab", b"a", False, 0]),
    ("text", (2,), [None, "abc", b"a", 1]),
    ("maybe_text", (2,), ["abc", b"a", False]),
    ("number", (9,), [None, -1, 10, True, "1", b"\x01"]),
    ("flag", (), [None, 0, 1, "true"]),
    ("items", (1,), [None, [1, 2], "a", {}]),
    ("map", (1,), [None, [], {"a": 1, "b": 2}]),
    ("inner", (), [None, [], "a", 1]),
    ("codes", (str, 2), [None, ["b", "a"], ["a", "a"], ["a", "b", "c"], [1], "ab", [None], [["a"]]]),
    ("code", (str,), [None, 1, b"a", "a" * 257, ["a"]]),
]


@pytest.mark.parametrize(("method", "bounds", "values"), WRONG, ids=[w[0] for w in WRONG])
def test_a_field_of_the_wrong_form_is_refused(method: str, bounds: tuple[Any, ...], values: list[Any]) -> None:
    for value in values:
        with pytest.raises(Malformed):
            getattr(Reader({"field": value}, "map"), method)("field", *bounds)
    with pytest.raises(Malformed):
        getattr(Reader({}, "map"), method)("field", *bounds)


def test_a_field_nobody_read_is_refused() -> None:
    reader = Reader({"a": 1, "b": 2}, "map")
    reader.number("a")
    with pytest.raises(Malformed):
        reader.end()
    reader.number("b")
    reader.end()
