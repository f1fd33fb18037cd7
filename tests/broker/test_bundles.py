"""The broker's copy of the trust bundle: what it goes on under, what it does not, and what it says of it to whom."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

import keys.online
from broker.bundles import LEAVES, BrokerTrust
from keys import decisions
from keys.bundle import first_root
from keys.content import Content
from keys.epochs import check_path, epoch_leaf
from keys.metadata import FULL, Audience, Snapshot, parse
from keys.nkey import new_nkey
from keys.online import Extract
from keys.repository import Repository, State, follows
from keys.signing import Signer
from messages.directory import Bundle, Span
from messages.errors import BadInput, BundleRefused, Unverified
from messages.ids import AgencyHandle
from messages.limits import HOUR
from tests.keys import trust
from tests.keys.trust import COURT, POLICE, REFUGE, STRANGER, WHOLE, Force
from tests.support.tampering import flipped

AGENCIES = (POLICE, COURT, REFUGE, STRANGER)
OPERATOR = "operator"
SEEDS = {name: new_nkey() for name in (OPERATOR, *AGENCIES, *(f"{a}/desk" for a in AGENCIES))}
"""Logins by whose they are: an agency's, its desk's, the operator's. Seed and public key."""


def seed(whose: str) -> bytes:
    return SEEDS[whose][0]


def nkey(whose: str) -> str:
    return SEEDS[whose][1]


def content() -> Content:
    """The test world's, every agency and its desk with a login of their own."""
    found = trust.decided()
    for agency in AGENCIES:
        desk, night = found.contacts[agency]
        found = found.with_contacts(agency, (desk.model_copy(update={"nkey": nkey(f"{agency}/desk")}), night))
    agencies = {h: a.model_copy(update={"nkey": nkey(h)}) for h, a in found.agencies.items()}
    operator = found.operator.model_copy(update={"nkey": nkey(OPERATOR)})
    return replace(found, agencies=agencies, operator=operator)


def with_desk(found: Content, agency: AgencyHandle = POLICE, **changed: Any) -> Content:
    desk, *others = found.contacts[agency]
    return found.with_contacts(agency, (desk.model_copy(update=changed), *others))


