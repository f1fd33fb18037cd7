"""Ceremonies by the commands that people type: the walk-through of docs/ceremonies.md, and everybody's mistakes."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from adapters.home import clock
from audit.logdir import write_atomically
from audit.witness import WitnessKey
from cli.enrol import read_request
from cli.main import app
from cli.unlock import DESCRIPTOR_VARIABLE, handing_over
from keys import decisions, keystore, retiring, statements
from keys.bundle import Verifier, first_root
from keys.ceremony import root_fingerprint, root_keys
from keys.domains import KeyKind, Tag
from keys.fingerprints import fingerprint
from keys.metadata import FULL, Audience
from keys.online import Extracts, export
from keys.repository import Repository
from keys.sealing import DecryptionKey
from keys.signing import Signer, verify
from keys.statements import usable
from keys.unlocking import Passphrase, Source
from keys.updating import FolderFetcher, TrustCopy
from messages.ceremony import CeremonyStep, StepCode
from messages.limits import DAY
from messages.signed import Signed
from tests.support.folders import contents
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ceremonies.md").read_text(encoding="utf-8")
WRITTEN = date(2026, 11, 22)
"""The day on which the page plays; its dates are moved so that this is today."""
BLOCK = re.compile(
    r"Save this as `([\w.-]+)`:\n\n```yaml\n(.*?)^```$|^```console\n(.*?)^```$|^```sh\nsafeconduct (.*?)\n```$",
    re.M | re.S,
)
DIGITS = re.compile(r'"(?:(\w+)\'s )?digits …"')
MANDATE = "contact mandate work harbour-police/desk --as ada"
TERMS = "--types A01 --areas THB-SEX --may-send --until 2999-01-01"
HEAD = '"Head of the unit"'
SECRET = "correct horse battery staple"


@pytest.fixture(scope="module", autouse=True)
def quick_key_files() -> Iterator[None]:
    """Sealing is slow on purpose; what is sealed here protects nothing."""
    patch = pytest.MonkeyPatch()
    patch.setattr(keystore.Cost.__init__, "__defaults__", (1, keystore.MIN_MEMORY))
    yield
    patch.undo()


@dataclass
class Desk:
    """One folder in which commands are typed; every prompt for a passphrase gets the same one, by a descriptor."""

    folder: Path
    said: list[str] = field(default_factory=list)
    service: subprocess.Popen[str] | None = None

    def run(self, line: str, *, secret: str = SECRET, answer: str | None = None) -> Result:
        words = shlex.split(line)
        assert words[0] == "safeconduct"
        before = Path.cwd()
        reading, writing = os.pipe()
        os.write(writing, secret.encode())
        os.close(writing)
        os.environ[DESCRIPTOR_VARIABLE] = str(reading)
        os.chdir(self.folder)
        try:
            result = CliRunner().invoke(app, words[1:], input=answer, catch_exceptions=False)
        finally:
            os.chdir(before)
            if os.environ.pop(DESCRIPTOR_VARIABLE, None):
                os.close(reading)
        self.said.append(result.output)
        return result

    def ok(self, line: str) -> str:
        result = self.run(line)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        return result.output

    def refused(self, line: str, *, secret: str = SECRET) -> str:
        """The one sentence with which a mistake ends."""
        result = self.run(line, secret=secret)
        assert result.exit_code in (1, 2), f"{line}\n{result.output}"
        assert "Traceback" not in result.output
        assert "internal error" not in result.output.lower()
        return result.output

    def start(self, line: str) -> None:
        """Run a service as its operator would, until `stop`; it is ready when it says so."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SAFECONDUCT_")}
        with handing_over(Passphrase(SECRET, Source.FD)) as handed, (self.folder / "up.log").open("wb") as log:
            given = handed.arguments()
            given["env"] = {**kept, DESCRIPTOR_VARIABLE: str(handed.descriptor), "PYTHONPATH": str(ROOT)}
            self.service = subprocess.Popen(
                [sys.executable, "-m", "cli.main", *shlex.split(line)],
                cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True, **given,
            )  # fmt: skip
        assert self.service.stdout is not None
        said = self.service.stdout.readline()
        assert said.startswith("ready"), (self.folder / "up.log").read_text()

    def stop(self) -> None:
        """Stop what `start` started."""
        if self.service is not None:
            self.service.terminate()
            self.service.wait(timeout=PATIENCE)
            assert self.service.stdout is not None
            self.service.stdout.close()

    def refreshed(self, line: str) -> None:
        """Fetch until the running broker has noticed what was published last."""
        newest = Repository(self.folder / "work" / "repository").epochs()[-1]
        until = time.monotonic() + PATIENCE
        while f"epoch {newest};" not in self.ok(line):
            assert time.monotonic() < until, (self.folder / "up.log").read_text()

    def requests(self, line: str) -> list[str]:
        """The digits that somebody was told for each request in the line, except for those in the own folder."""
        words = shlex.split(line)
        own = words[words.index("--as") + 1] if "--as" in words else None
        files = [w for w in words if w.endswith(".json") and not (own and w.startswith(f"{own}/"))]
        return [read_request(self.folder / f).fingerprint for f in files]


