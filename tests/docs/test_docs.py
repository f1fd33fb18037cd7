"""What the pages say, the code does: links, commands, sample files, step numbers and tables."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import adapters.receiving
import broker.admit
from adapters import casefile
from audit.__main__ import _parser as audit_parser
from bus import subjects
from cli.main import app
from messages.attachment import REFUSALS
from messages.catalogue import load
from messages.catalogue.across import ACROSS
from messages.catalogue.kinds import ALWAYS
from messages.catalogue.laws import LAWS
from messages.envelope import Delivery
from messages.evidence import Entry, Evidence, EvidenceType
from messages.signed import Signed
from messages.workflows import MACHINES
from policies.sentences import FLOW
from tests.docs import catalogue_page, catalogue_table, schemas
from tests.support.orchid import TaskForce, task_force

ROOT = Path(__file__).parents[2]
SKIPPED = {"demo-out", "node_modules", "build"}
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in SKIPPED for part in path.relative_to(ROOT).parts)
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"(?<!`)`(safeconduct(?: [^`\n]+)?)`(?!`)")
REDIRECTION = re.compile(r" \d*[<>]")
SAMPLE = re.compile(r"Save this as `([\w.-]+)`; it is for `([a-z0-9/-]+)`:\n\n```json\n(.*?)^```$", re.M | re.S)
NEEDED = {
    "README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/README.md", "docs/protocol.md",
    "docs/envelope.md", "docs/threat-model.md", "docs/limitations.md", "docs/glossary.md", "docs/case-files.md",
}  # fmt: skip


CODES = set(FLOW) - {"remote", "redaction-refused", *REFUSALS}
"""What broker and recipient answer; `remote` is a branch of the tree, the others are the planner's own."""


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page)


def anchors(page: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", prose(page), re.M)
    named = re.findall(r'<a id="([^"]+)">', page)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads} | set(named)


def commands(page: str) -> list[str]:
    """Every line of the page's shell blocks, comments taken off."""
    lines = [line for kind, block in FENCE.findall(page) if kind == "sh" for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


def step_number(line: str) -> tuple[int, str]:
    number, _, words = line.strip().partition(". ")
    return int(number), words


def steps(docstring: str) -> list[tuple[int, str]]:
    """The numbered steps of a docstring, each with its words in one line."""
    joined = re.sub(r"\n    (?=\S)", " ", docstring)
    return [step_number(m) for m in re.findall(r"^ (\d+\. .+)$", joined, re.M)]


@pytest.fixture(scope="session")
def force() -> TaskForce:
    return task_force()


# links


def test_the_pages_are_there() -> None:
    names = {str(path.relative_to(ROOT)) for path in PAGES}
    assert names >= NEEDED
    assert sum(name.startswith("docs/adr/") for name in names) >= 8


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{link} names no heading"


def test_every_page_of_docs_is_in_the_index() -> None:
    index = text("docs/README.md")
    linked = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in LINK.findall(index)}
    pages = {p.resolve() for p in PAGES if p.is_relative_to(ROOT / "docs")} - {(ROOT / "docs/README.md").resolve()}
    assert pages <= linked


# commands


def parse(command: Any, name: str, words: list[str], parent: Any = None) -> None:
    """Read a command line as the program would, without running it; raises what Typer raises."""
    context = command.make_context(name, list(words), parent=parent)
    if hasattr(command, "resolve_command"):
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        found, sub, rest = command.resolve_command(context, rest)
        parse(sub, found, rest, context)


def read_command(line: str, *, complete: bool) -> None:
    words = shlex.split(REDIRECTION.split(line)[0])
    try:
        parse(typer.main.get_command(app), words[0], words[1:])
    except Exception as error:
        name = type(error).__name__
        if name == "NoArgsIsHelpError" or (name == "MissingParameter" and not complete):
            return
        raise AssertionError(f"{line}: {name}: {error}") from None


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SAFECONDUCT_HOME", "SAFECONDUCT_BROKER"):
        monkeypatch.delenv(name, raising=False)


def shell_lines() -> Iterator[tuple[str, str]]:
    for path in PAGES:
        for line in commands(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(ROOT)), line


def test_the_readme_shows_the_commands_of_the_main_job() -> None:
    shown = "\n".join(commands(text("README.md")))
    for wanted in (
        "practice new", "up", "send first.json", "inbox list", "inbox open", "inbox ack", "release", "outbox",
        "audit export", "contacts", "matrix", "rules", "inspect", "adapter run",
    ):  # fmt: skip
        assert f"safeconduct {wanted}" in shown
    assert "python -m audit verify" in shown


@pytest.mark.usefixtures("no_settings")
def test_every_command_line_in_a_shell_block_parses() -> None:
    seen = 0
    for page, line in shell_lines():
        if line.startswith("safeconduct "):
            read_command(line, complete=True)
            seen += 1
        elif line.startswith("python -m audit "):
            audit_parser().parse_args(shlex.split(line)[3:])
            seen += 1
        else:
            assert line.startswith((". ", "make ", "python -")), f"{page}: {line}"
    assert seen >= 20


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_named_in_a_sentence_exists_with_its_options(path: Path) -> None:
    for line in INLINE.findall(prose(path.read_text(encoding="utf-8"))):
        read_command(line, complete=False)


