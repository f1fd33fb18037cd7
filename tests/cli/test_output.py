"""JSON is one text: for a person in colours, for a program bare."""

import io
import json
import re

import pytest

from cli.common import _Out

DATA = [{"name": "Zoë \U0001f512", "empty": [], "none": None, "deep": {"a": [1, 2.5, True]}}, "x" * 300]


@pytest.mark.parametrize("data", [DATA, [], {}, None, "words"], ids=range(5))
def test_json_for_a_program_is_what_a_person_sees_without_the_colours(data: object) -> None:
    shown, bare = io.StringIO(), io.StringIO()
    _Out(file=shown, force_terminal=True, width=80).print_json(data=data)
    _Out(file=bare, width=80).print_json(data=data)
    assert json.loads(bare.getvalue()) == data
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown.getvalue()) == bare.getvalue()
