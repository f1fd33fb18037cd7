"""An evidence file crosses a broker that is killed on the way, and what its bytes go through stays small."""

from pathlib import Path

import pytest

from tests.faults.crossing import PIECE, Crossing
from tests.support.peaks import PROC

BOUND = 100_000_000
"""Bytes of memory, at the highest, of each process that the chunks of a file go through."""
LEAN = {
    "cli.main send > adapters.evidencefiles.carrier",
    "cli.main inbox > adapters.evidencefiles.carrier",
    "cli.main up > broker.chunkserver",
}


@pytest.mark.skipif(not (PROC / "self" / "status").exists(), reason="needs Linux's /proc for the memory of processes")
def test_a_file_crosses_a_broker_that_is_killed_each_way_through_processes_of_less_than_100_mb(tmp_path: Path) -> None:
    done = Crossing(tmp_path / "crossing", 60 * PIECE, kills=[0.1]).run()  # early: most of it goes through what is then
    assert done.equal and done.kills == 2
    assert done.peaks.keys() >= LEAN
    assert {name: done.peaks[name] for name in LEAN if done.peaks[name] >= BOUND} == {}
