"""The bench of the trust bundle runs, on a small task force, and says what it promises. No test looks at a time."""

from pathlib import Path
from typing import Any

import pytest

from bench import run, trust
from bench.figures import Figure
from policies.extracts import shares
from tests.support.processes import forking

FIGURES = {
    "trust-take": "ms",
    "trust-take-worst": "ms",
    "trust-serve": "ms",
    "trust-idle": "ms/s",
    "trust-flat": "ms",
    "trust-take-ratio": "x",
    "trust-refresh": "ms",
    "trust-refresh-worst": "ms",
    "trust-refresh-requests": "requests",
    "trust-refresh-bytes": "bytes",
    "trust-unchanged": "ms",
    "trust-flat-part": "ms",
    "trust-hub": "ms",
    "trust-hub-bytes": "bytes",
    "trust-load": "s",
    "trust-load-memory": "MB",
    "trust-begin": "s",
    "trust-begin-seconds": "s",
    "trust-memory": "MB",
    "trust-disk": "MB",
    "trust-first": "s",
    "trust-first-requests": "requests",
    "trust-first-bytes": "bytes",
    "trust-adapter-load": "s",
    "trust-adapter-memory": "MB",
    "trust-adapter-disk": "MB",
    "trust-hub-first": "s",
    "trust-hub-load": "s",
    "trust-hub-memory": "MB",
    "bundle-load": "s",
    "bundle-load-memory": "MB",
}


def trust_sizes(sizes: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = sizes["trust"]
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    sizes = {**trust_sizes(run.QUICK), "agencies": 12, "contacts": 5, "changes": 1}
    with forking():
        figures = trust.figures(tmp_path_factory.mktemp("trust") / "force", sizes, lambda _: None)
    return {f.key: f for f in figures}


def test_every_figure_of_trust_is_there_in_its_unit_and_not_below_zero(found: dict[str, Figure]) -> None:
    assert {key: f.unit for key, f in found.items()} == FIGURES
    assert [key for key, f in found.items() if f.value < 0] == []


def test_what_was_promised_is_held_against_its_targets(found: dict[str, Figure]) -> None:
    targets = {key: f.target.value for key, f in found.items() if f.target is not None}
    assert targets == {"trust-take": 50, "trust-refresh": 20, "bundle-load": 2, "bundle-load-memory": 200}


def test_a_change_of_one_contact_costs_an_adapter_one_request_and_only_what_is_new(found: dict[str, Figure]) -> None:
    """In one answer: that there is no newer root, timestamp, snapshot, one agency's list, and its file."""
    assert found["trust-refresh-requests"].value == 1
    assert found["trust-refresh-bytes"].value < found["trust-first-bytes"].value / 5


def test_the_full_bench_measures_what_was_promised() -> None:
    sizes = trust_sizes(run.FULL)
    assert (sizes["agencies"], sizes["agencies"] * sizes["contacts"]) == (1000, 10_000)
    assert sizes["changes"] >= 10
    assert len(trust._pairs(sizes["agencies"], 1, hub=False)) == 1000


def test_whoever_has_an_agreement_is_found_as_the_officers_find_it(tmp_path: Path) -> None:
    """The bench names each extract's agencies without reading agreements; `policies.extracts` reads them."""
    force = trust.make(tmp_path / "force", 6, 1, 1)
    read = shares(force.content.agencies, force.content.agreements)
    assert {h: (s.agencies, s.agreements) for h, s in force.shares.items()} == read
