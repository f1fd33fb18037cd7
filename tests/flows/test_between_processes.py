"""Operation Orchid between real processes: broker with its server, the police unit's guard, and the commands of people.

One broker serves the whole module; the last test looks through everything that anybody has written meanwhile.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audit import fsck
from cli.warm import Running
from messages import wire
from messages.envelope import Delivery
from tests.support.folders import contents
from tests.support.orchid import (
    CASES,
    DESK,
    FOREIGN,
    INSPECTORS,
    PROSECUTOR,
    RAPPORTEUR,
    SHELTER,
    TaskForce,
    fresh_task_force,
    leaks,
    search_for,
)
from tests.support.processes import ACTORS, actor, command, start, stop, told


@dataclass
class Town:
    """The parties' folders and the broker that runs between them."""

    force: TaskForce
    logs: Path
    broker: Running

    def home(self, address: str) -> str:
        return str(self.force.practice.party(address.partition("/")[0]))

    def who(self, address: str) -> list[str]:
        return ["--home", self.home(address), "--as", address.partition("/")[2]]

    def up(self) -> Running:
        return start("up", "--home", str(self.force.practice.broker), log=self.logs / "broker.log")

    def send(self, case: str, *to: str, by: str = DESK) -> dict[str, Any]:
        recipients = [x for address in to for x in ("--to", address)]
        done = command("send", str(self.force.file(case)), *recipients, *self.who(by), "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def inbox(self, address: str, least: int = 0) -> list[dict[str, Any]]:
        """What has arrived, asked for again until there is enough."""
        for _ in range(10):
            done = command("inbox", "list", *self.who(address), "--wait", "1", "--json")
            assert done.returncode == 0, done.stderr
            rows: list[dict[str, Any]] = json.loads(done.stdout)
            if len(rows) >= least:
                return rows
        raise AssertionError(f"{address} has {len(rows)} messages, not {least}")

    def open(self, address: str, view: str) -> dict[str, Any]:
        done = command("inbox", "open", view, *self.who(address), "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    logs = folder / "logs"
    logs.mkdir()
    force = fresh_task_force(folder / "task-force")
    broker = start("up", "--home", str(force.practice.broker), log=logs / "broker.log")
    guard = start("guard", "run", "--home", str(force.practice.party("harbour-police")), log=logs / "guard.log")
    running = Town(force, logs, broker)
    try:
        yield running
    finally:
        stop(guard)
        stop(running.broker)


def test_a_redacted_referral_is_sent_listed_opened_and_handled_between_processes(town: Town) -> None:
    sent = town.send("03-referral-adult.json", SHELTER)
    (message,) = sent["sent"]
    assert (message["state"], message["evidence"]["type"]) == ("accepted", "SubmissionAcceptance")
    (row,) = town.inbox(SHELTER, 1)
    assert (row["state"], row["from"], row["kind"]) == ("new", DESK, "VICTIM-REFERRAL")
    opened = town.open(SHELTER, row["view"][:12])
    assert (opened["message"], opened["from"], opened["signature"]) == (message["message"], DESK, "holds")
    assert opened["guarded"] is True and opened["withheld"] == ["A24/sealed"]
    assert opened["sections"] and leaks(json.dumps(opened, ensure_ascii=False).encode()) == []
    assert command("inbox", "ack", row["view"], *town.who(SHELTER)).returncode == 0
    assert [r["state"] for r in town.inbox(SHELTER, 1)] == ["done"]
    assert town.open(SHELTER, row["view"]) == opened


def test_the_shelters_view_verifies_under_the_police_contacts_own_signature(town: Town) -> None:
    town.inbox(SHELTER, 1)
    with sqlite3.connect(Path(town.home(SHELTER)) / "journal.db") as db:
        (data,) = db.execute("SELECT delivery FROM inbox").fetchone()
    view = wire.decode_view(Delivery.from_bytes(data).view)
    from keys.verifying import verify_view

    shelter = town.force.contact(SHELTER).handle
    verified = verify_view(view, town.force.contact(DESK), shelter, view.manifest.created)
    assert verified.withheld == ("A24/sealed",)


def test_the_head_in_a_message_is_held_against_the_log_that_its_recipient_is_shown(town: Town) -> None:
    """Each message carries the head that its sender verified last: a broker with two versions shows them both."""
    for by, lines in ((DESK, "every due promise is kept"), (PROSECUTOR, "shown the same log")):
        if by == PROSECUTOR:
            town.send("07-supplementary-report.json", PROSECUTOR)
            (row, *_) = town.inbox(PROSECUTOR, 1)
            town.open(PROSECUTOR, row["view"])
        done = command("promises", *town.who(by))
        assert done.returncode == 0 and lines in done.stdout, done.stderr
    path = Path(town.home(PROSECUTOR)) / "journal.db"
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT contact, size > 0, proved FROM gossip").fetchall() == [
            (town.force.contact(DESK).handle, 1, 1)
        ]
        db.execute("UPDATE gossip SET size = 1, root = ?, proved = 0", (bytes(32),))
    done = command("promises", *town.who(PROSECUTOR))
    assert done.returncode == 1 and f"by the word of {DESK}" in done.stderr
    with sqlite3.connect(path) as db:
        db.execute("UPDATE gossip SET proved = 1")


def test_a_message_that_needs_a_release_waits_for_the_second_contact(town: Town) -> None:
    sent = town.send("08-organisations.json", FOREIGN)
    (message,) = sent["sent"]
    assert (message["state"], message["evidence"]) == ("held", None)
    own = command("release", message["message"], *town.who(DESK))
    assert (own.returncode, own.stdout) == (1, "")
    done = command("release", message["message"], *town.who("harbour-police/release-officer"))
    assert done.returncode == 0 and "delivered to valea-police/duty-desk" in done.stdout
    (row,) = town.inbox(FOREIGN, 1)
    assert town.open(FOREIGN, row["view"])["from"] == DESK


def test_statistics_reach_the_rapporteur_and_a_report_the_inspectors(town: Town) -> None:
    for case, to in (("04-statistics-return.json", RAPPORTEUR), ("02-labour-disclosure.json", INSPECTORS)):
        town.send(case, to)
        (row,) = town.inbox(to, 1)
        assert town.open(to, row["view"])["sections"]


def test_what_the_agreement_does_not_list_is_refused_in_the_rules_words(town: Town) -> None:
    case = str(town.force.file("12-suspect-to-inspectorate.json"))
    done = command("send", case, "--to", INSPECTORS, *town.who(DESK))
    assert done.returncode == 1
    assert "[SC-11]" in done.stderr and "agreement" in done.stderr and leaks(done.stderr.encode()) == []
    assert "Traceback" not in done.stderr


COMMUNICATIONS = "06-communications-update.json"
REFERRAL = "03-referral-adult.json"
ATTACKS = {
    "undesignated": (COMMUNICATIONS, PROSECUTOR, "undesignated-sender", set()),
    "expired-mandate": (COMMUNICATIONS, PROSECUTOR, "not-permitted", {"SC-01"}),
    "type-not-agreed": ("12-suspect-to-inspectorate.json", INSPECTORS, "not-permitted", {"SC-11"}),
    "identity-without-consent": (REFERRAL, SHELTER, "not-permitted", {"R-07"}),
    "unattested": (REFERRAL, SHELTER, "not-permitted", {"SC-40"}),
    "mislabelled": (REFERRAL, SHELTER, "not-permitted", {"SC-41"}),
    "stale": (COMMUNICATIONS, PROSECUTOR, "stale", set()),
    "forged-signature": (COMMUNICATIONS, PROSECUTOR, "unverified", set()),
    "altered-ciphertext": (COMMUNICATIONS, PROSECUTOR, "unverified", set()),
}


def test_the_table_of_attacks_is_exhaustive() -> None:
    source = ACTORS.read_text(encoding="utf-8")
    known = {*ATTACKS, "replay"}
    assert {a for a in known if f'"{a}"' in source} == known
    assert source.count("attack ==") + 2 * source.count("attack in (") <= len(known)


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_each_rogue_attack_is_answered_with_its_code_and_rule(town: Town, attack: str) -> None:
    case, to, code, rules = ATTACKS[attack]
    process = actor("rogue", attack, "--home", town.home(DESK), "--case", str(town.force.file(case)), "--to", to)
    (line,) = told(process)
    assert line["attack"] == attack
    assert (line["answer"]["type"], line["answer"]["code"]) == ("SubmissionRejection", code)
    assert rules <= set(line["answer"]["rules"])


def test_a_replay_is_told_from_a_repeat(town: Town) -> None:
    case = str(town.force.file(COMMUNICATIONS))
    options = ["--home", town.home(DESK), "--other", town.home(INSPECTORS), "--case", case, "--to", PROSECUTOR]
    lines = {line["attack"]: line["answer"] for line in told(actor("rogue", "replay", *options))}
    assert [(k, a["code"], a["repeated"]) for k, a in lines.items()] == [
        ("genuine", None, False),
        ("repeat", None, True),
        ("same-id-other-bytes", "replayed", False),
        ("replayed-by-another-agency", "replayed", False),
    ]


def test_a_broker_killed_in_a_stream_of_messages_loses_and_doubles_nothing(town: Town, tmp_path: Path) -> None:
    before = {r["view"] for r in town.inbox(PROSECUTOR)}
    count = 24
    process = actor(
        "busy",
        str(count),
        "--home",
        town.home(DESK),
        "--case",
        str(town.force.file(COMMUNICATIONS)),
        "--to",
        PROSECUTOR,
    )
    first = [process.stdout.readline() for _ in range(5)]
    town.broker.kill()
    town.broker.wait(timeout=30)
    town.broker = town.up()
    lines = [json.loads(line) for line in first] + told(process)
    assert len(lines) == len({line["message"] for line in lines}) == count
    assert {line["state"] for line in lines} == {"accepted"}
    after = {r["view"] for r in town.inbox(PROSECUTOR, len(before) + count)}
    assert len(after - before) == count and before <= after
    with sqlite3.connect(Path(town.home(PROSECUTOR)) / "journal.db") as db:
        deliveries = [Delivery.from_bytes(d) for (d,) in db.execute("SELECT delivery FROM inbox")]
    ids = [wire.decode_view(d.view).manifest.id for d in deliveries]
    assert len(ids) == len(set(ids))  # delivered once
    assert_log_holds(town, tmp_path / "log")


def assert_log_holds(town: Town, folder: Path) -> None:
    done = command("audit", "export", str(folder), "--home", str(town.force.practice.broker))
    assert done.returncode == 0, done.stderr
    report = fsck.check(folder)
    assert report.first is None, report.breaks[:3]
    assert report.leaves > 40 and report.records == report.leaves


def test_no_word_of_a_victim_stands_in_any_store_log_or_folder_of_those_without_rights(town: Town) -> None:
    looked_at = 0
    folders = [town.force.practice.broker, town.logs]
    folders += [Path(town.home(a)) for a in (SHELTER, RAPPORTEUR, INSPECTORS)]
    for folder in folders:
        found = [(path.name, leaks(data)) for path, data in contents(folder)]
        assert found
        looked_at += len(found)
        assert [one for one in found if one[1]] == []
    assert looked_at > 20 and len(search_for()) > 100
    assert leaks(town.force.file("03-referral-adult.json").read_bytes())  # the search finds what is there
    assert len(CASES) == 18


def test_the_stores_survive_an_orderly_stop_and_export_without_a_running_broker(town: Town, tmp_path: Path) -> None:
    stop(town.broker)
    try:
        assert_log_holds(town, tmp_path / "log")
    finally:
        town.broker = town.up()