def moved(text: str) -> str:
    days = (datetime.now(UTC).date() - WRITTEN).days
    return re.sub(
        r"\b20\d\d-\d\d-\d\d\b", lambda m: (date.fromisoformat(m[0]) + timedelta(days=days)).isoformat(), text
    )


def told(desk: Desk, line: str) -> str:
    """The line with the digits that a person would have been told in place of the page's dots."""

    def digits(match: re.Match[str]) -> str:
        if match[1]:  # a root holder's key
            request = read_request(desk.folder / match[1] / "root-request.json")
            return f'"{fingerprint(request.officer().key)}"'
        if "install-root" in line:
            return f'"{root_fingerprint(first_root((desk.folder / shlex.split(line)[3]).read_bytes()))}"'
        return " --fingerprint ".join(f'"{text}"' for text in desk.requests(line))

    return DIGITS.sub(digits, line)


def walk(desk: Desk, until: str = "\0") -> None:
    """Do what the page says, up to the heading `until`."""
    for match in BLOCK.finditer(PAGE.partition(f"\n## {until}")[0]):
        if match[1]:
            (desk.folder / match[1]).write_text(moved(match[2]))
            continue
        if match[4]:
            desk.start(match[4])
            continue
        for line in match[3].splitlines():
            assert line.startswith("$ "), line
            command = moved(line[2:])
            if not command.startswith("safeconduct "):
                subprocess.run(["/bin/sh", "-ec", command], cwd=desk.folder, check=True, timeout=PATIENCE)
                continue
            if command.startswith("safeconduct bundle refresh"):
                desk.refreshed(command)
                continue
            asks = shlex.split(command)[1:3] in (["bundle", "sign"], ["bundle", "sign-root"], ["bundle", "discard"])
            desk.ok(told(desk, command) + (" --yes" if asks else ""))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The whole page, walked through, with the broker that it starts."""
    desk = Desk(tmp_path_factory.mktemp("ceremonies"))
    try:
        walk(desk)
        yield desk
    finally:
        desk.stop()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The task force as it stands before its first week is over."""
    desk = Desk(tmp_path_factory.mktemp("started"))
    walk(desk, "Start the broker")
    for officer in ("ada", "ben"):
        desk.ok(f"safeconduct bundle status work --as {officer}")
    return desk


@pytest.fixture
def desk(started: Desk, tmp_path: Path) -> Desk:
    """A copy of it for one test."""
    shutil.copytree(started.folder, tmp_path / "desk")
    return Desk(tmp_path / "desk")


def newest(desk: Desk, root: str = "ada/trust/root.json") -> tuple[Repository, Verifier]:
    return Repository(desk.folder / "work" / "repository"), Verifier((desk.folder / root).read_bytes(), Audience(FULL))


# The page


def test_a_new_user_who_copies_the_page_ends_with_a_bundle_that_verifies_at_the_broker(lived: Desk) -> None:
    repository = Repository(lived.folder / "broker" / "trust" / "repository")
    verifier = Verifier((lived.folder / "broker" / "trust" / "root.json").read_bytes(), Audience(FULL))
    assert len(repository.epochs()) >= 11
    for epoch in repository.epochs():
        bundle = verifier.open(repository, repository.state(epoch))
        assert len(bundle.officers) == 2
    assert {o.title.split(",")[0] for o in bundle.directory.officers} == {"Ada", "Ben", "Cleo"}
    assert {a.name: a.retired is not None for a in bundle.directory.agencies} == {
        "harbour-police": False,
        "river-refuge": True,
    }


def test_every_step_of_the_page_is_signed_for_the_log_by_somebody_in_office(lived: Desk) -> None:
    repository, verifier = newest(lived)
    found = []
    for epoch in repository.epochs():
        state = repository.state(epoch)
        directory = verifier.open(repository, state).directory
        for data in state.steps:
            signed = Signed.from_bytes(data)
            officer = directory.officer(signed.by)
            assert officer is not None
            step = CeremonyStep.from_bytes(verify(signed, Tag.CEREMONY, officer.key))
            assert step.epoch == epoch
            assert officer.start <= step.at < officer.end
            found.append(step.step)
        assert found[-1] is StepCode.PUBLISH
    assert set(found) >= {
        StepCode.INIT, StepCode.FINGERPRINT_COMPARED, StepCode.REVIEW, StepCode.SIGN, StepCode.PUBLISH, StepCode.RENEW,
        StepCode.ADD_AGENCY, StepCode.ADD_CONTACT, StepCode.ADD_AGREEMENT, StepCode.END_AGREEMENT, StepCode.REVOKE,
        StepCode.SUSPEND, StepCode.RESUME, StepCode.ABSENCE, StepCode.CHANGE_MANDATE, StepCode.REPLACE_OFFICER,
        StepCode.ROTATE_ROOT, StepCode.RETIRE_AGENCY,
    }  # fmt: skip


def test_no_private_key_is_anywhere_but_in_its_owners_key_files(lived: Desk) -> None:
    secrets = []
    for path in lived.folder.rglob("*.key"):
        assert path.stat().st_mode & 0o077 == 0
        for value in keystore.read(path, SECRET).values():
            if isinstance(value, bytes):
                secrets += [value, value.hex().encode()]
    assert len(secrets) > 20
    others = [data for path, data in contents(lived.folder) if path.suffix != ".key"]
    assert len(others) > 50
    assert not any(secret in data for secret in secrets for data in others)
    assert not any(SECRET in text for text in lived.said)


