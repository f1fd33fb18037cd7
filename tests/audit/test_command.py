"""`python -m audit`, as an auditor uses it: with this folder and `cryptography`, and nothing else of the project."""

import ast
import base64
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from audit import __main__ as command
from audit import logdir
from audit.tree import Tree, leaf_hash
from tests.audit.genuine import LOG_KEY, Parts, genuine, head_over, some

PROJECT = Path(__file__).resolve().parents[2]
OTHERS = ("messages", "keys", "policies", "bus", "broker", "adapters", "cli", "nacl", "cbor2", "pydantic", "nats")


@pytest.fixture
def parts() -> Parts:
    return genuine()


def test_verify_says_step_by_step_that_a_log_holds(
    parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["verify", str(parts.write(tmp_path)), "--key", str(LOG_KEY)]) == command.HOLDS
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in said[:9]] == [
        [str(number), name, "holds"]
        for number, name in enumerate(
            ("files", "checkpoint", "leaves", "records", "entries", "order", "deliveries", "views", "trust"), 1
        )
    ]
    assert said[-1].startswith("The log holds: 8 leaves")


def test_verify_names_the_first_break(parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts.leaves[5] = some("forged")
    assert command.main(["verify", str(parts.write(tmp_path))]) == command.BROKEN
    said = capsys.readouterr().out.splitlines()
    assert said[-1].startswith("The log is BROKEN. First break: leaf-changed (leaves.bin, index 5).")


def test_verify_prints_one_json_object(parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del parts.records[2]
    assert command.main(["verify", str(parts.write(tmp_path)), "--json"]) == command.BROKEN
    said = json.loads(capsys.readouterr().out)
    assert said["holds"] is False
    assert said["breaks"][0]["kind"] == "record-removed"
    assert said["breaks"][0]["index"] == 2


def test_verify_holds_the_log_to_a_checkpoint_that_was_kept(
    parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, kept = parts.write(tmp_path / "log"), tmp_path / "kept"
    kept.write_bytes(head_over(parts.leaves[:4]))
    assert command.main(["verify", str(log), "--known", str(kept)]) == command.HOLDS
    kept.write_bytes(head_over(parts.leaves[1:4]))
    assert command.main(["verify", str(log), "--known", str(kept)]) == command.BROKEN
    assert "fork" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "{tmp}/nowhere"],
        ["verify", "{tmp}"],
        ["verify", "{log}", "--key", "nonsense"],
        ["verify", "{log}", "--key", "a+b+c"],
        ["verify", "{log}", "--known", "{tmp}/nowhere"],
        ["check-proof", "{tmp}/nowhere"],
        ["check-proof", "{log}/leaves.bin"],
        ["inspect-record", "{log}", "8"],
        ["inspect-record", "{log}", "-1"],
        ["inspect-record", "{tmp}", "0"],
    ],
    ids=" ".join,
)
def test_a_users_mistake_is_one_sentence_and_exit_code_2(
    arguments: list[str], parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = parts.write(tmp_path / "log")
    code = command.main([item.format(tmp=tmp_path, log=log) for item in arguments])
    said = capsys.readouterr()
    assert code == command.MISTAKE
    assert said.err.startswith("audit: ") and said.err.count("\n") == 1
    assert not said.out


@pytest.mark.parametrize("arguments", [[], ["verfy"], ["verify"], ["inspect-record", "x", "one"]], ids=" ".join)
def test_a_command_given_wrongly_is_exit_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == command.MISTAKE


def test_help_names_the_commands_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("verify", "check-proof", "inspect-record", "exit codes"))


def test_check_proof_answers_for_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = Tree()
    tree.extend([some(str(number)) for number in range(7)])

    def text(raw: bytes) -> str:
        return base64.b64encode(raw).decode()

    good, old, bad = tmp_path / "good.json", tmp_path / "old.json", tmp_path / "bad.json"
    proof = {
        "leafIdx": "4",  # numbers may stand as text
        "treeSize": 7,
        "root": text(tree.root()),
        "leafHash": text(leaf_hash(some("4"))),
        "proof": [text(item) for item in tree.inclusion_proof(4)],
    }
    good.write_text(json.dumps(proof), "utf-8")
    old.write_text(
        json.dumps(
            {
                "size1": 3,
                "size2": 7,
                "root1": text(tree.root(3)),
                "root2": text(tree.root()),
                "proof": [text(item) for item in tree.consistency_proof(3)],
            }
        ),
        "utf-8",
    )
    assert command.main(["check-proof", str(good), str(old)]) == command.HOLDS
    assert capsys.readouterr().out == f"{good} holds\n{old} holds\n"
    spoiled: tuple[dict[str, object], ...] = (
        {"leafIdx": 5},
        {"leafIdx": 2**64 - 1},
        {"treeSize": 7.0},
        {"root": "?"},
        {"proof": {}},
    )
    for changes in spoiled:
        bad.write_text(json.dumps({**proof, **changes}), "utf-8")
        assert command.main(["check-proof", str(bad), str(good)]) == command.BROKEN
        said = capsys.readouterr().out.splitlines()
        assert said[0].startswith(f"{bad} does not hold: ") and said[1] == f"{good} holds"


def test_inspect_record_shows_a_record_and_proves_it(
    parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = parts.write(tmp_path)
    assert command.main(["inspect-record", str(log), "6"]) == command.HOLDS
    said = capsys.readouterr().out
    assert "outcome    refused" in said and "rules      no-rule-permits" in said
    assert "opens its leaf" in said.splitlines()[-1]


@pytest.mark.parametrize("what", ["leaf", "record", "checkpoint", "no leaves"])
def test_inspect_record_finds_what_does_not_hold(
    what: str, parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if what == "leaf":
        parts.leaves[1] = some("forged")
    elif what == "record":
        parts.records[0] = logdir.RecordLine(index=0, salt=some("x"), record=parts.records[0].record)
    elif what == "checkpoint":
        parts.checkpoint = head_over(parts.leaves, key="stranger")
    else:
        del parts.leaves[6:]
    assert command.main(["inspect-record", str(parts.write(tmp_path)), "0"]) == command.BROKEN
    assert capsys.readouterr().out


def modules_of_audit() -> list[Path]:
    return sorted((PROJECT / "audit").rglob("*.py"))


def test_audit_imports_only_itself_the_standard_library_and_cryptography() -> None:
    files = modules_of_audit()
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                assert top in ("audit", "cryptography") or top in sys.stdlib_module_names, (file, name)


def test_the_folder_alone_with_cryptography_verifies_a_log(parts: Parts, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(PROJECT / "audit", alone / "audit", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("cryptography", "cffi", "_cffi_backend"):
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            origin = Path(found.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            (alone / source.name).symlink_to(source)
    log = parts.write(tmp_path / "log")
    environment = {**os.environ, "PYTHONPATH": str(alone), "PYTHONDONTWRITEBYTECODE": "1"}

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        # -S: without site-packages, so without everything else that is installed here
        return subprocess.run(
            [sys.executable, "-S", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    probe = f"import importlib.util as u; print([n for n in {OTHERS!r} if u.find_spec(n)])"
    assert python("-c", probe).stdout.strip() == "[]"
    ended = python("-m", "audit", "verify", str(log), "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["holds"] is True
    assert python("-m", "audit", "inspect-record", str(log), "2").returncode == 0
    parts.leaves[0] = some("forged")
    parts.write(log)
    assert python("-m", "audit", "verify", str(log)).returncode == 1
