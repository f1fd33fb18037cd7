"""A small task force for tests: fixed keys, fixed times, one directory, one message in three views.

Everything is made from labels by SHA-256, so two runs have the same keys. The private keys here protect nothing.
`make_view` stands in for what the broker does: it picks from a `Verified` what one recipient may hold.
"""

from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import Any

from keys import composing, statements
from keys.consents import with_id
from keys.domains import KeyKind, Tag
from keys.sealing import DecryptionKey
from keys.signing import Signer
from keys.verifying import Verified, verify_envelope
from messages.acknowledgements import Acknowledgement, Fault, Said
from messages.attestations import (
    Acceptance,
    AttestedSection,
    BreakGlass,
    Consent,
    ConsentForm,
    ConsentPurpose,
    ConsentRoute,
    GuardAttestation,
    Permission,
    Release,
    Review,
    Withdrawal,
)
from messages.directory import Agency, Contact, Directory, Guard, KeyStatement, Mandate, Operator, Worker
from messages.envelope import Envelope, Opening, View
from messages.escalation import Stage
from messages.evidence import Entry, Evidence, EvidenceType, Outcome, RecipientOutcome, Retrieval, Stamp
from messages.evidence import Step as EvidenceStep
from messages.evidencefile import FileRequest
from messages.holds import HoldGround, HoldStanding, HoldWord
from messages.labels import (
    Basis,
    Caveat,
    CrimeArea,
    Duty,
    EvidenceUse,
    Flag,
    Ground,
    HCode,
    Keeping,
    Kind,
    Lift,
    Lineage,
    Pap,
    PartyClass,
    Purpose,
    Role,
    Tlp,
    Urgency,
)
from messages.leaks import LeakDelivery, LeakPlace, LeakReport
from messages.limits import DAY, HOUR, INCLUDE_BY
from messages.manifest import Handling, Manifest
from messages.raised import Raised, What, raised_in
from messages.recalls import Recall, RecallDelivery, RecallGround
from messages.signed import Signed
from messages.unread import UnreadDelivery, UnreadNotice
from messages.withdrawals import (
    Erasure,
    ErasureConfirmation,
    Holding,
    Notice,
    NoticeDelivery,
    Part,
    ReviewClosed,
    ReviewNote,
    WithdrawalSubmission,
)

T0 = 1_790_000_000_000  # 2026-09-21; every moment of these tests is counted from here
POLICE, COURT, SHELTER = "apppppppppppp", "accccccccccca", "assssssssssss"
DESK, CHIEF, PROSECUTOR, REFUGE, LAPSED = (
    "cddddddddddda",
    "ceeeeeeeeeeea",
    "cffffffffffff",
    "cggggggggggga",
    "chhhhhhhhhhha",
)
GUARD, COURT_GUARD, WORKER = "gaaaaaaaaaaaa", "gbbbbbbbbbbbb", "waaaaaaaaaaaa"
OFFICERS = ("oaaaaaaaaaaaa", "obbbbbbbbbbbb", "occcccccccccc")
MESSAGE = bytes.fromhex("0f0e0d0c0b0a4908870605040302aabb")
OFFER = bytes.fromhex("0102030405064708890a0b0c0d0e0f10")
COVER_TEXT = '{"subject":"Operation Орхидея: réunion à Gdańsk"}'.encode()
FACTS_TEXT = '{"age_band":"18-24","region":"PL-22","note":"被害者は無事"}'.encode()
IDENTITY_TEXT = '{"name":"Nguyễn Thị Ánh","phone":"+48 58 000 00 00"}'.encode()


def seed(label: str) -> bytes:
    """32 bytes that any run makes again."""
    return sha256(b"safeconduct test key: " + label.encode()).digest()


@cache
def signer(handle: str) -> Signer:
    """The private signing key of whoever has this handle."""
    kinds = {"c": KeyKind.CONTACT, "g": KeyKind.GUARD, "w": KeyKind.WORKER, "o": KeyKind.OFFICER}
    return Signer(kinds[handle[0]], handle, seed(handle))


@cache
def decryption_key(handle: str, number: int = 1) -> DecryptionKey:
    """The private encryption key of a contact."""
    return DecryptionKey(b"".join(seed(f"{handle}/{number}/{part}") for part in "abc"))


