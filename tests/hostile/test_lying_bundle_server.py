"""Whatever a bundle server lies about is refused by name; the bundle before is kept, and an honest one taken after."""

import gzip
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keys import publishing, updating
from keys.metadata import Audience, Metadata, Root, sign
from keys.updating import HttpFetcher, TrustCopy, install_root
from messages.directory import Bundle
from messages.errors import BundleRefused, DependencyError, RemoteError
from messages.limits import DAY
from tests.hostile import lying_bundle_server as lying
from tests.hostile.lying_bundle_server import Forged, Lie, LyingBundleServer, forged, honest
from tests.keys import trust
from tests.keys.trust import COURT, OFFICERS, POLICE, REFUGE, Force, officer

OURS = Audience(POLICE)
KEPT, NEWEST = 3, 4


@dataclass
class Past:
    """Four epochs. The agency under attack has taken the third; the honest broker offers the fourth.

    1: everybody's first. 2: a contact of the court changed. 3: the court's own entry and the police's contacts did.
    4: a contact of the court again.
    """

    force: Force
    home: Path
    kept: Bundle

    def top(self, version: int, audience: str = POLICE) -> bytes:
        return self.force.repository.top(Audience(audience), version)

    def role(self, agency: str, version: int) -> bytes:
        return self.force.repository.role(trust.AgencyHandle(agency), version)

    def at(self, epoch: int) -> int:
        return self.force.repository.state(epoch).at

    def truth(self) -> Forged:
        """What an honest broker would claim now."""
        return Forged(
            audience=POLICE,
            epoch=NEWEST,
            at=self.at(NEWEST),
            top=self.top(3),
            roles={POLICE: self.role(POLICE, 3), COURT: self.role(COURT, 4)},
        )


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Past:
    folder = tmp_path_factory.mktemp("past")
    force = Force(folder / "officers")
    then = trust.now() - 1000
    force.publish(at=then)

    def retitled(agency: str, title: str) -> trust.content.Content:
        first, *others = force.content.contacts[trust.AgencyHandle(agency)]
        changed = first.model_copy(update={"title": title})
        return force.content.with_contacts(trust.AgencyHandle(agency), (changed, *others))

    force.publish(retitled(COURT, "second"), at=then + 1)
    renamed = retitled(POLICE, "third").with_agency(force.content.agencies[COURT].model_copy(update={"title": "third"}))
    force.publish(renamed, at=then + 2)
    install_root(folder / "home", force.root)
    with LyingBundleServer(pages=honest(force, POLICE)).listening() as server:
        kept = refresh(folder / "home", server)
    force.publish(retitled(COURT, "fourth"), at=then + 3)
    return Past(force, folder / "home", kept)


