"""Proposals: two people, one base, nothing silent, nothing forgotten, and the same bytes on both sides."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import ceremony, content, decisions, enrolment
from keys.bundle import Verifier
from keys.ceremony import Proposal, Standing
from keys.content import Content, Share
from keys.decisions import FAR, Hand
from keys.differences import NEW, describe, differences
from keys.domains import KeyKind
from keys.enrolment import Request, Wanted
from keys.fingerprints import fingerprint
from keys.metadata import FULL, Audience, Metadata, Root, check_root, parse, public_key, titles_of
from keys.repository import Repository
from keys.sealing import DecryptionKey
from keys.signing import Signer
from keys.statements import make as state_key
from messages.ceremony import CeremonyStep, StepCode
from messages.directory import (
    Account,
    AlarmAddress,
    Contact,
    FormerKey,
    Guard,
    Span,
    Witness,
)
from messages.errors import BadInput, BundleRefused, KeyTrouble, Malformed, NotPermitted, ShareError, Stale, Unverified
from messages.ids import AgencyHandle
from messages.labels import CrimeArea, Duty, Keeping, PartyClass
from messages.limits import DAY
from messages.signed import Signed
from tests.keys import trust
from tests.keys.trust import COURT, HEAD, OFFICERS, POLICE, REFUGE, Force, now, officer
from tests.keys.world import seed

FIRST, SECOND, THIRD = OFFICERS
REPORT = b"what the rehearsal found\n"


def shares(_: Content) -> Mapping[AgencyHandle, Share]:
    return trust.shares()


@dataclass
class Table:
    """A task force at epoch 1, and its officers around a proposal."""

    force: Force
    standing: Standing

    @property
    def content(self) -> Content:
        assert self.standing.content is not None
        return self.standing.content

    def contact(self, address: str = "harbour-police/desk") -> Contact:
        return decisions.find_contact(self.content, address)

    def proposal(self, after: Content, signers: tuple[str, str] = (FIRST, SECOND), at: int | None = None) -> Proposal:
        at = now() if at is None else at
        opened = Proposal(base=self.standing.epoch, at=at, signers=signers)  # type: ignore[arg-type]
        return ceremony.with_rehearsal(ceremony.edited(opened, self.standing, after, at), REPORT)

    def hand(self, signers: tuple[str, ...] = (FIRST, SECOND)) -> Hand:
        return Hand(signers, self.standing.epoch + 1, now())  # type: ignore[arg-type]

    def signed(self, proposal: Proposal, *handles: str) -> Proposal:
        for handle in handles:
            found = ceremony.assemble(proposal, self.standing, shares)
            proposal = ceremony.signed_by(found, officer(handle), now(), ceremony.rehearsed(proposal))
        return proposal

    def revocation(self, signers: tuple[str, str] = (FIRST, SECOND)) -> Proposal:
        return self.proposal(decisions.revoke(self.content, self.contact(), now()), signers)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    force = Force(tmp_path / "force")
    force.publish()
    return Table(force, ceremony.published(force.repository, force.root))


def head_table(table: Table) -> Table:
    """The head's own side: its extract, and nothing of the others."""
    bundle = Verifier(table.force.root, Audience(POLICE)).open(table.force.repository, table.force.repository.state(1))
    own = ceremony.own_extract(bundle, table.force.repository.state(1), Repository(Path("/nonexistent")))
    return Table(table.force, own)


# Two people, one base


def test_two_signatures_put_a_proposal_into_force(table: Table) -> None:
    proposal = table.signed(table.revocation(), FIRST, SECOND)
    state = ceremony.publish(ceremony.assemble(proposal, table.standing, shares), officer(FIRST), now())
    after = ceremony.published(table.force.repository, table.force.root)
    assert (state.epoch, after.epoch) == (2, 2)
    assert after.content is not None
    assert decisions.find_contact(after.content, "harbour-police/desk").mandate_at(now()) is None


@pytest.mark.parametrize("signers", [(), (FIRST,), (SECOND,)])
def test_fewer_put_nothing_into_force(table: Table, signers: tuple[str, ...]) -> None:
    found = ceremony.assemble(table.signed(table.revocation(), *signers), table.standing, shares)
    with pytest.raises(KeyTrouble, match="lacks a signature"):
        ceremony.publish(found, officer(FIRST), now())
    assert table.force.repository.epochs() == [1]


def test_nobody_signs_twice_and_nobody_else_signs(table: Table) -> None:
    proposal = table.signed(table.revocation(), FIRST)
    with pytest.raises(NotPermitted, match="already"):
        table.signed(proposal, FIRST)
    with pytest.raises(NotPermitted, match="two others"):
        table.signed(proposal, THIRD)
    stolen_name = Signer(KeyKind.OFFICER, SECOND, seed("somebody else"))
    with pytest.raises(NotPermitted):
        ceremony.signed_by(ceremony.assemble(proposal, table.standing, shares), stolen_name, now())


def test_a_proposal_that_names_one_person_twice_is_none(table: Table) -> None:
    value = json.loads(table.revocation().to_bytes())
    value["signers"] = [FIRST, FIRST]
    with pytest.raises(NotPermitted, match="both signatures"):
        Proposal.from_bytes(json.dumps(value).encode())


