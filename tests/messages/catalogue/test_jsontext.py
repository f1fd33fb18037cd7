"""Whatever bytes come, the result is an object or `ContentRefused`, and the sentence quotes nothing."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from messages.catalogue import parse_json
from messages.errors import ContentRefused


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"9" * 30,
        b"-" + b"9" * 5000,
        b"0." + b"1" * 5000,
        b"[" * 13 + b"]" * 13,
        b'{"a":' * 100_000,
        b"[" * 1_000_000,
        b'"' + b'\\"' * 400_000,
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"{'a':1}",
        b"",
        b"{} {}",
        b"[1,]",
        b" " * (1024 * 1024 + 1),
    ],
)
def test_what_a_lenient_reader_would_mend_is_refused(raw: bytes) -> None:
    with pytest.raises(ContentRefused):
        parse_json(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a":[1,-2.5,true,null,"\\u00e9"]}', {"a": [1, -2.5, True, None, "é"]}),
        (b'"[[[[[[[[[[[[[[[[[["', "[[[[[[[[[[[[[[[[[["),
        (b'["\\\\", "\\"[", "]"]', ["\\", '"[', "]"]),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b"[" * 12 + b"]" * 12, [[[[[[[[[[[[]]]]]]]]]]]]),
    ],
)
def test_good_text_is_read(raw: bytes, value: object) -> None:
    assert parse_json(raw) == value


def test_bounds_may_be_set_by_the_caller() -> None:
    assert parse_json(b"[[1]]", max_depth=2, max_bytes=5) == [[1]]
    for bounds in ({"max_depth": 1}, {"max_bytes": 4}):
        with pytest.raises(ContentRefused):
            parse_json(b"[[1]]", **bounds)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0dD8aetrufalsn1.-+eE \n', max_size=80).map(str.encode))
@example(b'{"zqx":"zqx"')
def test_any_bytes_give_a_value_or_the_promised_error(raw: bytes) -> None:
    try:
        value = parse_json(raw)
    except ContentRefused as error:
        assert "zqx" not in str(error)
        assert error.__cause__ is None
    else:
        assert json.loads(raw) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=10,
    )
)
def test_what_json_writes_is_read_back(value: object) -> None:
    try:
        raw = json.dumps(value).encode()
        assert parse_json(raw, max_depth=40) == value
    except ContentRefused:
        assert "\\ud" in json.dumps(value)  # half a surrogate pair
