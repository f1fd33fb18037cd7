"""What a recipient checks before it shows a view (docs/design.md section 8), as a pure function in numbered steps.

 1. parse the delivery; its stamp is by a worker of the trust bundle;
 2. the stamp is about exactly this view and this recipient, and its leaf is the record that came with it;
 3. the sender's signature holds over the manifest, and everything in the view is what it signed;
 4. the attestations are by those whom the directory names for that duty;
 5. the recipient decides again, by its own rules and bundle, as of creation and admission; any difference quarantines;
 6. the grant opens, and every section is the plaintext that was signed;
 7. each section is what it was declared to be: type, roles and flags are computed again from its content.

Anything else than all of that is quarantined with the step's code, shown to nobody, and reported.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.evidencefiles.exhibits import EXHIBIT
from audit.errors import Unreadable
from audit.record import Record
from audit.record import leaf as record_leaf
from audit.tree import leaf_hash
from keys.domains import Tag
from keys.sealing import DecryptionKey, key_id
from keys.signing import digest, verify
from keys.verifying import Attested, VerifiedView, check_attestations, open_view, verify_view
from messages import attachment, evidencefile, limits, wire
from messages.attachment import FILE
from messages.catalogue import Catalogue
from messages.catalogue.jsontext import parse_json
from messages.directory import Bundle, Contact
from messages.envelope import COVER, Delivery, SectionDetail
from messages.errors import ContentRefused, Disagrees, Malformed, Mislabelled, NewerEpoch, UnknownSender, Unverified
from messages.evidence import Outcome, Stamp
from messages.evidencefile import EvidenceFile
from messages.ids import AgreementId
from messages.labels import Flag, Role
from messages.leaks import LeakPlace
from messages.manifest import Manifest
from messages.signed import Signed
from policies.agreements import Agreement
from policies.decide import Engine
from policies.judge import Judgement, judge

UNKNOWN_ORIGINATOR: Final = (
    "This was passed on with the permission of an originator with whom we have no agreement: the broker has checked "
    "that permission, we cannot."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A view that passed every check. `sections` holds the content by section name."""

    manifest: Manifest
    sender: Contact
    recipient: Contact
    stamp: Stamp
    record: Record
    judgement: Judgement
    sections: Mapping[str, Any]
    details: Mapping[str, SectionDetail]
    withheld: tuple[str, ...]
    guarded: bool
    thread: bytes
    agreement: AgreementId
    papers: tuple[Signed, ...]  # attestations beside it, verified
    view_digest: bytes
    manifest_digest: bytes
    aside: tuple[LeakPlace, ...] = ()  # of which words were taken out: see `adapters.quarantine`
    files: Mapping[str, EvidenceFile] = field(default_factory=dict, repr=False)  # with their keys, by section name
    warnings: tuple[str, ...] = ()  # what the person who opens it should know; not of the message's


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What receiving looks at besides the bytes."""

    bundle: Bundle
    agreements: Mapping[str, Agreement]
    engine: Engine
    catalogue: Catalogue

    def open(self, data: bytes, recipient: Contact, keys: tuple[DecryptionKey, ...]) -> Opened:
        """All steps for one delivery, or raise the `RemoteError` that says why it is kept aside."""
        delivery = Delivery.from_bytes(data)  # (1)
        stamp, record = self._stamp(delivery, recipient)  # (1), (2)
        view = wire.decode_view(delivery.view)
        if stamp.epoch > self.bundle.epoch:
            raise NewerEpoch(stamp.epoch)
        sender = self.bundle.directory.contact(view.manifest.sender)
        if sender is None:
            raise UnknownSender
        verified = verify_view(view, sender, recipient.handle, stamp.admitted)  # (3)
        if verified.manifest_digest != stamp.manifest:
            raise Unverified("The broker's stamp is about another message.")
        attested = check_attestations(  # (4)
            view.attestations,
            self.bundle.directory,
            sender,
            view.manifest,
            verified.manifest_digest,
            stamp.admitted,
            vouched=True,
        )
        if attested.recipients() - {recipient.handle} or attested.agencies() - {recipient.agency}:
            raise Unverified("The view tells of another recipient.")
        judgement = self._judge(verified, attested, sender, recipient, stamp)  # (5)
        private = next((k for k in keys if key_id(k.public) == verified.grant.key), None)
        if private is None:
            raise Unverified("The message was sealed to an encryption key that is not here.")
        plain = open_view(verified, private)  # (6)
        self._covered(view.manifest, plain, verified.withheld)
        sections = {
            name: self._content(
                view.manifest,
                verified.sections[name],
                content,
                attested.section(recipient.handle, verified.sections[name], verified.grant) is not None,
            )
            for name, content in plain.items()
        }  # (7)
        self._carried(sections, verified.sections)
        return Opened(
            manifest=view.manifest,
            sender=sender,
            recipient=recipient,
            stamp=stamp,
            record=record,
            judgement=judgement,
            sections=sections,
            details=verified.sections,
            withheld=verified.withheld,
            guarded=recipient.handle in attested.guards,
            thread=verified.grant.thread,
            agreement=verified.grant.agreement,
            papers=view.attestations,
            view_digest=stamp.view,
            manifest_digest=verified.manifest_digest,
            files={
                name: evidencefile.read(content, name, verified.sections[name].media)
                for name, content in plain.items()
                if evidencefile.object_of(name) is not None
            },
            warnings=(UNKNOWN_ORIGINATOR,) if attested.vouched else (),
        )

    def _stamp(self, delivery: Delivery, recipient: Contact) -> tuple[Stamp, Record]:
        worker = self.bundle.directory.worker(delivery.stamp.by)
        if worker is None:
            raise Unverified("The stamp is not by a worker of the trust bundle.")
        stamp = Stamp.from_bytes(verify(delivery.stamp, Tag.STAMP, worker.key))
        if not worker.start <= stamp.admitted < worker.end:
            raise Unverified("The stamp is by a worker whose key was not in force.")
        if stamp.recipient != recipient.handle or stamp.outcome is not Outcome.PERMITTED:
            raise Unverified("The stamp is not a permission for this recipient.")
        if stamp.view != digest("view", delivery.view):
            raise Unverified("The stamp is about another view.")
        if leaf_hash(record_leaf(delivery.salt, delivery.record)) != stamp.leaf:
            raise Unverified("The record that came with the view is not the one that the stamp promises to the log.")
        try:
            record = Record.from_bytes(delivery.record)
        except Unreadable:
            raise Malformed("The record that came with the view cannot be read.") from None
        if (record.outcome, record.recipient, record.manifest, record.view) != (
            stamp.outcome.value,
            stamp.recipient,
            stamp.manifest,
            stamp.view,
        ):
            raise Unverified("The record that came with the view says something else than the stamp.")
        return stamp, record

    def _judge(
        self, verified: VerifiedView, attested: Attested, sender: Contact, recipient: Contact, stamp: Stamp
    ) -> Judgement:
        manifest = verified.manifest
        admitted = stamp.admitted
        if manifest.created > admitted + limits.CLOCK_SKEW or admitted > manifest.expires:
            raise Disagrees("The broker admitted the message outside the time in which it was fresh.")
        judgement = judge(
            manifest=manifest,
            sender=sender,
            recipient=recipient,
            sections=[verified.sections[name] for name in verified.grant.sections],
            attested=lambda detail: attested.section(recipient.handle, detail, verified.grant),
            papers=attested.papers(),
            searched=attested.searched(recipient.handle),
            agreement=self.agreements.get(verified.grant.agreement),
            directory=self.bundle.directory,
            engine=self.engine,
            catalogue=self.catalogue,
            admitted=admitted,
        )
        if judgement.outcome is not Outcome.PERMITTED or judgement.rules != stamp.rules:
            raise Disagrees
        return judgement

    def _covered(self, manifest: Manifest, names: Collection[str], withheld: Collection[str]) -> None:
        """Raise `ContentRefused` where the sender wrote no cover although the kind demands one."""
        if self.catalogue.kinds[manifest.kind].cover and COVER not in names and COVER not in withheld:
            raise ContentRefused("The message has no cover, and its kind demands one.")

    def _content(self, manifest: Manifest, detail: SectionDetail, plain: bytes, attested: bool) -> Any:
        """Parse, validate and compute roles and flags again; a false declaration raises `Mislabelled`."""
        if detail.part == FILE:
            return self._file(detail, plain, attested)
        value = parse_json(plain)
        kind = self.catalogue.kinds[manifest.kind]
        if detail.type == COVER:
            value = kind.check(value)
            expected = (frozenset(), frozenset()) if attested else (frozenset({Role.UNKNOWN}), frozenset({Flag.DIRECT}))
        else:
            data_type = self.catalogue.type(detail.type)
            value = data_type.validate_part(detail.part, value)
            if detail.type in kind.evaluated and "evaluation" not in value:
                raise ContentRefused(f"In a message of this kind, {detail.type} needs an evaluation.")
            expected = (data_type.roles(value), data_type.flags(detail.part, value, text_cleared=attested))
        if (frozenset(detail.roles), frozenset(detail.flags)) != expected:
            raise Mislabelled
        return value

    def _file(self, detail: SectionDetail, plain: bytes, attested: bool) -> Any:
        """An attachment: its bytes are what its media type says, and its name says nothing where a guard sealed it."""
        self.catalogue.type(detail.type)
        if evidencefile.object_of(detail.name) is not None:
            return self._evidence(detail, plain, attested)
        found = attachment.read(plain, detail.media)
        if attested and not attachment.is_generic(found.name):
            raise Mislabelled
        expected = (attachment.ROLES, attachment.flags(detail.media, cleared=attested))
        if (frozenset(detail.roles), frozenset(detail.flags)) != expected:
            raise Mislabelled
        return attachment.to_value(found, detail.media)

    def _carried(self, sections: Mapping[str, Any], details: Mapping[str, SectionDetail]) -> None:
        """Raise `Mislabelled` where the file of an exhibit is not the one that its object describes, or must not
        travel, and where that object is not there to say so.
        """
        items = {v.get("id"): v for v in sections.values() if isinstance(v, Mapping) and "exhibit_no" in v}
        for name, value in sections.items():
            if evidencefile.object_of(name) is None:
                continue
            item = items.get(value["about"])
            if item is None:
                if details[name].type == EXHIBIT:
                    raise Mislabelled
                continue
            described = item.get("size") == value["size"] and item.get("media_type") == value["media"]
            hashed = value["sha256"] in [h["value"] for h in item.get("hashes", ())]
            if item.get("file_carried") is not True or not described or not hashed:
                raise Mislabelled

    def _evidence(self, detail: SectionDetail, plain: bytes, attested: bool) -> Any:
        """An evidence file: what is said of it. No guard can have searched it, so none may have sealed it."""
        expected = (attachment.ROLES, attachment.flags(detail.media, cleared=False))
        if attested or (frozenset(detail.roles), frozenset(detail.flags)) != expected:
            raise Mislabelled
        return evidencefile.read(plain, detail.name, detail.media).to_value(detail.media)