def test_two_proposals_on_one_base_the_later_is_refused(table: Table) -> None:
    one = table.revocation()
    other = table.signed(
        table.proposal(decisions.suspend(table.content, table.contact(), Span(start=0, end=FAR))), FIRST
    )
    done = table.signed(one, FIRST, SECOND)
    ceremony.publish(ceremony.assemble(done, table.standing, shares), officer(FIRST), now())
    later = ceremony.published(table.force.repository, table.force.root)
    with pytest.raises(BadInput, match=r"made for epoch 2, but epoch 2 is published; propose again"):
        ceremony.assemble(other, later, shares)


@pytest.mark.parametrize("spoil", [
    lambda v: v.update(at=v["at"] + 1000),
    lambda v: v.update(renew=True),
    lambda v: v["signatures"].pop(next(iter(v["signatures"]))) and v["signatures"].update({"role/" + COURT: {}}),
    lambda v: v["signatures"].update({"top/full": next(iter(v["signatures"].values()))}),
    lambda v: v["signatures"].update({p: dict.fromkeys(f, "00" * 64) for p, f in v["signatures"].items()}),
    lambda v: v["signatures"].update({p: dict.fromkeys(["ab" * 32], "cd" * 64) for p in v["signatures"]}),
    lambda v: v.update(signers=[SECOND, THIRD]),
])  # fmt: skip
def test_a_signature_does_not_fit_anything_else_than_what_was_signed(
    table: Table, spoil: Callable[[dict[str, dict[str, object]]], None]
) -> None:
    value = json.loads(table.signed(table.revocation(), FIRST).to_bytes())
    spoil(value)
    with pytest.raises(ShareError):
        ceremony.assemble(Proposal.from_bytes(json.dumps(value).encode()), table.standing, shares)


def test_a_signature_on_a_part_only_is_refused(table: Table) -> None:
    after = decisions.add_agency(table.content, trust.agency(AgencyHandle("a" + "n" * 12), "newcomer", PartyClass.POL))
    proposal = table.signed(table.proposal(after), FIRST)
    assert len(proposal.signatures) == 2
    part = dict(list(proposal.signatures.items())[:1])
    with pytest.raises(Unverified, match="part of the proposal only"):
        ceremony.assemble(replace(proposal, signatures=part), table.standing, lambda _: {})


def test_a_proposal_older_than_what_it_would_sign_is_refused(table: Table) -> None:
    old = table.proposal(decisions.revoke(table.content, table.contact(), now()), at=now() - 8 * DAY)
    with pytest.raises(Stale):
        table.signed(old, FIRST)
    ahead = table.proposal(decisions.revoke(table.content, table.contact(), now()), at=now() + DAY)
    with pytest.raises(Stale):
        table.signed(ahead, FIRST)


def test_what_changes_nothing_is_no_proposal(table: Table) -> None:
    with pytest.raises(BadInput, match="changes nothing"):
        ceremony.assemble(table.proposal(table.content), table.standing, shares)
    renewed = replace(table.proposal(table.content), renew=True)
    assert len(ceremony.assemble(renewed, table.standing, shares).unsigned.tops) == 5


def test_officers_change_with_a_root_only(table: Table) -> None:
    leaving = decisions.find_officer(table.content, THIRD)
    after = decisions.replace_officer(table.content, leaving, None, table.hand())
    with pytest.raises(BadInput, match="new root"):
        ceremony.assemble(table.proposal(after), table.standing, shares)


def test_a_root_needs_the_old_and_the_new_holders_and_renews_everything(table: Table) -> None:
    leaving = decisions.find_officer(table.content, THIRD)
    after = decisions.replace_officer(table.content, leaving, None, table.hand())
    proposal = table.proposal(after)
    fresh = Signer(KeyKind.ROOT, "o" + "n" * 12, seed("fresh holder"))
    holders = [trust.holder(0).public, trust.holder(1).public, fresh.public]
    root = ceremony.make_root(holders, after, trust.online().public, table.standing, now(), 2, {})
    proposal = replace(proposal, root=root)
    for number, signer in enumerate([fresh, trust.holder(2), trust.holder(0)]):
        with pytest.raises(BundleRefused, match="holders' signatures"):
            table.signed(proposal, FIRST)
        proposal = ceremony.sign_root(proposal, signer, table.standing)
        assert len(ceremony.assemble(proposal, table.standing, shares).root_holders()) == (1, 1, 2)[number]
    with pytest.raises(NotPermitted, match="already"):
        ceremony.sign_root(proposal, fresh, table.standing)
    with pytest.raises(NotPermitted, match="none of the root's"):
        ceremony.sign_root(proposal, Signer(KeyKind.ROOT, HEAD, seed("stranger")), table.standing)
    found = ceremony.assemble(table.signed(proposal, FIRST, SECOND), table.standing, shares)
    assert (len(found.unsigned.tops), len(found.unsigned.roles)) == (5, 4)
    state = ceremony.publish(found, officer(FIRST), now())
    assert state.root == 2
    assert ceremony.published(table.force.repository, table.force.root).root.signed.version == 2  # type: ignore[union-attr]


