"""`safeconduct doctor`: what is wrong is named, with what to do, and nothing else is changed."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from adapters import checkup as agency
from adapters import examining
from adapters.checkup import Standing
from adapters.guard import open_key
from adapters.guard import serving as guard_serving
from adapters.home import clock, read_trust
from adapters.journal import QUEUED, Journal
from adapters.trust import Refused
from audit.checkpoint import Checkpoint, VerifierKey, sign_checkpoint
from broker import checkup as broker
from broker.service import BrokerHome, Serving, serving
from bus import subjects
from bus.connection import connected
from bus.store import Store
from cli import practice
from cli.main import app
from cli.practice import Practice
from keys import checkup
from messages.directory import Mandate, Span
from messages.health import Finding, Health, worst
from messages.limits import DAY, HOUR, MINUTE
from policies.agreements import Agreement, Validity, read_all
from tests.support.patience import PATIENCE

POLICE = "harbour-police"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    return practice.make(tmp_path_factory.mktemp("doctor") / "force", practice.example_folder(), clock())


@pytest.fixture(autouse=True)
def _busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at here is neither how fast this machine is nor how full its disk."""
    monkeypatch.setattr(checkup, "PATIENCE", PATIENCE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**12))


@pytest.fixture
def force(made: Practice, tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """A task force to break: of the parties, the police alone. In a short folder: a socket's path has 107 bytes."""
    folder = tmp_path_factory.mktemp("d") / "force"
    for name in (POLICE, "broker", "officers"):
        shutil.copytree(made.folder / name, folder / name)
    shutil.copy2(made.folder / "passphrase", folder)
    folder.chmod(0o700)
    return Practice(folder)


@pytest.fixture
def police(force: Practice) -> Path:
    return force.party(POLICE)


def secret(force: Practice) -> str:
    return (force.folder / "passphrase").read_text(encoding="utf-8")


def look(home: Path, now: Callable[[], int] = clock) -> list[Finding]:
    """Offline, as an agency."""
    return advised(asyncio.run(examining.examine(home, None, now)))


def look_broker(home: Path, now: Callable[[], int] = clock) -> list[Finding]:
    return advised(asyncio.run(broker.examine(home, None, now)))


def advised(found: list[Finding]) -> list[Finding]:
    """Whatever is not good says what to do."""
    for finding in found:
        assert finding.says.endswith((".", "!")) or ":" in finding.says, finding
        assert bool(finding.do) == (finding.health in (Health.WARN, Health.BAD)), finding
    return found


def about(found: list[Finding], what: str, health: Health) -> str:
    """Sentence and advice of the findings about `what` that stand so."""
    chosen = [f"{f.says} {f.do}" for f in found if f.what == what and f.health is health]
    assert chosen, [f for f in found if f.health in (Health.WARN, Health.BAD)]
    return " ".join(chosen)


def bad_ones(found: list[Finding]) -> list[Finding]:
    return [f for f in found if f.health is Health.BAD]


@asynccontextmanager
async def broker_up(force: Practice) -> AsyncIterator[Serving]:
    async with serving(BrokerHome.open(force.broker, secret(force))) as running:
        async with asyncio.timeout(PATIENCE):
            while not running.sequencer.size:  # its own epoch stands in the log
                await asyncio.sleep(0.01)
        yield running


def ahead(milliseconds: int) -> Callable[[], int]:
    return lambda: clock() + milliseconds


# when all is well


def test_a_whole_task_force_has_nothing_bad(force: Practice, police: Path) -> None:
    async def play() -> tuple[list[Finding], list[Finding]]:
        guard = guard_serving(police / "guard", open_key(police / "guard", secret(force)), clock)
        async with broker_up(force), guard:
            return (
                await examining.examine(police, lambda: secret(force), clock),
                await broker.examine(force.broker, lambda: secret(force), clock),
            )

    ours, theirs = map(advised, asyncio.run(play()))
    assert not bad_ones(ours) and not bad_ones(theirs)
    for what in ("clock", "bus", "log", "trust bundle", "TLS", "permissions", "release guard", "disk", "mandates"):
        about(ours, what, Health.GOOD)
    for what in ("clock", "bus", "streams", "log", "submissions", "deliveries", "trust bundle", "TLS", "permissions"):
        about(theirs, what, Health.GOOD)
    assert "The log holds our extract of epoch 1." in about(ours, "trust bundle", Health.GOOD)
    assert "one passphrase in a file" in about(ours, "practice", Health.WARN)


def test_offline_says_what_was_not_looked_at_and_changes_nothing(police: Path, force: Practice) -> None:
    def state() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in force.folder.rglob("*") if p.is_file()}

    before = state()
    found = look(police)
    assert {f.what for f in found if f.health is Health.SKIPPED} == {"clock", "bus", "log"}
    assert not bad_ones(found)
    assert not bad_ones(look_broker(force.broker))
    assert state() == before