@pytest.fixture
def past(once: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    monkeypatch.setattr("os.fsync", lambda _: None)
    shutil.copytree(once.home, tmp_path / "home", copy_function=os.link)  # whole files are replaced, never written over
    return Past(once.force, tmp_path / "home", once.kept)


@pytest.fixture(scope="module")
def listening() -> Iterator[LyingBundleServer]:
    with LyingBundleServer().listening() as server:
        yield server


@pytest.fixture(params=["asked one by one", "told at once"])
def server(listening: LyingBundleServer, request: pytest.FixtureRequest) -> LyingBundleServer:
    listening.pages, listening.lies, listening.asked = {}, {}, []
    listening.at_once = request.param == "told at once"
    return listening


def refresh(home: Path, server: LyingBundleServer) -> Bundle:
    fetcher = HttpFetcher(lambda method, host, path: f"{method} {host} {path}")
    try:
        return TrustCopy(home, OURS).refresh(server.url, fetcher).bundle
    finally:
        fetcher.close()


def refused(past: Past, server: LyingBundleServer) -> RemoteError | DependencyError:
    """What the refresh says; and the bundle before is kept as it was, and an honest one taken after it."""
    with pytest.raises((RemoteError, DependencyError)) as refusal:
        refresh(past.home, server)
    assert TrustCopy(past.home, OURS).load() == past.kept
    server.pages, server.lies = honest(past.force, POLICE), {}
    bundle = refresh(past.home, server)
    assert (bundle.epoch, bundle.directory.contacts_of(COURT)[0].title) == (NEWEST, "fourth")
    return refusal.value


def why(past: Past, server: LyingBundleServer) -> str:
    refusal = refused(past, server)
    assert isinstance(refusal, BundleRefused), refusal
    return refusal.why


def anew(past: Past) -> Past:
    """The same task force, and an agency that has taken nothing yet: it remembers no version."""
    shutil.rmtree(past.home / "repository")
    return past


def why_anew(past: Past, server: LyingBundleServer) -> str:
    with pytest.raises(BundleRefused) as refusal:
        refresh(anew(past).home, server)
    assert list((past.home / "repository").glob("epoch/*")) == []
    server.pages, server.lies = honest(past.force, POLICE), {}
    assert refresh(past.home, server).epoch == NEWEST
    return refusal.value.why


def test_what_the_forger_makes_of_the_truth_is_taken(past: Past, server: LyingBundleServer) -> None:
    """Else the tests below could be refused for a reason of the test's own."""
    server.pages = forged(past.force, past.truth())
    assert refresh(past.home, server).epoch == NEWEST


# Rolled back


def older(past: Past, epoch: int) -> Forged:
    """The parts as they were at an earlier epoch."""
    state = past.force.repository.state(epoch)
    return replace(
        past.truth(),
        epoch=epoch,
        at=past.at(epoch),
        top=past.top(state.tops[OURS]),
        roles={a: past.role(a, state.roles[trust.AgencyHandle(a)]) for a in (POLICE, COURT)},
    )


LATEST = (9 << 24) | 0xFFFFFF  # a version above all honest ones
ROLLED_BACK: dict[str, Callable[[Past], dict[str, bytes]]] = {
    "genuine pages of before": lambda p: forged(p.force, older(p, 2)),
    "old parts, newest version": lambda p: forged(p.force, replace(older(p, 2), version=LATEST)),
    "old parts, said to be the next epoch": lambda p: forged(p.force, replace(older(p, 2), epoch=5, version=LATEST)),
    "old top": lambda p: forged(p.force, replace(p.truth(), top=p.top(1))),
    "old list": lambda p: forged(p.force, replace(p.truth(), roles={**p.truth().roles, COURT: p.role(COURT, 1)})),
    "what we have, said to be before it": lambda p: forged(p.force, replace(older(p, 3), epoch=2, version=LATEST)),
    "the next epoch, dated back": lambda p: forged(p.force, replace(p.truth(), at=p.at(1))),
}


@pytest.mark.parametrize("case", ROLLED_BACK)
def test_going_back_is_refused(past: Past, server: LyingBundleServer, case: str) -> None:
    server.pages = ROLLED_BACK[case](past)
    assert why(past, server) == "rolled-back"


def test_an_older_list_than_the_officers_named_is_refused_even_by_who_has_nothing_to_compare(
    past: Past, server: LyingBundleServer
) -> None:
    server.pages = forged(past.force, replace(past.truth(), roles={**past.truth().roles, COURT: past.role(COURT, 1)}))
    assert why_anew(past, server) == "rolled-back"


# Frozen, expired


def test_a_timestamp_served_for_ever_is_called_frozen(past: Past, server: LyingBundleServer) -> None:
    server.pages = honest(past.force, POLICE, at=trust.now() - 4 * DAY)
    assert why_anew(past, server) == "frozen"


@pytest.mark.parametrize("of_what", ["both", "snapshot"])
def test_what_the_broker_signed_for_too_short_is_called_frozen(
    past: Past, server: LyingBundleServer, of_what: str
) -> None:
    server.pages = forged(past.force, replace(past.truth(), ends=trust.now() - 5000))
    if of_what == "snapshot":
        fresh = forged(past.force, past.truth())
        name = next(n for n in fresh if n.endswith(".snapshot.json"))
        server.pages["metadata/timestamp.json"] = timestamp_over(server.pages[name], name)
    assert why(past, server) == "frozen"


def timestamp_over(snapshot: bytes, name: str) -> bytes:
    version = int(name.removeprefix("metadata/").partition(".")[0])
    stamp = lying.Metadata(
        lying.Timestamp(
            version=version + 1,
            expires=lying.moment(trust.now() + DAY),
            snapshot_meta=lying.MetaFile(version, len(snapshot), {"sha256": lying.sha256(snapshot).hexdigest()}),
        )
    )
    sign(stamp, trust.online())
    return stamp.to_bytes()


@pytest.mark.parametrize("part", ["top", "list"])
def test_what_the_officers_signed_for_a_week_long_past_is_called_expired(
    past: Past, server: LyingBundleServer, tmp_path: Path, part: str
) -> None:
    old = past.force.copied(tmp_path / "old")
    for data in (past.force.folder / "file").iterdir():
        old.repository.add_file(data.read_bytes())
    state = old.publish(renew=True, at=trust.now() - 8 * DAY)
    top, role = old.repository.top(OURS, state.epoch), old.repository.role(COURT, state.epoch)
    claim = replace(past.truth(), epoch=5, version=LATEST)
    claim = replace(claim, top=top) if part == "top" else replace(claim, roles={**claim.roles, COURT: role})
    server.pages = forged(old, claim)
    assert why(past, server) == "expired"


# Mixed


def foreign(past: Past) -> bytes:
    return past.role(REFUGE, 1)


MIXED: dict[str, Callable[[Past], Forged]] = {
    "our epoch with other parts": lambda p: replace(p.truth(), epoch=KEPT, version=LATEST),
    "parts newer than the epoch": lambda p: replace(p.truth(), epoch=KEPT, at=p.at(KEPT), version=LATEST),
    "our epoch at another time": lambda p: replace(older(p, 3), at=p.at(NEWEST), version=LATEST),
    "another agency's list under our name": lambda p: replace(
        p.truth(), version=LATEST, roles={POLICE: p.role(POLICE, 3), COURT: p.role(POLICE, 3)}
    ),
    "an agency that the top does not name": lambda p: replace(p.truth(), roles={**p.truth().roles, REFUGE: foreign(p)}),
    "an agency that is none": lambda p: replace(p.truth(), roles={**p.truth().roles, "../../x": foreign(p)}),
}


@pytest.mark.parametrize("case", MIXED)
def test_parts_of_different_bundles_are_refused(past: Past, server: LyingBundleServer, case: str) -> None:
    server.pages = forged(past.force, MIXED[case](past))
    refusal = refused(past, server)
    assert case == "an agency that is none" or (isinstance(refusal, BundleRefused) and refusal.why == "mixed"), refusal


def test_a_list_newer_than_the_epoch_is_refused_by_who_has_nothing_to_compare(
    past: Past, server: LyingBundleServer
) -> None:
    server.pages = forged(past.force, replace(past.truth(), epoch=KEPT))
    assert why_anew(past, server) == "mixed"


def test_a_missing_list_is_refused(past: Past, server: LyingBundleServer) -> None:
    server.pages = forged(past.force, replace(past.truth(), roles={COURT: past.role(COURT, 4)}))
    refusal = refused(past, server)
    assert isinstance(refusal, BundleRefused)
    server.pages = forged(past.force, replace(past.truth(), roles={COURT: past.role(COURT, 4)}))
    assert why_anew(past, server) == "mixed"


@pytest.mark.parametrize("part", ["targets", POLICE, COURT])
def test_a_part_named_without_its_digest_is_refused(past: Past, server: LyingBundleServer, part: str) -> None:
    server.pages = forged(past.force, replace(past.truth(), without_digest=(part,)))
    assert why_anew(past, server) == "unreadable"


@pytest.mark.parametrize(
    "pattern", ["metadata/*.snapshot.json", "metadata/*.targets.json", f"metadata/*.{COURT}.json", "targets/*"]
)
@pytest.mark.parametrize("lie", [lying.flipped, lying.half], ids=["flipped", "half"])
def test_a_part_that_is_not_what_was_named_is_mixed(
    past: Past, server: LyingBundleServer, pattern: str, lie: Lie
) -> None:
    server.pages, server.lies = honest(past.force, POLICE), {pattern: lie}
    assert why_anew(past, server) == "mixed"


def test_a_file_swapped_for_another_is_mixed(past: Past, server: LyingBundleServer) -> None:
    server.pages = honest(past.force, POLICE)
    name = next(n for n in server.pages if n.endswith(f"{COURT}.json") and "contacts" in n)
    other = next(n for n in server.pages if n.endswith(f"{POLICE}.json") and "contacts" in n)
    server.pages[name] = server.pages[other]
    assert why(past, server) == "mixed"


# Not for us


def test_another_agencys_extract_is_not_for_us(past: Past, server: LyingBundleServer) -> None:
    server.pages = honest(past.force, COURT)
    assert why_anew(past, server) == "not-for-us"


@pytest.mark.parametrize("said", [POLICE, COURT])
def test_another_agencys_top_under_our_name_is_not_for_us(past: Past, server: LyingBundleServer, said: str) -> None:
    server.pages = forged(
        past.force,
        replace(
            past.truth(), told_for=said, top=past.top(3, COURT), roles={**past.truth().roles, REFUGE: foreign(past)}
        ),
    )
    assert why_anew(past, server) == "not-for-us"


def test_our_own_parts_said_to_be_another_agencys_are_not_for_us(past: Past, server: LyingBundleServer) -> None:
    server.pages = forged(past.force, replace(past.truth(), told_for=COURT))
    assert why(past, server) == "not-for-us"


# Unsigned


def signed_by(past: Past, tmp_path: Path, *by: str, twice: bool = False) -> Forged:
    """A top with one more agreement, signed by these officers."""
    other = past.force.copied(tmp_path / "other")
    decided = trust.replace(other.content, agreements={**other.content.agreements, "one.yaml": "parties: [all]"})
    state = other.smuggle(decided, by=[officer(o) for o in by])
    for path in (other.folder / "file").iterdir():
        past.force.repository.add_file(path.read_bytes())
    top = other.repository.top(OURS, state.epoch)
    if twice:
        value = json.loads(top)
        value["signatures"] *= 2
        top = json.dumps(value).encode()
    return replace(past.truth(), epoch=state.epoch, at=state.at, top=top)


def test_a_top_of_two_officers_is_taken(past: Past, server: LyingBundleServer, tmp_path: Path) -> None:
    server.pages = forged(past.force, signed_by(past, tmp_path, *OFFICERS[:2]))
    assert refresh(past.home, server).agreements["one.yaml"] == "parties: [all]"


def test_a_top_of_one_officer_is_unsigned(past: Past, server: LyingBundleServer, tmp_path: Path) -> None:
    server.pages = forged(past.force, signed_by(past, tmp_path, OFFICERS[0]))
    assert why(past, server) == "unsigned"


def test_a_top_signed_by_one_officer_twice_is_refused(past: Past, server: LyingBundleServer, tmp_path: Path) -> None:
    server.pages = forged(past.force, signed_by(past, tmp_path, OFFICERS[0], OFFICERS[0]))
    assert why(past, server) == "unsigned"


def test_one_signature_written_down_twice_is_refused(past: Past, server: LyingBundleServer, tmp_path: Path) -> None:
    claim = signed_by(past, tmp_path, OFFICERS[0])
    pages = forged(past.force, claim)
    pages |= {n: doubled(d) for n, d in pages.items() if n == f"metadata/{claim.epoch}.targets.json"}
    server.pages = over(past, claim, pages[f"metadata/{claim.epoch}.targets.json"])
    assert why(past, server) == "unreadable"


def doubled(data: bytes) -> bytes:
    value = json.loads(data)
    value["signatures"] *= 2
    return json.dumps(value).encode()


def over(past: Past, claim: Forged, top: bytes) -> dict[str, bytes]:
    """The claim's pages, with snapshot and timestamp over these bytes, which need not be readable."""
    pages = forged(past.force, claim)
    name = next(n for n in pages if n.endswith(".snapshot.json"))
    snapshot: Metadata[lying.Snapshot] = Metadata.from_bytes(pages[name])
    snapshot.signed.meta["targets.json"] = lying.MetaFile(
        claim.epoch, len(top), {"sha256": lying.sha256(top).hexdigest()}
    )
    snapshot.signatures.clear()
    sign(snapshot, trust.online())
    data = snapshot.to_bytes()
    return pages | {
        name: data,
        "metadata/timestamp.json": timestamp_over(data, name),
        f"metadata/{claim.epoch}.targets.json": top,
    }


@pytest.mark.parametrize(
    "signer", [trust.online("a thief's"), officer(OFFICERS[0]), trust.holder(0)], ids=lambda s: s.kind
)
def test_without_the_online_key_nothing_can_be_offered(past: Past, server: LyingBundleServer, signer: object) -> None:
    server.pages = forged(past.force, replace(past.truth(), signer=signer))
    assert why(past, server) == "unsigned"


# Roots


def one_holder() -> Metadata[Root]:
    return trust.root(2, by=(0,))


def holders_who_want_one() -> Metadata[Root]:
    def spoil(metadata: Metadata[Root]) -> None:
        metadata.signed.roles["root"].threshold = 1

    return trust.root(2, spoil=spoil)


ROOTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "one holder": (lambda: one_holder().to_bytes(), "unsigned"),
    "others": (lambda: trust.root(2, holders=(3, 4, 2), by=(3, 4)).to_bytes(), "unsigned"),
    "one is enough from now on": (lambda: holders_who_want_one().to_bytes(), "unsigned"),
    "a version left out": (lambda: trust.root(3).to_bytes(), "rolled-back"),
    "the first again": (lambda: trust.root(1).to_bytes(), "rolled-back"),
    "nonsense": (lambda: b"\xff" * 100, "unreadable"),
    "too long": (lambda: b" " * 600_000, "too-large"),
}