def test_a_root_says_who_its_holders_are_and_nothing_else_goes_by_that(table: Table) -> None:
    after = decisions.replace_officer(table.content, decisions.find_officer(table.content, THIRD), None, table.hand())
    first, second, third = (trust.holder(n).public for n in range(3))
    titles = {first: "Judge of the oversight board", third: "Notary"}
    data = ceremony.make_root([first, second], after, trust.online().public, table.standing, now(), 2, titles)
    root = parse(data, Root, "root")
    check_root(root)
    assert titles_of(root) == {first: titles[first]}, "who is no holder is not named"
    assert ceremony.holder(root, first) == f"{titles[first]} (key {fingerprint(first)})"
    assert ceremony.holder(root, second) == f"key {fingerprint(second)}"
    assert ceremony.holder(trust.root(), first) == f"key {fingerprint(first)}", "a root may say of nobody who it is"


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"holders": []},
        {"holders": {"KEY": 7}},
        {"holders": {"other": "x"}},
        {"holders": {"KEY": ""}},
        {"holders": {"KEY": "x" * 201}},
        {"holders": {"KEY": "a\nb"}},
    ],
)
def test_whatever_stands_where_titles_should_names_nobody(told: object) -> None:
    key = trust.holder(0).public

    def spoil(root: Metadata[Root]) -> None:
        keyid = public_key(key).keyid
        value = told
        if isinstance(told, dict) and isinstance(told["holders"], dict):
            value = {"holders": {k.replace("KEY", keyid): v for k, v in told["holders"].items()}}
        root.signed.unrecognized_fields["safeconduct"] = value

    assert titles_of(trust.root(spoil=spoil)) == {}


def test_the_folders_root_is_not_believed_but_the_pinned_one(table: Table) -> None:
    evil = trust.root(officers=[SECOND, THIRD]).to_bytes()
    with pytest.raises(BundleRefused):
        ceremony.published(table.force.repository, evil)
    table.force.repository.add_root(1, evil)
    standing = ceremony.published(table.force.repository, table.force.root)
    assert standing.root is not None
    assert officer(FIRST).public in ceremony.root_keys(standing.root, "targets")


def test_a_step_of_somebody_else_or_of_another_epoch_is_refused(table: Table) -> None:
    proposal = table.revocation()
    found = ceremony.assemble(proposal, table.standing, shares)
    stranger = Signer(KeyKind.OFFICER, THIRD, seed("somebody else"))
    forged = ceremony.stepped(proposal, found, stranger, StepCode.SIGN, "", now())
    with pytest.raises(Unverified):
        ceremony.assemble(forged, table.standing, shares)
    other = replace(proposal, base=7)
    moved = ceremony.stepped(other, found, officer(FIRST), StepCode.SIGN, "", now())
    with pytest.raises(Unverified, match="another ceremony"):
        ceremony.assemble(replace(proposal, steps=moved.steps), table.standing, shares)


def test_the_digits_that_signers_compare_cover_everything_but_signatures(table: Table) -> None:
    proposal = table.revocation()
    other = decisions.suspend(table.content, table.contact(), Span(start=0, end=FAR))
    left = decisions.replace_officer(
        table.content,
        decisions.find_officer(table.content, THIRD),
        None,
        Hand((FIRST, SECOND), 2, proposal.at),  # type: ignore[arg-type]
    )

    def rooted(*holders: int) -> Proposal:
        keys = [trust.holder(n).public for n in holders]
        root = ceremony.make_root(keys, left, trust.online().public, table.standing, proposal.at, 2, {})
        return replace(table.proposal(left, at=proposal.at), root=root)

    different = [
        proposal,
        table.proposal(other, at=proposal.at),
        replace(proposal, at=proposal.at + 1000),
        rooted(0, 1),
        rooted(0, 2),
    ]
    digests = [ceremony.assemble(p, table.standing, shares).digest for p in different]
    assert len(set(digests)) == len(digests)
    assert ceremony.assemble(table.signed(proposal, FIRST), table.standing, shares).digest == digests[0]
    signed = ceremony.sign_root(different[-1], trust.holder(0), table.standing)
    assert ceremony.assemble(signed, table.standing, shares).digest == digests[-1]


def test_steps_name_the_proposal_that_was_signed(table: Table) -> None:
    proposal = table.signed(table.revocation(), FIRST, SECOND)
    found = ceremony.assemble(proposal, table.standing, shares)
    steps = [CeremonyStep.from_bytes(Signed.from_bytes(s).body) for s in proposal.steps]
    assert [s.step for s in steps] == [StepCode.REVIEW, StepCode.SIGN] * 2
    assert {s.proposal for s in steps} == {found.digest}


# Nobody signs what was not rehearsed


@pytest.mark.parametrize("seen", [b"", sha256(b"another report").digest()], ids=["none", "another"])
def test_a_change_of_policy_is_signed_by_nobody_who_saw_no_report_or_another(table: Table, seen: bytes) -> None:
    found = ceremony.assemble(table.signed(table.revocation(), FIRST), table.standing, shares)
    with pytest.raises(NotPermitted, match="what it would let pass"):
        ceremony.signed_by(found, officer(SECOND), now(), seen)


