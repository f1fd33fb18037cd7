"""Proofs made elsewhere: every file of the Merkle samples beside the project, right and wrong."""

import base64
import json
from pathlib import Path

import pytest

from audit import __main__ as command
from audit.errors import ProofFailed
from audit.proofs import verify_consistency, verify_inclusion

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "merkle"
FILES = sorted((*SAMPLES.glob("inclusion/*/*.json"), *SAMPLES.glob("consistency/*/*.json")))

if not SAMPLES.is_dir():
    pytest.skip("shared/samples/merkle is not beside the project", allow_module_level=True)


def test_there_are_samples() -> None:
    assert len(FILES) > 100
    assert {path.parent.parent.name for path in FILES} == {"inclusion", "consistency"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_a_sample_is_judged_as_its_makers_judge_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = json.loads(path.read_text("utf-8"))

    def raw(name: str) -> bytes:
        return base64.b64decode(case[name])

    proof = [base64.b64decode(item) for item in case["proof"] or []]
    failed = False
    try:
        if "leafIdx" in case:
            sizes = int(case["leafIdx"]), int(case["treeSize"])
            verify_inclusion(*sizes, raw("leafHash"), proof, raw("root"))
        else:
            sizes = int(case["size1"]), int(case["size2"])
            verify_consistency(*sizes, raw("root1"), raw("root2"), proof)
    except ProofFailed:
        failed = True
    assert failed == case["wantErr"]

    assert command.main(["check-proof", str(path)]) == (command.BROKEN if case["wantErr"] else command.HOLDS)
    said = capsys.readouterr().out
    assert said.startswith(f"{path} does not hold: " if case["wantErr"] else f"{path} holds")