# the command


def test_a_folder_that_is_nobodys_is_one_plain_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--home", str(tmp_path)])
    assert done.exit_code == 2
    assert "is not an agency's or a broker's folder" in done.stderr


def test_warnings_leave_the_exit_code_at_nought_and_what_is_bad_does_not(police: Path) -> None:
    fine = CliRunner().invoke(app, ["doctor", "--home", str(police), "--offline", "--json"])
    told = json.loads(fine.stdout)
    assert (fine.exit_code, told["health"]) == (0, "warn")
    assert {"what", "health", "says", "do"} == set(told["findings"][0])
    (police / "keys" / "desk.key").chmod(0o644)
    done = CliRunner().invoke(app, ["doctor", "--home", str(police), "--offline"])
    assert done.exit_code == 3
    assert "✗" in done.stdout and "chmod 600" in done.stdout


def test_locked_keys_leave_the_rest_looked_at(police: Path) -> None:
    settings = json.loads((police / "agency.json").read_text())
    del settings["passphrase_file"]
    (police / "agency.json").write_text(json.dumps(settings))
    done = CliRunner().invoke(app, ["doctor", "--home", str(police), "--json"])
    told = {(f["what"], f["health"]) for f in json.loads(done.stdout)["findings"]}
    assert done.exit_code == 3
    assert {("adapter key", "bad"), ("trust bundle", "good"), ("permissions", "good")} <= told
    assert "--passphrase-fd" in done.stdout and "--offline" in done.stdout


# the clock


def test_a_clock_that_is_off_is_measured_against_the_broker(force: Practice, police: Path) -> None:
    cases = {DAY: "ahead of", 5 * MINUTE: "ahead of", -5 * MINUTE: "behind"}

    async def play() -> list[tuple[str, list[Finding]]]:
        async with broker_up(force):
            return [
                (word, found)
                for off, word in cases.items()
                for found in (
                    await examining.examine(police, lambda: secret(force), ahead(off)),
                    await broker.examine(force.broker, lambda: secret(force), ahead(off)),
                )
            ]

    for word, found in asyncio.run(play()):
        said = about(advised(found), "clock", Health.BAD)
        assert word in said and "timedatectl" in said


def test_a_clock_a_day_behind_is_told_by_the_trust_bundle_alone(made: Practice) -> None:
    assert "has not reached" in about(look(made.party(POLICE), ahead(-DAY)), "clock", Health.BAD)


@pytest.mark.parametrize(
    ("offset", "error", "health"),
    [
        (0, 5, Health.GOOD),
        (29_000, 0, Health.GOOD),
        (-31_000, 0, Health.WARN),
        (31_000, 2_000, Health.GOOD),
        (2 * MINUTE, 0, Health.WARN),
        (2 * MINUTE + 1, 0, Health.BAD),
        (-DAY, 100, Health.BAD),
    ],
)
def test_a_clock_is_judged_by_how_far_it_is_off_for_certain(offset: int, error: int, health: Health) -> None:
    assert checkup.clock(offset, "the broker's", error).health is health


