"""An agency's copy: it takes what holds, keeps all it took, proves any past day again, and mends what was damaged."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from keys.bundle import Verifier, fresh
from keys.domains import KeyKind
from keys.metadata import FULL, ONLINE_LIFETIME, TARGETS_LIFETIME, Audience
from keys.signing import Signer
from keys.updating import FolderFetcher, TrustCopy, install_root
from messages import cbor
from messages.directory import Bundle, Contact
from messages.errors import BadInput, BundleRefused, DependencyError, Malformed, ShareError, Stale
from messages.limits import DAY, HOUR
from tests.keys import trust
from tests.keys.trust import COURT, HEAD, OFFICERS, POLICE, REFUGE, STRANGER, Force, officer, replace
from tests.support.tampering import flipped

TWO = (officer(OFFICERS[0]), officer(OFFICERS[1]))
BITS_IN_EACH_FILE = 3


class Reading(FetcherInterface):
    """The broker's answers without a network; remembers what was asked, and may break off. Without `news` it has none,
    as an older broker or a stick.
    """

    def __init__(self, force: Force, audience: str = POLICE, breaks_at: str | None = None, news: bool = True) -> None:
        self.force, self.audience, self.breaks_at, self.news = force, Audience(audience), breaks_at, news
        self.asked: list[str] = []

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = url.removeprefix("https://broker/trust/")
        self.asked.append(path)
        if self.breaks_at is not None and self.breaks_at in path:
            raise ConnectionResetError
        data = self.force.extracts.answer(self.audience, path, trust.now())
        if data is None or (path.startswith("news/") and not self.news):
            raise DownloadHTTPError("not there", 404)
        yield data


def refresh(copy: TrustCopy, force: Force, **how: Any) -> tuple[Bundle, list[str]]:
    fetcher = Reading(force, copy.audience, **how)
    return copy.refresh("https://broker/trust", fetcher).bundle, fetcher.asked


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def force(tmp_path: Path) -> Force:
    made = Force(tmp_path / "officers")
    made.publish()
    return made


@pytest.fixture
def home(tmp_path: Path, force: Force) -> Path:
    install_root(tmp_path / "home", force.root)
    return tmp_path / "home"


def copy_of(home: Path, audience: str = POLICE) -> TrustCopy:
    return TrustCopy(home, Audience(audience))


def retitle(force: Force, title: str, at: int | None = None) -> None:
    """One contact of the court changes."""
    first, *others = force.content.contacts[COURT]
    changed = first.model_copy(update={"title": title})
    force.publish(force.content.with_contacts(COURT, (changed, *others)), at=at)


# What an extract tells


def test_an_extract_tells_of_its_agency_and_of_those_it_shares_with_and_of_nobody_else(force: Force) -> None:
    told = {
        whose: {a.handle for a in force.open(whose).directory.agencies} for whose in (POLICE, COURT, STRANGER, FULL)
    }
    assert told[POLICE] == {POLICE, COURT}
    assert told[COURT] == {POLICE, COURT, REFUGE}
    assert told[STRANGER] == {STRANGER}
    assert told[FULL] == {POLICE, COURT, REFUGE, STRANGER}
    assert force.open(FULL).directory == force.content.directory().model_copy(
        update={
            "agencies": tuple(sorted(force.content.agencies.values(), key=lambda a: a.handle)),
            "contacts": tuple(c for _, cs in sorted(force.content.contacts.items()) for c in cs),
        }
    )
    assert (force.open(FULL).audience, force.open(POLICE).audience) == (None, POLICE)
    assert set(force.open(POLICE).officers) == set(OFFICERS[:2])


def test_accounts_are_told_to_officers_and_broker_alone(force: Force) -> None:
    account = trust.content.Account(officer=OFFICERS[0], role="reader")
    force.publish(replace(force.content, accounts=(account,)))
    assert force.open(FULL).accounts == (account,)
    assert force.open(POLICE).accounts == ()


def test_an_agency_without_an_extract_is_told_so(force: Force) -> None:
    with pytest.raises(BundleRefused) as refusal:
        force.open("a" + "n" * 12)
    assert refusal.value.why == "not-for-us"


def test_an_extract_of_another_agency_is_not_for_us(force: Force) -> None:
    state = force.repository.newest()
    assert state is not None
    force.repository.add_top(Audience(POLICE), 1, force.repository.top(Audience(COURT), 1))
    with pytest.raises(BundleRefused) as refusal:
        force.open(POLICE)
    assert refusal.value.why == "not-for-us"


def test_an_extract_that_does_not_name_its_own_agency_is_not_for_us(force: Force) -> None:
    force.shares[POLICE] = trust.Share(frozenset({COURT}), frozenset())
    force.smuggle(by=TWO)
    with pytest.raises(BundleRefused) as refusal:
        force.open(POLICE)
    assert refusal.value.why == "not-for-us"


CLASHES: list[Callable[[Contact], dict[str, object]]] = [
    lambda other: {"handle": other.handle},
    lambda other: {"signing_key": other.signing_key},
    lambda _: {"signing_key": officer(OFFICERS[2]).public},
    lambda _: {"signing_key": trust.seed("worker")},
    lambda _: {"name": "night"},
    lambda _: {"nkey": "U" + "B" * 55},
]


@pytest.mark.parametrize("clash", CLASHES, ids=["handle", "key", "officer's key", "worker's key", "address", "login"])
def test_a_signed_directory_that_contradicts_itself_is_malformed(
    force: Force, clash: Callable[[Contact], dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = force.content.contacts[POLICE][0]
    first, *others = force.content.contacts[COURT]
    wrong = first.model_copy(update=clash(other))
    monkeypatch.setattr(trust.content.Content, "directory", lambda _: None)
    force.smuggle(force.content.with_contacts(COURT, (wrong, *others)), by=TWO)
    with pytest.raises(Malformed):
        force.open(POLICE)


def test_a_contact_in_another_agencys_list_is_refused(force: Force, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = force.content.contacts[COURT][0].model_copy(update={"agency": POLICE})
    monkeypatch.setattr(trust.content.Content, "directory", lambda _: None)
    force.smuggle(force.content.with_contacts(COURT, (moved,)), by=TWO)
    with pytest.raises(BundleRefused) as refusal:
        force.open(POLICE)
    assert refusal.value.why == "mixed"


# Until when


def test_a_bundle_ends_with_the_first_of_its_parts(force: Force, home: Path) -> None:
    begun = trust.now()
    retitle(force, "second", at=begun - 2 * DAY)
    assert force.open(POLICE).expires <= begun - 2 * DAY + TARGETS_LIFETIME
    assert force.open(STRANGER).expires > begun + TARGETS_LIFETIME - HOUR
    bundle, _ = refresh(copy_of(home), force)
    assert begun + ONLINE_LIFETIME - 25 * HOUR < bundle.expires <= begun + ONLINE_LIFETIME + 1000
    assert copy_of(home).load().expires == bundle.expires
    fresh(bundle, bundle.expires - 1)
    with pytest.raises(Stale):
        fresh(bundle, bundle.expires)


def test_a_renewed_bundle_lasts_longer(force: Force) -> None:
    before = force.open(POLICE).expires
    force.publish(renew=True, at=trust.now() + 2 * DAY)
    assert force.open(POLICE).expires >= before + 2 * DAY - 1000


# Refreshing


def test_nothing_new_is_nothing_changed(force: Force, home: Path) -> None:
    copy = copy_of(home)
    assert copy.refresh("https://broker/trust", Reading(force)).changed
    again = Reading(force)
    assert not copy.refresh("https://broker/trust", again).changed
    assert again.asked == ["news/1"]  # in it the very timestamp that was verified before: nothing can be newer
    plain = Reading(force, news=False)
    assert not copy.refresh("https://broker/trust", plain).changed
    assert plain.asked == ["news/1", "metadata/timestamp.json"]


def test_one_changed_contact_is_one_request(force: Force, home: Path) -> None:
    copy = copy_of(home)
    refresh(copy, force)
    retitle(force, "changed")
    bundle, asked = refresh(copy, force)
    assert bundle.directory.contacts_of(COURT)[0].title == "changed"
    assert asked == ["news/1"]


def test_one_changed_contact_is_one_list_and_one_file_where_there_are_no_news(force: Force, home: Path) -> None:
    refresh(copy_of(home), force)
    retitle(force, "changed")
    bundle, asked = refresh(copy_of(home), force, news=False)
    assert bundle.directory.contacts_of(COURT)[0].title == "changed"
    assert [p.partition(".")[2] for p in asked if p.startswith("metadata")] == [
        "json", "root.json", "snapshot.json", f"{COURT}.json"
    ]  # fmt: skip
    assert len([p for p in asked if p.startswith("targets")]) == 1


def test_before_the_first_refresh_there_is_nothing(home: Path) -> None:
    with pytest.raises(BadInput, match="bundle refresh"):
        copy_of(home).load()
    with pytest.raises(BadInput):
        copy_of(home).at(trust.now())


@pytest.mark.parametrize("part", ["timestamp", "snapshot", ".targets.json", f"{COURT}.json", "targets/"])
def test_a_download_that_breaks_off_leaves_the_copy_as_it_was(force: Force, home: Path, part: str) -> None:
    before, _ = refresh(copy_of(home), force)
    force.publish(renew=True)
    retitle(force, "changed")
    with pytest.raises(DependencyError):
        refresh(copy_of(home), force, breaks_at=part, news=False)
    assert copy_of(home).load() == before
    assert sorted(p.name for p in home.iterdir()) == [".lock", "repository", "root.json"]
    assert refresh(copy_of(home), force)[0].epoch == 3


def test_a_new_root_that_comes_before_a_broken_download_leaves_the_copy_open(force: Force, home: Path) -> None:
    """The kept signatures are of the online key that the kept epoch's own root names, not of the newest one's."""
    before, _ = refresh(copy_of(home), force)
    force.rotate(trust.root(2, with_online="another"), with_online="another")
    force.publish(renew=True, root=2)
    with pytest.raises(DependencyError):
        refresh(copy_of(home), force, breaks_at=f"{COURT}.json", news=False)
    assert copy_of(home).load() == before
    assert refresh(copy_of(home), force)[0].epoch == 2


def test_a_new_root_is_kept_even_where_the_rest_is_refused_so_that_an_old_online_key_ends(
    force: Force, home: Path
) -> None:
    refresh(copy_of(home), force)
    old = force.copied(home.parent / "thief")
    force.rotate(trust.root(2, with_online="another"), with_online="another")
    force.publish(renew=True, root=2)
    with pytest.raises(DependencyError):
        refresh(copy_of(home), force, breaks_at="timestamp", news=False)
    old.publish(renew=True)
    with pytest.raises(BundleRefused) as refusal:
        refresh(copy_of(home), old)
    assert refusal.value.why == "unsigned"


# What is new, in one answer


class Editing(Reading):
    """An answer of news that somebody has changed."""

    def __init__(self, force: Force, edit: Callable[[dict[str, bytes | None]], object]) -> None:
        super().__init__(force)
        self.edit = edit

    def _fetch(self, url: str) -> Iterator[bytes]:
        data = b"".join(super()._fetch(url))
        if "/news/" in url:
            news = cbor.load(data, 1 << 24)
            edited = self.edit(news)
            data = edited if isinstance(edited, bytes) else cbor.dump(news if edited is None else edited)
        yield data


def test_everything_may_be_fetched_by_news_and_what_is_too_much_by_itself(
    force: Force, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, asked = refresh(copy_of(home), force)
    assert asked[0] == "news/0" and all(p.startswith("targets/") and "contacts/" not in p for p in asked[1:])
    retitle(force, "changed")
    whole = sum(len(d or b"") for d in cbor.load(news(force, 1), 1 << 24).values())
    for most in (0, whole // 3, whole // 2, whole - 1, whole):
        monkeypatch.setattr("keys.online.NEWS_BYTES", most)
        copytree(home, other := home.with_name(f"home-{most}"))
        bundle, asked = refresh(copy_of(other), force)
        assert bundle.directory.contacts_of(COURT)[0].title == "changed"
        assert (len(asked) == 1) is (most == whole)


def news(force: Force, since: int, audience: str = POLICE) -> bytes:
    data = force.extracts.answer(Audience(audience), f"news/{since}", trust.now())
    assert data is not None
    return data


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\x80", b"\xa1\x61a\x01", b"\xff" * 99, b"\xa0" * 2])
def test_news_that_are_none_are_passed_over(force: Force, home: Path, rubbish: bytes) -> None:
    refresh(copy_of(home), force)
    retitle(force, "changed")
    fetcher = Editing(force, lambda _: rubbish)
    assert copy_of(home).refresh("https://broker/trust", fetcher).bundle.epoch == 2
    assert fetcher.asked[:2] == ["news/1", "metadata/timestamp.json"]


def test_news_that_break_off_are_done_without(force: Force, home: Path) -> None:
    refresh(copy_of(home), force)
    retitle(force, "changed")
    assert refresh(copy_of(home), force, breaks_at="news")[0].epoch == 2


def test_what_news_leave_out_is_asked_for_and_what_nobody_needs_changes_nothing(force: Force, home: Path) -> None:
    refresh(copy_of(home), force)
    retitle(force, "changed")
    for path in cbor.load(news(force, 1), 1 << 24):
        copytree(home, other := home.with_name(f"without-{path.replace('/', '-')}"))
        fetcher = Editing(force, lambda n, path=path: n.pop(path) and None)  # type: ignore[misc]
        assert copy_of(other).refresh("https://broker/trust", fetcher).bundle.epoch == 2
        assert path in fetcher.asked
    foreign = {"metadata/9.root.json": b"{}", "../../x": b"x", "": b"", f"metadata/1.{STRANGER}.json": b"{}"}
    taken = copy_of(home).refresh("https://broker/trust", Editing(force, lambda n: n.update(foreign))).bundle
    assert taken.digest == force.open(POLICE).digest and taken == copy_of(home).load()
    assert not list(home.parent.rglob("x"))


def before_timestamp(home: Path) -> bytes:
    state = copy_of(home).repository.newest()
    assert state is not None
    return state.online["timestamp"]


def test_a_part_that_news_alter_is_refused_by_name_and_the_copy_stays(force: Force, home: Path) -> None:
    """Nothing of it is trusted more than if it had been fetched by itself."""
    before, _ = refresh(copy_of(home), force)
    old = cbor.load(news(force, 0), 1 << 24)
    retitle(force, "changed")
    whys = set()
    for path, data in cbor.load(news(force, 1), 1 << 24).items():
        if data is None:
            continue
        same = next((d for p, d in old.items() if d and p.partition(".")[2] == path.partition(".")[2]), b"{}")
        for wrong in (data[:-20], flipped(data, 30), same, b"", None):
            fetcher = Editing(force, lambda n, path=path, wrong=wrong: n.update({path: wrong}))  # type: ignore[misc]
            if wrong == before_timestamp(home):  # that nothing is new may be said for as long as that one holds
                assert not copy_of(home).refresh("https://broker/trust", fetcher).changed
            elif wrong != data:
                with pytest.raises((BundleRefused, DependencyError, Malformed)) as refusal:
                    copy_of(home).refresh("https://broker/trust", fetcher)
                whys.add(getattr(refusal.value, "why", "fault"))
            assert copy_of(home).load() == before
    assert {"mixed", "unreadable", "fault"} <= whys
    assert refresh(copy_of(home), force)[0].epoch == 2


def test_two_refreshes_at_once_are_held_apart(force: Force, home: Path) -> None:
    inner: list[str] = []

    class Nested(Reading):
        def _fetch(self, url: str) -> Iterator[bytes]:
            if not inner:
                with pytest.raises(DependencyError, match="Another process is fetching") as refusal:
                    copy_of(home).refresh("https://broker/trust", Reading(force))
                inner.append(str(refusal.value))
            yield from super()._fetch(url)

    assert copy_of(home).refresh("https://broker/trust", Nested(force)).changed
    assert inner


def test_a_stick_is_read_no_further_than_its_folder(force: Force, home: Path, tmp_path: Path) -> None:
    stick = force.stick(tmp_path / "stick", POLICE)
    outside = tmp_path / "outside.json"
    timestamp = stick / "metadata" / "timestamp.json"
    outside.write_bytes(timestamp.read_bytes())
    timestamp.unlink()
    timestamp.symlink_to(outside)
    with pytest.raises(DependencyError):
        copy_of(home).refresh("file:///", FolderFetcher(stick))
    with pytest.raises(DownloadHTTPError):
        FolderFetcher(stick).fetch("file:///../outside.json")


def test_a_stick_of_another_agency_is_not_for_us(force: Force, home: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleRefused) as refusal:
        copy_of(home).refresh("file:///", FolderFetcher(force.stick(tmp_path / "stick", COURT)))
    assert refusal.value.why == "not-for-us"


# The root of trust


def test_another_root_is_not_installed_over_the_first(force: Force, home: Path) -> None:
    install_root(home, force.root)
    with pytest.raises(BadInput):
        install_root(home, trust.root(at=trust.now() + DAY).to_bytes())
    assert (home / "root.json").read_bytes() == force.root


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 5000, trust.root(by=(0,)).to_bytes()], ids=["", "{}", "[", "one"])
def test_what_is_no_root_is_not_installed(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BundleRefused):
        install_root(tmp_path / "new", data)
    assert not (tmp_path / "new").exists()


def test_a_copy_under_another_root_refuses_what_ours_signed(force: Force, tmp_path: Path) -> None:
    theirs = trust.root(holders=(2, 3, 4), by=(2, 3), officers=("o" + "d" * 12, "o" + "e" * 12)).to_bytes()
    install_root(tmp_path / "other", theirs)
    with pytest.raises(BundleRefused) as refusal:
        refresh(copy_of(tmp_path / "other"), force)
    assert refusal.value.why == "unsigned"


# The past, and damage


@pytest.fixture
def history(force: Force, home: Path) -> list[tuple[int, Bundle]]:
    """Three epochs and a change of root, each taken: the moment of each, and its bundle."""
    copy, found = copy_of(home), []

    def take() -> None:
        bundle, _ = refresh(copy, force)
        found.append((bundle.created, bundle))

    take()
    retitle(force, "second")
    take()
    force.rotate(trust.root(2, officers=OFFICERS[1:], with_online="another"), with_online="another")
    gone = tuple(
        o.model_copy(update={"end": trust.now()}) if o.handle == OFFICERS[0] else o for o in force.content.officers
    )
    force.publish(replace(force.content, officers=gone), by=OFFICERS[1:], root=2)
    take()
    return found


def proved(home: Path, moment: int) -> Bundle:
    return TrustCopy(home, Audience(POLICE)).at(moment)[1]


def test_every_past_day_is_proved_again(home: Path, history: list[tuple[int, Bundle]]) -> None:
    assert [proved(home, moment) for moment, _ in history] == [bundle for _, bundle in history]
    assert [proved(home, moment).directory.contacts_of(COURT)[0].title for moment, _ in history[:2]] == [
        f"desk of {COURT}", "second"
    ]  # fmt: skip
    between = (history[1][0] + history[2][0]) // 2
    assert proved(home, max(between, history[1][0])).epoch == 2
    with pytest.raises(BadInput):
        proved(home, history[0][0] - 1)


def test_one_flipped_bit_in_any_kept_file_is_refused_or_without_effect(
    home: Path, history: list[tuple[int, Bundle]]
) -> None:
    chosen = random.Random(20)
    refused = 0
    for path in sorted(p for p in home.rglob("*") if p.is_file() and p.name != ".lock"):
        good = path.read_bytes()
        for _ in range(BITS_IN_EACH_FILE):
            bad = bytearray(good)
            bad[chosen.randrange(len(bad))] ^= 1 << chosen.randrange(8)
            path.write_bytes(bad)
            for moment, bundle in history:
                try:
                    assert proved(home, moment) == bundle, path
                except ShareError:
                    refused += 1
        path.write_bytes(good)
    assert refused


@pytest.mark.parametrize("field", ["epoch", "at", "roles", "root"])
def test_a_kept_epoch_that_was_rewritten_is_refused(home: Path, history: list[tuple[int, Bundle]], field: str) -> None:
    """Also where every part it names is there, and signed: the broker's own signature names just these."""
    copy = copy_of(home)
    state = copy.repository.newest()
    assert state is not None
    roles = {**state.roles, COURT: 1}
    lies: dict[str, dict[str, object]] = {
        "epoch": {"epoch": 9}, "at": {"at": history[0][0]}, "roles": {"roles": roles}, "root": {"root": 1}
    }  # fmt: skip
    copy.repository.add_state(replace(state, **lies[field]))
    with pytest.raises(BundleRefused):
        copy_of(home).load()