def test_the_past_is_proved_from_the_signed_bundle_of_that_day(lived: Desk) -> None:
    repository, _ = newest(lived)
    third = repository.state(3).at
    then = datetime.fromtimestamp((third + 1) / 1000, UTC).isoformat()
    base = "safeconduct contact history river-refuge/intake --home ada --work work --json"
    row = json.loads(lived.ok(f"{base} --at {then}"))
    assert row["epoch"] == 3
    assert row["mandate"]["granted in epoch"] == 2
    assert sorted(t.split(",")[0] for t in row["mandate"]["granted by"]) == ["Ada", "Ben"]
    assert sorted(t.split(",")[0] for t in row["signed by"]) == ["Ada", "Ben"]
    now = json.loads(lived.ok(base))
    assert now["mandate"] is None
    assert now["mandates"][0]["revoked"] is not None  # it is not forgotten


def test_the_running_broker_followed_every_epoch_and_logged_its_steps(lived: Desk) -> None:
    """What the page publishes while the broker is up takes effect by itself."""
    lived.refreshed("safeconduct bundle refresh --home police")
    police = json.loads(lived.ok("safeconduct contact history harbour-police/desk --home police --json"))
    officers = json.loads(lived.ok("safeconduct contact history harbour-police/desk --home ada --work work --json"))
    assert police["epoch"] == officers["epoch"]
    assert police["mandates"] == officers["mandates"]
    log, until = lived.folder / "up.log", time.monotonic() + PATIENCE
    followed: set[int] = set()
    while police["epoch"] not in followed and time.monotonic() < until:  # it is served before it is decided under
        lines = log.read_text().splitlines()
        followed = {json.loads(line)["epoch"] for line in lines if '"event": "epoch"' in line}
    assert police["epoch"] in followed


def test_a_retired_agency_gets_nothing_any_more(lived: Desk) -> None:
    lived.refreshed("safeconduct bundle refresh --home police")  # the broker has noticed the last epoch
    assert "login may be revoked" in lived.refused("safeconduct bundle refresh --home refuge")


def test_the_lost_officers_key_is_in_neither_root_nor_office_afterwards(lived: Desk) -> None:
    repository, verifier = newest(lived)
    state = repository.newest()
    assert state is not None
    assert state.root == 3
    verifier.open(repository, state)
    ben = read_request(lived.folder / "ben" / "request.json").officer()
    root = read_request(lived.folder / "ben" / "root-request.json").officer()
    named = {k for role in ("root", "targets", "timestamp") for k in root_keys(verifier.root, role)}
    assert not {ben.key, root.key} & named
    assert len(root_keys(verifier.root, "root")) == 3


def test_a_checklist_remembers_what_was_ticked(lived: Desk) -> None:
    lines = lived.ok("safeconduct agency checklist work river-refuge").splitlines()
    assert [line[:8] for line in lines if line.startswith("[x]")] == ["[x] keys"]
    assert sum(line.startswith("[ ]") for line in lines) >= 5


# Two people


def revocation(desk: Desk) -> None:
    desk.ok("safeconduct contact revoke work harbour-police/desk --as ada")


def test_one_person_cannot_be_both_signatures(desk: Desk) -> None:
    assert "One person" in desk.refused(
        'safeconduct contact revoke work harbour-police/desk --as ada --second "Ada, security officer"'
    )
    revocation(desk)
    desk.ok("safeconduct bundle sign work --as ada --yes")
    assert "second person" in desk.refused("safeconduct bundle sign work --as ada --yes")
    assert "lacks a signature: Ben" in desk.refused("safeconduct bundle publish work --as ada")


def test_a_proposal_that_was_changed_after_a_signature_is_refused(desk: Desk) -> None:
    revocation(desk)
    desk.ok("safeconduct bundle sign work --as ada --yes")
    path = desk.folder / "work" / "proposal.json"
    value = json.loads(path.read_text())
    (name,) = value["changes"]
    value["changes"][name] = re.sub(r'"revoked":(\d+)', lambda m: f'"revoked":{int(m[1]) - 1}', value["changes"][name])
    path.write_text(json.dumps(value))
    assert "does not fit" in desk.refused("safeconduct bundle sign work --as ben --yes")


def test_another_change_makes_both_signatures_necessary_again(desk: Desk) -> None:
    revocation(desk)
    desk.ok("safeconduct bundle sign work --as ada --yes")
    desk.ok("safeconduct contact suspend work river-refuge/intake --as ben")
    desk.ok("safeconduct bundle sign work --as ben --yes")
    assert "Ada" in desk.refused("safeconduct bundle publish work --as ben")


