"""The bench of the console fills a database as the projector does and leaves no screen out; it looks at no time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from bench import records, run
from broker.recordsdb import Query, opened
from broker.tasks import VITAL


def test_made_up_records_are_the_same_every_time_rise_in_time_and_hold_what_the_screens_ask_for(tmp_path: Path) -> None:
    some = list(records.lines(20_000))
    assert some == list(records.lines(20_000)) and [x.index for x in some] == list(range(20_000))
    assert all(one.at <= other.at < records.NOW for one, other in pairwise(some))
    assert {x.form for x in some} == {"submission", "decision", "retrieval", "act"}
    assert any(VITAL in x.rules for x in some) and {x.outcome for x in some} >= {"refused", "permitted", "exported"}
    with opened(tmp_path / "records.db") as db:
        records.fill(db, 600)
        assert list(db.each(Query(), 1000)) == sorted(records.lines(600), key=lambda x: (-x.at, -x.index))


def test_every_screen_is_a_figure_with_its_target(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def none_here() -> Iterator[None]:
        yield None

    monkeypatch.setattr(records, "postgresql", none_here)
    run.main(as_json=True, quick=True, sizes={"records": {"count": 400, "times": 2}}, only="records")
    figures = {f["key"]: f for f in json.loads(capsys.readouterr().out)["figures"]}
    assert len(figures) == 22 and all(f["value"] > 0 for f in figures.values())
    screens = figures.keys() - {"records-sqlite-fill", "records-sqlite-signs"}
    assert all(figures[key]["target"] == {"bound": "<=", "value": 100.0} for key in screens)
