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


def test_what_was_made_meanwhile_is_old_and_nothing_stays_out_of_the_search() -> None:
    was = gc.isenabled()
    gc.enable()
    gc.unfreeze()  # whatever a service that ran here before has frozen
    try:
        with all_stays():
            made = [[] for _ in range(5000)]  # type: ignore[var-annotated]
        assert any(one is made[0] for one in gc.get_objects(generation=2))
        assert gc.get_freeze_count() == 0
        gc.freeze()
        with all_stays():
            pass
        assert gc.get_freeze_count() > 0  # another's wish
    finally:
        gc.unfreeze()
        (gc.enable if was else gc.disable)()
