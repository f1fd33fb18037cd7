"""Who may import whom: read from the source of every module, so that no arrow can turn unnoticed."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("messages", "keys", "policies", "audit", "bus", "broker", "adapters", "cli")

MAY_IMPORT: dict[str, set[str]] = {
    "messages": set(),
    "keys": {"messages"},
    "policies": {"messages"},
    "audit": set(),
    "bus": {"messages", "keys"},
    "broker": {"messages", "keys", "policies", "audit", "bus"},
    "adapters": {"messages", "keys", "policies", "audit", "bus"},
    "cli": {"messages", "keys", "policies", "audit", "bus", "broker", "adapters"},
}
ONLY_IN: dict[str, set[str]] = {
    "nacl": {"keys"},
    "nats": {"bus"},
    "cedarpy": {"policies"},
    "nkeys": {"keys", "bus"},
    "cryptography": {"keys", "audit"},
    "typer": {"cli"},
    "webauthn": {"broker"},
    "jinja2": {"broker"},
    "sqlalchemy": {"broker"},
    "tuf": {"keys"},
    "rapidfuzz": {"policies"},
    "phonenumbers": {"policies"},
    "pypdf": {"adapters"},
    "langdetect": {"adapters"},
    "openpyxl": {"adapters"},
    "PIL": {"adapters"},
    "defusedxml": {"adapters"},
}
IMPURE = {
    "aiohttp", "asyncio", "datetime", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets",
    "select", "shutil", "signal", "socket", "ssl", "structlog", "subprocess", "tempfile", "threading", "time", "urllib",
    "nacl", "cryptography", "hashlib", "hmac", "nats", "requests", "uvloop",
}  # fmt: skip
ALLOWED_ALL_THE_SAME = {
    ("messages/cbor.py", "io"): "BytesIO: a buffer in memory, which the decoder asks for",
}


@cache
def tree(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imports(path: Path) -> tuple[tuple[str, int], ...]:
    """Every dotted name a module imports, wherever in it, with its line; relative imports made absolute."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    package = path.relative_to(ROOT).parent.parts
    for node in tree(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(p for p in (base, node.module) if p)
            yield module, node.lineno
            for alias in node.names:
                yield f"{module}.{alias.name}", node.lineno
        elif isinstance(node, ast.Call):  # importlib.import_module("…") and __import__("…")
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0] if node.args else None
            if called in ("import_module", "__import__"):
                assert isinstance(first, ast.Constant), f"{path}:{node.lineno} imports a name that cannot be read here"
                yield str(first.value), node.lineno


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


FILES = [(folder, path) for folder in FOLDERS for path in modules(folder)]
EACH = pytest.mark.parametrize(("folder", "path"), FILES, ids=[str(p.relative_to(ROOT)) for _, p in FILES])


def test_there_are_files_to_check() -> None:
    for folder in FOLDERS:
        assert modules(folder), f"{folder}/ has no modules"
    assert len(modules("messages")) >= 12
    assert len(modules("keys")) >= 10
    assert sum(len(list(imports(path))) for _, path in FILES) > 200


@EACH
def test_imports_point_inward(folder: str, path: Path) -> None:
    allowed = MAY_IMPORT[folder] | {folder}
    for name, line in imports(path):
        top = name.split(".")[0]
        if top in FOLDERS:
            assert top in allowed, f"{path.relative_to(ROOT)}:{line}: {folder}/ does not import {top}/"


@EACH
def test_each_library_of_note_has_its_folder(folder: str, path: Path) -> None:
    for name, line in imports(path):
        homes = ONLY_IN.get(name.split(".")[0])
        assert homes is None or folder in homes, f"{path.relative_to(ROOT)}:{line}: {name} is for {homes} alone"


@EACH
def test_a_strangers_cbor_is_read_by_the_strict_readers_alone(folder: str, path: Path) -> None:
    """`cbor2` by itself follows tags; others may write with it, and read through `messages.cbor` or `audit.readers`."""
    used = {n.attr for n in tree(path) if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == "cbor2"}
    used |= {name.removeprefix("cbor2.") for name, _ in imports(path) if name.startswith("cbor2.")}
    assert path == ROOT / "messages/cbor.py" or used <= {"dumps"}, path.relative_to(ROOT)


