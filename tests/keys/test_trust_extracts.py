"""No request tells an agency that another exists: whatever is asked, what comes is one's own extract, or nothing."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.metadata import FULL, Audience
from keys.online import export, snapshot, timestamp
from keys.updating import FolderFetcher, TrustCopy, install_root
from messages import cbor
from messages.errors import BundleRefused
from messages.limits import HOUR
from tests.keys import trust
from tests.keys.trust import COURT, POLICE, REFUGE, STRANGER, Force

NOBODY = Audience("a" + "n" * 12)
HANDLES = (POLICE, COURT, REFUGE, STRANGER, NOBODY)
EPOCHS = range(5)


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Force:
    """Four epochs, in which everybody changed; the officers' repository keeps all of them."""
    made = Force(tmp_path_factory.mktemp("officers"))
    made.publish()
    for whose in (REFUGE, STRANGER):
        first, *others = made.content.contacts[whose]
        made.publish(made.content.with_contacts(whose, (first.model_copy(update={"title": f"x {whose}"}), *others)))
    made.publish(renew=True)
    return made


def guesses(force: Force) -> Iterator[str]:
    """Every path that anybody could ask for, by whoever knows all versions, handles, digests and names."""
    now = trust.now()
    versions = [str(v) for v in (*EPOCHS, "", "-1", "01", 10**15)]
    for audience in (*HANDLES, FULL):
        found = force.extracts.extract(Audience(audience))
        if found is not None:
            for day in (0, 24, 48):
                versions.append(str(snapshot(found, trust.online(), now - day * HOUR)[0]))
    names = ["root", "timestamp", "snapshot", "targets", *HANDLES, FULL, "..", "", f"top/{STRANGER}", f"{STRANGER}/1"]
    yield from (f"metadata/{v}.{name}.json" for v in versions for name in names)
    yield from (f"metadata/{name}.json" for name in names)
    yield from (f"{p.relative_to(force.folder)}" for p in force.folder.rglob("*"))
    yield from (f"metadata/../{p.relative_to(force.folder)}" for p in force.folder.rglob("*"))
    for path in (force.folder / "file").iterdir():
        for folder in ("", "contacts/", "agency/", "agreement/", "../", "a/b/c/"):
            for name in (*(f"{h}.json" for h in HANDLES), "two.yaml", "console.json", ""):
                yield f"targets/{folder}{path.name}.{name}"
        yield f"targets/{path.name}"
        yield f"metadata/{path.name}"
    yield from (f"news/{v}" for v in (*versions, "0", "1/2", "²"))
    yield from (
        "",
        "/",
        "metadata",
        "metadata/",
        "targets",
        "targets/",
        "other/x",
        "x" * 300,
        "metadata/1.root.json/..",
    )


def secrets(force: Force, *agencies: str) -> dict[str, bytes]:
    """What speaks of these agencies: handles, names, titles, logins, keys, and their agreement."""
    found: dict[str, bytes] = {"agreement": b"two.yaml", "its text": force.content.agreements["two.yaml"].encode()}
    for handle in agencies:
        agency = force.content.agencies[handle]  # type: ignore[index]
        found |= {
            f"{handle} handle": handle.encode(),
            f"{handle} name": agency.name.encode(),
            f"{handle} title": agency.title.encode(),
            f"{handle} login": agency.nkey.encode(),
        }
        for contact in force.content.contacts[handle]:  # type: ignore[index]
            found |= {
                f"{contact.handle} handle": contact.handle.encode(),
                f"{contact.handle} title": contact.title.encode(),
                f"{contact.handle} key": base64.b64encode(contact.signing_key),
                f"{contact.handle} key in hex": contact.signing_key.hex().encode(),
            }
    return found


@pytest.fixture(scope="module")
def paths(force: Force) -> list[str]:
    return sorted(set(guesses(force)))


def served(force: Force, audience: str, paths: list[str]) -> dict[str, bytes]:
    answers = {path: force.extracts.answer(Audience(audience), path, trust.now()) for path in paths}
    return {path: data for path, data in answers.items() if data is not None}


def test_an_agency_without_an_agreement_cannot_learn_that_another_exists(force: Force, paths: list[str]) -> None:
    told = served(force, POLICE, paths)
    assert len(told) > 20, "the honest paths are among those that were tried"
    for path, data in told.items():
        for what, secret in secrets(force, REFUGE, STRANGER).items():
            assert secret not in data, f"{path} tells the {what}"


def test_the_same_requests_of_those_who_share_do_tell(force: Force, paths: list[str]) -> None:
    """Else the test above would look for what is nowhere."""
    everything = b"".join(served(force, FULL, paths).values())
    for what, secret in secrets(force, REFUGE, STRANGER).items():
        assert secret in everything or "hex" in what, what


def test_a_stranger_to_all_is_told_of_itself_alone(force: Force, paths: list[str]) -> None:
    for path, data in served(force, STRANGER, paths).items():
        for what, secret in secrets(force, POLICE, COURT, REFUGE).items():
            assert secret not in data, f"{path} tells the {what}"


