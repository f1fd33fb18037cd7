"""Requests, referrals and permissions between real processes: asked, answered, accepted, passed on, and refused."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.client import connect
from adapters.home import clock
from cli.main import app
from cli.practice import example_folder, make
from messages.ids import message_text
from messages.limits import DAY, HOUR
from tests.support.consenting import written
from tests.support.orchid import DESK, FOREIGN, PROSECUTOR, SHELTER, TaskForce, leaks
from tests.support.processes import start, stop

RELEASE = "release-officer"


@dataclass
class Town:
    """The parties' folders, and what the commands of their people say."""

    force: TaskForce
    folder: Path
    sent: dict[str, str] = field(default_factory=dict)

    def who(self, address: str) -> list[str]:
        agency, _, contact = address.partition("/")
        return ["--home", str(self.force.practice.party(agency)), "--as", contact]

    def file(self, name: str, value: dict[str, Any]) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        return str(path)

    def run(self, *words: str, by: str) -> Result:
        """A command, here in this process: the broker and the guards are processes of their own."""
        found = CliRunner().invoke(app, [*words, *self.who(by)], catch_exceptions=False)
        assert "Traceback" not in found.stderr
        return found

    def do(self, *words: str, by: str) -> Any:
        done = self.run(*words, "--json", by=by)
        assert done.exit_code == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        return json.loads(done.stdout)

    def refused(self, *words: str, by: str, code: int = 1) -> str:
        done = self.run(*words, by=by)
        assert done.exit_code == code, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done.stderr + done.stdout

    def send(self, case: dict[str, Any], name: str, *to: str, by: str) -> str:
        recipients = [word for address in to for word in ("--to", address)]
        found = self.do("send", self.file(name, case), *recipients, by=by)
        (message,) = found["sent"]
        assert message["state"] in ("accepted", "held"), message
        return str(message["message"])

    def view(self, message: str, by: str) -> str:
        """Wait for a message; the id of its view."""
        for _ in range(20):
            rows = self.do("inbox", "list", "--wait", "0.5", by=by)
            found = [r["view"] for r in rows if r["message"] == message]
            if found:
                return str(found[0])
        raise AssertionError(f"{message} did not arrive at {by}: {rows}")

    def arrived(self, message: str, by: str) -> dict[str, Any]:
        """Wait for a message, and open it."""
        opened: dict[str, Any] = self.do("inbox", "open", self.view(message, by), by=by)
        return opened

    def state(self, message: str, by: str) -> dict[str, Any]:
        rows = [r for r in self.do("requests", by=by) if r["message"] == message]
        assert len(rows) == 1, rows
        found: dict[str, Any] = rows[0]
        return found


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("workflows")
    example = folder / "example"
    shutil.copytree(example_folder(), example)
    agreement = example / "agreements" / "AGR-2026-01-prosecutor.yaml"
    words = agreement.read_text(encoding="utf-8")
    assert "h: [H0, H1, H2]" in words
    agreement.write_text(words.replace("h: [H0, H1, H2]", "h: [H0, H1, H2, H3]"), encoding="utf-8")
    now = clock()
    force = TaskForce(make(folder / "task-force", example, now), now)
    broker = start("up", "--home", str(force.practice.broker), log=folder / "broker.log")
    guards = [
        start("guard", "run", "--home", str(force.practice.party(name)), log=folder / f"{name}.log")
        for name in ("harbour-police", "wrenfold-support", "district-prosecutor")  # valea's is started at hand
    ]
    try:
        yield Town(force, folder)
    finally:
        for process in (*guards, broker):
            stop(process)


HEADER: dict[str, Any] = {
    "area": "THB-LAB",
    "purpose": "INVESTIGATE",
    "basis": "LED-8",
    "handling": {"tlp": "AMBER", "h": "H2", "pap": "AMBER"},
}
REQUEST: dict[str, Any] = {
    **HEADER,
    "kind": "RFI",
    "urgency": "ISD-NORMAL",
    "cover": {
        "subject_line": "Companies of a landlord",
        "legal_basis": "Article 4",
        "requested": "Every company that he runs",
        "purpose_and_offence": "Trafficking for forced labour",
        "why_addressee": "You prosecuted him before",
        "link_person_purpose": "He lets the houses",
        "urgency_reason": "not-urgent",
        "restrictions_on_use": "None beyond the handling",
        "language": "en",
        "evidence_use_wish": "intelligence-only",
    },
}


