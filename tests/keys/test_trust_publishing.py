"""One ceremony signs exactly what changed; who signs is counted by people, and by whose word counts for what."""

from collections.abc import Callable
from dataclasses import replace as with_fields
from pathlib import Path

import pytest

from keys import publishing
from keys.bundle import Verifier
from keys.domains import KeyKind
from keys.metadata import (
    FULL,
    ROOT_LIFETIME,
    TARGETS_LIFETIME,
    Audience,
    Metadata,
    Root,
    Targets,
    check_root,
    new_root,
    parse,
    public_key,
    sign,
)
from keys.publishing import Unsigned
from keys.signing import Signer
from keys.updating import FolderFetcher, TrustCopy, install_root
from messages.directory import Mandate
from messages.errors import BadInput, BundleRefused, KeyTrouble, Malformed, NotPermitted
from messages.labels import PartyClass
from messages.limits import DAY
from tests.keys import trust
from tests.keys.trust import COURT, HEAD, OFFICERS, POLICE, REFUGE, STRANGER, Force, officer, replace

EVERYBODY = {FULL, POLICE, COURT, REFUGE, STRANGER}
FIRST, SECOND, THIRD = OFFICERS
OTHER_HEAD = "ojjjjjjjjjjjj"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Force:
    made = Force(tmp_path_factory.mktemp("first"))
    made.publish()
    return made