def mandate(**changed: Any) -> Mandate:
    """A mandate in force for the whole test."""
    fields: dict[str, Any] = {
        "start": T0 - 30 * DAY,
        "end": T0 + 300 * DAY,
        "areas": frozenset({CrimeArea.SEX, CrimeArea.LAB}),
        "types": frozenset({"*"}),
        "may_send": True,
        "may_receive": True,
        "granted_by": OFFICERS[:2],
    }
    return Mandate(**(fields | changed))


def statement(handle: str, number: int = 1) -> KeyStatement:
    """A key statement in force at T0."""
    return statements.make(signer(handle), decryption_key(handle, number), number, T0 - DAY, T0 + 29 * DAY)


def contact(handle: str, name: str, agency: str, **changed: Any) -> Contact:
    """A contact with one mandate and one encryption key."""
    fields: dict[str, Any] = {
        "handle": handle,
        "name": name,
        "title": f"{name} — дежурный",
        "agency": agency,
        "signing_key": signer(handle).public,
        "keeping": Keeping.PERSON,
        "mandates": (mandate(),),
        "statements": (statement(handle),),
    }
    return Contact(**(fields | changed))


@cache
def directory() -> Directory:
    """Police (desk, chief who may release, one lapsed contact), court and shelter."""
    guard = Guard(handle=GUARD, key=signer(GUARD).public, start=T0 - 30 * DAY, end=T0 + 30 * DAY)
    other = Guard(handle=COURT_GUARD, key=signer(COURT_GUARD).public, start=T0 - 30 * DAY, end=T0 + 30 * DAY)

    def agency(handle: str, name: str, party: PartyClass, guards: tuple[Guard, ...] = ()) -> Agency:
        return Agency(
            handle=handle,
            name=name,
            title=name,
            party_class=party,
            country="PL",
            nkey="U" + handle.upper().ljust(55, "A"),
            guards=guards,
        )

    return Directory(
        agencies=(
            agency(POLICE, "harbour-police", PartyClass.POL, (guard,)),
            agency(COURT, "city-prosecutor", PartyClass.PRO, (other,)),
            agency(SHELTER, "refuge", PartyClass.NGO_S),
        ),
        contacts=(
            contact(DESK, "duty-desk", POLICE),
            contact(CHIEF, "chief", POLICE, mandates=(mandate(duties=frozenset(Duty)),)),
            contact(LAPSED, "former", POLICE, mandates=(mandate(end=T0 - DAY, duties=frozenset({Duty.RELEASE})),)),
            contact(PROSECUTOR, "desk", COURT, mandates=(mandate(duties=frozenset({Duty.RELEASE})),)),
            contact(REFUGE, "referrals", SHELTER),
        ),
        operator=Operator(
            name="operator",
            nkey="U" + "B" * 55,
            workers=(Worker(handle=WORKER, key=signer(WORKER).public, start=T0 - DAY, end=T0 + 90 * DAY),),
            log_origin="example.org/safeconduct-log",
            log_vkey="",
        ),
    )


def header(**changed: Any) -> Manifest:
    """A manifest whose digests `sign_envelope` fills in."""
    fields: dict[str, Any] = {
        "id": MESSAGE,
        "kind": Kind.VICTIM_REFERRAL,
        "sender": DESK,
        "purpose": Purpose.PROTECT_VICTIM,
        "basis": Basis.LED_8,
        "area": CrimeArea.LAB,
        "handling": Handling(
            tlp=Tlp.RED, h=HCode.H2, pap=Pap.AMBER, caveats=(Caveat.NOFORN, Caveat.ORCON), rel_to=("NL", "RO")
        ),
        "urgency": Urgency.REF_URGENT,
        "lineage": Lineage.ORIGINAL,
        "evidence_use": EvidenceUse.INTELLIGENCE_ONLY,
        "created": T0,
        "expires": T0 + 30 * DAY,
        "exercise": True,
        "epoch": 7,
        "checkpoint": (1234, seed("root")),
        "digests": (),
    }
    return Manifest(**(fields | changed))