def answer(outcome: str, **more: Any) -> dict[str, Any]:
    cover = {
        "subject_line": "Companies of a landlord",
        "outcome": outcome,
        "evidence_use_granted": "intelligence-only",
        "copy_to_europol": "no",
    }
    return {"cover": cover | more}


def test_a_request_is_answered_in_its_thread_and_both_sides_see_how_it_stands(town: Town) -> None:
    message = town.send(REQUEST, "rfi", PROSECUTOR, by=DESK)
    asked = town.arrived(message, PROSECUTOR)
    assert (asked["kind"], asked["lineage"]) == ("RFI", "ORIGINAL")
    assert asked["due"] - asked["admitted"] > 6.9 * 24 * 3600 * 1000
    for by, who in ((DESK, "we"), (PROSECUTOR, "they")):
        row = town.state(message, by)
        assert (row["state"], row["asked"], row["overdue"]) == ("open", who, False) and row["due"]
    view = asked["view"]

    delayed = town.do("reply", view, town.file("delayed", answer("delayed-judicial")), by=PROSECUTOR)
    first = town.arrived(delayed["sent"][0]["message"], DESK)
    assert (first["lineage"], first["sections"]["cover"]["in_reply_to"]) == ("REPLY", message)
    assert {town.state(message, by)["state"] for by in (DESK, PROSECUTOR)} == {"paused-judicial"}
    assert town.state(message, DESK)["due"] is None

    firm = {"type": "A13", "id": "o1", "assertion": "fact", "legal_name": "Fenwick Lettings Ltd", "role": "landlord"}
    full = {**answer("full"), "objects": [firm]}
    shown = town.do("reply", view, town.file("full", full), "--plan", by=PROSECUTOR)
    assert shown["messages"][0]["lineage"] == "REPLY"
    done = town.do("reply", view, town.file("full", full), by=PROSECUTOR)
    last = town.arrived(done["sent"][0]["message"], DESK)
    assert last["thread"] == first["thread"] == asked["thread"]
    assert last["handling"]["h"] == "H2" and last["handling"]["tlp"] == "AMBER"  # inherited
    (name,) = [n for n in last["sections"] if n != "cover"]
    assert last["sections"][name]["handling"]["delete_on"]  # and so is the duty to delete
    assert {town.state(message, by)["state"] for by in (DESK, PROSECUTOR)} == {"answered"}


def test_a_reply_that_is_looser_than_what_it_answers_or_goes_elsewhere_is_refused(town: Town) -> None:
    message = town.send(REQUEST, "rfi-2", PROSECUTOR, by=DESK)
    view = town.arrived(message, PROSECUTOR)["view"]
    looser = {**answer("no-data"), "handling": {"tlp": "GREEN", "h": "H0", "pap": "CLEAR"}}
    says = town.refused("reply", view, town.file("looser", looser), by=PROSECUTOR)
    assert "TLP is at least AMBER" in says and "h is H2" in says and "harbour-police/desk may loosen" in says
    wrong = {**answer("no-data"), "kind": "INTEL-REPORT"}
    assert "answered by RFI-RESPONSE" in town.refused("reply", view, town.file("wrong", wrong), by=PROSECUTOR, code=2)
    typed = {**HEADER, **answer("no-data"), "kind": "RFI-RESPONSE", "draws_on": [view], "lineage": "ORIGINAL"}
    says = town.refused("send", town.file("typed", typed), "--to", DESK, by=PROSECUTOR, code=2)
    assert "is REPLY" in says
    lacking = {"cover": {"subject_line": "Nothing"}}
    assert "needs outcome" in town.refused("reply", view, town.file("lacking", lacking), by=PROSECUTOR, code=2)
    unopened = {**typed, "draws_on": ["00000000"]}
    assert "no one message" in town.refused("send", town.file("none", unopened), "--to", DESK, by=PROSECUTOR, code=2)