def test_every_target_of_make_that_a_page_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.M))
    named = set()
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        named |= {line.split()[1] for line in commands(page) if line.startswith("make ")}
        named |= set(re.findall(r"`make ([a-z-]+)[^`]*`", prose(page)))
    assert {"demo", "test"} <= named <= targets


# sample files


SAMPLES = [(page, *found) for page in ("README.md", "docs/case-files.md") for found in SAMPLE.findall(text(page))]


def test_every_case_file_on_a_page_says_for_whom_it_is() -> None:
    for page in ("README.md", "docs/case-files.md"):
        blocks = [b for kind, b in FENCE.findall(text(page)) if kind == "json" and '"objects"' in b]
        assert blocks == [s[3] for s in SAMPLES if s[0] == page]
    assert len(SAMPLES) == 3


@pytest.mark.parametrize(("page", "name", "recipient", "block"), SAMPLES, ids=[s[1] for s in SAMPLES])
def test_a_case_file_of_a_page_is_sent_and_opens(
    force: TaskForce, page: str, name: str, recipient: str, block: str
) -> None:
    assert f"send {name} --home practice/harbour-police --as desk --to {recipient}" in text(page)
    case = casefile.read(json.loads(block), name)
    plan = force.plan(case, recipient)
    assert not plan.refused and not plan.dropped
    (message,) = plan.messages
    assert not message.recipients[0].needs_release
    admitted = force.admit(force.compose(message))
    signed = Signed.from_bytes(admitted.entry)
    evidence = Evidence.from_bytes(Entry.from_bytes(signed.body).evidence.body)
    assert evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE
    (view,) = admitted.views
    assert Delivery.from_bytes(view.data)
    opened = force.open(view.data, recipient)
    assert set(opened.sections) == set(message.recipients[0].granted)


def test_the_victim_of_the_readme_is_not_in_what_the_inspectorate_reads(force: TaskForce) -> None:
    block = next(s[3] for s in SAMPLES if s[1] == "worker.json")
    (message,) = force.plan(casefile.read(json.loads(block)), "labour-inspectorate/inspections").messages
    assert message.guarded
    words = " ".join(message.section(n).plaintext.decode() for n in message.recipients[0].granted)
    for word in ("Ana", "Popescu", "900614", "14 March", "Quay Road", "V-7K3Q-9MXA-TR"):
        assert word not in words
    for shown in ("born [date of birth], works nights at Fenwick Packing", "She can be reached on [phone], but"):
        assert shown in words
        assert shown in " ".join(text("README.md").split())


def test_the_first_file_of_the_readme_waits_for_a_release_abroad(force: TaskForce) -> None:
    block = next(s[3] for s in SAMPLES if s[1] == "first.json")
    (message,) = force.plan(casefile.read(json.loads(block)), "valea-police/duty-desk").messages
    assert message.recipients[0].needs_release


def test_the_fields_of_a_case_file_are_those_of_the_page() -> None:
    page = text("docs/case-files.md")
    table = page.partition("## The fields of the file")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \| (?:yes|no) \|", table, re.M)) == set(casefile._FIELDS)
    cover = next(line for line in table.splitlines() if line.startswith("| `cover`"))
    assert set(re.findall(r"`(\w+)`", cover)) - {"cover"} == {"subject_line", *ALWAYS}


def test_the_cover_of_every_kind_stands_on_the_page_of_case_files() -> None:
    page = text("docs/case-files.md").partition("## The cover of each kind")[2].partition("\n## ")[0]
    shown = dict(re.findall(r"^\| `([A-Z-]+)` \| (.+?) \|$", page, re.M))
    assert set(shown) == {k.value for k in load().kinds}
    for kind in load().kinds.values():
        assert set(re.findall(r"`(\w+)`", shown[kind.kind.value])) == {*kind.cover} - {"subject_line"}


def test_the_states_of_each_workflow_are_those_of_the_page() -> None:
    page = text("docs/workflows.md")
    for machine in MACHINES:
        table = page.partition(f"\n### {machine.name}\n")[2].partition("\n#")[0]
        shown = dict(re.findall(r"^\| `([a-z_-]+)` \| (.+?) \|", table, re.M))
        assert shown == dict(machine.says), machine.name
        moves = {(s, e): to for s, e, to in re.findall(r"`([a-z_-]+)` → ([a-z]+) → `([a-z_-]+)`", table)}
        assert moves == dict(machine.moves), machine.name


# steps and tables


def test_the_brokers_steps_are_numbered_as_in_the_code() -> None:
    assert broker.admit.__doc__
    said = steps(broker.admit.__doc__)
    page = text("docs/protocol.md").partition("\n## The broker\n")[2].partition("\n## ")[0]
    shown = [step_number(m) for m in re.findall(r"^### (\d+\. .+)$", page, re.M)]
    assert [number for number, _ in said] == [number for number, _ in shown] == list(range(1, 9))
    for (_, words), (_, heading) in zip(said, shown, strict=True):
        assert words.lower().startswith(heading.lower())


