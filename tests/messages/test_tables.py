"""A `Table` answers as a dict with the same changes would; the one before it does not change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.tables import Table

Step = tuple[set[int], dict[int, int]]
KEYS = st.integers(0, 200)


@given(
    st.dictionaries(KEYS, st.integers(), max_size=200),
    st.lists(st.tuples(st.sets(KEYS), st.dictionaries(KEYS, st.integers(), max_size=90)), max_size=6),
)
def test_a_changed_table_is_what_a_dict_would_be_and_the_one_before_stays(
    base: dict[int, int], steps: list[Step]
) -> None:
    plain, table = dict(base), Table(dict(base))
    for gone, new in steps:
        gone &= plain.keys()
        before, known = table, dict(plain)
        for key in gone:
            del plain[key]
        plain |= new
        table = table.changed(gone, new)
        for one, other in ((table, plain), (before, known)):
            assert dict(one) == other and len(one) == len(other)
            assert all((key in one, one.get(key)) == (key in other, other.get(key)) for key in range(202))


def test_what_is_not_there_cannot_go() -> None:
    table = Table({1: "one"})
    with pytest.raises(KeyError):
        table.changed([2], {})
    with pytest.raises(KeyError):
        table.changed([1, 1], {})
    with pytest.raises(KeyError):
        table.changed([1], {})[1]
    assert table[1] == "one"


def test_after_many_small_changes_it_still_holds_no_more_than_it_has() -> None:
    """What was changed beside it is taken in from time to time; else each change would copy all the ones before."""
    table = Table(dict.fromkeys(range(100), 0))
    for n in range(1000):
        table = table.changed([n % 100], {n % 100: n})
        assert len(table._aside) <= 64
    assert dict(table) == {n: 900 + n for n in range(100)}