def test_an_accepted_referral_is_completed_for_that_provider_alone(town: Town) -> None:
    found = town.do("send", str(town.force.file("03-referral-adult.json")), "--to", SHELTER, by=DESK)
    offer = found["sent"][0]["message"]
    opened = town.arrived(offer, SHELTER)
    assert opened["withheld"] == ["A24/sealed"] and leaks(json.dumps(opened, ensure_ascii=False).encode()) == []
    assert town.state(offer, DESK)["state"] == town.state(offer, SHELTER)["state"] == "offered"
    says = town.refused("referral", "complete", offer, by=DESK, code=2)
    assert "No provider has accepted" in says

    decided = town.do("accept", opened["view"], by=SHELTER)
    (sent,) = decided["sent"]
    assert sent["state"] == "accepted" and sent["recipients"][0]["granted_kinds"] == ["A25/outcome", "cover"]
    again = town.refused("accept", opened["view"], by=SHELTER, code=2)
    assert "accepted of REFERRAL" in again
    decision = town.arrived(sent["message"], DESK)
    (outcome,) = [v for n, v in decision["sections"].items() if n != "cover"]
    assert outcome["status"] == "accepted"
    assert {town.state(offer, by)["state"] for by in (DESK, SHELTER)} == {"accepted"}

    complete = ("referral", "complete", offer)
    assert "a consent that covers it" in town.refused(*complete, by=DESK)
    paper = town.folder / "scan.pdf"
    paper.write_bytes(b"%PDF-1.7 signed")
    consent = town.do(
        "consent", "new", "--about", "V-R4HD-2WPZ-6N", "--to", "wrenfold-support", "--purpose", "services",
        "--item", "A24:DLS", "--form", "written", "--language", "bin", "--interpreter", "--paper", str(paper),
        "--given", written(town.force.now - HOUR), "--expires", written(town.force.now + 30 * DAY), by=DESK,
    )["consent"]  # fmt: skip
    assert "consent countersign" in town.refused(*complete, "--consent", consent, by=DESK)
    assert town.run("consent", "countersign", consent, by=f"harbour-police/{RELEASE}").exit_code == 0
    done = town.do(*complete, "--consent", consent, by=DESK)
    (completed,) = done["sent"]
    assert completed["state"] == "accepted", completed
    assert "A24/sealed" in completed["recipients"][0]["granted_kinds"]
    whole = town.arrived(completed["message"], SHELTER)
    (sealed,) = [whole["sections"][n] for n, kind in whole["kinds"].items() if kind == "A24/sealed"]
    assert sealed["name_used"] and sealed["contact"]
    assert whole["thread"] == opened["thread"]
    assert town.state(offer, SHELTER)["state"] == "accepted"
    assert "not here any more" in town.refused("referral", "complete", offer, by=DESK, code=2)


def test_a_declined_referral_stays_closed(town: Town) -> None:
    found = town.do("send", str(town.force.file("05-referral-child.json")), "--to", SHELTER, by=DESK)
    offer = found["sent"][0]["message"]
    opened = town.arrived(offer, SHELTER)
    assert "reject_reason" in town.refused("decline", opened["view"], "--reason", "full-up", by=SHELTER, code=2)
    decided = town.do("decline", opened["view"], "--reason", "no-capacity", by=SHELTER)
    town.arrived(decided["sent"][0]["message"], DESK)
    assert {town.state(offer, by)["state"] for by in (DESK, SHELTER)} == {"rejected"}
    assert "No provider has accepted" in town.refused("referral", "complete", offer, by=DESK, code=2)
    assert "rejected of REFERRAL" in town.refused("accept", opened["view"], by=SHELTER, code=2)


FIRM: dict[str, Any] = {
    "type": "A13", "id": "o1", "assertion": "fact", "legal_name": "Quayside Packing Ltd", "role": "employer",
}  # fmt: skip
REPORT: dict[str, Any] = {
    **HEADER,
    "kind": "INTEL-REPORT",
    "cover": {"subject_line": "A firm", "source_protection": "no-human-source", "conditions": "Ask before you act."},
    "objects": [FIRM],
}