# key files


def test_a_key_that_others_can_read_is_bad(police: Path) -> None:
    (police / "keys" / "desk.key").chmod(0o644)
    said = about(look(police), "permissions", Health.BAD)
    assert f"chmod 600 {police}/keys/desk.key" in said
    assert "have the keys replaced" in said


def test_a_folder_of_keys_that_others_can_enter_is_bad(police: Path, force: Practice) -> None:
    (police / "guard").chmod(0o755)
    assert f"chmod 700 {police}/guard" in about(look(police), "permissions", Health.BAD)
    (force.broker / "keys").chmod(0o750)
    assert f"chmod 700 {force.broker}/keys" in about(look_broker(force.broker), "permissions", Health.BAD)


def test_a_journal_that_others_can_read_is_bad(police: Path) -> None:
    Journal(police / "journal.db").close()
    (police / "journal.db").chmod(0o640)
    assert f"chmod 600 {police}/journal.db" in about(look(police), "permissions", Health.BAD)


def test_a_passphrase_file_that_others_can_read_is_bad(police: Path, force: Practice) -> None:
    settings = json.loads((police / "agency.json").read_text()) | {"practice": False}
    (police / "agency.json").write_text(json.dumps(settings))
    assert "for services alone" in about(look(police), "passphrase", Health.GOOD)
    (force.folder / "passphrase").chmod(0o644)
    assert "chmod 600" in about(look(police), "passphrase", Health.BAD)


def test_a_write_that_a_crash_cut_short_leaves_a_whole_key(police: Path) -> None:
    (police / "keys" / "desk.key.new").write_bytes(b"half")
    (police / "trust" / ".root.json.1.tmp").write_bytes(b"half")
    found = look(police)
    assert f"rm {police}/keys/desk.key.new" in about(found, "key files", Health.WARN)
    assert f"rm {police}/trust/.root.json.1.tmp" in about(found, "left over", Health.WARN)
    assert not bad_ones(found)


def test_a_half_written_key_without_a_whole_one_is_bad(police: Path) -> None:
    (police / "keys" / "desk.key").rename(police / "keys" / "desk.key.new")
    assert "from your backup" in about(look(police), "key files", Health.BAD)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_truncated_key_is_bad_without_its_passphrase(police: Path, size: int) -> None:
    path = police / "keys" / "desk.key"
    path.write_bytes(path.read_bytes()[:size])
    assert "does not read as a key file" in about(look(police), "key files", Health.BAD)