def test_a_proposal_made_for_an_older_epoch_is_to_be_made_again(desk: Desk) -> None:
    revocation(desk)
    kept = (desk.folder / "work" / "proposal.json").read_bytes()
    desk.ok("safeconduct bundle sign work --as ada --yes")
    desk.ok("safeconduct bundle sign work --as ben --yes")
    desk.ok("safeconduct bundle publish work --as ada")
    write_atomically(desk.folder / "work" / "proposal.json", [kept])
    sentence = "made for epoch 3, but epoch 3 is published"
    assert sentence in desk.refused("safeconduct bundle sign work --as ben --yes")
    assert sentence in desk.refused("safeconduct bundle publish work --as ada")
    desk.ok("safeconduct bundle discard work --as ada --yes")


def test_a_question_that_is_not_answered_with_yes_signs_nothing(desk: Desk) -> None:
    revocation(desk)
    before = (desk.folder / "work" / "proposal.json").read_bytes()
    for answer in (None, "n\n", "\n"):
        assert desk.run("safeconduct bundle sign work --as ada", answer=answer).exit_code == 1
    assert (desk.folder / "work" / "proposal.json").read_bytes() == before
    assert desk.run("safeconduct bundle sign work --as ada", answer="y\n").exit_code == 0
    assert (desk.folder / "work" / "proposal.json").read_bytes() != before


# Heads


def carry(desk: Desk, home: str) -> None:
    """Bring an agency its extract, as its adapter would fetch it."""
    secrets = keystore.read(desk.folder / "broker" / "keys" / "broker.key", SECRET)
    online = Signer(KeyKind.ONLINE, str(secrets["worker"]), keystore.secret(secrets, "online-seed"))
    repository = Repository(desk.folder / "broker" / "trust" / "repository")
    extracts = Extracts(repository, online)
    state = repository.newest()
    assert state is not None
    extracts.take(state)
    whose = Audience(json.loads((desk.folder / home / "agency.json").read_text())["handle"])
    stick = desk.folder / "stick" / home / str(state.epoch)
    for name, data in export(extracts, whose, clock()).items():
        (stick / name).parent.mkdir(parents=True, exist_ok=True)
        (stick / name).write_bytes(data)
    TrustCopy(desk.folder / home / "trust", whose).refresh("file:///", FolderFetcher(stick))


def send(desk: Desk, source: str, target: str) -> None:
    """The proposal alone travels."""
    (desk.folder / target).mkdir(exist_ok=True)
    shutil.copy(desk.folder / source / "proposal.json", desk.folder / target / "proposal.json")


def test_an_agencys_head_counts_as_one_of_two_for_its_own_contacts(desk: Desk) -> None:
    carry(desk, "police")
    desk.ok(f"safeconduct contact suspend work harbour-police/desk --as ada --second {HEAD}")
    desk.ok("safeconduct bundle sign work --as ada --yes")
    send(desk, "work", "letter")
    shown = desk.ok("safeconduct bundle review letter --as police")
    assert "harbour-police/desk is suspended" in shown
    changes, _, rehearsed = shown.partition("Newly blocked")
    assert "river-refuge" not in changes
    assert "river-refuge/intake" in rehearsed  # a partner that the head's own extract names: whom it would not reach
    desk.ok("safeconduct bundle sign letter --as police --yes")
    send(desk, "letter", "work")
    desk.ok("safeconduct bundle publish work --as ada --to broker")
    repository, verifier = newest(desk)
    bundle = verifier.open(repository, repository.state(3))
    assert bundle.directory.find("harbour-police/desk").mandate_at(clock()) is None
    assert len(repository.state(3).roles) == 2
    assert repository.state(3).tops == repository.state(2).tops  # nothing but one list was signed


def test_a_head_may_begin_and_an_officer_be_the_second(desk: Desk) -> None:
    carry(desk, "police")
    (desk.folder / "letter").mkdir()
    line = (
        "safeconduct contact mandate letter harbour-police/desk --as police --types A01 --areas THB-SEX --may-receive"
    )
    desk.ok(f'{line} --until 2999-01-01 --second "Ben, data protection officer"')
    desk.ok("safeconduct bundle sign letter --as police --yes")
    send(desk, "letter", "work")
    desk.ok("safeconduct bundle sign work --as ben --yes")
    desk.ok("safeconduct bundle publish work --as ada --to broker")
    repository, verifier = newest(desk)
    mandate = verifier.open(repository, repository.state(3)).directory.find("harbour-police/desk").mandate_at(clock())
    assert mandate is not None
    assert mandate.may_send is False
    assert mandate.granted_in == 3


def test_a_head_signs_for_no_other_agency_and_nothing_else(desk: Desk) -> None:
    carry(desk, "police")
    for line in ("contact revoke work river-refuge/intake", "agency retire work harbour-police", "bundle renew work"):
        assert "Head of the unit cannot sign this" in desk.refused(f"safeconduct {line} --as ada --second {HEAD}")
    desk.ok("safeconduct contact revoke work river-refuge/intake --as ada")
    send(desk, "work", "letter")
    assert "own contacts alone" in desk.refused("safeconduct bundle sign letter --as police --yes")
    (desk.folder / "elsewhere").mkdir()
    line = 'safeconduct contact revoke elsewhere river-refuge/intake --as police --second "Ada, security officer"'
    assert "There is no contact 'river-refuge/intake'" in desk.refused(line)


# Nobody signs a change of policy that was not rehearsed as it is


def rehearsal(desk: Desk) -> str:
    return str(json.loads((desk.folder / "work" / "proposal.json").read_bytes())["rehearsal"])