def test_what_somebody_else_gave_goes_on_only_with_its_originators_permission(town: Town) -> None:
    message = town.send(REPORT, "report", DESK, by=PROSECUTOR)
    view = town.arrived(message, DESK)["view"]
    assert "[SC-70]" in town.refused("forward", view, "--to", FOREIGN, by=DESK)

    ask = ("permit", "ask", message, "--for", "valea-police", "--purpose", "INVESTIGATE", "--reason", "They search it.")
    asked = town.do(*ask, by=DESK)
    request = town.arrived(asked["sent"][0]["message"], PROSECUTOR)
    assert request["sections"]["cover"]["original_message"] == message
    assert town.state(request["message"], DESK)["state"] == "asked"
    grant = ("permit", "grant", request["view"], "--until", "2099-01-01")
    assert "More cannot be granted" in town.refused(*grant, "--lifts", "onward,proceedings", by=PROSECUTOR, code=2)
    assert "another agency" in town.refused(*grant, "--to-agency", "wrenfold-support", by=PROSECUTOR, code=2)
    granted = town.do(*grant, "--conditions", "Not to be shown to the firm.", by=PROSECUTOR)
    answered = town.arrived(granted["sent"][0]["message"], DESK)
    assert answered["sections"]["cover"]["permission"] == "granted"
    assert {town.state(request["message"], by)["state"] for by in (DESK, PROSECUTOR)} == {"granted"}

    assert "[SC-70]" in town.refused("forward", view, "--to", FOREIGN, "--purpose", "PROSECUTE", by=DESK)
    plan = town.do("forward", view, "--to", FOREIGN, "--plan", by=DESK)
    assert plan["messages"][0]["lineage"] == "FORWARD"
    passed = town.do("forward", view, "--to", FOREIGN, by=DESK)
    (sent,) = passed["sent"]
    if sent["state"] == "held":
        assert town.run("release", sent["message"], by=f"harbour-police/{RELEASE}").exit_code == 0
    opened = town.arrived(sent["message"], FOREIGN)
    assert opened["lineage"] == "FORWARD" and any("originator" in w for w in opened["warnings"])
    assert opened["sections"]["cover"]["conditions"] == "Ask before you act."
    (firm,) = [v for n, v in opened["sections"].items() if n != "cover"]
    assert firm["legal_name"] == "Quayside Packing Ltd" and firm["handling"]["delete_on"]
    assert "is REPLY" in town.refused("forward", opened["view"], "--to", DESK, by=FOREIGN, code=2)


def test_a_permission_is_refused_on_a_listed_ground(town: Town) -> None:
    message = town.send(REPORT, "report-2", DESK, by=PROSECUTOR)
    town.arrived(message, DESK)
    ask = ("permit", "ask", message, "--for", "valea-police", "--purpose", "INVESTIGATE", "--reason", "They search it.")
    request = town.arrived(town.do(*ask, by=DESK)["sent"][0]["message"], PROSECUTOR)
    assert "refusal_code" in town.refused("permit", "refuse", request["view"], "--code", "R99", by=PROSECUTOR, code=2)
    done = town.do("permit", "refuse", request["view"], "--code", "R04", by=PROSECUTOR)
    town.arrived(done["sent"][0]["message"], DESK)
    assert town.state(request["message"], DESK)["state"] == "refused"
    assert "[SC-70]" in town.refused("forward", message, "--to", FOREIGN, by=DESK)


WORDED = {**REPORT, "handling": {"tlp": "AMBER", "h": "H3", "pap": "AMBER"}}


