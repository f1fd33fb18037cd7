"""The benchmarks run and leave no figure out. Nothing here says how fast anything is."""

import json

import pytest
from defusedxml.ElementTree import fromstring

from bench import picture, run
from bench.figures import Figure, Target, markdown
from bench.flow import FLOODS
from tests.support.processes import forking

TINY = {
    "messages": 20,
    "naive": 5,
    "calls": 3,
    "leaves": [1000],
    "rate": 50,
    "seconds": 0.2,
    "sweep": {
        "messages": 2,
        "workers": [2],
        "recipients": [2],
        "sizes": [],
        "servers": [],
        "bytes": 1_000_000,
        "memory": 20,
        "calls": 1,
    },
    "flood": {"rate": 20, "seconds": 0.2, "warm": 0.1, "rounds": 1, "messages": 5},
    "trust": None,  # has its own test
    "records": None,  # this too
}
KEYS = {
    "admit",
    "verify",
    "sign",
    "admit-in-verifies",
    "decode",
    "message-bytes",
    "seal",
    "open",
    "judge",
    "decide",
    "decide-new",
    "decide-first",
    "decide-afresh",
    "redact-case",
    "redact",
    "search",
    "matcher",
    "append",
    "proof-1000",
    "relay-single",
    "relay-batch",
    "relay-cpu",
    "worker",
    "worker-cpu",
    "worker-ratio",
    "worker-cpu-ratio",
    "with-log",
    "with-log-cpu",
    "naive",
    "naive-cpu",
    "naive-ratio",
    "e2e-rate",
    "e2e-p50",
    "e2e-p95",
    "e2e-p99",
    "e2e-admitted-p50",
    *(f"{point}{figure}" for point in ("workers-2", "recipients-2") for figure in ("", "-cpu")),
    "memory",
    "memory-growth",
    *(f"refuse-{what}" for what in ("garbage", "cut", "nested", "large", "forged")),
    "flood-quiet-p50",
    "flood-quiet-p99",
    "flood-nothing-p99",
    *(f"flood-{what}{figure}" for what in FLOODS for figure in ("", "-p50", "-p99", "-ratio", "-net")),
}


def test_every_figure_is_there_and_above_zero(capsys: pytest.CaptureFixture[str]) -> None:
    with forking():
        run.main(as_json=True, quick=True, sizes=TINY)
    printed = json.loads(capsys.readouterr().out)
    figures = {f["key"]: f for f in printed["figures"]}
    assert figures.keys() - {"redact-net"} == KEYS  # that one needs the extra `ner`
    assert [k for k, f in figures.items() if not f["value"] > 0] == []
    assert all((f["target"] is None) == (f["met"] is None) for f in figures.values())
    assert printed["machine"]["cores"] >= 1
    drawn = fromstring(picture.svg(printed))
    says = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {f["says"] for f in figures.values() if f["target"] is not None} <= set(says)


def test_a_figure_is_met_on_the_right_side_of_its_target() -> None:
    assert Figure("f", "f", 5, "µs", Target("<=", 10)).met is True
    assert Figure("f", "f", 15, "µs", Target("<=", 10)).met is False
    assert Figure("f", "f", 15, "msg/s", Target(">=", 10)).met is True
    assert Figure("f", "f", 5, "msg/s", Target(">=", 10)).met is False
    assert Figure("f", "f", 5, "msg/s").met is None
    assert "| 5 µs | <= 10 | 0.5 | yes |" in markdown([Figure("f", "f", 5, "µs", Target("<=", 10))])