def with_rehearsal(desk: Desk, report: str) -> None:
    path = desk.folder / "work" / "proposal.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "rehearsal": report}))


def test_a_missing_an_old_a_foreign_and_another_epochs_rehearsal_are_signed_by_nobody(desk: Desk) -> None:
    said = desk.ok("safeconduct contact suspend work river-refuge/intake --as ada")
    assert "rehearsed: Of what could be sent" in said
    old = rehearsal(desk)
    desk.ok("safeconduct bundle discard work --as ada --yes")
    desk.ok("safeconduct contact suspend work harbour-police/desk --as ada")
    own = rehearsal(desk)
    assert own != old and f'"base":{json.loads(own)["matrix"]["base"]},' in own
    base = json.loads(own)["matrix"]["base"]
    for swapped, says in (
        ("", "not rehearsed yet"),
        (old, "is not of these changes"),
        (own.replace(f'"base":{base},', f'"base":{base - 1},'), "is not of these changes"),
        (own.replace('"change":"newly blocked"', '"change":"newly passes"'), "is not of these changes"),
        (own + " ", "cannot be read"),
        ("{}", "cannot be read"),
    ):
        with_rehearsal(desk, swapped)
        refused = desk.refused("safeconduct bundle sign work --as ben --yes")
        assert says in refused and "rehearse" in refused
        assert not json.loads((desk.folder / "work" / "proposal.json").read_bytes())["signatures"]
    with_rehearsal(desk, own)
    desk.ok("safeconduct bundle sign work --as ben --yes")


def test_rehearsing_again_with_past_messages_takes_the_first_signature_away(desk: Desk, tmp_path: Path) -> None:
    desk.ok("safeconduct contact suspend work harbour-police/desk --as ada")
    desk.ok("safeconduct bundle sign work --as ada --yes")
    before = rehearsal(desk)
    export = tmp_path / "export"
    export.mkdir()
    (export / "records.jsonl").write_text("")
    page = tmp_path / "rehearsal.html"
    said = desk.ok(f"safeconduct bundle rehearse work --as ben --records {export} --html {page}")
    assert "0 past decisions were looked at" in said and "digits of the rehearsal" in said
    assert "Newly blocked" in page.read_text(encoding="utf-8")
    assert rehearsal(desk) != before
    for officer in ("ada", "ben"):
        assert "0 past decisions" in desk.ok(f"safeconduct bundle sign work --as {officer} --yes")
    desk.ok("safeconduct bundle publish work --as ada --to broker")


def test_two_officers_name_a_witness_and_take_it_out_again(desk: Desk) -> None:
    key = WitnessKey(name="witness-3f0c9a51d2", public=bytes(range(32)))
    desk.ok(f"safeconduct bundle add-witness work '{key}' --as ada")
    told = desk.ok("safeconduct bundle review work --as ben")
    assert f"new witness of the log: {key.name}, key {fingerprint(key.public)}" in told
    for officer in ("ada", "ben"):
        desk.ok(f"safeconduct bundle sign work --as {officer} --yes")
    desk.ok("safeconduct bundle publish work --as ada --to broker")
    twin = WitnessKey(name="witness-77ab01c2de", public=key.public)
    assert "very key" in desk.refused(f"safeconduct bundle add-witness work '{twin}' --as ada")
    assert "is a witness already" in desk.refused(
        f"safeconduct bundle add-witness work '{WitnessKey(name=key.name, public=bytes(32))}' --as ada"
    )
    desk.ok(f"safeconduct bundle end-witness work {key.name} --as ben")
    assert "no longer a witness" in desk.ok("safeconduct bundle review work --as ada")
    for officer in ("ada", "ben"):
        desk.ok(f"safeconduct bundle sign work --as {officer} --yes")
    desk.ok("safeconduct bundle publish work --as ada --to broker")


def test_two_officers_say_where_alarms_go_and_where_no_longer(desk: Desk) -> None:
    def publish() -> None:
        for officer in ("ada", "ben"):
            desk.ok(f"safeconduct bundle sign work --as {officer} --yes")
        desk.ok("safeconduct bundle publish work --as ada --to broker")

    to = "mailto:duty@ministry.example"
    desk.ok(f"safeconduct bundle add-alarm work {to} --outside --as ada")
    told = " ".join(desk.ok("safeconduct bundle review work --as ben").split())
    assert f"alarms go, without content, to {to} (outside the operator's organisation)" in told
    publish()
    assert "go to that address already" in desk.refused(f"safeconduct bundle add-alarm work {to} --as ada")
    desk.ok(f"safeconduct bundle end-alarm work {to} --as ben")
    assert f"no longer: alarms go, without content, to {to}" in " ".join(
        desk.ok("safeconduct bundle review work --as ada").split()
    )
    publish()


def test_what_changes_nobodys_rights_needs_no_rehearsal(desk: Desk) -> None:
    desk.ok("safeconduct bundle renew work --as ada")
    assert rehearsal(desk) == ""
    assert "nothing to rehearse" in desk.ok("safeconduct bundle rehearse work --as ben")
    desk.ok("safeconduct bundle sign work --as ben --yes")