def test_a_change_of_policy_without_a_report_is_signed_by_nobody(table: Table) -> None:
    bare = replace(table.revocation(), rehearsal=b"")
    found = ceremony.assemble(bare, table.standing, shares)
    for seen in (b"", sha256(b"").digest(), sha256(REPORT).digest()):
        with pytest.raises(NotPermitted, match="what it would let pass"):
            ceremony.signed_by(found, officer(FIRST), now(), seen)


@pytest.mark.parametrize("swapped", [b"", b"a report of something else\n", REPORT + b"\n"])
def test_a_report_that_is_swapped_after_a_signature_puts_nothing_into_force(table: Table, swapped: bytes) -> None:
    done = table.signed(table.revocation(), FIRST, SECOND)
    found = ceremony.assemble(replace(done, rehearsal=swapped), table.standing, shares)
    assert found.digest != ceremony.assemble(done, table.standing, shares).digest
    with pytest.raises(KeyTrouble, match="before it was rehearsed as it is now"):
        ceremony.publish(found, officer(FIRST), now())
    assert table.force.repository.epochs() == [1]


def test_editing_or_rehearsing_again_takes_the_signatures_and_the_old_report_away(table: Table) -> None:
    done = table.signed(table.revocation(), FIRST)
    again = ceremony.with_rehearsal(done, b"with past messages\n")
    assert (again.signatures, again.rehearsal) == ({}, b"with past messages\n")
    other = decisions.suspend(table.content, table.contact(), Span(start=0, end=FAR))
    edited = ceremony.edited(done, table.standing, other, now())
    assert (edited.signatures, edited.rehearsal) == ({}, b"")


def test_what_no_decision_rests_on_needs_no_rehearsal_and_everything_else_does(table: Table) -> None:
    desk, police = table.contact(), table.content.agencies[POLICE]

    def agency(**changed: object) -> Content:
        return replace(table.content, agencies={**table.content.agencies, POLICE: police.model_copy(update=changed)})

    def contact(**changed: object) -> Content:
        night = table.contact("harbour-police/night")
        own = {**table.content.contacts, POLICE: (desk.model_copy(update=changed), night)}
        return replace(table.content, contacts=own)

    mandate = desk.mandates[0]
    untouched = [
        table.content,
        agency(title="Another name"),
        agency(guards=(Guard(handle="g" * 13, key=seed("guard"), start=0, end=FAR),)),
        contact(signing_key=seed("new key"), former_keys=(FormerKey(key=desk.signing_key, start=0, end=now()),)),
        contact(mandates=(mandate.model_copy(update={"granted_by": (SECOND, THIRD)}),)),
        replace(table.content, officers=table.content.officers[:2]),
    ]
    touched = [
        agency(party_class=PartyClass.NGO_P),
        agency(country="DE"),
        agency(written_consent_only=True),
        contact(keeping=Keeping.SERVICE),
        contact(mandates=()),
        *(
            contact(mandates=(mandate.model_copy(update=changed),))
            for changed in (
                {"areas": frozenset({CrimeArea.ORG})},
                {"types": frozenset({"A02"})},
                {"end": mandate.end - 1},
                {"duties": frozenset({Duty.RELEASE})},
                {"revoked": now()},
            )
        ),
        decisions.suspend(table.content, desk, Span(start=0, end=FAR)),
        replace(table.content, agreements={"one.yaml": "another"}),
        replace(table.content, rules=content.edition("other rules", {})),
        replace(table.content, catalogue=content.edition("other catalogue", {})),
        replace(table.content, contacts={**table.content.contacts, COURT: ()}),
    ]
    assert [ceremony.touches_policy(table.content, after) for after in untouched] == [False] * len(untouched)
    assert [ceremony.touches_policy(table.content, after) for after in touched] == [True] * len(touched)
    assert ceremony.touches_policy(None, table.content)
    assert not ceremony.touches_policy(None, replace(table.content, agreements={}))


# Heads


def test_a_head_signs_the_same_bytes_from_its_own_extract(table: Table) -> None:
    proposal = table.signed(table.revocation((FIRST, HEAD)), FIRST)
    theirs = head_table(table)
    shown = ceremony.assemble(proposal, theirs.standing, shares)
    assert shown.digest == ceremony.assemble(proposal, table.standing, shares).digest
    assert set(shown.after.agencies) == {POLICE}
    done = ceremony.signed_by(shown, officer(HEAD), now(), ceremony.rehearsed(proposal))
    state = ceremony.publish(ceremony.assemble(done, table.standing, shares), officer(FIRST), now())
    assert Verifier(table.force.root, Audience(FULL)).open(table.force.repository, state).epoch == 2


def test_a_head_signs_for_its_own_contacts_alone(table: Table) -> None:
    other = decisions.revoke(table.content, table.contact("refuge/desk"), now())
    both = decisions.revoke(other, table.contact(), now())
    retired = decisions.retire_agency(table.content, table.content.agencies[POLICE], table.hand())
    for after in (other, both, retired):
        proposal = table.proposal(after, (FIRST, HEAD))
        with pytest.raises(NotPermitted, match="own contacts alone"):
            ceremony.assemble(proposal, head_table(table).standing, shares)
        with pytest.raises(NotPermitted, match="cannot sign this"):
            ceremony.assemble(proposal, table.standing, shares)


