"""The commands about consents, with a real broker: what a caseworker, a second contact and an officer type."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit import fsck
from cli.main import app
from cli.practice import Practice
from cli.warm import Running
from messages.limits import DAY, HOUR
from tests.support.consenting import ABOUT, NAME, PLACE, Consenting, consenting, written
from tests.support.orchid import DESK, RELEASER, SHELTER
from tests.support.patience import PATIENCE
from tests.support.processes import start, stop


def typed(*words: str, expect: int = 0, secret: str | None = None) -> Result:
    """One command line, in this process; `secret` is handed over through a pipe."""
    first: list[str] = []
    if secret is not None:
        reading, writing = os.pipe()
        with os.fdopen(writing, "w") as pipe:
            pipe.write(secret)
        first = ["--passphrase-fd", str(reading)]
    done = CliRunner().invoke(app, [*first, *words], env={"COLUMNS": "200"})
    assert done.exit_code == expect, (words, done.stdout, done.stderr)
    return done


@dataclass
class Town:
    force: Consenting
    folder: Path
    broker: Running

    def who(self, address: str) -> list[str]:
        agency, _, name = address.partition("/")
        return ["--home", str(self.force.practice.party(agency)), "--as", name]

    def run(self, *words: str, by: str = DESK, expect: int = 0) -> Result:
        return typed(*words, *self.who(by), expect=expect)

    def json(self, *words: str, by: str = DESK, expect: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", by=by, expect=expect).stdout)

    def case(self, name: str, consents: list[str], **changes: Any) -> str:
        profile = {
            "type": "A02", "id": "v1", "assertion": "fact", "case_pseudonym": ABOUT, "subject_role": "presumed-victim",
            "status": "PossibleVictimOfTrafficking", "first_name": NAME.split()[0], "second_name": NAME.split()[1],
            "is_minor": False,
            "mailing_address": {"country": "GB", "admin1": "GB-ENG", "place": PLACE, "precision": "point"},
        }  # fmt: skip
        value = {
            "kind": "DUTY-TO-NOTIFY", "area": "THB-LAB", "purpose": "PROTECT-VICTIM", "basis": "GDPR-6-1-a",
            "urgency": "REF-URGENT", "handling": {"tlp": "RED", "h": "H2", "pap": "RED"},
            "cover": {"subject_line": "A bed is needed", "reason": "Leaves tonight", "route": "consented"},
            "objects": [profile],
            "consents": consents,
        } | changes  # fmt: skip
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        return str(path)

    def view(self, address: str = SHELTER) -> dict[str, Any]:
        for _ in range(10):
            rows = self.json("inbox", "list", "--wait", "1", by=address)
            new: list[dict[str, Any]] = [r for r in rows if r["state"] == "new"]
            if new:
                return new[-1]
        raise AssertionError("nothing arrived")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("consent-town")
    made = consenting()
    shutil.copytree(made.practice.folder, folder / "force")
    force = Consenting(Practice(folder / "force"), made.now)
    broker = start("up", "--home", str(force.practice.broker), log=folder / "broker.log")
    running = Town(force, folder, broker)
    try:
        yield running
    finally:
        stop(running.broker)


def taken(town: Town, *more: str) -> str:
    """A consent that the desk takes down; its id."""
    paper = town.folder / "scan.pdf"
    paper.write_bytes(b"%PDF-1.7 signed")
    found: str = town.json(
        "consent", "new", "--about", ABOUT, "--to", "wrenfold-support", "--purpose", "services", "--item", "A02:DL",
        "--form", "written", "--language", "ron", "--interpreter", "--paper", str(paper),
        "--given", written(town.force.now - HOUR), "--expires", written(town.force.now + 30 * DAY), *more,
    )["consent"]  # fmt: skip
    return found


def test_a_consent_is_taken_countersigned_relied_on_withdrawn_and_its_copies_erased(town: Town, tmp_path: Path) -> None:
    consent = taken(town)
    shown = town.run("consent", "show", consent[:10]).stdout
    assert ABOUT in shown and "wrenfold-support" in shown and "A02:DL" in shown
    case = town.case("note", [consent[:12]])
    refused = town.run("send", case, "--to", SHELTER, expect=1)
    assert f"safeconduct consent countersign {consent[:12]} --as SECOND" in " ".join(refused.stderr.split())
    own = town.run("consent", "countersign", consent[:12], expect=1)
    assert "second contact" in own.stderr
    assert "countersigned" in town.run("consent", "countersign", consent[:12], by=RELEASER).stdout
    (sent,) = town.json("send", case, "--to", SHELTER)["sent"]
    assert sent["state"] == "accepted"
    view = town.view()["view"]
    opened = town.json("inbox", "open", view, by=SHELTER)
    assert opened["sections"]["a02.1.identity"]["first_name"] == NAME.split()[0]
    assert "withdrawn;" in town.run("consent", "withdraw", consent[:12]).stdout
    again = town.run("send", case, "--to", SHELTER, expect=1)
    assert "[R-08]" in again.stderr and NAME not in again.stderr
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        rows = town.json("erasure", "list", by=SHELTER)
        if rows and rows[0]["state"] == "erased":
            break
    assert (rows[0]["view"], rows[0]["part"], rows[0]["consent"]) == (view, "holder", consent)
    gone = town.run("inbox", "open", view, by=SHELTER, expect=1)
    assert "erased: consent withdrawn on " in gone.stdout
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        status = town.json("consent", "status", consent[:12])
        if status["copies"][0]["state"] == "erased" and status["copies"][0]["in_the_log"]:
            break
    assert [(c["holder"], c["state"], c["in_the_log"]) for c in status["copies"]] == [(SHELTER, "erased", True)]
    assert town.json("consent", "list")[0]["state"] == "withdrawn"
    typed("audit", "export", str(tmp_path / "log"), "--home", str(town.force.practice.broker))
    assert fsck.check(tmp_path / "log").first is None


def test_the_paper_is_held_against_the_terms_and_stays_here(town: Town) -> None:
    consent = taken(town)
    assert (
        "this is the paper"
        in town.run("consent", "show", consent[:12], "--paper", str(town.folder / "scan.pdf")).stdout
    )
    other = town.folder / "other.pdf"
    other.write_bytes(b"%PDF-1.7 another")
    assert "another file" in town.run("consent", "show", consent[:12], "--paper", str(other), expect=1).stdout


def test_a_consent_is_passed_on_without_the_person(town: Town, tmp_path: Path) -> None:
    consent = taken(town)
    file = tmp_path / "passed.consent"
    town.run("consent", "export", consent[:12], "--into", str(file))
    assert ABOUT.encode() not in file.read_bytes()
    town.run("consent", "import", str(file), "--about", "V-2222-3333-44", by=SHELTER)
    (kept,) = town.json("consent", "list", by=SHELTER)
    assert (kept["consent"], kept["about"], kept["collector"]) == (consent, "V-2222-3333-44", DESK)
    refused = town.run("consent", "withdraw", consent[:12], by=SHELTER, expect=1)
    assert "[unverified]" in refused.stdout


def test_a_vital_interest_waits_for_a_second_contact_and_leaves_the_officers_a_task(town: Town) -> None:
    case = town.case("vital", [])
    vital = ("send", case, "--to", SHELTER, "--vital-interest")
    assert "--item" in town.run(*vital, expect=2).stderr
    (sent,) = town.json(*vital, "--item", "A02:DL")["sent"]
    assert (sent["state"], sent["recipients"][0]["needs_break_glass"]) == ("held", True)
    message = sent["message"]
    assert "duty" in town.run("break-glass", message, "--ground", "threat-to-life", expect=1).stderr
    assert "--ground is one of" in town.run("break-glass", message, "--ground", "haste", by=RELEASER, expect=2).stderr
    done = town.run("break-glass", message, "--ground", "threat-to-life", by=RELEASER)
    assert "delivered to wrenfold-support/referrals" in done.stdout and "[SC-63]" in done.stdout
    broker = ["--home", str(town.force.practice.broker)]
    (task,) = json.loads(typed("tasks", "list", *broker, "--json").stdout)
    assert (task["message"], task["from"], task["to"], task["state"]) == (message, DESK, SHELTER, "open")
    officer = str(town.force.practice.folder / "officers" / "officer-one")
    closing = ("tasks", "done", task["task"][:8], "--note-code", "justified", "--officer", officer, *broker)
    typed(*closing, secret=town.force.passphrase)
    assert "done already" in typed(*closing, secret=town.force.passphrase, expect=2).stderr
    assert json.loads(typed("tasks", "list", *broker, "--json").stdout) == []
    (task,) = json.loads(typed("tasks", "list", "--all", *broker, "--json").stdout)
    assert task["state"] == "justified"
    assert town.view()["from"] == DESK


def test_words_about_people_nobody_knows_wait_until_a_second_contact_has_read_them(town: Town) -> None:
    screening = {
        "type": "A22", "id": "n1", "assertion": "fact", "case_pseudonym": "V-2222-3333-44", "adult_child": "adult",
        "screened_on": "2026-11-12", "screener_class": "POL", "exploitation_track": "labour",
        "indicators": [{"dimension": "exploitative-conditions", "code": 1, "observed": True, "note": "works at night"}],
    }  # fmt: skip
    cover = {"subject_line": "A bed is needed"}
    case = town.case("screening", [], kind="VICTIM-REFERRAL", cover=cover, objects=[screening])
    (sent,) = town.json("send", case, "--to", SHELTER)["sent"]
    assert (sent["state"], sent["recipients"][0]["needs_review"]) == ("held", True)
    assert "duty" in town.run("review", sent["message"], "--sign", expect=1).stderr
    done = town.run("review", sent["message"], "--sign", by=RELEASER)
    assert "works at night" in done.stdout and "delivered to wrenfold-support/referrals" in done.stdout
    opened = town.json("inbox", "open", town.view()["view"], by=SHELTER)
    assert opened["sections"]["a22.1.notes"]["indicators"][0]["note"] == "works at night"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("consent", "show", "ffffffff"), "no one consent"),
        (("consent", "new", "--about", "Ilse"), "own register"),
        (("consent", "new", "--about", ABOUT, "--to", "nobody", "--form", "written"), "paper"),
        (("consent", "new", "--about", ABOUT, "--to", "nobody", "--form", "told"), "form is one of"),
        (("erasure", "keep", "ffff", "--ground", "habit"), "--ground is one of"),
        (("consent", "new", "--about", ABOUT, "--item", "passport:D"), "data type"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_a_mistake_is_one_sentence_that_says_what_to_do(town: Town, words: tuple[str, ...], says: str) -> None:
    done = town.run(*words, expect=2)
    assert says in " ".join(done.stderr.split()) and done.stderr.count("safeconduct: ") == 1