@dataclass(frozen=True)
class Parts:
    """What an envelope is made of, before it is signed."""

    cover: composing.SealedSection
    facts: composing.SealedSection
    identity: composing.SealedSection
    to_prosecutor: composing.SealedGrant
    to_refuge: composing.SealedGrant

    @property
    def sections(self) -> list[composing.SealedSection]:
        return [self.cover, self.facts, self.identity]

    @property
    def grants(self) -> list[composing.SealedGrant]:
        return [self.to_prosecutor, self.to_refuge]


def make_parts(message: bytes = MESSAGE) -> Parts:
    """Cover, facts and identity of one victim: all to the prosecutor, the facts alone to the refuge."""

    def section(name: str, kind: str, part: str, flags: set[Flag], text: bytes) -> composing.SealedSection:
        return composing.seal(
            message,
            name=name,
            data_type=kind,
            part=part,
            media="application/json",
            roles=() if kind == "cover" else {Role.VICTIM},
            flags=flags,
            plaintext=text,
        )

    def grant(recipient: str, agreement: str, granted: list[composing.SealedSection]) -> composing.SealedGrant:
        return composing.grant(
            message,
            DESK,
            granted,
            recipient=recipient,
            agreement=agreement,
            public=decryption_key(recipient).public,
            thread=seed(f"thread {recipient}")[:16],
            case=seed(f"case {recipient}")[:16] if recipient == PROSECUTOR else None,
        )

    cover = section("cover", "cover", "cover", {Flag.DIRECT}, COVER_TEXT)
    facts = section("a02.1.facts", "A02", "facts", {Flag.QUASI}, FACTS_TEXT)
    identity = section("a02.1.identity", "A02", "identity", {Flag.DIRECT, Flag.LOCATION}, IDENTITY_TEXT)
    return Parts(
        cover=cover,
        facts=facts,
        identity=identity,
        to_prosecutor=grant(PROSECUTOR, "POL-PRO-2026", [cover, facts, identity]),
        to_refuge=grant(REFUGE, "POL-NGO-2026", [facts]),
    )


def guard_attestation(parts: Parts, message: bytes = MESSAGE, **changed: Any) -> GuardAttestation:
    """The guard's word over what the refuge gets."""
    detail = parts.facts.detail
    fields: dict[str, Any] = {
        "message": message,
        "sender": DESK,
        "recipient": REFUGE,
        "sections": (
            AttestedSection(
                name=detail.name,
                type=detail.type,
                part=detail.part,
                media=detail.media,
                roles=detail.roles,
                flags=detail.flags,
                consent=consent().id,
                digest=detail.digest,
                commitment=detail.commitment,
            ),
        ),
        "grant": parts.to_refuge.detail.digest,
        "identities": 1,
        "rules": "guard-1/detectors-2026.09",
        "at": T0 - 1,
    }
    return GuardAttestation(**(fields | changed))


def consent(**changed: Any) -> Consent:
    """A consent that the police desk collected, for referral to the refuge."""
    fields: dict[str, Any] = {
        "id": seed("consent")[:16],
        "collector": DESK,
        "purposes": (ConsentPurpose.INVESTIGATION, ConsentPurpose.SERVICES),
        "recipient": SHELTER,
        "party_class": None,
        "items": (("A02", (Flag.DIRECT, Flag.LOCATION)), ("A24", (Flag.QUASI,))),
        "form": ConsentForm.WRITTEN,
        "language": "vi",
        "interpreter": True,
        "given": T0 - DAY,
        "expires": T0 + 60 * DAY,
        "route": ConsentRoute.CONSENT,
        "paper": seed("paper"),
    }
    made = Consent(**(fields | changed))
    return made if "id" in changed else with_id(made)


def release(manifest: bytes, **changed: Any) -> Release:
    """The release of one message to the refuge."""
    fields: dict[str, Any] = {"message": MESSAGE, "manifest": manifest, "recipient": REFUGE, "at": T0 + 1}
    return Release(**(fields | changed))


def review(manifest: bytes, **changed: Any) -> Review:
    """The chief has read the facts that go to the refuge."""
    fields: dict[str, Any] = {
        "message": MESSAGE,
        "manifest": manifest,
        "recipient": REFUGE,
        "sections": ("a02.1.facts",),
        "at": T0 + 1,
    }
    return Review(**(fields | changed))