def test_another_head_leaves_no_mandate_that_names_a_person_nobody_knows(table: Table) -> None:
    granted = table.proposal(
        decisions.give_mandate(
            table.content, table.contact(), trust.mandate(start=now(), end=FAR), table.hand((FIRST, HEAD))
        ),
        (FIRST, HEAD),
    )
    done = ceremony.assemble(table.signed(granted, FIRST, HEAD), table.standing, shares)
    ceremony.publish(done, officer(FIRST), now())
    second = Table(table.force, ceremony.published(table.force.repository, table.force.root))
    new = Signer(KeyKind.HEAD, "o" + "n" * 12, seed("new head"))
    hand = second.hand()
    after = decisions.replace_head(second.content, second.content.agencies[POLICE], trust.as_officer(new), hand)
    found = ceremony.assemble(second.signed(second.proposal(after), FIRST, SECOND), second.standing, shares)
    ceremony.publish(found, officer(FIRST), now())
    third = Table(table.force, ceremony.published(table.force.repository, table.force.root))
    assert [m.granted_by for m in third.contact().mandates][-1] == (FIRST, SECOND)
    assert not names_as_granting(third.content, HEAD)


def names_as_granting(decided: Content, handle: str) -> bool:
    return any(handle in m.granted_by for c in decisions.contacts(decided) for m in c.mandates)


def test_a_head_cannot_publish(table: Table) -> None:
    proposal = table.signed(table.revocation((FIRST, HEAD)), FIRST)
    with pytest.raises(NotPermitted, match="officers publish"):
        ceremony.publish(ceremony.assemble(proposal, head_table(table).standing, shares), officer(HEAD), now())


# Nothing is forgotten, nothing widens without these two


def contacts_with(table: Table, **changed: object) -> Content:
    desk = table.contact().model_copy(update=changed)
    return table.content.with_contacts(POLICE, [desk, *table.content.contacts[POLICE][1:]])


def test_a_proposal_forgets_nothing(table: Table) -> None:
    before = table.content
    without = {h: a for h, a in before.agencies.items() if h != REFUGE}
    forgetful = [
        replace(before, agencies=without),
        replace(before, agreements={}),
        replace(before, officers=before.officers[:2]),
        before.with_contacts(POLICE, before.contacts[POLICE][:1]),
        contacts_with(table, mandates=()),
        contacts_with(table, signing_key=seed("another")),
    ]
    for after in forgetful:
        with pytest.raises(BadInput, match="forgets"):
            decisions.remembers(before, after, table.hand())
    hidden = table.proposal(forgetful[-2])
    with pytest.raises(BadInput, match="forgets a mandate"):
        ceremony.assemble(hidden, table.standing, shares)


def test_a_mandate_widens_only_by_the_two_who_sign(table: Table) -> None:
    old = table.contact().mandates[0]
    widened = [
        old.model_copy(update={"types": frozenset({"*"})}),
        old.model_copy(update={"areas": frozenset(CrimeArea)}),
        old.model_copy(update={"end": old.end + 1}),
        old.model_copy(update={"start": old.start + 1}),
        old.model_copy(update={"duties": frozenset({Duty.RELEASE})}),
        old.model_copy(update={"granted_in": 0}),
    ]
    for mandate in widened:
        with pytest.raises(BadInput, match="names others"):
            decisions.remembers(table.content, contacts_with(table, mandates=(mandate,)), table.hand())
        granted = table.hand().grants(mandate)
        if granted.start == old.start:
            decisions.remembers(table.content, contacts_with(table, mandates=(granted,)), table.hand())
    for narrowed in (old.model_copy(update={"end": old.end - 1}), old.model_copy(update={"revoked": 5})):
        decisions.remembers(table.content, contacts_with(table, mandates=(narrowed,)), table.hand())
    lifted = contacts_with(table, mandates=(old.model_copy(update={"revoked": 5}),))
    with pytest.raises(BadInput, match="names others"):
        decisions.remembers(lifted, table.content, table.hand())


def test_a_proposal_holds_no_file_that_the_bundle_does_not_know(table: Table) -> None:
    proposal = table.revocation()
    for path, data in (("hidden.json", b"[]"), ("contacts/aqqqqqqqqqqqq.json", b"[]"), ("operator.json", b"[ ]")):
        with pytest.raises((Malformed, BadInput)):
            ceremony.apply(replace(proposal, changes={**proposal.changes, path: data}), table.standing)


# Decisions


def test_a_new_mandate_ends_the_one_before_where_it_begins(table: Table) -> None:
    start = now() + DAY
    given = decisions.give_mandate(table.content, table.contact(), trust.mandate(start=start, end=FAR), table.hand())
    old, new = decisions.find_contact(given, "harbour-police/desk").mandates
    assert (old.end, new.start) == (start, start)
    assert (new.granted_by, new.granted_in) == ((FIRST, SECOND), 2)
    again = decisions.give_mandate(
        given,
        decisions.find_contact(given, "harbour-police/desk"),
        trust.mandate(start=start - 5, end=FAR),
        table.hand(),
    )
    contact = decisions.find_contact(again, "harbour-police/desk")
    assert [m.granted_in for m in contact.mandates if m.in_force(start + 1)] == [2]