@pytest.fixture
def force(first: Force, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Force:
    monkeypatch.setattr("os.fsync", lambda _: None)  # of crashes speaks another file
    return first.copied(tmp_path / "officers")


def retitled(force: Force, agency: str = COURT, title: str = "changed", **mandate: object) -> trust.content.Content:
    """The first contact of an agency under another title, or with one more mandate."""
    first, *others = force.content.contacts[agency]  # type: ignore[index]
    mandates = (*first.mandates, trust.mandate(**mandate)) if mandate else first.mandates
    changed = first.model_copy(update={"title": title, "mandates": mandates})
    return force.content.with_contacts(agency, (changed, *others))  # type: ignore[arg-type]


# What is new


def test_the_first_epoch_signs_everything(tmp_path: Path) -> None:
    unsigned = Force(tmp_path).drafted()
    assert (set(unsigned.tops), set(unsigned.roles)) == (EVERYBODY, EVERYBODY - {FULL})


def test_nothing_changed_is_nothing_to_sign(force: Force) -> None:
    unsigned = force.drafted()
    assert (unsigned.tops, unsigned.roles, unsigned.files) == ({}, {}, {})


def test_a_changed_contact_is_one_list_and_no_top(force: Force) -> None:
    unsigned = force.drafted(retitled(force))
    assert (set(unsigned.tops), set(unsigned.roles)) == (set(), {COURT})
    assert len(unsigned.files) == 1
    assert unsigned.state.roles == {POLICE: 1, COURT: 2, REFUGE: 1, STRANGER: 1}


def test_a_new_agreement_is_the_tops_of_its_parties_and_the_whole(force: Force) -> None:
    decided = replace(force.content, agreements={**force.content.agreements, "three.yaml": "parties: []"})
    told = force.shares[REFUGE]
    force.shares[REFUGE] = replace(told, agreements=told.agreements | {"three.yaml"})
    unsigned = force.drafted(decided)
    assert (set(unsigned.tops), set(unsigned.roles)) == ({FULL, REFUGE}, set())


def test_a_changed_agency_is_the_tops_of_those_who_know_it(force: Force) -> None:
    unsigned = force.drafted(
        force.content.with_agency(force.content.agencies[POLICE].model_copy(update={"title": "x"}))
    )
    assert (set(unsigned.tops), set(unsigned.roles)) == ({FULL, POLICE, COURT}, set())


def test_a_new_agency_that_nobody_has_an_agreement_with_is_told_to_nobody(force: Force) -> None:
    new = trust.agency(trust.AgencyHandle("a" + "n" * 12), "newcomer", PartyClass.SOC)
    force.shares[new.handle] = trust.Share(frozenset({new.handle}), frozenset())
    unsigned = force.drafted(force.content.with_agency(new))
    assert (set(unsigned.tops), set(unsigned.roles)) == ({FULL, new.handle}, {new.handle})


def test_another_officer_is_everybodys_top(force: Force) -> None:
    new = trust.as_officer(officer("o" + "d" * 12))
    unsigned = force.drafted(replace(force.content, officers=(*force.content.officers, new)))
    assert (set(unsigned.tops), set(unsigned.roles)) == (EVERYBODY, set())


def test_renewing_signs_everything_with_a_later_end(force: Force) -> None:
    later = trust.now() + 5 * DAY
    unsigned = force.drafted(renew=True, at=later)
    assert (set(unsigned.tops), set(unsigned.roles)) == (EVERYBODY, EVERYBODY - {FULL})
    for metadata in (*unsigned.tops.values(), *unsigned.roles.values()):
        assert trust_expiry(metadata) == (later + TARGETS_LIFETIME) // 1000 * 1000


def trust_expiry(metadata: Metadata[Targets]) -> int:
    return int(metadata.signed.expires.timestamp()) * 1000


def test_two_people_who_draft_the_same_sign_the_same(force: Force) -> None:
    at = trust.now()
    decided = retitled(force)
    turned = replace(decided, agencies=dict(reversed(list(decided.agencies.items()))))
    first, second = force.drafted(decided, at=at), force.drafted(turned, at=at)
    assert first.digest() == second.digest()
    assert [m.signed_bytes for m in first.roles.values()] == [m.signed_bytes for m in second.roles.values()]
    assert first.digest() != force.drafted(retitled(force, title="other"), at=at).digest()


def test_signatures_do_not_change_what_signers_compare(force: Force) -> None:
    unsigned = force.drafted(retitled(force))
    before = unsigned.digest()
    publishing.add_signature(unsigned, force.content, officer(FIRST), trust.now())
    assert unsigned.digest() == before


def test_a_directory_that_contradicts_itself_is_not_drafted(force: Force) -> None:
    (first, *_), (other, *_) = force.content.contacts[COURT], force.content.contacts[POLICE]
    with pytest.raises(Malformed):
        force.drafted(
            force.content.with_contacts(COURT, (first.model_copy(update={"signing_key": other.signing_key}),))
        )


def test_without_two_officers_in_office_nothing_is_drafted(force: Force) -> None:
    gone = tuple(trust.as_officer(officer(o), end=5) for o in (SECOND, THIRD))
    with pytest.raises(BadInput):
        force.drafted(replace(force.content, officers=(force.content.officers[0], *gone)))


def test_a_list_whose_signer_has_left_is_signed_anew_though_nothing_else_in_it_changed(force: Force) -> None:
    """Else the next bundle would hold a list that no two people in office vouch for, and everybody would refuse it."""
    gone = tuple(o.model_copy(update={"end": trust.now()}) if o.handle == FIRST else o for o in force.content.officers)
    force.rotate(trust.root(2, officers=(SECOND, THIRD)))
    decided = replace(force.content, officers=gone)
    assert set(force.drafted(decided, root=2).roles) == EVERYBODY - {FULL}
    state = force.publish(decided, by=(SECOND, THIRD), root=2)
    assert force.open(POLICE, state).epoch == 2


def test_a_list_that_a_former_head_signed_is_signed_anew(force: Force) -> None:
    force.publish(retitled(force, POLICE), by=(FIRST, HEAD))
    police = force.content.agencies[POLICE]
    new = trust.as_officer(trust.head(OTHER_HEAD))
    decided = force.content.with_agency(police.model_copy(update={"head": new}))
    assert set(force.drafted(decided).roles) == {POLICE}
    force.publish(decided)
    assert force.open(COURT).directory.officer(OTHER_HEAD) is not None


# Who signs


def test_one_officer_is_not_enough(force: Force) -> None:
    with pytest.raises(KeyTrouble, match="second person"):
        force.publish(retitled(force), by=(FIRST,))
    assert force.repository.epochs() == [1]


def test_the_same_officer_twice_is_refused(force: Force) -> None:
    with pytest.raises(NotPermitted, match="already"):
        force.publish(retitled(force), by=(FIRST, FIRST))


def test_a_head_and_an_officer_sign_for_the_heads_own_contacts(force: Force) -> None:
    state = force.publish(retitled(force, POLICE), by=(HEAD, FIRST))
    assert force.open(COURT, state).directory.contacts_of(POLICE)[0].title == "changed"


@pytest.mark.parametrize("by", [(HEAD, FIRST), (FIRST, HEAD), (HEAD,)])
def test_a_head_does_not_sign_for_another_agencys_contacts(force: Force, by: tuple[str, ...]) -> None:
    with pytest.raises(NotPermitted):
        force.publish(retitled(force, COURT), by=by)


def test_a_head_does_not_sign_a_top(force: Force) -> None:
    with pytest.raises(NotPermitted):
        force.publish(renew=True, by=(FIRST, HEAD))


def test_a_head_alone_twice_is_refused(force: Force) -> None:
    with pytest.raises(NotPermitted):
        force.publish(retitled(force, POLICE), by=(HEAD, HEAD))


def test_an_officer_out_of_office_does_not_sign(force: Force) -> None:
    gone = tuple(o.model_copy(update={"end": 5}) if o.handle == FIRST else o for o in force.content.officers)
    with pytest.raises(NotPermitted):
        force.publish(replace(force.content, officers=gone), by=(FIRST, SECOND))


def test_two_heads_are_not_two_officers(force: Force) -> None:
    court = force.content.agencies[COURT]
    decided = force.content.with_agency(court.model_copy(update={"head": trust.as_officer(trust.head(OTHER_HEAD))}))
    force.publish(decided)
    unsigned = force.drafted(retitled(force, COURT))
    for signer in (officer(HEAD), trust.head(OTHER_HEAD)):
        sign(unsigned.roles[COURT], signer)
    with pytest.raises(KeyTrouble):
        publishing.store(unsigned, force.content, force.repository, ())


@pytest.mark.parametrize(
    "kind", [k for k in KeyKind if k not in (KeyKind.OFFICER, KeyKind.HEAD, KeyKind.ROOT, KeyKind.ONLINE)]
)
def test_other_kinds_of_keys_sign_no_metadata(force: Force, kind: KeyKind) -> None:
    with pytest.raises(KeyTrouble):
        sign(force.drafted(renew=True).tops[Audience(POLICE)], Signer(kind, "x", trust.seed("x")))


# What a reader counts: past every check of the honest tools


def as_two_ids(signer: Signer) -> Callable[[Unsigned], None]:
    """Let every delegation name one key under two ids."""

    def spoil(unsigned: Unsigned) -> None:
        twin = public_key(signer.public)
        twin.keyid = "0" * 64
        for top in unsigned.tops.values():
            delegations = top.signed.delegations
            assert delegations is not None
            assert delegations.roles is not None
            delegations.keys[twin.keyid] = twin
            for role in delegations.roles.values():
                role.keyids = [twin.keyid, public_key(signer.public).keyid]

    return spoil


def threshold_of_one(unsigned: Unsigned) -> None:
    for top in unsigned.tops.values():
        delegations = top.signed.delegations
        assert delegations is not None
        assert delegations.roles is not None
        for role in delegations.roles.values():
            role.threshold = 1


@pytest.mark.parametrize("spoil", [as_two_ids(officer(FIRST)), threshold_of_one], ids=["two ids", "threshold"])
def test_a_delegation_that_one_person_could_meet_is_refused(force: Force, spoil: Callable[[Unsigned], None]) -> None:
    force.smuggle(renew=True, by=(officer(FIRST), officer(SECOND)), spoil=spoil)
    with pytest.raises(BundleRefused) as refusal:
        force.open(POLICE)
    assert refusal.value.why == "unsigned"


STRANGERS = Signer(KeyKind.OFFICER, "ozzzzzzzzzzzz", trust.seed("a stranger"))


@pytest.mark.parametrize(
    "by",
    [
        (),
        (officer(FIRST),),
        (officer(FIRST), officer(FIRST)),
        (officer(FIRST), STRANGERS),
        (officer(FIRST), officer(HEAD)),
        (officer(FIRST), trust.online()),
        (officer(FIRST), trust.holder(0)),
        (officer(HEAD), trust.online()),
    ],
    ids=["nobody", "one", "one twice", "stranger", "head", "online key", "root holder", "no officer"],
)
def test_a_top_needs_two_officers(force: Force, by: tuple[Signer, ...]) -> None:
    force.smuggle(replace(force.content, agreements={**force.content.agreements, "one.yaml": "x"}), by=by)
    for audience in (POLICE, FULL):
        with pytest.raises(BundleRefused) as refusal:
            force.open(audience)
        assert refusal.value.why == "unsigned"


@pytest.mark.parametrize(
    ("by", "agency"),
    [
        ((), POLICE),
        ((officer(FIRST),), POLICE),
        ((officer(HEAD),), POLICE),
        ((officer(HEAD), officer(HEAD)), POLICE),
        ((officer(HEAD), STRANGERS), POLICE),
        ((officer(HEAD), trust.online()), POLICE),
        ((officer(FIRST), officer(HEAD)), COURT),
    ],
    ids=["nobody", "one officer", "head alone", "head twice", "head and stranger", "head and broker", "other's head"],
)
def test_a_list_of_contacts_needs_two_officers_or_one_and_its_own_head(
    force: Force, by: tuple[Signer, ...], agency: str
) -> None:
    force.smuggle(retitled(force, agency), by=by)
    for audience in (POLICE, FULL):
        with pytest.raises(BundleRefused) as refusal:
            force.open(audience)
        assert refusal.value.why == "unsigned"


def test_an_officer_whom_the_root_no_longer_names_does_not_count(force: Force) -> None:
    force.rotate(trust.root(2, officers=(SECOND, THIRD)))
    force.smuggle(renew=True, by=(officer(FIRST), officer(SECOND)), root=2)
    with pytest.raises(BundleRefused) as refusal:
        force.open(POLICE)
    assert refusal.value.why == "unsigned"


def test_a_root_that_was_replaced_does_not_vouch_for_what_is_signed_after_it(force: Force) -> None:
    """The broker says which root a state is under; the newest one counts all the same for whoever fetches."""
    force.rotate(trust.root(2, officers=(SECOND, THIRD)))
    force.smuggle(renew=True, by=(officer(FIRST), officer(SECOND)), root=1)
    with pytest.raises(BundleRefused):
        trust_copy_refresh(force)


def trust_copy_refresh(force: Force) -> None:
    stick = force.stick(force.folder / "stick", POLICE)
    (stick / "metadata" / "2.root.json").write_bytes(force.repository.root(2) or b"")
    install_root(force.folder / "home", force.root)
    TrustCopy(force.folder / "home", Audience(POLICE)).refresh("file:///", FolderFetcher(stick))


def test_officers_whom_the_bundle_does_not_name_do_not_sign_it(force: Force) -> None:
    force.smuggle(
        replace(force.content, officers=tuple(trust.as_officer(officer(o)) for o in (FIRST, "o" + "d" * 12))),
        by=(officer(FIRST), officer(SECOND)),
    )
    with pytest.raises(BundleRefused) as refusal:
        force.open(POLICE)
    assert refusal.value.why == "mixed"


# Mandates


def test_a_mandate_is_granted_by_two_who_sign_it(force: Force) -> None:
    state = force.publish(retitled(force, granted_by=(FIRST, THIRD), granted_in=2), by=(FIRST, THIRD))
    mandates = force.open(POLICE, state).directory.contacts_of(COURT)[0].mandates
    assert [m.granted_by for m in mandates] == [(FIRST, SECOND), (FIRST, THIRD)]


@pytest.mark.parametrize(
    "granted",
    [
        {"granted_by": ()},
        {"granted_by": (FIRST,)},
        {"granted_by": (FIRST, FIRST)},
        {"granted_by": (FIRST, "ozzzzzzzzzzzz")},
        {"granted_by": (FIRST, THIRD), "granted_in": 2},
        {"granted_by": (FIRST, SECOND, THIRD), "granted_in": 2},
        {"granted_by": (FIRST, HEAD)},
        {"granted_by": (FIRST, HEAD), "granted_in": 2},
        {"granted_by": (FIRST, SECOND), "granted_in": 3},
    ],
    ids=["nobody", "one", "twice", "stranger", "other", "one too many", "other's head", "head now", "future"],
)
def test_a_mandate_that_names_anybody_else_spoils_the_bundle(force: Force, granted: dict[str, object]) -> None:
    force.publish(retitled(force, **granted))
    with pytest.raises(BundleRefused) as refusal:
        force.open(POLICE)
    assert refusal.value.why == ("mixed" if granted.get("granted_in") == 3 else "unsigned")


def test_a_head_grants_with_an_officer_for_its_own_agency(force: Force) -> None:
    state = force.publish(retitled(force, POLICE, granted_by=(HEAD, FIRST), granted_in=2), by=(HEAD, FIRST))
    assert force.open(COURT, state).directory.contacts_of(POLICE)[0].mandates[-1].granted_by == (HEAD, FIRST)


def test_an_ended_and_a_revoked_mandate_stay_in_with_their_dates(force: Force) -> None:
    now = trust.now()
    mandates: tuple[Mandate, ...] = (trust.mandate(end=now - DAY), trust.mandate(start=now - DAY, revoked=now))
    contact = trust.contact(COURT, "desk", mandates=mandates)
    force.publish(force.content.with_contacts(COURT, (contact,)))
    found = force.open(POLICE).directory.contact(contact.handle)
    assert found is not None
    assert found.mandate_at(now) is None
    assert found.mandate_at(now - DAY) == mandates[1], "intervals are half-open"
    assert found.mandate_at(now - DAY - 1) == mandates[0]


# The root


def holders_named_twice(metadata: Metadata[Root]) -> None:
    twin = public_key(trust.holder(0).public)
    twin.keyid = "0" * 64
    metadata.signed.keys[twin.keyid] = twin
    metadata.signed.roles["root"].keyids = [twin.keyid, public_key(trust.holder(0).public).keyid]


def officers_named_twice(metadata: Metadata[Root]) -> None:
    twin = public_key(officer(FIRST).public)
    twin.keyid = "0" * 64
    metadata.signed.keys[twin.keyid] = twin
    metadata.signed.roles["targets"].keyids.append(twin.keyid)


def one_is_enough(role: str) -> Callable[[Metadata[Root]], None]:
    def spoil(metadata: Metadata[Root]) -> None:
        metadata.signed.roles[role].threshold = 1

    return spoil


def without_consistent_snapshots(metadata: Metadata[Root]) -> None:
    metadata.signed.consistent_snapshot = False


def a_key_left_out(metadata: Metadata[Root]) -> None:
    del metadata.signed.keys[metadata.signed.roles["root"].keyids[0]]


def another_kind_of_key(metadata: Metadata[Root]) -> None:
    metadata.signed.keys[metadata.signed.roles["root"].keyids[0]].keytype = "rsa"


SPOILT = [
    holders_named_twice, officers_named_twice, one_is_enough("root"), one_is_enough("targets"),
    without_consistent_snapshots, another_kind_of_key,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda f: f.__qualname__.replace(".<locals>.spoil", ""))
def test_a_root_that_one_person_could_hold_is_none(spoil: Callable[[Metadata[Root]], None]) -> None:
    data = trust.root(spoil=spoil).to_bytes()
    with pytest.raises((BundleRefused, Malformed)):
        Verifier(data, Audience(POLICE))
    with pytest.raises((BundleRefused, Malformed)):
        check_root(parse(data, Root, "root"))


def test_a_root_that_names_a_key_it_does_not_hold_needs_its_threshold_of_the_others() -> None:
    Verifier(trust.root(spoil=a_key_left_out, by=(1, 2)).to_bytes(), Audience(POLICE))
    with pytest.raises(BundleRefused):
        Verifier(trust.root(spoil=a_key_left_out, by=(0, 1)).to_bytes(), Audience(POLICE))


@pytest.mark.parametrize("by", [(), (0,), (1,), (3, 4)])
def test_a_first_root_needs_its_own_holders(by: tuple[int, ...]) -> None:
    with pytest.raises(BundleRefused):
        Verifier(trust.root(by=by).to_bytes(), Audience(POLICE))


def test_a_new_root_of_one_holder_is_not_made() -> None:
    keys = [officer(o).public for o in OFFICERS]
    with pytest.raises(BundleRefused):
        new_root([trust.holder(0).public] * 3, keys, [trust.online().public], trust.now())
    with pytest.raises(BundleRefused):
        new_root([trust.holder(0).public, trust.holder(1).public], keys[:1], [trust.online().public], trust.now())


def test_a_root_lasts_two_years() -> None:
    at = trust.now()
    assert int(trust.root(at=at).signed.expires.timestamp()) == (at + ROOT_LIFETIME) // 1000


@pytest.mark.parametrize(
    ("rotated", "why"),
    [
        ({"by": (0,)}, "unsigned"),
        ({"holders": (2, 3, 4), "by": (3, 4)}, "unsigned"),
        ({"holders": (2, 3, 4), "by": (0, 1)}, "unsigned"),
        ({"holders": (2, 3, 4), "by": (0, 3, 4)}, "unsigned"),
        ({"spoil": one_is_enough("root")}, "unsigned"),
    ],
    ids=["one", "new ones alone", "old ones alone", "one old", "threshold"],
)
def test_the_next_root_needs_the_old_holders_and_the_new(force: Force, rotated: dict[str, object], why: str) -> None:
    force.rotate(trust.root(2, **rotated))  # type: ignore[arg-type]
    with pytest.raises(BundleRefused) as refusal:
        force.open(POLICE)
    assert refusal.value.why == why


def test_the_next_root_may_have_other_holders_if_both_sides_signed(force: Force) -> None:
    force.rotate(trust.root(2, holders=(2, 3, 4), by=(0, 1, 3, 4)))
    force.rotate(trust.root(3, holders=(2, 3, 4), by=(2, 3)))
    force.publish(root=3, renew=True)
    assert force.open(POLICE).epoch == 2


def test_a_root_out_of_its_order_is_a_rollback(force: Force) -> None:
    force.repository.add_root(2, trust.root(3).to_bytes())
    with pytest.raises(BundleRefused) as refusal:
        force.open(POLICE)
    assert refusal.value.why == "rolled-back"


def test_what_is_stored_under_another_version_is_refused(force: Force) -> None:
    state = force.publish(renew=True)
    role, top = force.repository.role(COURT, 1), force.repository.top(Audience(POLICE), 1)
    force.repository.add_role(COURT, 2, role)
    with pytest.raises(BundleRefused, match="another version"):
        force.open(POLICE, state)
    force.repository.add_top(Audience(POLICE), 2, top)
    with pytest.raises(BundleRefused, match="another version"):
        force.open(POLICE, with_fields(state, roles={}))