def test_the_recipients_steps_are_numbered_as_in_the_code() -> None:
    assert adapters.receiving.__doc__
    said = steps(adapters.receiving.__doc__)
    page = text("docs/protocol.md").partition("\n## The recipient\n")[2].partition("\n## ")[0]
    shown = [step_number(m) for m in re.findall(r"^(\d+\. \*\*.+?\*\*)", page, re.M)]
    assert [number for number, _ in said] == [number for number, _ in shown] == list(range(1, 8))
    for (_, words), (_, bold) in zip(said, shown, strict=True):
        assert words.lower().startswith(bold.strip("*").lower())


def test_every_code_of_the_protocol_is_one_that_can_be_looked_up() -> None:
    page = text("docs/protocol.md").partition("\n## Subjects and streams\n")[0]
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", page)) & CODES
    codes = set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) | set(re.findall(r"Else `([a-z-]+)`", page))
    assert codes <= set(FLOW)
    assert codes | named == CODES


def test_subjects_and_streams_are_those_of_the_code() -> None:
    assert subjects.__doc__
    rows = [line.split("|")[1:5] for line in subjects.__doc__.splitlines() if line.startswith("| `")]
    page = [
        line.split("|")[1:5] for line in text("docs/protocol.md").splitlines() if re.match(r"\| `[a-z.]+.*\|", line)
    ]
    known = {re.findall(r"`([^`]+)`", r[0])[0]: (r[1].strip(), r[2].split(",")[0].strip()) for r in rows}
    shown = {re.findall(r"`([^`]+)`", r[0])[0]: (r[1].strip(), r[2].split(",")[0].strip()) for r in page}
    assert len(known) == 12
    assert {name: shown.get(name) for name in known} == known
    streams = re.findall(r"^\| ([A-Z]+) \| ", text("docs/protocol.md"), re.M)
    assert streams == [spec.name for spec in subjects.STREAMS]


def test_the_table_of_data_types_is_the_catalogues() -> None:
    lines = [line for line in text("docs/case-files.md").splitlines() if line.startswith(("| A", "| Type |"))]
    assert lines == [row for row in catalogue_table.rows() if not row.startswith("|---")]


def test_the_catalogues_page_is_what_the_catalogue_writes() -> None:
    assert text("docs/catalogue.md") == catalogue_page.text(), "run python -m tests.docs.catalogue_page"


def test_the_catalogues_page_reaches_every_type_list_law_and_kind() -> None:
    page, catalogue = text("docs/catalogue.md"), load()
    heads = set(re.findall(r"^### (\S+)", page, re.M))
    assert set(catalogue.types) | set(catalogue.codes) == heads
    used = {law for data_type in catalogue.types.values() for law, _ in data_type.laws}
    assert all(LAWS[law].says in page for law in used) and all(law.says in page for law in ACROSS.values())
    assert all(f"| {kind.number} | `{kind.kind.value}` |" in page for kind in catalogue.kinds.values())
    for data_type in catalogue.types.values():
        section = page.partition(f"\n### {data_type.id} ")[2].partition("\n### ")[0]
        assert all(f"| `{name}` |" in section for name in data_type.own), data_type.id
        assert all(f"`{part}` ({data_type.purposes[part]})" in section for part in data_type.parts)
        assert f"(schemas/{data_type.id}.json)" in section


def test_the_published_schemas_are_those_of_the_catalogue() -> None:
    published = {path.name: path.read_text(encoding="utf-8") for path in schemas.FOLDER.glob("A*.json")}
    assert published == schemas.texts(), "run python -m tests.docs.schemas"
    assert len(published) == 28


def test_every_threat_names_tests_that_exist() -> None:
    page = text("docs/threat-model.md")
    table, _, below = page.partition("\n## Tests\n")
    threats = re.findall(r"^\| (T\d+) \|", table, re.M)
    listed = dict(re.findall(r"^- \*\*(T\d+)\*\* (.+?)(?=^- \*\*T|^## |\Z)", below, re.M | re.S))
    assert threats == [f"T{n}" for n in range(1, len(threats) + 1)]
    assert list(listed) == threats
    here = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    for threat, sentence in listed.items():
        named = re.findall(r"`(test_\w+)`", sentence)
        assert named or "none yet" in sentence, threat
        assert set(named) <= here, (threat, sorted(set(named) - here))


def test_the_consent_of_the_page_is_one_that_can_be_taken_down(force: TaskForce, tmp_path: Path) -> None:
    from adapters import consenting

    page = text("docs/consent.md")
    (block,) = [b for kind, b in FENCE.findall(page) if kind == "json"]
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    later = force.now + 400 * 86_400_000  # the page plays in its own year
    held = consenting.take_down(
        json.loads(block) | {"paper": "scan.pdf"}, force.keys("harbour-police/desk"), force.bundle.directory, tmp_path,
        later,
    )  # fmt: skip
    assert held.about == json.loads(block)["about"]
    table = page.partition("## What a consent says")[2].partition("\n\nEach field")[0]
    fields = {name for row in re.findall(r"^\| (`.+?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert fields == consenting.FIELDS