@pytest.mark.parametrize(("changes", "line", "says"), [
    ({"retention_days: 365": "retention_days: ["}, 15, "this is not YAML"),
    ({"types: [A22, A23, A24]": "types: [A22, A99]"}, 17, "'A99' is not a data type"),
    (
        {"types: [A22, A23, A24]": "types: [A22, A03]", "[VICTIM-REFERRAL]": "[INTEL-REPORT]", "RIVER-01": "RIVER-02"},
        17, "do not receive A03",
    ),
    ({"retention_days: 365": "retention_days: 30", "id: RIVER-01": "id: RIVER-02"}, 17, "disagrees with RIVER-01"),
], ids=["broken YAML", "unknown type", "a type that nobody may receive", "two that disagree"])  # fmt: skip
def test_an_agreement_that_cannot_stand_is_refused_before_it_is_proposed_with_file_line_and_sentence(
    desk: Desk, changes: dict[str, str], line: int, says: str
) -> None:
    text = (desk.folder / "agreement.yaml").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (desk.folder / "other.yaml").write_text(text)
    epochs = newest(desk)[0].epochs()
    refused = desk.refused("safeconduct bundle add-agreement work other.yaml --as ada")
    assert f"other.yaml, line {line}" in refused, refused
    assert says in refused
    assert newest(desk)[0].epochs() == epochs
    assert not (desk.folder / "work" / "proposal.json").exists()


# New keys of a contact


def test_a_contacts_new_keys_are_vouched_for_by_the_old_one(desk: Desk) -> None:
    carry(desk, "police")
    before = read_request(desk.folder / "police" / "requests" / "desk.json").contact()
    desk.ok("safeconduct contact rotate desk --home police")
    line = "safeconduct contact rekey work police/requests/desk-rotation.json --as ada"
    desk.ok(f'{line} --fingerprint "{desk.requests(line)[0]}"')
    desk.ok("safeconduct bundle sign work --as ada --yes")
    desk.ok("safeconduct bundle sign work --as ben --yes")
    desk.ok("safeconduct bundle publish work --as ada --to broker")
    desk.ok("safeconduct contact rotate desk --home police --published")
    repository, verifier = newest(desk)
    state = repository.state(3)
    contact = verifier.open(repository, state).directory.find("harbour-police/desk")
    key = keystore.read(desk.folder / "police" / "keys" / "desk.key", SECRET)
    assert Signer(KeyKind.CONTACT, contact.handle, keystore.secret(key, "sign")).public == contact.signing_key
    assert contact.signing_key != before.signing_key
    assert contact.key_at(clock()) == contact.signing_key
    assert contact.key_at(repository.state(2).at) == before.signing_key
    assert usable(contact, clock()).number == 2
    assert [k.number for k in retiring.stored(key)] == [2, 1]  # what was sealed to the old key can still be opened


def test_new_keys_for_a_lost_one_need_the_agencys_head(desk: Desk) -> None:
    carry(desk, "police")
    desk.ok("safeconduct contact rotate desk --home police --lost")
    line = "safeconduct contact rekey work police/requests/desk-rotation.json --as ada"
    told = f'{line} --fingerprint "{desk.requests(line)[0]}"'
    assert "the agency's head has to be one of the two" in desk.refused(told)
    desk.ok(f"{told} --second {HEAD}")
    desk.ok("safeconduct bundle sign work --as ada --yes")
    send(desk, "work", "letter")
    desk.ok("safeconduct bundle sign letter --as police --yes")
    send(desk, "letter", "work")
    desk.ok("safeconduct bundle publish work --as ada")


def test_a_lost_heads_key_is_replaced_by_two_officers(desk: Desk) -> None:
    desk.ok("safeconduct officer init chief --title Chief")
    line = "safeconduct agency head work harbour-police --as ada --with chief/request.json"
    desk.ok(f'{line} --fingerprint "{desk.requests(line)[0]}"')
    desk.ok("safeconduct bundle sign work --as ada --yes")
    desk.ok("safeconduct bundle sign work --as ben --yes")
    desk.ok("safeconduct bundle publish work --as ada")
    repository, verifier = newest(desk)
    head = verifier.open(repository, repository.state(3)).directory.agencies
    assert {a.head.title for a in head if a.head is not None} == {"Chief"}


# Encryption keys that contacts stated


def test_stated_encryption_keys_reach_the_bundle(desk: Desk) -> None:
    repository, verifier = newest(desk)
    contact = verifier.open(repository, repository.state(2)).directory.find("harbour-police/desk")
    secrets = keystore.read(desk.folder / "police" / "keys" / "desk.key", SECRET)
    signer = Signer(KeyKind.CONTACT, contact.handle, keystore.secret(secrets, "sign"))
    now = clock()
    new = statements.make(signer, DecryptionKey(bytes(range(96))), 2, now, now + DAY)
    stated = desk.folder / "stated.jsonl"
    stated.write_bytes(decisions.stated_line(contact.handle, new))
    assert "encryption key 2" in desk.ok("safeconduct bundle renew work --as ada --stated stated.jsonl")
    desk.ok("safeconduct bundle discard work --as ada --yes")
    stranger = Signer(KeyKind.CONTACT, contact.handle, bytes(32))
    forged = statements.make(stranger, DecryptionKey(bytes(range(96))), 2, now, now + DAY)
    stated.write_bytes(decisions.stated_line(contact.handle, forged))
    desk.refused("safeconduct bundle take-statements work stated.jsonl --as ada")
    stated.write_text("{")
    assert "cannot be read" in desk.refused("safeconduct bundle take-statements work stated.jsonl --as ada")