def test_a_suspension_holds_until_it_is_ended(table: Table) -> None:
    hand = table.hand()
    rests = decisions.suspend(table.content, table.contact(), Span(start=hand.at, end=FAR))
    contact = decisions.find_contact(rests, "harbour-police/desk")
    assert not contact.may_log_in(hand.at + 1000)
    with pytest.raises(BadInput, match="already"):
        decisions.suspend(rests, contact, Span(start=hand.at + 5, end=FAR))
    back = decisions.resume(rests, contact, replace(hand, at=hand.at + 2000))
    contact = decisions.find_contact(back, "harbour-police/desk")
    assert (contact.may_log_in(hand.at + 1000), contact.may_log_in(hand.at + 2000)) == (False, True)
    decisions.remembers(rests, back, hand)


def rotation(table: Table, *, vouched: bool) -> Request:
    old = table.contact()
    new = Signer(KeyKind.CONTACT, old.handle, seed("new key"))
    signers = [new, Signer(KeyKind.CONTACT, old.handle, seed(f"contact {old.handle}"))]
    stated = state_key(new, DecryptionKey(bytes(range(96))), 1, now(), now() + DAY)
    model = old.model_copy(update={"signing_key": new.public, "mandates": (), "statements": (stated,), "nkey": None})
    return enrolment.make(Wanted.CONTACT, model, signers if vouched else signers[:1], now())


def test_a_new_key_counts_from_its_publication_and_the_old_one_until_then(table: Table) -> None:
    request, old = rotation(table, vouched=True), table.contact()
    assert enrolment.vouched(request, old.signing_key)
    hand = table.hand()
    after = decisions.rotate(table.content, old, request.contact(), hand, vouched=True)
    contact = decisions.find_contact(after, "harbour-police/desk")
    assert contact.key_at(hand.at - 1) == old.signing_key
    assert contact.key_at(hand.at) == request.contact().signing_key
    assert contact.mandates == old.mandates


def test_a_new_key_that_the_old_one_does_not_vouch_for_needs_the_head(table: Table) -> None:
    request = rotation(table, vouched=False)
    vouched = enrolment.vouched(request, table.contact().signing_key)
    with pytest.raises(NotPermitted, match="head"):
        decisions.rotate(table.content, table.contact(), request.contact(), table.hand(), vouched=vouched)
    decisions.rotate(table.content, table.contact(), request.contact(), table.hand((FIRST, HEAD)), vouched=vouched)


def test_a_key_of_somebody_else_is_not_enrolled_twice(table: Table) -> None:
    taken = table.contact().model_copy(update={"handle": "c" + "n" * 12, "name": "other", "mandates": ()})
    with pytest.raises(BadInput, match="twice"):
        decisions.add_contact(table.content, taken, trust.mandate(), table.hand())
    agency = trust.agency(AgencyHandle("a" + "n" * 12), "newcomer", PartyClass.POL, nkey=table.content.operator.nkey)
    with pytest.raises(BadInput, match="twice"):
        decisions.add_agency(table.content, agency)


def test_a_retired_agency_has_no_mandate_left_and_takes_nobody_in(table: Table) -> None:
    after = decisions.retire_agency(table.content, table.content.agencies[POLICE], table.hand())
    assert all(c.mandate_at(now() + 1000) is None for c in after.contacts[POLICE])
    joining = trust.contact(POLICE, "late", handle="c" + "n" * 12, signing_key=seed("late"), mandates=())
    with pytest.raises(BadInput, match="retired"):
        decisions.add_contact(after, joining, trust.mandate(), table.hand())


# Nothing silent


def base() -> Content:
    decided = trust.decided()
    signer = Signer(KeyKind.CONTACT, "cppppppdddddd", seed("contact cppppppdddddd"))
    stated = tuple(state_key(signer, DecryptionKey(bytes([n]) * 96), n, 0, DAY) for n in (1, 2))
    contact = decided.contacts[POLICE][0].model_copy(
        update={
            "mandates": (
                trust.mandate(start=1, end=50, revoked=40, duties=frozenset({Duty.REVIEW})),
                trust.mandate(
                    start=60, deputy_for=decided.contacts[POLICE][1].handle, absences=(Span(start=70, end=80),)
                ),
            ),
            "suspended": (Span(start=5, end=6),),
            "former_keys": (FormerKey(key=seed("former"), start=0, end=3),),
            "statements": stated,
            "nkey": "U" + "N" * 55,
        }
    )
    guard = Guard(handle="ggggggggggggg", key=seed("guard"), start=0, end=9)  # type: ignore[arg-type]
    police = decided.agencies[POLICE].model_copy(update={"guards": (guard,)})
    return replace(
        decided.with_agency(police).with_contacts(POLICE, [contact, decided.contacts[POLICE][1]]),
        witnesses=(Witness(label="one", vkey="v"),),
        accounts=(Account(officer=FIRST, role="officer"),),  # type: ignore[arg-type]
    )


