import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import Unreadable
from audit.readers import cbor

LEAF_VALUES = (
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=20)
)
VALUES = st.recursive(
    LEAF_VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)

REFUSED = {
    "nothing": "",
    "two values": "0001",
    "a tag": "c000",
    "a half float": "f93c00",
    "a double": "fb3ff0000000000000",
    "undefined": "f7",
    "a simple value": "f0",
    "false written long": "f814",
    "an endless byte string": "5f4101ff",
    "an endless text": "7f6161ff",
    "an endless list": "9fff",
    "an endless map": "bfff",
    "a reserved length": "1c",
    "a break alone": "ff",
    "a key that is a number": "a10000",
    "a key that is bytes": "a1416100",
    "a key twice": "a2616100616101",
    "a key twice, once written long": "a2616100780161 01",
    "text that is not UTF-8": "62c328",
    "text that is half a surrogate pair": "63eda080",
    "bytes shorter than promised": "4301",
    "a list shorter than promised": "8201",
    "a list of four thousand million": "9affffffff",
    "a map of 2^64-1": "bbffffffffffffffff",
    "a byte string of 2^64-1": "5bffffffffffffffff",
    "nine lists": "81" * 9 + "00",
    "a number cut short": "19ff",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    with pytest.raises(Unreadable):
        cbor.loads(bytes.fromhex(REFUSED[name]))


def test_eight_containers_deep_is_read_and_written() -> None:
    raw = bytes.fromhex("81" * 8 + "00")
    assert cbor.dumps(cbor.loads(raw)) == raw


def test_bounds_bytes_and_values() -> None:
    with pytest.raises(Unreadable):
        cbor.loads(b"\x43abc", max_bytes=3)
    many = b"\x9a" + (cbor.MAX_ITEMS).to_bytes(4, "big") + bytes(cbor.MAX_ITEMS)
    with pytest.raises(Unreadable):
        cbor.loads(many)


def test_reads_lengths_of_any_width_and_keys_in_any_order() -> None:
    assert cbor.loads(bytes.fromhex("1b0000000000000001")) == 1
    assert cbor.loads(bytes.fromhex("a2616201616102")) == {"b": 1, "a": 2}


@given(VALUES)
@settings(max_examples=400, deadline=None)
def test_writes_what_another_library_writes_and_reads_it_back(value: cbor.Value) -> None:
    raw = cbor.dumps(value)
    assert raw == cbor2.dumps(value, canonical=True)
    assert cbor.loads(raw) == value
    assert cbor.loads(cbor2.dumps(value)) == value


@given(VALUES, st.data())
@settings(max_examples=400, deadline=None)
def test_what_it_reads_another_library_reads_the_same(value: cbor.Value, data: st.DataObject) -> None:
    raw = bytearray(cbor.dumps(value))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = cbor.loads(bytes(raw))
    except Unreadable:
        return
    assert cbor2.loads(bytes(raw)) == found


@pytest.mark.parametrize("value", [2**64, -(2**64) - 1, 1.5, "\ud800", {1: 2}, object(), [[[[[[[[[1]]]]]]]]]])
def test_writes_nothing_it_would_not_read(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        cbor.dumps(value)  # type: ignore[arg-type]