def test_an_answer_from_nothing_and_one_about_another_are_alike(force: Force, paths: list[str]) -> None:
    assert served(force, NOBODY, paths) == {}
    own = set(served(force, POLICE, paths))
    others = set(served(force, STRANGER, paths)) - own
    assert others
    for path in others:
        assert force.extracts.answer(Audience(POLICE), path, trust.now()) is None


def test_neither_the_number_of_the_others_nor_their_sizes_show(force: Force, tmp_path: Path) -> None:
    """What the police is served does not change by a byte when agencies join that it shares nothing with."""
    smaller = force.copied(tmp_path / "one")
    grown = force.copied(tmp_path / "two")
    for number in "bdefgh":
        new = trust.agency(trust.AgencyHandle("a" + number * 12), f"newcomer-{number}", trust.PartyClass.SOC)
        grown.shares[new.handle] = trust.Share(frozenset({new.handle}), frozenset())
        grown.content = grown.content.with_agency(new)
    at = trust.now()
    for each in (smaller, grown):
        each.publish(each.content, renew=True, at=at)
    assert export(smaller.extracts, Audience(POLICE), at) == export(grown.extracts, Audience(POLICE), at)


def test_what_is_exported_is_all_that_a_copy_needs_and_nothing_else_is_served(
    force: Force, paths: list[str], tmp_path: Path
) -> None:
    stick = force.stick(tmp_path / "stick", POLICE)
    install_root(tmp_path / "home", force.root)
    copy = TrustCopy(tmp_path / "home", Audience(POLICE))
    bundle = copy.refresh("file:///", FolderFetcher(stick)).bundle
    assert bundle.digest == force.extracts.leaves()[Audience(POLICE)]
    exported = {p.read_bytes() for p in stick.rglob("*") if p.is_file()}
    answers = served(force, POLICE, paths)
    for path in [path for path in answers if path.startswith("news/")]:
        told = cbor.load(answers.pop(path), 1 << 24)
        assert all(
            data is None or (data in exported and data == force.extracts.answer(Audience(POLICE), p, trust.now()))
            for p, data in told.items()
        )
        assert [p for p, data in told.items() if data is None] == ["metadata/2.root.json"]
    beyond = {path for path, data in answers.items() if data not in exported}
    assert all(path.endswith(".snapshot.json") for path in beyond), "yesterday's snapshot, for a refresh at midnight"


def test_there_is_nothing_to_export_for_nobody(force: Force) -> None:
    with pytest.raises(BundleRefused) as refusal:
        export(force.extracts, NOBODY, trust.now())
    assert refusal.value.why == "not-for-us"


def test_before_anything_is_published_nothing_is_served(tmp_path: Path) -> None:
    empty = Force(tmp_path)
    assert empty.extracts.answer(Audience(POLICE), "metadata/timestamp.json", trust.now()) is None


@given(st.text(max_size=60) | st.from_regex(r"(metadata|targets)/[0-9a-z./-]{0,80}", fullmatch=True))
@settings(max_examples=300, deadline=None)
def test_whatever_is_asked_is_answered(force: Force, path: str) -> None:
    answer = force.extracts.answer(Audience(POLICE), path, trust.now())
    assert answer is None or path.startswith("metadata/")


# Several brokers with one online key


def test_brokers_that_hold_the_same_serve_the_same_bytes(force: Force, tmp_path: Path) -> None:
    other = force.copied(tmp_path / "other")
    hour = trust.now() // HOUR * HOUR
    for audience in (POLICE, FULL):
        one = export(force.extracts, Audience(audience), hour)
        assert one == export(other.extracts, Audience(audience), hour + HOUR - 1)


def test_a_version_is_never_used_for_two_texts(force: Force) -> None:
    found = force.extracts.extract(Audience(POLICE))
    assert found is not None
    seen: dict[tuple[str, int], bytes] = {}
    start = trust.now() // HOUR * HOUR
    for step in range(0, 60 * 24 * 3, 20):
        now = start + step * 60_000
        version, data = snapshot(found, trust.online(), now)
        assert seen.setdefault(("snapshot", version), data) == data
        stamped = timestamp(found, trust.online(), now, (version, data))
        assert seen.setdefault(("timestamp", now // HOUR), stamped) == stamped
    assert len(seen) == 72 + 4 or len(seen) == 72 + 3


def test_midnight_between_a_timestamp_and_its_snapshot_does_no_harm(force: Force) -> None:
    found = force.extracts.extract(Audience(POLICE))
    assert found is not None
    midnight = trust.now() // (24 * HOUR) * 24 * HOUR
    before = force.extracts.snapshot_version(found, midnight - 1)
    assert force.extracts.answer(Audience(POLICE), f"metadata/{before}.snapshot.json", midnight + 1) is not None
    assert force.extracts.answer(Audience(POLICE), f"metadata/{before}.snapshot.json", midnight + 24 * HOUR) is None