def broken(manifest: bytes, **changed: Any) -> BreakGlass:
    """The chief says that a vital interest demands it."""
    fields: dict[str, Any] = {
        "message": MESSAGE,
        "manifest": manifest,
        "recipient": REFUGE,
        "ground": Ground.LIFE,
        "at": T0 + 1,
    }
    return BreakGlass(**(fields | changed))


def acceptance(manifest: bytes, **changed: Any) -> Acceptance:
    """The refuge accepts an earlier offer of the police."""
    fields: dict[str, Any] = {
        "message": OFFER,
        "manifest": manifest,
        "referrer": POLICE,
        "recipient": REFUGE,
        "accepted": True,
        "at": T0 - 1,
    }
    return Acceptance(**(fields | changed))


def permission(**changed: Any) -> Permission:
    """The prosecutor lets the police pass its content on to the refuge."""
    fields: dict[str, Any] = {
        "message": OFFER,
        "originator": PROSECUTOR,
        "grantee": POLICE,
        "recipient": SHELTER,
        "purposes": (Purpose.PROTECT_VICTIM,),
        "lifts": (Lift.ONWARD,),
        "at": T0 - 1,
        "expires": T0 + DAY,
    }
    return Permission(**(fields | changed))


def withdrawal(**changed: Any) -> Withdrawal:
    """The collector says that the consent holds no longer."""
    return Withdrawal(**({"consent": consent().id, "at": T0 + 2} | changed))


VIEW_ID = "0123456789abcdef" * 2


def withdrawal_submission(by: str = DESK, **changed: Any) -> WithdrawalSubmission:
    """The withdrawal as the police hand it in."""
    signed = signer(by).sign(Tag.CONSENT_WITHDRAWAL, withdrawal().to_bytes())
    return WithdrawalSubmission(**({"withdrawal": signed, "terms": consent().to_bytes()} | changed))


def holding(view: bytes, **changed: Any) -> Holding:
    """That the refuge holds a view which rests on the consent."""
    fields: dict[str, Any] = {
        "consent": consent().id,
        "agency": SHELTER,
        "contact": REFUGE,
        "view_id": VIEW_ID,
        "view": view,
        "message": MESSAGE,
        "sender": DESK,
        "at": T0 + 1,
    }
    return Holding(**(fields | changed))


def notice(view: bytes, **changed: Any) -> Notice:
    """The worker tells the refuge to erase its copy."""
    fields: dict[str, Any] = {
        "consent": consent().id,
        "withdrawal": sha256(withdrawal_submission().withdrawal.to_bytes()).digest(),
        "to": REFUGE,
        "part": Part.HOLDER,
        "message": MESSAGE,
        "view_id": VIEW_ID,
        "view": view,
        "recipient": REFUGE,
        "retrieved": True,
        "at": T0 + 3,
        "confirm_by": T0 + 3 + 3 * DAY,
        "epoch": 7,
        "leaf": seed("leaf"),
        "include_by": T0 + 3 + INCLUDE_BY,
    }
    return Notice(**(fields | changed))


def notice_delivery(view: bytes) -> NoticeDelivery:
    """The notice as it waits."""
    submitted = withdrawal_submission()
    return NoticeDelivery(
        notice=signer(WORKER).sign(Tag.NOTICE, notice(view).to_bytes()),
        withdrawal=submitted.withdrawal,
        terms=submitted.terms,
        record=b"\xa1\x61v\x01",
        salt=seed("salt"),
    )


def erasure(view: bytes, **changed: Any) -> ErasureConfirmation:
    """The refuge erased its copy."""
    fields: dict[str, Any] = {
        "consent": consent().id,
        "message": MESSAGE,
        "view_id": VIEW_ID,
        "view": view,
        "recipient": REFUGE,
        "outcome": Erasure.ERASED,
        "ground": None,
        "at": T0 + 4,
    }
    return ErasureConfirmation(**(fields | changed))


