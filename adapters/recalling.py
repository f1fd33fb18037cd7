"""What was decided about a message in our journal, decided again from the very bytes: to explain it, not to show it.

Nothing is unsealed. Every section is judged as of the message's creation and admission, under the agency's own extract,
by the same function as the broker's; so a sender learns no more than its own extract tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.journal import Incoming, Outgoing
from keys.domains import Tag
from keys.signing import verify
from keys.verifying import Attested, check_attestations, verify_envelope, verify_view
from messages import wire
from messages.catalogue import Catalogue
from messages.directory import Contact, Directory
from messages.envelope import Delivery, GrantDetail, SectionDetail
from messages.errors import NotPermitted, UnknownSender, Unverified
from messages.evidence import Evidence, Outcome, Stamp
from messages.manifest import Manifest
from messages.signed import Signed
from policies.agreements import Agreements
from policies.cases import Setting, case_of
from policies.decide import Engine
from policies.inquiry import Answer, ask
from policies.judge import judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What became of one message for one recipient. `told` is what was answered then, by its codes."""

    recipient: str  # its address, or its handle where our extract does not know it
    permitted: bool
    told: tuple[str, ...]
    admitted: int | None  # None: no worker has answered yet
    answers: tuple[tuple[str, Answer], ...]  # by section name; none where nobody of our extract was addressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Recaller:
    """What recalling looks at besides the journal: our own extract, and the rules."""

    directory: Directory
    agreements: Agreements
    engine: Engine
    catalogue: Catalogue

    def sent(self, outgoing: Outgoing, now: int) -> tuple[str | None, tuple[Recalled, ...]]:
        """The code with which the whole was refused, if no rule was asked, and what became of each recipient.

        Raises `RemoteError` where the journaled bytes do not hold, `NotPermitted` where our contact is not known.
        """
        envelope = wire.decode(outgoing.data)
        manifest = envelope.manifest
        sender = self.directory.contact(manifest.sender)
        if sender is None:
            raise NotPermitted("The contact that signed this message is not in the trust bundle.")
        evidence = self._evidence(outgoing.evidence)
        if evidence is not None and not evidence.outcomes:
            return evidence.code, ()
        at = evidence.at if evidence is not None else now
        verified = verify_envelope(envelope, sender, at)
        attested = check_attestations(
            envelope.attestations, self.directory, sender, manifest, verified.manifest_digest, at
        )
        outcomes = {o.recipient: o for o in evidence.outcomes} if evidence is not None else {}
        found = []
        for handle, grant in sorted(verified.grants.items()):
            outcome = outcomes.get(handle)
            recipient = self.directory.contact(handle)
            sections = {name: verified.sections[name] for name in grant.sections}
            answers: tuple[tuple[str, Answer], ...] = ()
            judged = Outcome.REFUSED
            if recipient is not None:
                answers, judged = self._answers(manifest, sender, recipient, sections, attested, grant, at)
            found.append(
                Recalled(
                    recipient=self.directory.address(recipient) if recipient is not None else handle,
                    permitted=(outcome.outcome if outcome is not None else judged) is Outcome.PERMITTED,
                    told=outcome.rules if outcome is not None else (),
                    admitted=at if evidence is not None else None,
                    answers=answers,
                )
            )
        return None, tuple(found)

    def received(self, incoming: Incoming) -> Recalled:
        """Why a view that arrived was let through to us, or raise `RemoteError` where it does not hold."""
        recipient = self.directory.contact(incoming.contact)
        if recipient is None:
            raise NotPermitted("The contact to whom this came is not in the trust bundle.")
        delivery = Delivery.from_bytes(incoming.delivery)
        worker = self.directory.worker(delivery.stamp.by)
        if worker is None:
            raise Unverified("The stamp is not by a worker of the trust bundle.")
        stamp = Stamp.from_bytes(verify(delivery.stamp, Tag.STAMP, worker.key))
        view = wire.decode_view(delivery.view)
        sender = self.directory.contact(view.manifest.sender)
        if sender is None:
            raise UnknownSender
        verified = verify_view(view, sender, recipient.handle, stamp.admitted)
        attested = check_attestations(
            view.attestations, self.directory, sender, view.manifest, verified.manifest_digest, stamp.admitted
        )
        answers, _ = self._answers(
            view.manifest, sender, recipient, verified.sections, attested, verified.grant, stamp.admitted
        )
        return Recalled(
            recipient=self.directory.address(recipient),
            permitted=True,
            told=stamp.rules,
            admitted=stamp.admitted,
            answers=answers,
        )

    def _evidence(self, data: bytes | None) -> Evidence | None:
        if data is None:
            return None
        signed = Signed.from_bytes(data)
        worker = self.directory.worker(signed.by)
        if worker is None:
            raise Unverified("The evidence is not by a worker of the trust bundle.")
        return Evidence.from_bytes(verify(signed, Tag.EVIDENCE, worker.key))

    def _answers(
        self,
        manifest: Manifest,
        sender: Contact,
        recipient: Contact,
        sections: Mapping[str, SectionDetail],
        attested: Attested,
        grant: GrantDetail,
        at: int,
    ) -> tuple[tuple[tuple[str, Answer], ...], Outcome]:
        agreement = self.agreements.get(grant.agreement)
        judged = judge(
            manifest=manifest,
            sender=sender,
            recipient=recipient,
            sections=list(sections.values()),
            attested=lambda detail: attested.section(recipient.handle, detail, grant),
            papers=attested.papers(),
            searched=attested.searched(recipient.handle),
            agreement=agreement,
            directory=self.directory,
            engine=self.engine,
            catalogue=self.catalogue,
            admitted=at,
        )
        setting = Setting(
            sender=sender,
            sender_agency=self.directory.agency_of(sender),
            recipient=recipient,
            recipient_agency=self.directory.agency_of(recipient),
            agreement=agreement,
            catalogue=self.catalogue,
            moment=at,
            created=manifest.created,
        )
        others = self.agreements.between(setting.sender_agency.name, setting.recipient_agency.name, at)
        answers = tuple(
            (name, ask(case_of(manifest, sections[name].media, facts), setting, self.engine, others, facts))
            for name, facts, _ in judged.decisions
        )
        return answers, judged.outcome