@pytest.mark.parametrize("case", ROOTS)
def test_a_root_that_its_holders_did_not_make_so_is_refused(past: Past, server: LyingBundleServer, case: str) -> None:
    data, expected = ROOTS[case]
    server.pages = honest(past.force, POLICE) | {"metadata/2.root.json": data()}
    assert why(past, server) == expected


# Nonsense

NONSENSE: dict[str, bytes] = {
    "nothing": b"",
    "no json": b"hello",
    "not utf-8": b'{"signed": "\xff\xfe"}',
    "deep": b"[" * 15_000,
    "deep inside": b'{"signatures":[],"signed":' + b'{"a":' * 2500 + b"1" + b"}" * 2500 + b"}",
    "a number without end": b'{"signatures":[],"signed":{"version":' + b"9" * 10_000 + b"}}",
    "a list": b"[]",
    "null": b"null",
    "another kind": trust.root().to_bytes(),
    "names twice": b'{"signatures":[],"signatures":[],"signed":{"_type":"timestamp","_type":"root"}}',
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_for_a_timestamp_is_unreadable(past: Past, server: LyingBundleServer, case: str) -> None:
    server.pages = honest(past.force, POLICE) | {"metadata/timestamp.json": NONSENSE[case]}
    assert why(past, server) == "unreadable"


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_that_the_online_key_vouches_for_is_unreadable(
    past: Past, server: LyingBundleServer, case: str
) -> None:
    server.pages = over(past, replace(past.truth(), epoch=5, version=LATEST), NONSENSE[case] or b" ")
    server.pages["metadata/3.targets.json"] = server.pages["metadata/5.targets.json"]
    assert why(past, server) == "unreadable"


@pytest.mark.parametrize("depth", [300, 600, 900])
def test_a_signed_top_with_deep_extra_fields_is_taken_or_refused_but_breaks_nothing(
    past: Past, server: LyingBundleServer, depth: int
) -> None:
    value = json.loads(past.top(3))
    deep: object = 1
    for _ in range(depth):
        deep = {"a": deep}
    value["signed"]["more"] = "DEEP"
    top = json.dumps(value).replace('"DEEP"', '{"a":' * depth + "1" + "}" * depth).encode()
    server.pages = over(past, replace(past.truth(), epoch=5, version=LATEST), top)
    server.pages["metadata/3.targets.json"] = top
    assert why(past, server) in ("unreadable", "unsigned", "rolled-back", "mixed")


def test_names_that_stand_twice_are_read_as_they_were_signed(past: Past, server: LyingBundleServer) -> None:
    """The last one counts for the signature and for the reader alike, so nothing else can be smuggled in."""
    top = past.top(3).replace(b'"signed":{', b'"signed":{"expires":"2099-01-01T00:00:00Z",', 1)
    assert top != past.top(3)
    server.pages = over(past, replace(past.truth(), epoch=3), top)
    assert why_anew(past, server) == "mixed"


# HTTP

PATHS = [
    "metadata/2.root.json",
    "metadata/timestamp.json",
    "metadata/*.snapshot.json",
    f"metadata/*.{COURT}.json",
    "targets/*",
]
PAST_ROOT = PATHS[1:]


@pytest.mark.parametrize(
    ("path", "code"), [*((path, 500) for path in PATHS), *zip(PATHS, (503, 418, 204, 206, 304), strict=True)]
)
def test_an_error_of_the_server_is_no_bundle(past: Past, server: LyingBundleServer, path: str, code: int) -> None:
    server.pages, server.lies = (
        honest(past.force, POLICE),
        {path: lying.status(code, b"" if code in (204, 304) else b"x")},
    )
    assert isinstance(refused(past, server), DependencyError)


@pytest.mark.parametrize("path", PAST_ROOT)
@pytest.mark.parametrize(("code", "kind"), [(404, DependencyError), (403, BundleRefused), (401, BundleRefused)])
def test_what_is_not_there_or_not_for_this_login_is_no_bundle(
    past: Past, server: LyingBundleServer, path: str, code: int, kind: type[Exception]
) -> None:
    server.pages, server.lies = honest(past.force, POLICE), {path: lying.status(code)}
    refusal = refused(past, server)
    assert isinstance(refusal, kind)
    assert not isinstance(refusal, BundleRefused) or refusal.why == "refused"


@pytest.mark.parametrize("path", PATHS)
def test_a_redirect_is_not_followed(past: Past, server: LyingBundleServer, path: str) -> None:
    server.pages = honest(past.force, POLICE) | {"elsewhere": b"{}"}
    server.lies = {path: lying.redirect(f"{server.url}/elsewhere")}
    refused(past, server)
    assert "elsewhere" not in server.asked


@pytest.mark.parametrize(
    ("path", "lie"), [*((path, lying.cut) for path in PATHS), (PATHS[1], lying.no_http), (PATHS[4], lying.no_http)]
)
def test_a_connection_that_breaks_is_a_fault_and_no_lie(
    past: Past, server: LyingBundleServer, path: str, lie: Lie
) -> None:
    server.pages, server.lies = honest(past.force, POLICE) | {"metadata/2.root.json": b"x" * 10}, {path: lie}
    if path != PATHS[0]:
        del server.pages["metadata/2.root.json"]
    assert isinstance(refused(past, server), DependencyError)


@pytest.mark.parametrize(
    ("path", "lie"),
    [*((path, lying.endless()) for path in PATHS), (PATHS[1], lying.endless_chunks), (PATHS[4], lying.endless_chunks)],
)
def test_data_without_end_is_cut_at_the_length_that_it_may_have(
    past: Past, server: LyingBundleServer, path: str, lie: Lie
) -> None:
    server.pages, server.lies = honest(past.force, POLICE), {path: lie}
    assert why(past, server) == "too-large"


@pytest.mark.parametrize("path", PATHS)
def test_more_than_was_named_is_too_large(past: Past, server: LyingBundleServer, path: str) -> None:
    server.pages, server.lies = honest(past.force, POLICE), {path: lying.twice}
    server.lies |= {} if path != PATHS[0] else {path: lambda handler: handler.whole(b" " * 600_000)}
    assert why(past, server) in (("too-large", "unreadable") if path == PATHS[1] else ("too-large",))


@pytest.mark.parametrize("path", PATHS)
def test_an_error_without_end_is_not_read(past: Past, server: LyingBundleServer, path: str) -> None:
    server.pages, server.lies = honest(past.force, POLICE), {path: lying.endless(500)}
    assert isinstance(refused(past, server), DependencyError)


def test_a_length_that_the_online_key_announces_is_bounded_all_the_same(past: Past, server: LyingBundleServer) -> None:
    """The timestamp names the snapshot's length: a broker could have an agency's disk filled."""
    pages = forged(past.force, past.truth())
    name = next(n for n in pages if n.endswith(".snapshot.json"))
    version = int(name.removeprefix("metadata/").partition(".")[0])
    stamp = lying.Metadata(
        lying.Timestamp(
            version=version + 1,
            expires=lying.moment(trust.now() + DAY),
            snapshot_meta=lying.MetaFile(version, 10**12, None),
        )
    )
    sign(stamp, trust.online())
    server.pages = pages | {"metadata/timestamp.json": stamp.to_bytes()}
    server.lies = {name: lying.endless_chunks}
    assert why(past, server) == "too-large"


@pytest.mark.parametrize(
    ("path", "lie"),
    [
        *((path, lying.dripping) for path in (*PATHS, "news/*")),
        *((PATHS[0], lying.dripping_head), (PATHS[4], lying.silent)),
    ],
)
def test_a_server_that_drips_is_left_when_the_time_is_up(
    past: Past, server: LyingBundleServer, monkeypatch: pytest.MonkeyPatch, path: str, lie: Lie
) -> None:
    monkeypatch.setattr(updating, "REFRESH_SECONDS", 0.15)
    server.pages, server.lies = honest(past.force, POLICE), {path: lie}
    with pytest.raises(DependencyError):
        refresh(past.home, server)
    monkeypatch.setattr(updating, "REFRESH_SECONDS", 60.0)
    assert TrustCopy(past.home, OURS).load() == past.kept
    server.lies = {}
    assert refresh(past.home, server).epoch == NEWEST


@pytest.mark.parametrize(
    ("path", "encoding"), list(zip(PATHS, ["gzip", "deflate", "br", "gzip, gzip", "gzip"], strict=True))
)
def test_nothing_is_unpacked(past: Past, server: LyingBundleServer, path: str, encoding: str) -> None:
    bomb = gzip.compress(b"\0" * 5_000_000) if "gzip" in encoding else zlib.compress(b"\0" * 5_000_000)
    server.pages, server.lies = honest(past.force, POLICE), {path: lying.encoded(bomb, encoding)}
    assert why(past, server) in ("unreadable", "mixed", "too-large")


def test_a_server_that_is_not_there_is_a_fault(past: Past, server: LyingBundleServer) -> None:
    gone = LyingBundleServer()
    with gone.listening():
        pass
    with pytest.raises(DependencyError):
        refresh(past.home, gone)
    assert TrustCopy(past.home, OURS).load().epoch == KEPT


def test_what_was_refused_leaves_nothing_in_an_honest_bundles_way(past: Past, server: LyingBundleServer) -> None:
    """Parts that hold, served with bytes of their own beside one that does not: the honest bytes are taken after."""
    spaced = json.dumps(json.loads(past.role(COURT, 4))).encode()
    assert spaced != past.role(COURT, 4)
    claim = replace(past.truth(), roles={POLICE: past.role(POLICE, 3), COURT: spaced, REFUGE: foreign(past)})
    server.pages = forged(past.force, claim)
    assert why(past, server) == "mixed"


def test_what_a_running_adapter_refused_it_does_not_take_for_verified_later(
    past: Past, server: LyingBundleServer
) -> None:
    """A list that holds by itself, in a bundle that does not hold as a whole; then the honest list of that version."""
    spaced = json.dumps(json.loads(past.role(COURT, 4))).encode()
    claim = replace(past.truth(), roles={POLICE: past.role(POLICE, 3), COURT: spaced}, without_digest=("targets",))
    server.pages = forged(past.force, claim)
    copy = TrustCopy(past.home, OURS)
    with pytest.raises(BundleRefused):
        copy.refresh(server.url, HttpFetcher(lambda *_: "x"))
    server.pages = honest(past.force, POLICE)
    assert copy.refresh(server.url, HttpFetcher(lambda *_: "x")).bundle.epoch == NEWEST


def test_drafting_is_not_in_the_forgers_reach(past: Past, tmp_path: Path) -> None:
    """The officers' own check refuses what the forger could bring them to store."""
    other = past.force.copied(tmp_path / "other")
    unsigned = other.drafted(renew=True)
    for metadata in (*unsigned.tops.values(), *unsigned.roles.values()):
        sign(metadata, trust.online())
        sign(metadata, officer(OFFICERS[0]))
    with pytest.raises(Exception, match="second person"):
        publishing.store(unsigned, other.content, other.repository, ())


NO_NEWS: dict[str, Lie] = {
    "refusal": lying.status(403),
    "failure": lying.status(500),
    "redirect": lying.redirect("/elsewhere"),
    "cut": lying.cut,
    "half": lying.half,
    "twice": lying.twice,
    "no HTTP": lying.no_http,
    "no news": lambda handler: handler.whole(b"\xa1\x61x\xf5"),
    "too many": lying.endless(),
    "too many chunks": lying.endless_chunks,
    "encoded": lying.encoded(b"\xa0", "gzip"),
}


@pytest.mark.parametrize("case", NO_NEWS)
def test_whatever_is_wrong_with_the_news_they_are_done_without(
    past: Past, server: LyingBundleServer, case: str
) -> None:
    server.pages, server.lies = honest(past.force, POLICE), {"news/*": NO_NEWS[case]}
    assert refresh(past.home, server).epoch == NEWEST
