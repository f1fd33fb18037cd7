"""What grows with a task force is told from task forces of several sizes."""

import json

import pytest

from bench import simulation


def test_an_agencys_own_part_does_not_grow_with_the_task_force(capsys: pytest.CaptureFixture[str]) -> None:
    simulation.main([6, 12], as_json=True)
    small, large = json.loads(capsys.readouterr().out)
    assert small.keys() == large.keys() == simulation.SAYS.keys()
    assert [key for key, value in small.items() if not value > 0] == []
    assert large["content"] - small["content"] > 10 * 6 and large["consumers"] == 2 * small["consumers"]
    assert large["extract"] < 1.1 * small["extract"] and large["changed"] < 1.2 * small["changed"]


def test_the_table_names_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    simulation.main([6])
    printed = capsys.readouterr().out
    assert sum(line.count("│") == 3 for line in printed.splitlines()) >= len(simulation.SAYS) - 1