def leak(view: bytes, **changed: Any) -> LeakReport:
    """The refuge keeps words aside."""
    fields: dict[str, Any] = {
        "message": MESSAGE,
        "view_id": VIEW_ID,
        "view": view,
        "sender": DESK,
        "recipient": REFUGE,
        "by": None,
        "ground": None,
        "places": (LeakPlace("a24.1.facts", "narrative[0].text", "phone"), LeakPlace("cover", "subject_line", "email")),
        "at": T0 + 5,
    }
    return LeakReport(**(fields | changed))


def leak_delivery(view: bytes) -> LeakDelivery:
    """The same, as it waits for whoever sent the message."""
    return LeakDelivery(leak=signer(REFUGE).sign(Tag.LEAK, leak(view).to_bytes()), record=b"record", salt=seed("salt"))


def acknowledgement(view: bytes, **changed: Any) -> Acknowledgement:
    """The refuge shows the view to nobody: it is not what its sender declared."""
    fields: dict[str, Any] = {
        "message": MESSAGE,
        "view_id": VIEW_ID,
        "view": view,
        "sender": DESK,
        "recipient": REFUGE,
        "said": Said.REJECTED,
        "fault": Fault.MISLABELLED,
        "at": T0 + 6,
    }
    return Acknowledgement(**(fields | changed))


def unread(**changed: Any) -> UnreadNotice:
    """The sender is told to telephone the refuge."""
    fields: dict[str, Any] = {
        "to": DESK,
        "stage": Stage.SENDER,
        "message": MESSAGE,
        "view_id": VIEW_ID,
        "recipient": REFUGE,
        "sender": DESK,
        "due": T0 + 8,
        "at": T0 + 7,
        "epoch": 7,
        "leaf": seed("leaf"),
        "include_by": T0 + 9,
    }
    return UnreadNotice(**(fields | changed))


def unread_delivery() -> UnreadDelivery:
    """The same, as it waits."""
    return UnreadDelivery(
        unread=signer(WORKER).sign(Tag.UNREAD, unread().to_bytes()), record=b"record", salt=seed("salt")
    )


def hold() -> HoldWord:
    """An officer holds the records of two ranges of leaves for a court."""
    ranges = ((3, 9), (12, 13))
    return HoldWord(standing=HoldStanding.HELD, ranges=ranges, ends=T0 + DAY, ground=HoldGround.COURT_ORDER, at=T0)


def raised() -> Raised:
    """The refuge's adapter has heard of another log than the one that it is shown."""
    return Raised(what=What.LOG_DIFFERS, contact=REFUGE, hour=raised_in(T0))


def recall(**changed: Any) -> Recall:
    """The desk recalls its message."""
    fields: dict[str, Any] = {"message": MESSAGE, "ground": RecallGround.INACCURATE, "corrected_by": None, "at": T0 + 9}
    return Recall(**(fields | changed))


def recall_delivery() -> RecallDelivery:
    """The same, as it waits for whoever got the message."""
    return RecallDelivery(
        recall=signer(DESK).sign(Tag.RECALL, recall().to_bytes()), view_id=VIEW_ID, record=b"record", salt=seed("salt")
    )


def step() -> EvidenceStep:
    """What a sender is told of it."""
    made = evidence(type=EvidenceType.REJECTION, outcomes=())
    return EvidenceStep(
        evidence=signer(WORKER).sign(Tag.EVIDENCE, made.to_bytes()), record=b"\xa1\x61v\x01", salt=seed("salt")
    )


def review_closed(view: bytes, **changed: Any) -> ReviewClosed:
    """An officer has reviewed a broken glass."""
    fields: dict[str, Any] = {
        "message": MESSAGE,
        "recipient": REFUGE,
        "view": view,
        "note": ReviewNote.JUSTIFIED,
        "at": T0 + DAY,
    }
    return ReviewClosed(**(fields | changed))


def file_request(view: bytes, **changed: Any) -> FileRequest:
    """The recipient wants the evidence file that its view names."""
    return FileRequest(**({"object": bytes(range(16)), "view": view, "message": MESSAGE, "at": T0 + DAY} | changed))