def test_an_officer_without_a_root_of_trust_believes_nothing(desk: Desk) -> None:
    desk.ok("safeconduct officer init cleo --title Cleo")
    assert "no root of trust" in desk.refused("safeconduct bundle status work --as cleo")
    assert "not the one that you were told" in desk.refused(
        'safeconduct bundle install-root inbox/root.json --home cleo --fingerprint "1 2 3"'
    )


# Mistakes: one sentence each


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("contact revoke work harbour-police/nobody --as ada", "There is no contact 'harbour-police/nobody'"),
        ("contact revoke nowhere harbour-police/desk --as ada", "There is no folder nowhere"),
        ("contact revoke work harbour-police/desk --as refuge", "holds no head's key"),
        ("contact revoke work harbour-police/desk --as work", "neither an officer's nor an agency's folder"),
        ("contact resume work harbour-police/desk --as ada", "is not suspended"),
        ("contact absence work harbour-police/desk --as ada --until 2999-01-01", "nobody's deputy"),
        ("contact absence work harbour-police/deputy --as ada --from 2026-02-02 --until 2026-01-01", "wrong way round"),
        (f"{MANDATE} --types A99 --areas THB-SEX --may-send --until 2999-01-01", "There is no data type 'A99'"),
        (f"{MANDATE} --types A01 --areas THB-SEX --until 2999-01-01", "Say what the contact may do"),
        (f"{MANDATE} --types A01 --areas THB-SEX --may-send --until tomorrow", "is no date"),
        (
            "contact add work inbox/police.json --as ada --types A01 --areas THB-SEX --until 2999-01-01",
            "request of another kind",
        ),
        ("agency add work inbox/nothing.json --as ada", "There is no request"),
        ("agency add work agreement.yaml --as ada", "not a request"),
        ("agency retire work nobody --as ada", "There is no agency 'nobody'"),
        ("bundle add-agreement work inbox/police.json --as ada", "inbox/police.json"),
        ("bundle add-agreement work agreement.yaml --as ada", "never replaced"),
        ("bundle end-agreement work NONE-1 --as ada --until 2026-12-31", "There is no agreement NONE-1"),
        ("bundle end-agreement work RIVER-01 --as ada --until 2999-12-31", "never made longer"),
        ("bundle end-agreement work RIVER-01 --as ada --until 2025-12-31", "until lies before from"),
        ("bundle add-witness work nonsense --as ada", "not a witness's key"),
        ("bundle end-witness work witness-0 --as ada", "There is no witness witness-0; there are: none"),
        ("bundle add-alarm work http://ministry.example/ --as ada", "begins with https://"),
        ("bundle end-alarm work https://ministry.example/ --as ada", "do not go to that address"),
        ("bundle sign work --as ada --yes", "Nothing is proposed"),
        ("bundle publish work --as ada", "Nothing is proposed"),
        ("bundle publish work --as ada --to police", "not a broker's folder"),
        ("bundle discard work --as ada --yes", "Nothing is proposed"),
        ("bundle show work --as ada --epoch 77", "There is no epoch 77"),
        ("officer replace work Nobody --as ada", "There is no one officer 'Nobody'"),
        ("officer init ada --title Again", "exists already"),
        (
            "bundle init work --as ada --officer a.json --root-holder b.json --operator c.json",
            "holds a task force already",
        ),
        ("agency checklist work river-refuge", "There is no checklist"),
        ("contact history harbour-police/desk --home ada --work work --at 2001-01-01", "Nothing was published by then"),
    ],
)
def test_a_mistake_ends_in_one_sentence_and_changes_nothing(started: Desk, line: str, sentence: str) -> None:
    before = sorted((p, p.read_bytes()) for p in started.folder.rglob("*") if p.is_file())
    text = started.refused(f"safeconduct {line}")
    assert sentence in " ".join(text.split())
    assert sorted((p, p.read_bytes()) for p in started.folder.rglob("*") if p.is_file()) == before


def test_a_wrong_passphrase_signs_nothing(desk: Desk) -> None:
    assert "passphrase does not open" in desk.refused(
        "safeconduct contact revoke work harbour-police/desk --as ada", secret="something else"
    )
    assert not (desk.folder / "work" / "proposal.json").exists()


def test_digits_that_nobody_told_are_refused(desk: Desk) -> None:
    desk.ok("safeconduct contact init night --home police --title Night --keeping person")
    line = f"safeconduct contact add work police/requests/night.json --as ada {TERMS}"
    assert "over the telephone" in desk.refused(line)
    assert "none that you were told" in desk.refused(f'{line} --fingerprint "12345 12345"')
    desk.ok(f'{line} --fingerprint "{desk.requests(line)[0]}"')


