"""While a trust bundle is loaded nothing is searched for garbage; afterwards it is as it was, whatever happened."""

import gc

import pytest

from keys.loading import all_stays


@pytest.mark.parametrize("enabled", [True, False])
def test_the_search_is_held_back_while_the_block_runs_and_then_as_before(enabled: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with all_stays():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
        with pytest.raises(KeyError), all_stays():
            raise KeyError
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()
