"""The redactor is asked by its command, and an answer that is none is no figure."""

import json
import sys
from pathlib import Path

import pytest

from evaluation.redactor import Answer, Finding, RedactorFailed, by_command, read_answers

ASKED = [{"id": "a", "text": "Ana came"}, {"id": "b", "text": "Nobody"}]
LINE = {"id": "a", "redacted": "V came", "findings": [{"start": 0, "end": 3, "kind": "name", "reason": "full"}]}
REFUSED = {"id": "b", "refused": "the script is not supported"}
SCRIPT = """
import json, sys
arguments = sys.argv[1:]
assert arguments[0] == "redact" and ("--net" in arguments) is NET
source, target = arguments[arguments.index("--batch") + 1:]
with open(target, "w") as out:
    for line in open(source):
        asked = json.loads(line)
        out.write(json.dumps({"id": asked["id"], "redacted": asked["text"], "findings": []}) + "\\n")
"""


def lines(*answers: object) -> str:
    return "\n".join(json.dumps(a) for a in answers)


def test_answers_are_read_by_id() -> None:
    assert read_answers(lines(REFUSED, LINE), ASKED) == {
        "a": Answer(id="a", redacted="V came", findings=(Finding(0, 3, "name", "full"),)),
        "b": Answer(id="b", refused="the script is not supported"),
    }


@pytest.mark.parametrize("answers", [
    [LINE], [LINE, REFUSED, REFUSED], [LINE, REFUSED, {**REFUSED, "id": "c"}],
    [{**LINE, "findings": [{**LINE["findings"][0], "end": 9}]}, REFUSED],  # type: ignore[index]
    [{**LINE, "findings": [{**LINE["findings"][0], "end": 0}]}, REFUSED],  # type: ignore[index]
])  # fmt: skip
def test_a_missing_a_second_a_foreign_answer_or_a_finding_outside_the_text_stops_the_measuring(
    answers: list[object],
) -> None:
    with pytest.raises(RedactorFailed):
        read_answers(lines(*answers), ASKED)


@pytest.mark.parametrize("net", [False, True])
def test_the_command_is_run_in_shares_and_told_whether_to_use_the_model(tmp_path: Path, net: bool) -> None:
    script = tmp_path / "redact.py"
    script.write_text(SCRIPT.replace("NET", str(net)))
    redact = by_command(net=net, command=(sys.executable, str(script)))
    asked = [{"id": str(n), "text": "x" * 100_000} for n in range(9)]
    progress: list[int] = []
    answers = redact(asked, progress.append)
    assert answers.keys() == {r["id"] for r in asked}
    assert sum(progress) == 9
    assert len(progress) > 1


def test_a_command_that_fails_stops_the_measuring_with_its_words() -> None:
    redact = by_command(net=False, command=(sys.executable, "-c", "import sys; sys.exit('no model')"))
    with pytest.raises(RedactorFailed, match="no model"):
        redact(ASKED, lambda _: None)