def test_conditions_in_words_are_acknowledged_before_the_content_is_shown(town: Town) -> None:
    message = town.send(WORDED, "worded", DESK, by=PROSECUTOR)
    view = town.view(message, DESK)
    for _ in range(2):
        shown = town.refused("inbox", "open", view, by=DESK)
        assert "Ask before you act." in shown and "--acknowledge-conditions" in shown
        assert "Quayside" not in shown
    closed = town.run("inbox", "open", view, "--json", by=DESK)
    assert closed.exit_code == 1
    told = json.loads(closed.stdout)
    assert told["acknowledged"] is False and told["conditions"] == "Ask before you act." and "sections" not in told
    says = town.refused("forward", view, "--to", FOREIGN, by=DESK, code=2)
    assert "has not been opened yet" in says
    opened = town.do("inbox", "open", view, "--acknowledge-conditions", by=DESK)
    assert "Quayside" in json.dumps(opened)


def test_a_running_adapter_does_not_write_out_what_was_not_acknowledged(town: Town) -> None:
    home = town.force.practice.party("harbour-police")
    adapter = start("adapter", "run", "--home", str(home), "--as", "desk", log=town.folder / "adapter.log")
    try:
        message = town.send({**WORDED, "exercise": True}, "worded-2", DESK, by=PROSECUTOR)
        value = _written(home / "inbox", message)
    finally:
        stop(adapter)
    assert value["acknowledged"] is False and value["exercise"] is True
    assert "Quayside" not in json.dumps(value)
    assert "Quayside" in json.dumps(town.do("inbox", "open", value["view"], "--acknowledge-conditions", by=DESK))


def _written(folder: Path, message: str) -> dict[str, Any]:
    """What an adapter writes about a message, waited for."""

    async def wait() -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                for path in folder.glob("*.json"):
                    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                    if value.get("message") == message:
                        return value
                await asyncio.sleep(0.05)

    return asyncio.run(wait())


def test_an_exercise_says_so_wherever_it_is_shown(town: Town) -> None:
    words = ("send", town.file("drill", {**REPORT, "exercise": True}), "--to", DESK)
    plan = town.run(*words, "--plan", by=PROSECUTOR).stdout
    sent = town.run(*words, by=PROSECUTOR).stdout
    message = sent.partition("EXERCISE message ")[2][:36]
    assert plan.startswith("EXERCISE") and sent.startswith("EXERCISE") and len(message) == 36
    view = town.view(message, DESK)
    assert "EXERCISE" in town.run("inbox", "list", by=DESK).stdout
    assert town.run("inbox", "open", view, by=DESK).stdout.startswith("EXERCISE")
    assert town.do("inbox", "open", view, by=DESK)["exercise"] is True
    assert "EXERCISE" in town.run("outbox", by=PROSECUTOR).stdout
    home = ["contacts", "--home", str(town.force.practice.party("harbour-police"))]
    rows = json.loads(CliRunner().invoke(app, [*home, "--json"]).stdout)
    assert {r["address"]: r["exercise"] for r in rows}[PROSECUTOR] is True
    assert "exercises" in CliRunner().invoke(app, home).stdout


def test_a_reply_in_a_thread_that_we_do_not_know_is_kept_aside(town: Town) -> None:
    message = town.send(REQUEST, "rfi-3", PROSECUTOR, by=DESK)
    view = town.arrived(message, PROSECUTOR)["view"]
    home = town.force.practice.party("district-prosecutor")

    async def dishonest() -> bytes:
        async with connect(home, "trafficking-desk", town.force.passphrase) as agency:
            case, to = agency.reply(view, answer("no-data"))
            (plan,) = agency.plan(case, [to]).messages
            stray = replace(plan, thread=b"x" * 16)
            sent = await agency.submit(await agency.compose(stray), stray)
            assert sent.state == "accepted"
            return bytes(sent.message)

    identifier = message_text(asyncio.run(dishonest()))
    for _ in range(20):
        rows = town.do("inbox", "list", "--wait", "0.5", by=DESK)
        if aside := [r for r in rows if r["code"] == "content"]:
            break
    assert [r["message"] for r in aside] == [None]
    said = town.run("inbox", "open", aside[0]["view"], "--json", by=DESK)
    assert said.exit_code == 1 and "thread" in json.loads(said.stdout)["says"]
    assert identifier not in json.dumps(town.do("requests", by=DESK))
    assert town.state(message, DESK)["state"] == "open"