def test_a_contact_takes_part_in_exercises_only_where_its_mandate_says_so(desk: Desk) -> None:
    def proposed() -> str:
        return desk.ok("safeconduct bundle review work --as ada") if (desk.folder / "work").is_dir() else ""

    said = desk.ok(f"safeconduct {MANDATE} {TERMS} --exercise")
    assert "takes part in exercises" in said + proposed()


@pytest.mark.parametrize("spoil", [
    lambda v: v["asks"].update(title="Somebody else"),
    lambda v: v["proofs"].update(dict.fromkeys(v["proofs"], "00" * 64)),
    lambda v: v["proofs"].clear(),
])  # fmt: skip
def test_a_request_that_was_altered_is_refused(desk: Desk, spoil: Callable[[dict[str, dict[str, str]]], None]) -> None:
    desk.ok("safeconduct contact init night --home police --title Night --keeping person")
    path = desk.folder / "police" / "requests" / "night.json"
    value = json.loads(path.read_text())
    spoil(value)
    path.write_text(json.dumps(value))
    assert "not signed by a key that it names" in desk.refused(f"safeconduct fingerprint {path}")


def test_a_name_or_a_key_that_is_taken_is_refused(desk: Desk) -> None:
    desk.ok('safeconduct agency init other --name harbour-police --title "Another" --class POL --country GB')
    line = "safeconduct agency add work other/requests/agency.json --as ada"
    assert "There is an agency harbour-police already" in desk.refused(
        f'{line} --fingerprint "{desk.requests(line)[0]}"'
    )
    again = "safeconduct agency add work inbox/police.json --as ada"
    assert "enrolled already" in desk.refused(f'{again} --fingerprint "{desk.requests(again)[0]}"')


def test_the_officers_own_root_judges_the_common_folder_and_not_the_other_way_round(desk: Desk) -> None:
    """Whoever can write to the common folder puts a task force of their own there."""
    other = Desk(desk.folder / "evil")
    other.folder.mkdir()
    walk(other, "Bring in agencies and their contacts")
    shutil.rmtree(desk.folder / "work" / "repository")
    shutil.copytree(other.folder / "work" / "repository", desk.folder / "work" / "repository")
    assert desk.run("safeconduct bundle status work --as ada").exit_code == 2
    assert desk.run("safeconduct contact revoke work harbour-police/desk --as ada").exit_code == 2


def publish_a_revocation(desk: Desk, work: str, contact: str) -> None:
    desk.ok(f"safeconduct contact revoke {work} {contact} --as ada")
    desk.ok(f"safeconduct bundle sign {work} --as ada --yes")
    desk.ok(f"safeconduct bundle sign {work} --as ben --yes")
    desk.ok(f"safeconduct bundle publish {work} --as ben")


def test_a_common_folder_that_was_put_back_is_noticed(desk: Desk) -> None:
    shutil.copytree(desk.folder / "work", desk.folder / "older")
    publish_a_revocation(desk, "work", "harbour-police/desk")
    desk.ok("safeconduct bundle status work --as ada")
    shutil.rmtree(desk.folder / "work")
    shutil.copytree(desk.folder / "older", desk.folder / "work")
    for officer in ("ada", "ben"):
        assert "you have seen epoch 3" in desk.refused(f"safeconduct bundle status work --as {officer}")


def test_a_broker_is_not_given_another_epoch_of_the_same_number(desk: Desk) -> None:
    shutil.copytree(desk.folder / "work", desk.folder / "fork")
    publish_a_revocation(desk, "work", "harbour-police/desk")
    desk.ok("safeconduct bundle publish work --as ada --to broker")
    for name in ("ada", "ben"):
        (desk.folder / name / "trust" / "seen").unlink()
    publish_a_revocation(desk, "fork", "river-refuge/intake")
    assert "holds another epoch 3" in desk.refused("safeconduct bundle publish fork --as ada --to broker")


def test_a_root_that_only_one_holder_signed_founds_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    walk(desk, "Found the task force")
    for block in list(BLOCK.finditer(PAGE))[:2]:
        for line in block[3].splitlines():
            if line.startswith("$ safeconduct"):
                desk.ok(told(desk, line[2:]))
            else:
                subprocess.run(["/bin/sh", "-ec", line[2:]], cwd=tmp_path, check=True, timeout=PATIENCE)
    desk.ok("safeconduct bundle sign-root work --as ada --yes")
    assert "already" in desk.refused("safeconduct bundle sign-root work --as ada --yes")
    assert "needs 2 holders' signatures; it has 1" in desk.refused("safeconduct bundle sign work --as ada --yes")


def test_an_officer_cannot_be_replaced_without_the_root_holders(desk: Desk) -> None:
    desk.ok("safeconduct officer init cleo --title Cleo")
    ben = '"Ben, data protection officer"'
    line = f"safeconduct officer replace work {ben} --as ada --second Cleo --with cleo/request.json"
    desk.ok(f'{line} --fingerprint "{desk.requests(line)[0]}"')
    assert "holders' signatures; it has 0" in desk.refused("safeconduct bundle sign work --as ada --yes")
    desk.ok("safeconduct bundle sign-root work --as ada --yes")
    assert "holders' signatures; it has 1" in desk.refused("safeconduct bundle sign work --as ada --yes")