@EACH
def test_hpke_is_used_in_keys_alone(folder: str, path: Path) -> None:
    for name, line in imports(path):
        assert folder == "keys" or "hpke" not in name, f"{path.relative_to(ROOT)}:{line}"


@EACH
def test_nothing_of_the_tests_or_examples_is_imported_by_the_product(folder: str, path: Path) -> None:
    tops = {name.split(".")[0] for name, _ in imports(path)}
    assert "tests" not in tops, path
    assert "evaluation" not in tops, path
    assert "pytest" not in tops, path
    assert "hypothesis" not in tops, path


@pytest.mark.parametrize("path", modules("messages"), ids=lambda p: str(p.relative_to(ROOT)))
def test_messages_has_no_io_clock_randomness_log_or_cryptography(path: Path) -> None:
    where = path.relative_to(ROOT).as_posix()
    catalogue = where.startswith("messages/catalogue/")
    for name, line in imports(path):
        top = name.split(".")[0]
        if (where, top) in ALLOWED_ALL_THE_SAME:
            continue
        if top == "importlib":
            assert catalogue, f"{where}:{line}: only the catalogue reads its packaged data"
            assert name.startswith("importlib.resources") or name == "importlib", f"{where}:{line}"
        elif catalogue and top == "datetime":  # to read a date is pure; to ask for today's is not: see below
            assert name in ("datetime", "datetime.date", "datetime.datetime", "datetime.UTC", "datetime.timedelta")
        elif not (catalogue and top == "hashlib"):  # the digest of its own files, which the trust bundle names
            assert top not in IMPURE, f"{where}:{line}: {name}"
    for node in tree(path):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "today", "utcnow"), f"{where}:{node.lineno}: a clock is read"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "input", "print", "exec", "eval"), f"{where}:{node.lineno}"


@pytest.mark.parametrize("folder", ["keys", "policies"])
def test_neither_keys_nor_policies_know_of_the_event_loop(folder: str) -> None:
    for path in modules(folder):
        for name, line in imports(path):
            assert name.split(".")[0] != "asyncio", f"{path.relative_to(ROOT)}:{line}"


@pytest.mark.parametrize("path", modules("policies"), ids=lambda p: str(p.relative_to(ROOT)))
def test_policies_reads_no_clock(path: Path) -> None:
    for name, line in imports(path):
        assert name.split(".")[0] != "time", f"{path.relative_to(ROOT)}:{line}"
    for node in tree(path):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "today", "utcnow"), f"{path.relative_to(ROOT)}:{node.lineno}"


@pytest.mark.parametrize("path", modules("audit"), ids=lambda p: str(p.relative_to(ROOT)))
def test_audit_needs_only_itself_the_standard_library_and_cryptography(path: Path) -> None:
    for name, line in imports(path):
        top = name.split(".")[0]
        known = top in sys.stdlib_module_names or top in ("audit", "cryptography")
        assert known, f"{path.relative_to(ROOT)}:{line}: an auditor would have to trust {name}"


@pytest.mark.parametrize("path", modules("evaluation"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_evaluation_knows_the_product_by_its_command_alone(path: Path) -> None:
    """What measures with the redactor's own tables or libraries measures nothing."""
    for name, line in imports(path):
        top = name.split(".")[0]
        where = f"{path.relative_to(ROOT)}:{line}: {name}"
        assert top not in FOLDERS, where
        assert top not in ("rapidfuzz", "anyascii", "nicknames", "phonenumbers", "spacy"), where


@pytest.mark.parametrize(("folder", "stranger"), [
    ("broker", "adapters"), ("adapters", "broker"), ("keys", "policies"), ("policies", "keys"), ("bus", "policies"),
])  # fmt: skip
def test_strangers_stay_strangers(folder: str, stranger: str) -> None:
    assert stranger not in MAY_IMPORT[folder]


def test_nobody_imports_the_command_line() -> None:
    assert all("cli" not in allowed for allowed in MAY_IMPORT.values())


def test_the_reader_of_imports_sees_all_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    module = tmp_path / "broker" / "deep" / "a.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "import nats.aio\nfrom adapters import client\nfrom . import b\nfrom ..c import d\n"
        "def f():\n    import policies\n    importlib.import_module('cli.main')\n    __import__('keys')\n"
    )
    seen = {name for name, _ in imports(module)}
    assert seen >= {"nats.aio", "adapters.client", "broker.deep.b", "broker.c.d", "policies", "cli.main", "keys"}
