"""The fault kit, briefly; and that its ledger sees what it is there to see. `make soak` runs it for longer."""

from collections import Counter
from pathlib import Path

import pytest

from tests.faults.kit import EACH, LEAST, Kit
from tests.faults.load import Ledger
from tests.support import ports
from tests.support.processes import forking


async def test_servers_brokers_and_adapters_die_at_random_and_nothing_is_lost_or_there_twice(tmp_path: Path) -> None:
    with forking():
        done = await Kit(tmp_path / "town", seed=5).run(3.0, ports.free(3))
    assert done.submitted >= LEAST and sum(done.faults.values()) >= 1
    assert done.answers >= 2 * done.submitted  # each was handed in again at the end, and answered again
    assert done.leaves >= EACH * done.submitted


def whole() -> Ledger:
    ledger = Ledger(submitted={b"1": "m1", b"2": "m2"})
    for message in ("m1", "m2"):
        ledger.accepted[message] = {message.encode()}
        ledger.arrived[message] = Counter({f"view of {message}": 1})
    ledger.check()
    return ledger


def test_the_ledger_sees_what_was_lost_doubled_invented_refused_or_answered_in_two_ways() -> None:
    broken = [whole() for _ in range(6)]
    del broken[0].arrived["m1"]
    broken[1].arrived["m1"]["another view"] = 1
    broken[2].arrived["m3"]["view"] = 1
    del broken[3].accepted["m2"]
    broken[4].accepted["m1"].add(b"another evidence")
    broken[5].refused["m1"] = "not-permitted"
    for ledger, says in zip(
        broken,
        ["lost", "two different views", "not accepted", "never answered", "two different evid", "refused"],
        strict=True,
    ):
        with pytest.raises(AssertionError, match=says):
            ledger.check()


def test_a_view_handed_out_again_under_its_own_id_is_no_second_delivery() -> None:
    ledger = whole()
    ledger.arrived["m1"]["view of m1"] += 3
    ledger.check()