@dataclass
class Installed:
    """A broker's folder `trust/`, and the officers who publish straight into it."""

    folder: Path
    force: Force

    def open(self, check: Callable[[Bundle], None] = lambda _: None, online: Signer | None = None) -> BrokerTrust:
        return BrokerTrust(self.folder, online or trust.online(), check)

    def publish(self, **changed: Any) -> int:
        """The next epoch, in which the police desk has changed; as changed as it is asked to be."""
        changed = changed or {"title": f"desk of epoch {len(self.force.repository.epochs()) + 1}"}
        return self.force.publish(with_desk(self.force.content, **changed)).epoch

    def copied(self, folder: Path) -> "Installed":
        shutil.copytree(self.folder, folder)
        return Installed(folder, Force(folder / "repository", self.force.content, dict(self.force.shares)))

    def files(self) -> dict[str, bytes]:
        """Everything that was published into it."""
        top = self.folder / "repository"
        return {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file()}

    def bring(self, files: dict[str, bytes]) -> None:
        """What somebody copies in by hand."""
        for name, data in files.items():
            path = self.folder / "repository" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def install(folder: Path) -> Installed:
    force = Force(folder / "repository", content())
    (folder / "root.json").write_bytes(force.root)
    force.publish()
    return Installed(folder, force)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Epoch 1, published. Nobody changes it: tests take copies."""
    return install(tmp_path_factory.mktemp("first"))


@pytest.fixture
def installed(first: Installed, tmp_path: Path) -> Installed:
    return first.copied(tmp_path / "trust")


def new_parts(installed: Installed, folder: Path, *, renew: bool = False) -> dict[str, bytes]:
    """The files of an epoch that the officers published elsewhere."""
    elsewhere = installed.copied(folder)
    if renew:
        elsewhere.force.publish(renew=True)
    else:
        elsewhere.publish()
    before = installed.files()
    parts = {name: data for name, data in elsewhere.files().items() if name not in before}
    assert any(name.startswith("epoch/") for name in parts)
    return parts


def served(found: BrokerTrust, audience: str = POLICE, at: int | None = None) -> int:
    """The epoch that an audience is told of."""
    now = trust.now() if at is None else at
    timestamp = found.answer(Audience(audience), "metadata/timestamp.json", now)
    assert timestamp is not None
    extract = found.extracts.extract(Audience(audience))
    assert extract is not None
    number = found.extracts.snapshot_version(extract, now)
    data = found.answer(Audience(audience), f"metadata/{number}.snapshot.json", now)
    assert data is not None
    told = parse(data, Snapshot, "snapshot").signed.unrecognized_fields["safeconduct"]
    assert told["for"] == audience
    return int(told["epoch"])


# Which epoch is in force


def test_the_newest_epoch_that_was_published_is_in_force(installed: Installed) -> None:
    installed.publish()
    found = installed.open()
    assert (found.current.state.epoch, found.current.bundle.epoch, served(found)) == (2, 2, 2)
    assert found.current.bundle.audience is None  # the whole of it


def test_a_new_epoch_is_noticed_and_an_old_one_is_not_new(installed: Installed) -> None:
    found = installed.open()
    assert found.look() is None
    installed.publish(title="Front desk")
    taken = found.look()
    assert taken is not None and taken is found.current
    assert (taken.state.epoch, served(found)) == (2, 2)
    assert taken.bundle.directory.contacts_of(POLICE)[0].title == "Front desk"
    assert found.look() is None


def test_an_older_epoch_is_never_gone_back_to(installed: Installed, tmp_path: Path) -> None:
    installed.publish()
    found = installed.open()
    for path in (installed.folder / "repository" / "epoch").glob("2.json"):
        path.unlink()  # as if an old copy had been put back
    assert found.look() is None
    assert (found.current.state.epoch, served(found)) == (2, 2)


def test_of_several_new_epochs_the_newest_is_taken(installed: Installed) -> None:
    found = installed.open()
    installed.publish()
    installed.publish()
    taken = found.look()
    assert taken is not None and taken.state.epoch == 3


def test_where_the_newest_does_not_hold_the_one_before_it_goes_on_and_it_is_said_once(installed: Installed) -> None:
    installed.force.smuggle(with_desk(installed.force.content, title="Forged"), by=[trust.officer(trust.OFFICERS[0])])
    with capture_logs() as said:
        found = installed.open()
        assert found.look() is None and found.look() is None
    assert (found.current.state.epoch, served(found)) == (1, 1)
    assert [(line["event"], line["epoch"], line["code"]) for line in said] == [("epoch-refused", 2, "bundle-refused")]


def test_what_does_not_hold_while_running_changes_nothing_and_is_said_once(installed: Installed) -> None:
    found = installed.open()
    before = found.current
    installed.force.smuggle(with_desk(installed.force.content, title="Forged"), by=[trust.officer(trust.OFFICERS[0])])
    with capture_logs() as said:
        assert [found.look() for _ in range(3)] == [None] * 3
    assert found.current is before and served(found) == 1
    assert [(line["event"], line["epoch"]) for line in said] == [("epoch-refused", 2)]


def test_an_epoch_that_holds_is_taken_although_a_newer_one_does_not(installed: Installed) -> None:
    """Else whoever can put rubbish beside a revocation could keep it from taking effect."""
    found = installed.open()
    installed.publish()
    installed.bring({"epoch/3.json": b"{"})
    taken = found.look()
    assert taken is not None and taken.state.epoch == 2
    assert found.look() is None


def test_after_one_that_does_not_hold_the_next_that_does_is_taken(installed: Installed) -> None:
    found = installed.open()
    honest = installed.force.content
    installed.force.smuggle(with_desk(honest, title="Forged"))
    assert found.look() is None
    installed.force.content = honest
    installed.force.publish(renew=True)
    taken = found.look()
    assert taken is not None and taken.state.epoch == 3


def test_a_bundle_that_holds_and_is_not_one_to_go_on_under_is_refused(installed: Installed) -> None:
    seen: list[int] = []
    unwanted = {2}

    def check(bundle: Bundle) -> None:
        seen.append(bundle.epoch)
        if bundle.epoch in unwanted:
            raise BadInput("The rules are others.")

    found = installed.open(check)
    installed.publish()
    assert found.look() is None and served(found) == 1
    unwanted.clear()  # the operator installed the right edition
    taken = found.look()
    assert taken is not None and taken.state.epoch == 2
    assert seen == [1, 2, 2]
    unwanted.add(2)
    assert installed.open(check).current.state.epoch == 1
    unwanted.add(1)
    with pytest.raises(BadInput, match="rules are others"):
        installed.open(check)


@pytest.mark.parametrize("renew", [False, True], ids=["one-contact-changed", "all-signed-anew"])
def test_a_half_copied_publication_changes_nothing_until_it_is_whole(
    first: Installed, tmp_path: Path, renew: bool
) -> None:
    """Copying tools take files in any order: by name, the epoch's own file even comes first."""
    parts = new_parts(first, tmp_path / "elsewhere", renew=renew)
    assert len(parts) == (1 + 5 + 4 if renew else 3)
    for number, (missing, data) in enumerate(parts.items()):
        for half in (None, data[: len(data) // 2]):
            installed = first.copied(tmp_path / f"{number}-{half is None}")
            found = installed.open()
            rest = {name: whole for name, whole in parts.items() if name != missing}
            installed.bring(rest if half is None else rest | {missing: half})
            assert found.look() is None, missing
            assert (found.current.state.epoch, served(found), served(found, STRANGER)) == (1, 1, 1)
            assert installed.open().current.state.epoch == 1
            installed.bring(parts)
            taken = found.look()
            assert taken is not None and (taken.state.epoch, served(found)) == (2, 2)


def test_whatever_byte_of_a_new_epoch_is_wrong_it_is_refused_or_it_is_what_the_officers_signed(
    first: Installed, tmp_path: Path
) -> None:
    """For the broker's own bundle; an agency's top is checked by that agency, with the officers' keys."""
    parts = new_parts(first, tmp_path / "elsewhere")
    installed = first.copied(tmp_path / "broker")
    installed.bring(parts)
    honest = installed.open().current.bundle
    random, refused = Random(10), 0
    for _ in range(100):
        name = random.choice(sorted(parts))
        data = flipped(parts[name], random.randrange(len(parts[name])), random.randrange(8))
        installed.bring({**parts, name: data})
        found = installed.open()
        if found.current.state.epoch == 1:
            refused += 1
        else:
            assert found.current.bundle.directory == honest.directory
    assert refused > 50


@pytest.mark.parametrize("rubbish", [b"", b"[]", b"null", b"{", b"\xff", b'{"epoch": 2}', b"[" * 100_000, b"9" * 5_000])
def test_rubbish_as_an_epoch_is_refused(installed: Installed, rubbish: bytes) -> None:
    found = installed.open()
    installed.bring({"epoch/2.json": rubbish, "epoch/x.json": rubbish, "epoch/99999999999999999999.json": rubbish})
    assert found.look() is None
    assert installed.open().current.state.epoch == 1


def test_without_a_root_or_an_epoch_there_is_no_trust(installed: Installed, tmp_path: Path) -> None:
    (installed.folder / "repository" / "epoch" / "1.json").unlink()
    with pytest.raises(BadInput, match="bundle publish"):
        installed.open()
    (installed.folder / "root.json").unlink()
    with pytest.raises(BadInput, match=r"root\.json"):
        installed.open()


def test_if_no_epoch_holds_it_says_why_the_newest_does_not(installed: Installed) -> None:
    state = installed.force.repository.state(1)
    (installed.folder / "repository" / "top" / "full" / "1.json").unlink()
    installed.bring({"epoch/2.json": replace(state, epoch=2, root=2).to_bytes()})
    with pytest.raises(BundleRefused, match="root of the trust bundle is missing"):
        installed.open()


def test_another_root_of_trust_than_the_installed_one_vouches_for_nothing(installed: Installed) -> None:
    other = trust.root(holders=(2, 3, 4), by=(2, 3)).to_bytes()
    assert first_root(other).signed.version == 1  # a good one, of other people
    (installed.folder / "root.json").write_bytes(other)
    installed.open()  # its officers are the same people
    stranger = trust.root(officers=["oxxxxxxxxxxxx", "oyyyyyyyyyyyy"]).to_bytes()
    (installed.folder / "root.json").write_bytes(stranger)
    with pytest.raises(BundleRefused) as refusal:
        installed.open()
    assert refusal.value.why == "unsigned"


# What is written into the log about it


def test_every_broker_says_the_same_of_an_epoch_at_every_start(installed: Installed, tmp_path: Path) -> None:
    running = installed.open()
    installed.publish()
    running.look()
    other = installed.copied(tmp_path / "other").open()
    for found in (installed.open(), other):
        assert found.current.statement == running.current.statement
        assert found.current.tree.leaves == running.current.tree.leaves
        assert found.current.leaves == running.current.leaves


def test_an_epoch_names_the_state_before_it_however_it_was_reached(installed: Installed, tmp_path: Path) -> None:
    skipping = installed.copied(tmp_path / "skipping")
    following = installed.open()
    assert following.current.statement.previous is None
    said = []
    for _ in range(2):
        installed.publish()
        taken = following.look()
        assert taken is not None
        said.append(taken.statement)
    assert len({one.previous for one in said}) == 2
    late = skipping.open()
    skipping.bring(installed.files())
    taken = late.look()  # at once from 1 to 3
    assert taken is not None and taken.statement == said[-1] == installed.open().current.statement


def test_fillers_hide_how_many_agencies_there_are_and_are_the_key_holders_secret(installed: Installed) -> None:
    found = installed.open()
    real, leaves = set(found.current.leaves.values()), found.current.tree.leaves
    assert len(real) == len(AGENCIES) + 1  # and the whole
    assert len(leaves) == found.current.statement.extracts == LEAVES
    assert len(set(leaves)) == LEAVES and real < set(leaves) and list(leaves) == sorted(leaves)
    other = installed.open(online=trust.online("another broker's")).current
    assert set(other.tree.leaves) & set(leaves) == real
    installed.publish()
    assert found.look() is not None
    fillers = set(found.current.tree.leaves) - set(found.current.leaves.values())
    assert fillers.isdisjoint(leaves)


@pytest.mark.parametrize("epochs", [1, 2])
def test_the_place_of_an_extract_is_proved_to_whoever_holds_it_and_to_nobody_else(
    installed: Installed, epochs: int
) -> None:
    for _ in range(epochs - 1):
        installed.publish()
    found = installed.open()
    held = {agency: installed.force.open(agency).digest for agency in AGENCIES}  # as its adapter computes it
    for agency in AGENCIES:
        place = found.place(agency)
        assert place is not None
        statement, index, path = place
        assert (statement.epoch, statement.full) == (epochs, found.current.bundle.digest)
        check_path(epoch_leaf(epochs, held[agency]), index, statement.extracts, path, statement.root)
        for other in AGENCIES:
            if other != agency:
                with pytest.raises(Unverified):
                    check_path(epoch_leaf(epochs, held[other]), index, statement.extracts, path, statement.root)
    assert found.place(AgencyHandle("azzzzzzzzzzzz")) is None


def test_a_place_is_of_the_epoch_in_force(installed: Installed) -> None:
    found = installed.open()
    before = installed.force.open(POLICE).digest
    installed.publish()
    found.look()
    place = found.place(POLICE)
    assert place is not None
    statement, index, path = place
    check_path(epoch_leaf(2, installed.force.open(POLICE).digest), index, statement.extracts, path, statement.root)
    with pytest.raises(Unverified):
        check_path(epoch_leaf(2, before), index, statement.extracts, path, statement.root)


def test_the_place_of_a_past_epoch_is_still_proved_also_after_a_restart(installed: Installed) -> None:
    found = installed.open()
    before, then = installed.force.open(POLICE).digest, found.place(POLICE)
    installed.publish()
    found.look()
    for broker in (found, installed.open()):
        place = broker.place(POLICE, 1)
        assert place == then and place is not None
        statement, index, path = place
        check_path(epoch_leaf(1, before), index, statement.extracts, path, statement.root)
        assert broker.place(POLICE, 2) == broker.place(POLICE)
        assert broker.place(AgencyHandle("azzzzzzzzzzzz"), 1) is None and broker.place(POLICE, 3) is None


@pytest.mark.parametrize("data", [b"", b"rubbish", b"\xa0", None], ids=["empty", "no CBOR", "no field", "not there"])
def test_a_past_place_that_was_damaged_or_not_kept_is_none(installed: Installed, data: bytes | None) -> None:
    found = installed.open()
    installed.publish()
    found.look()
    path = found.folder / "places" / "1"
    whole = path.read_bytes()
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    assert found.place(POLICE, 1) is None
    path.write_bytes((found.folder / "places" / "2").read_bytes())  # of another epoch
    assert found.place(POLICE, 1) is None
    path.write_bytes(whole)
    assert found.place(POLICE, 1) is not None


# Whose extract it is


def test_a_login_is_served_its_agencys_extract_and_the_operators_the_whole(installed: Installed) -> None:
    found, now = installed.open(), trust.now()
    for agency in AGENCIES:
        assert found.audience_of(nkey(agency), now) == agency
        assert found.audience_of(nkey(f"{agency}/desk"), now) == agency
    assert found.audience_of(nkey(OPERATOR), now) == FULL
    assert found.audience_of(new_nkey()[1], now) is None
    assert found.audience_of("", now) is None


def test_whoever_is_shut_out_is_served_nothing_from_that_moment_on(installed: Installed) -> None:
    found, now = installed.open(), trust.now()
    hand = decisions.Hand(trust.OFFICERS[:2], 2, now)
    desk = installed.force.content.contacts[POLICE][0]
    revoked = decisions.revoke(installed.force.content, desk, now)
    court = revoked.contacts[COURT][0].model_copy(update={"suspended": (Span(start=now, end=now + HOUR),)})
    decided = revoked.with_contacts(COURT, (court, revoked.contacts[COURT][1]))
    installed.force.publish(decisions.retire_agency(decided, decided.agencies[REFUGE], hand))
    assert found.look() is not None
    out = (f"{POLICE}/desk", f"{COURT}/desk", REFUGE, f"{REFUGE}/desk")
    assert [found.audience_of(nkey(whose), now) for whose in out] == [None] * 4
    assert [found.audience_of(nkey(whose), now) for whose in (POLICE, COURT, STRANGER)] == [POLICE, COURT, STRANGER]
    assert found.audience_of(nkey(f"{COURT}/desk"), now + HOUR) == COURT


def test_an_answer_that_was_begun_under_one_epoch_is_not_remembered_under_the_next(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker looks for a new epoch in a thread of its own, while it answers."""
    found, now = installed.open(), trust.now()
    installed.publish()
    looking = Thread(target=found.look)
    genuine = keys.online.snapshot

    def slow(extract: Extract, signer: Signer, at: int) -> tuple[int, bytes]:
        if not looking.ident:
            looking.start()
            looking.join(0.5)  # let it come as far as it can
        return genuine(extract, signer, at)

    monkeypatch.setattr(keys.online, "snapshot", slow)
    found.answer(Audience(POLICE), "metadata/timestamp.json", now)
    looking.join(20)
    assert not looking.is_alive()
    assert (found.current.state.epoch, served(found, at=now)) == (2, 2)


def everything(found: Repository, whose: Audience) -> Iterator[str]:
    """Every path there may be in an extract of this repository."""
    yield from ("metadata/timestamp.json", "metadata/1.root.json", "metadata/1.targets.json")
    yield from (f"metadata/1.{agency}.json" for agency in AGENCIES)
    yield from (f"targets/{path.name}.json" for path in sorted((found.folder / "file").iterdir()))


def test_what_an_extract_does_not_hold_is_not_there_for_its_owner(installed: Installed) -> None:
    found, now = installed.open(), trust.now()
    held = {
        whose: {path for path in everything(found.repository, whose) if found.answer(whose, path, now) is not None}
        for whose in (WHOLE, *map(Audience, AGENCIES))
    }
    assert held[Audience(STRANGER)] < held[WHOLE] and held[Audience(POLICE)] < held[WHOLE]
    lists = {whose: {path for path in paths if path.startswith("metadata/1.a")} for whose, paths in held.items()}
    assert lists[Audience(POLICE)] == {f"metadata/1.{POLICE}.json", f"metadata/1.{COURT}.json"}
    assert lists[Audience(STRANGER)] == {f"metadata/1.{STRANGER}.json"}
    assert found.answer(Audience("azzzzzzzzzzzz"), "metadata/timestamp.json", now) is None


def test_steps_are_told_of_every_epoch_so_far_and_one_that_cannot_be_read_is_passed_over(installed: Installed) -> None:
    state = installed.force.repository.state(1)
    installed.bring({"epoch/1.json": replace(state, steps=(b"1",)).to_bytes()})
    found = installed.open()
    assert list(found.steps(0)) == [b"1"]
    assert list(found.steps(found.current.state.at + 1)) == []
    installed.publish()
    installed.publish()
    assert found.look() is not None
    installed.bring({"epoch/2.json": b"{"})
    assert list(found.steps(0)) == [b"1"]


def test_what_was_told_is_not_read_again_however_many_epochs_there_are(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        installed.publish()
    found = installed.open()
    read: list[int] = []
    state = Repository.state

    def watched(repository: Repository, epoch: int) -> State:
        read.append(epoch)
        return state(repository, epoch)

    monkeypatch.setattr(Repository, "state", watched)
    list(found.steps(0, after=3))
    assert read == [4]  # the newest is held already


def test_an_epoch_with_an_older_list_than_the_one_before_is_refused(installed: Installed) -> None:
    """The state of an epoch is signed by nobody: else whoever can write to the folder undoes a revocation."""
    found = installed.open()
    installed.publish(mandates=(trust.mandate(revoked=trust.now()),))
    assert found.look() is not None
    installed.publish(name="newer-desk")
    repository = installed.force.repository
    third = repository.state(3)
    repository.add_state(replace(third, roles={**third.roles, POLICE: 1}))
    assert found.look() is None and found.current.state.epoch == 2
    assert installed.open().current.state.epoch == 2  # at a restart too
    repository.add_state(third)
    assert found.look() is not None


def with_court(installed: Installed, title: str) -> Content:
    """Another desk at the court, so that an epoch's number is that of what was signed last, whatever else is in it."""
    desk, *others = installed.force.content.contacts[COURT]
    return installed.force.content.with_contacts(COURT, (desk.model_copy(update={"title": title}), *others))


@pytest.mark.parametrize("told", ["one by one", "together"])
def test_an_older_list_beside_what_was_signed_last_is_refused_however_the_epochs_come(
    installed: Installed, told: str
) -> None:
    found, repository = installed.open(), installed.force.repository
    installed.publish(mandates=(trust.mandate(revoked=trust.now()),))
    if told == "one by one":
        assert found.look() is not None
    for title in ("three", "four"):  # each follows the one before it, but for the revocation that both undo
        newest = installed.force.publish(with_court(installed, title))
        repository.add_state(replace(newest, roles={**newest.roles, POLICE: 1}))
        found.look()
        assert found.current.state.epoch == 2


@pytest.mark.parametrize("part", ["root", "at", "tops", "roles", "gone"])
def test_no_part_of_a_state_may_be_older_than_before(part: str) -> None:
    before = State(epoch=4, at=9, root=2, tops={Audience("full"): 3}, roles={AgencyHandle(POLICE): 4})
    after = replace(before, epoch=5, at=10)
    follows(before, after)
    older = {
        "root": replace(after, root=1),
        "at": replace(after, at=8),
        "tops": replace(after, tops={Audience("full"): 2}),
        "roles": replace(after, roles={AgencyHandle(POLICE): 3}),
        "gone": replace(after, roles={}),
    }[part]
    with pytest.raises(BundleRefused) as refusal:
        follows(before, older)
    assert refusal.value.why == "rolled-back"


def test_an_epoch_under_a_root_that_was_replaced_is_refused(installed: Installed) -> None:
    """Else officers whom the root holders have replaced could still sign epochs together."""
    found = installed.open()
    installed.force.repository.add_root(2, trust.root(2).to_bytes())
    installed.publish()  # made under root 1
    assert found.look() is None and found.current.state.epoch == 1
    installed.force.publish(renew=True, root=2)
    assert found.look() is not None