OTHER: Mapping[str, object] = {
    "handle": "czzzzzzzzzzzz", "name": "another", "title": "Another", "agency": COURT, "signing_key": seed("x1"),
    "keeping": Keeping.SERVICE, "nkey": "U" + "M" * 55, "rotation_days": 7, "start": 2, "end": 51, "revoked": 41,
    "areas": frozenset({CrimeArea.LAB}), "types": frozenset({"A07"}), "may_send": False, "may_receive": False,
    "duties": frozenset({Duty.RELEASE}), "deputy_for": "crrrrrrdddddd", "absences": (Span(start=71, end=81),),
    "granted_by": (SECOND, THIRD), "granted_in": 9, "key": seed("x2"), "party_class": PartyClass.LAB, "country": "DE",
    "retired": 77, "head": None, "guards": (), "mandates": (), "suspended": (), "former_keys": (), "statements": (),
    "exercise": True, "written_consent_only": True,
    "workers": (), "log_origin": "elsewhere", "log_vkey": "vkey", "trust_url": "https://elsewhere", "label": "two",
    "alarms": (AlarmAddress(to="https://ministry.example/", outside=True),),
    "vkey": "w", "officer": SECOND, "role": "reader", "credential": b"another", "ended": 7,
}  # fmt: skip


def everywhere() -> list[tuple[str, Callable[[], Content]]]:
    """One content for each field of each model of the bundle that differs in just that field."""
    found: list[tuple[str, Callable[[], Content]]] = []
    start = base()
    police, desk = start.agencies[POLICE], start.contacts[POLICE][0]

    def changed_contact(contact: Contact) -> Content:
        return start.with_contacts(POLICE, [contact, start.contacts[POLICE][1]])

    def each(what: str, model: object, put: Callable[[object], Content], skip: tuple[str, ...] = ()) -> None:
        for name in type(model).model_fields:  # type: ignore[attr-defined]
            if name not in skip:
                found.append((f"{what}.{name}", lambda n=name: put(model.model_copy(update={n: OTHER[n]}))))  # type: ignore[attr-defined,misc]

    each("contact", desk, lambda m: changed_contact(m))  # type: ignore[arg-type]
    for index in (0, 1):

        def put_mandate(m: object, i: int = index) -> Content:
            mandates = tuple(m if i == j else o for j, o in enumerate(desk.mandates))
            return changed_contact(desk.model_copy(update={"mandates": mandates}))

        each(f"mandate {index}", desk.mandates[index], put_mandate)
    each("suspension", desk.suspended[0], lambda m: changed_contact(desk.model_copy(update={"suspended": (m,)})))
    each("former key", desk.former_keys[0], lambda m: changed_contact(desk.model_copy(update={"former_keys": (m,)})))
    each("agency", police, lambda m: start.with_agency(m), skip=("handle",))  # type: ignore[arg-type]
    each("guard", police.guards[0], lambda m: start.with_agency(police.model_copy(update={"guards": (m,)})))
    each("head", police.head, lambda m: start.with_agency(police.model_copy(update={"head": m})))
    each("officer", start.officers[0], lambda m: replace(start, officers=(m, *start.officers[1:])))  # type: ignore[arg-type]
    each("operator", start.operator, lambda m: replace(start, operator=m))  # type: ignore[arg-type]
    worker = start.operator.workers[0]
    each("worker", worker, lambda m: replace(start, operator=start.operator.model_copy(update={"workers": (m,)})))
    each("witness", start.witnesses[0], lambda m: replace(start, witnesses=(m,)))  # type: ignore[arg-type]
    each("account", start.accounts[0], lambda m: replace(start, accounts=(m,)))  # type: ignore[arg-type]
    found += [
        ("rules", lambda: replace(start, rules=content.edition("others", {}))),
        ("rules' text", lambda: replace(start, rules=content.edition("rules", {"a": "b"}))),
        ("catalogue", lambda: replace(start, catalogue=content.edition("others", {}))),
        ("agreement", lambda: replace(start, agreements={**start.agreements, "one.yaml": "parties: []"})),
        ("new agreement", lambda: replace(start, agreements={**start.agreements, "three.yaml": "x"})),
        ("other new agreement", lambda: replace(start, agreements={**start.agreements, "three.yaml": "y"})),
        ("order of mandates", lambda: changed_contact(desk.model_copy(update={"mandates": desk.mandates[::-1]}))),
        ("order of keys", lambda: changed_contact(desk.model_copy(update={"statements": desk.statements[::-1]}))),
        ("order of contacts", lambda: start.with_contacts(POLICE, start.contacts[POLICE][::-1])),
        ("order of officers", lambda: replace(start, officers=start.officers[::-1])),
        ("fewer statements", lambda: changed_contact(desk.model_copy(update={"statements": desk.statements[:1]}))),
    ]  # fmt: skip
    return found


EVERYWHERE = everywhere()


@pytest.mark.parametrize(("what", "made"), EVERYWHERE, ids=[name for name, _ in EVERYWHERE])
def test_no_change_is_silent(what: str, made: Callable[[], Content]) -> None:
    before, after = base(), made()
    paths = {p for p, d in content.files(after).items() if content.files(before).get(p) != d}
    assert paths, what
    assert {line.path for line in differences(before, after)} == paths
    assert describe(before, after)


def test_no_two_changes_read_alike() -> None:
    told = {name: tuple(describe(base(), made())) for name, made in EVERYWHERE}
    assert len(set(told.values())) == len(told), "two different changes are described by the same words"
    assert len(told) > 70
    assert describe(base(), base()) == []