@pytest.mark.parametrize("part", [f"role/{COURT}/1.json", f"top/{POLICE}/1.json"])
def test_a_kept_part_written_otherwise_is_refused_though_its_signatures_hold(
    force: Force, home: Path, part: str
) -> None:
    """Else two agencies could hold the same words under two digests, and the log's leaf would fit only one."""
    refresh(copy_of(home), force)
    path = home / "repository" / part
    path.write_text(json.dumps(json.loads(path.read_bytes())))
    with pytest.raises(BundleRefused) as refusal:
        copy_of(home).load()
    assert refusal.value.why == "mixed"


def test_whatever_was_damaged_is_fetched_anew(force: Force, home: Path, history: list[tuple[int, Bundle]]) -> None:
    wanted = history[-1][1]
    for path in sorted(p for p in (home / "repository").rglob("*") if p.is_file()):
        good = path.read_bytes()
        path.write_bytes(good[: len(good) // 2])
        bundle, _ = refresh(copy_of(home), force)
        assert replace(bundle, expires=0) == replace(wanted, expires=0), path
        assert replace(copy_of(home).load(), expires=0) == replace(wanted, expires=0), path
        path.write_bytes(good)


def test_a_damaged_copy_still_knows_that_an_older_bundle_is_older(force: Force, home: Path) -> None:
    old = force.copied(home.parent / "old")
    retitle(force, "second")
    refresh(copy_of(home), force)
    (home / "repository" / "epoch" / "2.json").write_bytes(b"")
    with pytest.raises(BundleRefused) as refusal:
        refresh(copy_of(home), old)
    assert refusal.value.why == "rolled-back"


def test_what_is_damaged_says_to_fetch_it_again(force: Force, home: Path) -> None:
    refresh(copy_of(home), force)
    for path in (home / "repository" / "file").iterdir():
        path.unlink()
    with pytest.raises(BundleRefused, match="fetch it again"):
        copy_of(home).load()


def test_a_verifier_remembers_only_what_it_has_verified(force: Force) -> None:
    verifier = Verifier(force.root, Audience(POLICE))
    state = force.repository.newest()
    assert state is not None
    first = verifier.open(force.repository, state)
    retitle(force, "second")
    bad = force.smuggle(renew=True, by=(TWO[0], Signer(KeyKind.HEAD, HEAD, trust.seed("nobody"))))
    with pytest.raises(BundleRefused):
        verifier.open(force.repository, bad)
    with pytest.raises(BundleRefused):
        verifier.open(force.repository, bad)
    assert verifier.open(force.repository, state) == first