def test_a_folder_of_another_user_is_only_read(police: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keys.checkup.os.geteuid", lambda: police.stat().st_uid + 1)
    found = advised(asyncio.run(examining.examine(police, lambda: pytest.fail("unlocked"), clock)))
    assert "sudo -u" in about(found, "permissions", Health.BAD)
    assert {f.what for f in found if f.health is Health.SKIPPED} >= {"bus", "clock", "log"}


# the trust bundle


def test_an_expired_bundle_is_bad_and_one_that_expires_soon_is_named(made: Practice) -> None:
    assert f"practice renew {made.folder}" in about(
        look(made.party(POLICE), ahead(4 * DAY)), "trust bundle", Health.BAD
    )
    assert "then nothing is sent" in about(look(made.party(POLICE), ahead(2 * DAY)), "trust bundle", Health.WARN)
    assert "expired on" in about(look_broker(made.broker, ahead(8 * DAY)), "trust bundle", Health.BAD)
    assert "expires in" in about(look_broker(made.broker, ahead(6 * DAY)), "trust bundle", Health.WARN)


def test_the_officers_week_is_told_apart_from_what_a_refresh_renews(police: Path, force: Practice) -> None:
    """Else whoever reads "good for 2 days" thinks that the officers sign for so long."""
    mine, brokers = (about(lines, "trust bundle", Health.GOOD) for lines in (look(police), look_broker(force.broker)))
    for said in (mine, brokers):
        assert "the officers' signatures hold for 6 days" in said or "hold for 7 days" in said
    assert "without another refresh it is good for" in mine and "refresh" not in brokers
    late = about(look(police, ahead(4 * DAY)), "trust bundle", Health.BAD)
    assert "nothing is sent under it. What the officers signed holds until" in late


def test_a_refused_bundle_is_named_by_what_was_tried(police: Path) -> None:
    trust = read_trust(police)
    trust._note.write_text(json.dumps({"why": "rolled-back", "sentence": "An older one was offered."}))
    said = about(look(police), "trust bundle", Health.BAD)
    assert "rolled-back" in said and f"bundle refresh --home {police}" in said


def test_an_epoch_that_was_seen_and_cannot_be_fetched_for_an_hour_is_an_alarm(police: Path) -> None:
    journal = Journal(police / "journal.db")
    journal.saw_epoch(2, clock() - HOUR // 2)
    assert "Epoch 2 was seen" in about(look(police), "trust bundle", Health.WARN)
    journal.saw_epoch(3, clock() - 3 * HOUR)
    assert "holding it back" in about(look(police), "trust bundle", Health.BAD)
    journal.close()


def test_a_damaged_bundle_is_one_plain_sentence(police: Path, force: Practice) -> None:
    for home, looked in ((police, look), (force.broker, look_broker)):
        for path in (home / "trust" / "repository").rglob("*"):
            if path.is_file() and "root" not in path.name:
                path.write_bytes(b"{}")
        about(looked(home), "trust bundle", Health.BAD)


def test_an_epoch_that_was_published_and_does_not_hold_leaves_the_broker_at_the_one_before(force: Practice) -> None:
    repository = BrokerHome.open(force.broker, secret(force)).trust.repository
    state = repository.newest()
    assert state is not None
    repository.add_state(replace(state, epoch=2, tops=dict.fromkeys(state.tops, 99)))
    found = advised(asyncio.run(broker.examine(force.broker, lambda: secret(force), clock)))
    said = about(found, "trust bundle", Health.BAD)
    assert "Epoch 2 was published and does not hold, so the broker stays at 1." in said and "bundle publish" in said


# the bus


def test_a_broker_that_is_down_is_said_with_how_to_start_it(force: Practice, police: Path) -> None:
    for found in (
        asyncio.run(examining.examine(police, lambda: secret(force), clock)),
        asyncio.run(broker.examine(force.broker, lambda: secret(force), clock)),
    ):
        assert f"safeconduct up --home {force.broker}" in about(advised(found), "bus", Health.BAD)
        assert len(bad_ones(found)) == 1 and "could not be fetched" not in str(found)
    about(look(police), "trust bundle", Health.GOOD)


def test_an_address_that_a_crash_left_behind_is_no_broker(
    force: Practice, police: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "PATIENCE", 0.5)
    (force.broker / "run").mkdir(exist_ok=True)
    (force.broker / "run" / "address").write_text("tls://127.0.0.1:9")
    found = advised(asyncio.run(examining.examine(police, lambda: secret(force), clock)))
    assert "does not answer" in about(found, "bus", Health.BAD)


def test_a_wrong_passphrase_is_one_plain_sentence(force: Practice, police: Path) -> None:
    found = advised(asyncio.run(examining.examine(police, lambda: "wrong", clock)))
    assert "does not open this key file" in about(found, "adapter key", Health.BAD)
    theirs = advised(asyncio.run(broker.examine(force.broker, lambda: "wrong", clock)))
    assert "does not open this key file" in about(theirs, "broker keys", Health.BAD)


def test_a_revoked_login_is_sent_to_the_officers(force: Practice, police: Path) -> None:
    async def play() -> list[Finding]:
        async with broker_up(force) as running:
            taken = running.taken
            content = practice.published(force.folder / "officers" / "work")[1]
            ours = next(a for a in content.agencies.values() if a.name == POLICE)
            retired = ours.model_copy(update={"retired": clock()})
            practice.publish(
                force.folder, replace(content, agencies={**content.agencies, ours.handle: retired}), clock()
            )
            await asyncio.wait_for(taken.wait(), PATIENCE)
            return await examining.examine(police, lambda: secret(force), clock)

    found = advised(asyncio.run(play()))
    assert "has revoked it" in about(found, "bus", Health.BAD)
    assert "security officers" in about(found, "bus", Health.BAD)
    assert "refuses to give us" in about(found, "trust bundle", Health.BAD)


# TLS, mandates, keys, agreements


def test_a_certificate_is_named_thirty_days_before_its_end(made: Practice) -> None:
    for home, looked in ((made.party(POLICE), look), (made.broker, look_broker)):
        said = about(looked(home, ahead(70 * DAY)), "TLS", Health.WARN)
        assert re.search(r"in (19|20) days", said) and f"tls renew --home {home}" in said
        about(looked(home, ahead(59 * DAY)), "TLS", Health.GOOD)
        about(looked(home, ahead(91 * DAY)), "TLS", Health.BAD)


def test_tls_that_is_needed_and_not_there_is_bad(force: Practice) -> None:
    shutil.rmtree(force.broker / "tls")
    assert "tls request" in about(look_broker(force.broker), "TLS", Health.BAD)
    settings = json.loads((force.broker / "broker.json").read_text()) | {"tls": False}
    (force.broker / "broker.json").write_text(json.dumps(settings))
    about(look_broker(force.broker), "TLS", Health.GOOD)


def test_a_mandate_that_ends_in_ten_days_is_named(force: Practice, police: Path) -> None:
    content = practice.published(force.folder / "officers" / "work")[1]
    handle = next(h for h, a in content.agencies.items() if a.name == POLICE)
    contacts = [
        c.model_copy(update={"mandates": tuple(m.model_copy(update={"end": clock() + 10 * DAY}) for m in c.mandates)})
        if c.name == "desk"
        else c
        for c in content.contacts[handle]
    ]
    practice.publish(force.folder, content.with_contacts(handle, contacts), clock())
    practice.carry_out(force.folder, clock())
    for found in (look(police), look_broker(force.broker)):
        said = about(found, "mandates", Health.WARN)
        assert re.search(r"harbour-police/desk ends on .*, in (9|10) days", said)
        assert "safeconduct contact mandate" in said


def test_a_mandate_that_another_follows_without_a_gap_is_not_named(made: Practice) -> None:
    directory = read_trust(made.party(POLICE)).load().directory
    desk = directory.find("harbour-police/desk")
    now = clock()
    (first,) = (m.model_copy(update={"end": now + 10 * DAY}) for m in desk.mandates)

    def said(*others: Mandate) -> list[Finding]:
        return checkup.mandates(directory, [desk.model_copy(update={"mandates": (first, *others)})], now)

    after = first.model_copy(update={"start": first.end, "end": now + 400 * DAY})
    assert worst(said()) is Health.WARN
    assert worst(said(after)) is Health.GOOD
    assert worst(said(after.model_copy(update={"start": first.end + 1}))) is Health.WARN
    assert worst(said(after.model_copy(update={"revoked": first.end + DAY}))) is Health.WARN


def test_a_deputy_without_an_absence_and_a_suspension_are_named(made: Practice) -> None:
    directory, now = read_trust(made.party(POLICE)).load().directory, clock()
    deputy = directory.find("harbour-police/analyst-deputy")
    assert worst(checkup.mandates(directory, [deputy], now)) is Health.GOOD
    bare = tuple(m.model_copy(update={"absences": ()}) for m in deputy.mandates)
    said = checkup.mandates(directory, [deputy.model_copy(update={"mandates": bare})], now)
    assert "contact absence" in about(said, "mandates", Health.WARN)
    away = deputy.model_copy(update={"suspended": (Span(start=now - 1, end=now + DAY),)})
    rests = checkup.mandates(directory, [away], now)
    assert "contact resume" in about(rests, "mandates", Health.WARN)


def test_a_mandate_that_is_over_and_a_key_that_nobody_published_are_named(police: Path) -> None:
    assert "former-liaison ended" in about(look(police), "mandates", Health.WARN)
    (police / "keys" / "former-liaison.key").rename(police / "keys" / "new-desk.key")
    said = about(look(police), "mandates", Health.WARN)
    assert "former-liaison" not in said
    assert f"contact request new-desk --home {police}" in said


@pytest.mark.parametrize(("days", "health"), [(5, Health.GOOD), (12, Health.WARN), (18, Health.WARN), (21, Health.BAD)])
def test_an_encryption_key_is_renewed_in_time(made: Practice, days: int, health: Health) -> None:
    directory = read_trust(made.party(POLICE)).load().directory
    desk = directory.find("harbour-police/desk")
    found = agency.encryption_keys(directory, [desk], clock() + days * DAY, made.party(POLICE))
    assert worst(found) is health  # ten days old at the start, and lasts for thirty
    assert worst(advised(found)) is Health.GOOD or "keys --home" in found[0].do


def test_agreements_are_named_before_they_end_unless_another_follows(made: Practice) -> None:
    held = read_all(read_trust(made.party(POLICE)).load().agreements.items())
    first = min(held, key=lambda a: a.end)
    assert first.id in about(advised(agency.agreements([first], first.end - 20 * DAY)), "agreements", Health.WARN)
    assert worst(agency.agreements([first], first.end - 31 * DAY)) is Health.GOOD
    day = timedelta(days=1)
    valid = Validity.model_construct(start=first.valid.until + day, until=first.valid.until + 99 * day)
    after = Agreement.model_construct(**dict(first) | {"valid": valid, "id": "after"})
    assert worst(agency.agreements([first, after], first.end - 20 * DAY)) is Health.GOOD
    assert "None is in force" in about(
        advised(agency.agreements(held, first.end + 9999 * DAY)), "agreements", Health.WARN
    )


# the journal, the guard, the disk


def test_what_does_not_go_out_is_named_after_an_hour(police: Path) -> None:
    journal = Journal(police / "journal.db")
    journal.save(b"1" * 32, b"m" * 16, "c", b"x", clock() - HOUR // 2, state=QUEUED)
    assert "1 on their way" in about(look(police), "journal", Health.GOOD)
    journal.save(b"2" * 32, b"n" * 16, "c", b"x", clock() - 2 * HOUR, state=QUEUED)
    assert f"outbox --home {police} --flush" in about(look(police), "outbox", Health.WARN)
    journal.save(b"3" * 32, b"o" * 16, "c", b"x", clock() - 8 * DAY, state=QUEUED)
    assert "too old to be admitted" in about(look(police), "outbox", Health.BAD)
    journal.close()


def test_a_damaged_journal_is_one_plain_sentence(police: Path) -> None:
    (police / "journal.db").write_bytes(b"no database" * 100)
    (police / "journal.db").chmod(0o600)
    assert "cannot be read" in about(look(police), "journal", Health.BAD)


def test_held_and_quarantined_messages_and_promises_that_are_due_are_named(made: Practice) -> None:
    now = clock()
    waiting = advised(agency.journal(Standing(aside=1, unsealed=2), now, made.party(POLICE)))
    assert "seem to identify" in about(waiting, "inbox", Health.WARN)
    assert "guard" in about(waiting, "outbox", Health.WARN)
    unread = advised(agency.journal(Standing(unread=1), now, made.party(POLICE)))
    assert "1 urgent message that nobody has opened" in about(unread, "inbox", Health.WARN)
    found = advised(agency.journal(Standing(held=2, quarantined=1), now, made.party(POLICE)))
    assert "2 messages held" in about(found, "outbox", Health.WARN)
    assert "1 message kept aside" in about(found, "inbox", Health.WARN)
    assert not agency.promises(Standing(promises=(now + 1,)), now, made.party(POLICE))
    assert "1 record" in about(
        agency.promises(Standing(promises=(now - 1, now + 1)), now, made.party(POLICE)), "log", Health.WARN
    )


def test_a_guard_that_is_not_up_and_one_that_shares_our_user_are_named(made: Practice) -> None:
    assert f"guard run --home {made.party(POLICE)}" in about(look(made.party(POLICE)), "release guard", Health.WARN)
    shared = agency.guard(True, made.party(POLICE), same_user=True, practice=False)
    assert "chown" in about(shared, "release guard", Health.WARN)
    assert worst(agency.guard(True, made.party(POLICE), same_user=True, practice=True)) is Health.GOOD


@pytest.mark.parametrize(("free", "health"), [(5e9, Health.GOOD), (9e8, Health.WARN), (5e7, Health.BAD)])
def test_a_disk_is_named_before_it_is_full(free: float, health: Health) -> None:
    assert checkup.space(int(free), Path("/home")).health is health


# the broker's streams and log


def test_a_stream_with_other_settings_is_named_by_them(force: Practice) -> None:
    async def play() -> list[Finding]:
        home = BrokerHome.open(force.broker, secret(force))
        async with (
            broker_up(force) as running,
            connected(
                running.urls[0], home.nkey_seed, inbox_prefix=subjects.BROKER_INBOX, tls=home.client_tls()
            ) as connection,
        ):
            changed = subjects.RECORDS.request(1) | {"max_msgs_per_subject": 5}
            await Store(connection).api("STREAM.UPDATE.RECORDS", changed, "changing a stream")
            return await broker.examine(force.broker, lambda: secret(force), clock)

    found = advised(asyncio.run(play()))
    assert "max_msgs_per_subject" in about(found, "stream RECORDS", Health.BAD)
    assert [f.what for f in bad_ones(found)] == ["stream RECORDS"]


def test_a_log_that_can_be_deleted_from_or_is_gone_stops_everything(tmp_path: Path) -> None:
    config = subjects.LOG.request(3) | {"deny_delete": False}
    loose = broker.stream(subjects.LOG, broker.StreamFacts(config=config, messages=1), tmp_path)
    assert "deny_delete" in about(loose, "stream LOG", Health.BAD) and "Do not go on" in loose[0].do
    assert "Do not go on" in about(broker.stream(subjects.LOG, None, tmp_path), "stream LOG", Health.BAD)
    assert "up --home" in about(broker.stream(subjects.FLOW, None, tmp_path), "stream FLOW", Health.BAD)


@pytest.mark.parametrize("forged", ["signed by somebody", "signed by the log"])
def test_a_head_that_is_not_the_logs_is_bad(force: Practice, forged: str) -> None:
    async def play() -> list[Finding]:
        home = BrokerHome.open(force.broker, secret(force))
        key = VerifierKey.parse(home.bundle.directory.operator.log_vkey)
        async with (
            broker_up(force) as running,
            connected(
                running.urls[0], home.nkey_seed, inbox_prefix=subjects.BROKER_INBOX, tls=home.client_tls()
            ) as connection,
        ):
            store = Store(connection)
            # For the head over the announced epoch, the last that is published here.
            async with asyncio.timeout(PATIENCE):
                while (last := await store.last(subjects.HEADS, subjects.HEAD)) is None or b"\n1\n" not in last.data:
                    await asyncio.sleep(0.02)
            note = sign_checkpoint(Checkpoint(origin=key.name, size=1, root=b"f" * 32), key, home.log_signer.sign_note)
            if forged == "signed by somebody":
                note = note[:-10] + b"AAAAAAAA=\n"
            await store.put(subjects.HEAD, note)
            return await broker.examine(force.broker, lambda: secret(force), clock)

    said = about(advised(asyncio.run(play())), "log", Health.BAD)
    assert ("not one log" if forged == "signed by the log" else "no head that the log's key signed") in said


def test_a_log_that_is_shorter_than_what_was_signed_has_lost_leaves() -> None:
    head = Checkpoint(origin="o", size=3, root=b"r" * 32)
    facts = broker.LogFacts(size=3, head=head, root=b"r" * 32, projected=3, same_tail=True, record=True)
    assert worst(advised(broker.log_head(facts))) is Health.GOOD
    for other, word in [
        ({"size": 2}, "lost"),
        ({"size": 3, "projected": 4}, "lost"),
        ({"root": b"s" * 32}, "not one log"),
        ({"same_tail": False}, "not one log"),
    ]:
        assert word in about(advised(broker.log_head(replace(facts, **other))), "log", Health.BAD)  # type: ignore[arg-type]
    assert worst(advised(broker.log_head(replace(facts, root=None, projected=2)))) is Health.WARN
    assert worst(advised(broker.log_head(replace(facts, record=False)))) is Health.WARN


@pytest.mark.parametrize(("age", "health"), [(0, Health.GOOD), (2 * MINUTE, Health.WARN), (11 * MINUTE, Health.BAD)])
def test_what_waits_too_long_for_a_worker_or_the_log_is_named(tmp_path: Path, age: int, health: Health) -> None:
    assert broker.backlog("submissions", 7, 1_000_000, 1_000_000 + age, tmp_path).health is health
    assert broker.backlog("submissions", 0, None, 1_000_000, tmp_path).health is Health.GOOD


def test_a_contact_who_collects_nothing_is_named_before_it_is_full(made: Practice) -> None:
    directory = BrokerHome.open(made.broker, secret(made)).bundle.directory
    desk = directory.find("harbour-police/desk").handle
    assert worst(broker.consumers(directory, {desk: 4_999}, clock())) is Health.GOOD
    assert "harbour-police/desk" in about(
        broker.consumers(directory, {desk: 5_000}, clock()), "deliveries", Health.WARN
    )
    assert "no consumer" in about(broker.consumers(directory, {desk: None}, clock()), "deliveries", Health.BAD)


def test_a_server_without_atomic_batches_is_too_old() -> None:
    assert broker.server((2, 11), "2.11.9").health is Health.BAD
    assert broker.server((2, 12), "2.12.0").health is Health.GOOD
    assert broker.server((3, 0), "3.0.0").health is Health.GOOD


# words


def test_every_command_that_is_advised_exists() -> None:
    named: set[tuple[str, ...]] = set()
    for path in ("keys/checkup.py", "adapters/checkup.py", "adapters/examining.py", "broker/checkup.py"):
        source = (Path(__file__).parents[2] / path).read_text(encoding="utf-8")
        named |= {tuple(words.split()) for words in re.findall(r"safeconduct ([a-z]+(?: [a-z-]+)?) --", source)}
        named |= {(one, two) if two else (one,) for one, two in re.findall(r'say\("(\w+)"(?:, "([a-z]\w*)")?', source)}
    assert len(named) > 15
    for words in named:
        found = typer.main.get_command(app)
        for word in words:
            assert word in getattr(found, "commands", {}), f"safeconduct {' '.join(words)}"
            found = found.commands[word]  # type: ignore[attr-defined]


def test_a_command_with_a_space_in_it_can_be_typed_as_it_stands() -> None:
    assert checkup.say("up", "--home", Path("/srv/my broker")) == "safeconduct up --home '/srv/my broker'"


def test_a_refused_bundle_of_each_kind_is_named(tmp_path: Path) -> None:
    for why in ("expired", "frozen", "rolled-back", "mixed", "unsigned", "not-for-us", "too-large", "unreadable"):
        (found,) = advised(agency.trust_refused(Refused(why, "It was."), tmp_path))
        assert found.health is Health.BAD and f"({why})" in found.says
    assert not agency.trust_refused(None, tmp_path)