def test_and_two_new_parties_that_differ_anywhere_read_differently() -> None:
    told = {name: tuple(describe(None, made())) for name, made in EVERYWHERE}
    told["unchanged"] = tuple(describe(None, base()))
    same = [n for n, words in told.items() if list(told.values()).count(words) > 1]
    assert not same


def test_what_newly_becomes_possible_stands_first() -> None:
    before = base()
    wider = [m.model_copy(update={"types": frozenset({"*"})}) for m in before.contacts[COURT][0].mandates]
    court = [before.contacts[COURT][0].model_copy(update={"mandates": tuple(wider)}), before.contacts[COURT][1]]
    after = decisions.revoke(before.with_contacts(COURT, court), before.contacts[REFUGE][0], 10)
    lines = differences(before, after)
    assert min(line.rank for line in lines) == NEW
    words = describe(before, after)
    assert "all data types" in words[0]
    assert "revoked" in words[-1]


def test_words_of_a_request_cannot_move_the_cursor_or_hide_a_line() -> None:
    before = base()
    tricky = before.agencies[COURT].model_copy(update={"title": "Court\x1b[2K\r\nnothing changes\u202e"})
    text = " ".join(describe(before, before.with_agency(tricky)))
    assert text.isprintable()


def test_agencies_that_come_to_know_each_other_are_named() -> None:
    decided = trust.decided()
    now_met = {**trust.shares(), POLICE: Share(frozenset({POLICE, COURT, REFUGE}), frozenset())}
    now_met[REFUGE] = Share(frozenset({POLICE, COURT, REFUGE}), frozenset())
    words = describe(decided, decided, shares=(trust.shares(), now_met))
    assert words == ["harbour-police and refuge learn of each other and of each other's contacts"]


# Whatever the bytes


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_a_proposal_is_read_or_refused(data: bytes) -> None:
    with pytest.raises((Malformed, NotPermitted)):
        Proposal.from_bytes(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200)
@given(st.sampled_from(["base", "at", "renew", "signers", "changes", "root", "signatures", "steps", "format"]), VALUES)
def test_any_field_may_hold_anything(name: str, value: object) -> None:
    good = Proposal(base=1, at=now(), signers=(FIRST, SECOND), changes={"a": b"b"}, steps=(b"x",))  # type: ignore[arg-type]
    parsed = json.loads(good.to_bytes())
    parsed[name] = value
    try:
        Proposal.from_bytes(json.dumps(parsed).encode())
    except (Malformed, NotPermitted):
        return


def test_a_proposal_is_the_same_after_its_travel(table: Table) -> None:
    proposal = table.signed(table.revocation(), FIRST)
    assert Proposal.from_bytes(proposal.to_bytes()) == proposal


@settings(max_examples=200)
@given(st.sampled_from(["wanted", "at", "asks", "proofs", "format"]), VALUES)
def test_a_request_is_read_or_refused(name: str, value: object) -> None:
    signer = officer(FIRST)
    good = enrolment.make(Wanted.OFFICER, trust.as_officer(signer), [signer], 5)
    assert enrolment.read(good.to_bytes()) == good
    parsed = json.loads(good.to_bytes())
    if parsed[name] == value:
        return
    parsed[name] = value
    with pytest.raises((Malformed, Unverified)):
        enrolment.read(json.dumps(parsed).encode())


def test_a_request_must_be_signed_by_each_key_that_it_names() -> None:
    signer, guard = officer(HEAD), Signer(KeyKind.GUARD, "ggggggggggggg", seed("guard"))
    agency = trust.agency(POLICE, "harbour-police", PartyClass.POL, head=trust.as_officer(signer)).model_copy(
        update={"guards": (Guard(handle=guard.handle, key=guard.public, start=0, end=9),)}  # type: ignore[arg-type]
    )
    enrolment.make(Wanted.AGENCY, agency, [signer, guard], 5)
    for signers in ([signer], [guard], []):
        with pytest.raises(Unverified, match="not signed by a key that it names"):
            enrolment.make(Wanted.AGENCY, agency, signers, 5)


def test_stated_keys_are_read_or_refused() -> None:
    for data in (b"{", b"[]", b'{"contact": 1, "signed": "00"}', b'{"contact": "x", "signed": "zz"}'):
        with pytest.raises(Malformed):
            decisions.read_stated(data)
    assert decisions.read_stated(b"") == {}


def test_a_contact_asks_for_no_mandate_and_writes_as_we_do(table: Table) -> None:
    signer = Signer(KeyKind.CONTACT, "cnnnnnnnnnnnn", seed("asking"))
    plain = trust.contact(POLICE, "late", handle=signer.handle, signing_key=signer.public, mandates=())
    good = enrolment.make(Wanted.CONTACT, plain, [signer], 5)
    assert enrolment.read(good.to_bytes()) == good
    bold = plain.model_copy(update={"mandates": (trust.mandate(),)})
    with pytest.raises(Malformed):
        enrolment.read(enrolment.make(Wanted.CONTACT, bold, [signer], 5).to_bytes())
    value = json.loads(good.to_bytes())
    value["asks"]["rotation_days"] = "20"  # it would be read as the number, and the signature would fit
    with pytest.raises(Malformed):
        enrolment.read(json.dumps(value).encode())
