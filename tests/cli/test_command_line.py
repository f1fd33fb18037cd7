"""The command line: every wrong usage ends in one sentence, the right exit code, and no traceback."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.journal import Journal
from cli import main as program
from cli.common import DEPENDENCY, MISTAKE, REFUSED
from cli.messages_cmd import _standing
from messages.directory import Span
from tests.support.orchid import FOREIGN, INSPECTORS, PROSECUTOR, RAPPORTEUR, SHELTER, TaskForce, leaks
from tests.support.processes import command
from tests.support.tampering import flipped

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `safeconduct ARGUMENTS` here: exit code, standard output, standard error."""
    for name in ("SAFECONDUCT_HOME", "SAFECONDUCT_BROKER", "SAFECONDUCT_PASSPHRASE_FD", "SAFECONDUCT_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["safeconduct", *arguments])
        capsys.readouterr()
        try:
            program.run_app()
            code = 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def assert_one_sentence(text: str) -> None:
    assert text.startswith("safeconduct: ") and text.count("\n") == 1 and "Traceback" not in text
    assert leaks(text.encode()) == []


def police(force: TaskForce) -> list[str]:
    return ["--home", str(force.practice.party("harbour-police")), "--as", "desk"]


def mistakes(force: TaskForce, tmp: Path) -> dict[str, tuple[list[str], int, str]]:
    """What somebody types, the exit code, and a word that the sentence must hold."""
    home = police(force)
    case = str(force.file("08-organisations.json"))
    to = ["--to", PROSECUTOR]
    broken = tmp / "broken.json"
    broken.write_text('{"kind": "Ioana Dobrescu", }', encoding="utf-8")
    wrong_code = tmp / "code.json"
    value = json.loads(force.file("08-organisations.json").read_text(encoding="utf-8"))
    wrong_code.write_text(json.dumps({**value, "kind": "Ioana Dobrescu"}), encoding="utf-8")
    locked = tmp / "locked"
    shutil.copytree(force.practice.party("harbour-police"), locked)
    who = {"agency": "harbour-police", "handle": force.agency("harbour-police")}
    (locked / "agency.json").write_text(json.dumps({**who, "broker": "../none"}))
    loose = tmp / "loose"
    shutil.copytree(force.practice.party("harbour-police"), loose)
    settings = {**who, "passphrase_file": str(force.practice.folder / "passphrase")}
    (loose / "agency.json").write_text(json.dumps(settings))
    (loose / "keys" / "desk.key").chmod(0o644)
    away = tmp / "away"
    shutil.copytree(force.practice.party("harbour-police"), away)
    (away / "agency.json").write_text(json.dumps(settings))
    forged = tmp / "forged"
    shutil.copytree(force.practice.party("harbour-police"), forged)
    (forged / "agency.json").write_text(json.dumps(settings))
    (top,) = (forged / "trust" / "repository" / "top").rglob("*.json")
    signed = top.read_bytes()
    top.write_bytes(flipped(signed, len(signed) // 2))
    return {
        "no such command": (["sned"], MISTAKE, "sned"),
        "no such option": (["send", case, *to, *home, "--plann"], MISTAKE, "--plann"),
        "no recipient": (["send", case, *home], MISTAKE, "--to"),
        "no file": (["send", str(tmp / "none.json"), *to, *home], MISTAKE, "none.json"),
        "no JSON": (["send", str(broken), *to, *home], MISTAKE, "line 1"),
        "no such kind": (["send", str(wrong_code), *to, *home], MISTAKE, "kind must be one of"),
        "no such purpose": (["send", case, *to, *home, "--purpose", "GOSSIP"], MISTAKE, "purpose"),
        "no such recipient": (["send", case, "--to", "police/nobody", *home, "--plan"], MISTAKE, "prosecutor"),
        "no agency's folder": (["send", case, *to, "--home", str(tmp)], MISTAKE, "--home"),
        "which contact": (["send", case, *to, *home[:2], "--plan"], MISTAKE, "--as"),
        "no such contact": (["send", case, *to, *home[:2], "--as", "ghost", "--plan"], MISTAKE, "desk"),
        "locked": (["send", case, *to, "--home", str(locked), "--as", "desk", "--plan"], MISTAKE, "locked"),
        "loose key": (["send", case, *to, "--home", str(loose), "--as", "desk", "--plan"], MISTAKE, "chmod 600"),
        "forged bundle": (["send", case, *to, "--home", str(forged), "--as", "desk", "--plan"], MISTAKE, "."),
        "not a broker": (["up", "--home", str(tmp)], MISTAKE, "broker's folder"),
        "folder in use": (["practice", "new", str(force.practice.folder)], MISTAKE, "exists already"),
        "no such rule": (["rules", "SC-77"], MISTAKE, "SC-77"),
        "no message id": (["release", "7", *home], MISTAKE, "."),
        "nothing of ours": (["inspect", str(broken)], MISTAKE, "nothing that Safeconduct writes"),
        "no such view": (["inbox", "ack", "feedbeef", *home], MISTAKE, "inbox list"),
        "bus is down": (["send", case, *to, "--home", str(away), "--as", "desk"], DEPENDENCY, "broker"),
        "nobody listens": (["promises", *home, "--url", "nats://127.0.0.1:1"], DEPENDENCY, "does not answer"),
        "refused by rule": (
            ["send", str(force.file("12-suspect-to-inspectorate.json")), "--to", INSPECTORS, *home, "--plan", "--json"],
            REFUSED,
            "",
        ),
    }  # fmt: skip


def test_every_mistake_ends_in_one_sentence_and_its_exit_code(force: TaskForce, tmp_path: Path, call: Call) -> None:
    table = mistakes(force, tmp_path)
    assert len(table) > 20
    for what, (arguments, wanted, word) in table.items():
        code, out, err = call(*arguments)
        assert (what, code) == (what, wanted), (what, out, err)
        assert "Traceback" not in out + err, what
        if word:
            assert_one_sentence(err)
            assert word in err, (what, err)


def test_an_unexpected_error_is_one_sentence_without_its_text(
    force: TaskForce, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> object:
        raise ZeroDivisionError("Ioana Dobrescu")

    monkeypatch.setattr("cli.messages_cmd.read_file", explode)
    code, _, err = call("send", "x.json", "--to", PROSECUTOR, *police(force))
    assert code == DEPENDENCY and "ZeroDivisionError" in err
    assert_one_sentence(err)


def commands() -> list[list[str]]:
    found: list[list[str]] = [[]]

    def walk(app: object, path: list[str]) -> None:
        import typer.main

        group = typer.main.get_command(app)  # type: ignore[arg-type]
        stack = [(group, path)]
        while stack:
            node, here = stack.pop()
            for name, inner in getattr(node, "commands", {}).items():
                found.append([*here, name])
                stack.append((inner, [*here, name]))

    walk(program.app, [])
    assert len(found) > 15
    return found


@pytest.mark.parametrize("path", commands(), ids=lambda p: " ".join(p) or "safeconduct")
def test_every_command_explains_itself(path: list[str], call: Call) -> None:
    code, out, err = call(*path, "--help")
    assert code == 0 and err == ""
    assert "Usage:" in out and len(out) > 100


@pytest.mark.parametrize(
    ("case", "to"),
    [
        ("01-full-report.json", (PROSECUTOR, FOREIGN)),
        ("03-referral-adult.json", (SHELTER,)),
        ("04-statistics-return.json", (RAPPORTEUR,)),
    ],
)
def test_a_plan_shows_what_each_recipient_would_see_and_sends_nothing(
    force: TaskForce, call: Call, case: str, to: tuple[str, ...]
) -> None:
    home = police(force)
    recipients = [x for a in to for x in ("--to", a)]
    code, out, err = call("send", str(force.file(case)), *recipients, *home, "--plan", "--json")
    assert (code, err) == (0, "")
    plan = json.loads(out)
    shown = {r["recipient"]: r for m in plan["messages"] for r in m["recipients"]}
    assert set(shown) == set(to)
    for address, one in shown.items():
        assert one["decision"] == "permit" and one["granted"]
        if address in (SHELTER, RAPPORTEUR):
            assert leaks(json.dumps(one, ensure_ascii=False).encode()) == []
    journal = Journal(force.practice.party("harbour-police") / "journal.db")
    assert journal.outgoing() == []
    journal.close()
    assert not (force.practice.broker / "nats").exists()  # no bus was even started


def test_a_plan_for_people_names_what_is_withheld_and_why(force: TaskForce, call: Call) -> None:
    case = str(force.file("03-referral-adult.json"))
    code, out, _ = call("send", case, "--to", SHELTER, *police(force), "--plan")
    assert code == 0
    assert "withheld: A24/sealed" in out and "[R-27]" in out and "release guard" in out


def test_contacts_matrix_and_rules_are_told_to_people_and_programs(force: TaskForce, call: Call) -> None:
    home = police(force)[:2]
    code, out, _ = call("contacts", *home, "--json")
    rows = {r["address"]: r for r in json.loads(out)}
    assert code == 0 and len(rows) == 11
    assert rows["harbour-police/former-liaison"]["mandate"] == "ended or not begun"
    deputy = rows["harbour-police/analyst-deputy"]
    assert (deputy["mandate"], deputy["deputy_for"]) == ("deputy, off duty", "desk")
    assert (rows[PROSECUTOR]["mandate"], rows[PROSECUTOR]["deputy_for"]) == ("in force", None)
    assert re.fullmatch(r"[0-9a-zA-Z -]{16,}", rows[PROSECUTOR]["fingerprint"])
    code, out, _ = call("matrix", *home, "--json")
    assert code == 0 and len(json.loads(out)) > 10
    code, out, _ = call("rules", "--json")
    assert code == 0 and {"R-03", "SC-11", "stale"} <= {r["id"] for r in json.loads(out)}
    assert call("rules", "R-03")[0] == 0 and "right to know" in call("rules", "R-03")[1].replace("\n", " ")


def test_whether_a_contact_may_act_now_and_why_not_is_one_word(force: TaskForce) -> None:
    contact, now = force.contact(PROSECUTOR), force.now
    assert _standing(contact, now) == "in force"
    assert _standing(contact.model_copy(update={"suspended": (Span(start=now, end=now + 1),)}), now) == "suspended"
    revoked = tuple(m.model_copy(update={"revoked": now}) for m in contact.mandates)
    assert _standing(contact.model_copy(update={"mandates": revoked}), now) == "revoked"
    assert _standing(contact, contact.mandates[0].end) == "ended or not begun"


def test_inspect_tells_the_outside_of_a_file_and_opens_nothing(force: TaskForce, call: Call, tmp_path: Path) -> None:
    envelope = force.send("03-referral-adult.json", SHELTER)
    delivery = force.admit(envelope).views[0].data
    for name, data, what in (("e", envelope.to_bytes(), "envelope"), ("d", delivery, "delivery")):
        path = tmp_path / name
        path.write_bytes(data)
        code, out, err = call("inspect", str(path), "--json")
        assert (code, err) == (0, "") and json.loads(out)["is"] == what
        assert leaks(out.encode()) == []


def test_a_wrong_command_line_is_one_sentence_as_a_process_too() -> None:
    done = command("sned")
    assert (done.returncode, done.stdout) == (MISTAKE, "")
    assert_one_sentence(done.stderr)