def make_envelope(parts: Parts | None = None) -> Envelope:
    """The message, with the guard's attestation and a consent that a second contact countersigned."""
    parts = parts or make_parts()
    return composing.sign_envelope(
        signer(DESK),
        header(),
        parts.sections,
        parts.grants,
        [
            signer(GUARD).sign(Tag.GUARD, guard_attestation(parts).to_bytes()),
            signer(DESK).sign(Tag.CONSENT, consent().to_bytes()),
            signer(CHIEF).sign(Tag.CONSENT_COUNTER, consent().to_bytes()),
        ],
    )


@cache
def envelope() -> Envelope:
    """One envelope shared by tests that only read it."""
    return make_envelope()


@cache
def verified() -> Verified:
    """The same, verified."""
    return verify_envelope(envelope(), sender(), T0)


def sender() -> Contact:
    """The contact who signed."""
    found = directory().contact(DESK)
    assert found is not None
    return found


def make_view(
    of: Verified, recipient: str, withheld: tuple[str, ...] = (), attestations: tuple[Signed, ...] = ()
) -> View:
    """What `recipient` may hold of an envelope; `withheld` names sections whose kind it may know of."""
    grant = of.grants[recipient]
    openings = [of.section_openings[name] for name in grant.sections]
    openings.append(of.grant_openings[recipient])
    openings += [Opening(outer=of.section_openings[name].outer, detail=None) for name in withheld]
    return View(
        manifest_bytes=of.envelope.manifest_bytes,
        manifest=of.envelope.manifest,
        signature=of.envelope.signature,
        openings=tuple(openings),
        sections={name: of.envelope.sections[name] for name in grant.sections},
        grant=of.envelope.grants[recipient],
        attestations=attestations,
    )


def refuge_view(of: Verified | None = None) -> View:
    """The refuge's view: the facts, and the word that an identity was withheld."""
    of = of or verified()
    return make_view(of, REFUGE, ("a02.1.identity",), (of.envelope.attestations[0],))


def prosecutor_view(of: Verified | None = None) -> View:
    """The prosecutor's view: everything."""
    return make_view(of or verified(), PROSECUTOR)


def evidence(**changed: Any) -> Evidence:
    """A worker's evidence over the envelope."""
    outcome = RecipientOutcome(
        recipient=REFUGE, outcome=Outcome.REFUSED, rules=("no-consent", "needs-guard"), leaf=seed("leaf")
    )
    fields: dict[str, Any] = {
        "type": EvidenceType.SUBMISSION_ACCEPTANCE,
        "submission": seed("submission"),
        "message": MESSAGE,
        "at": T0 + HOUR,
        "epoch": 7,
        "code": None,
        "outcomes": (outcome, replace(outcome, recipient=PROSECUTOR, outcome=Outcome.PERMITTED, rules=("permit-PRO",))),
        "leaf": seed("submission leaf"),
        "include_by": T0 + HOUR + INCLUDE_BY,
    }
    return Evidence(**(fields | changed))


def stamp(view: bytes, manifest: bytes, **changed: Any) -> Stamp:
    """A worker's stamp over a view."""
    fields: dict[str, Any] = {
        "view": view,
        "manifest": manifest,
        "recipient": REFUGE,
        "outcome": Outcome.PERMITTED,
        "rules": ("permit-NGO-referral",),
        "epoch": 7,
        "admitted": T0 + HOUR,
        "leaf": seed("leaf"),
        "include_by": T0 + HOUR + INCLUDE_BY,
    }
    return Stamp(**(fields | changed))


def retrieval(view: bytes, manifest: bytes) -> Retrieval:
    """The refuge's word that it took the view."""
    return Retrieval(
        view_id=seed("view id")[:16].hex(),
        view=view,
        manifest=manifest,
        message=MESSAGE,
        recipient=REFUGE,
        at=T0 + 2 * HOUR,
        checkpoint=None,
    )


def entry() -> Entry:
    """What is stored with the views."""
    return Entry(
        submission=seed("submission"),
        evidence=signer(WORKER).sign(Tag.EVIDENCE, evidence().to_bytes()),
        records=((seed("salt"), b"\xa1\x61v\x01"), (seed("other salt"), b"\xa1\x61v\x01")),
        views=((seed("view id")[:16].hex(), REFUGE, seed("view digest")),),
    )
