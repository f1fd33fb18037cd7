"""Decide one recipient's view: every granted section, and the view as a whole.

The broker does this at admission, the recipient again before it shows anything, the sender while it plans: the same
function over the same facts. The broker never edits a grant: if one granted section is not permitted, the whole view
of that recipient is refused with the rules, and the adapter plans again.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from messages import evidencefile
from messages.attachment import FILE
from messages.attestations import AttestedSection, Consent, Papers
from messages.catalogue import Catalogue
from messages.directory import Contact, Directory
from messages.envelope import SectionDetail
from messages.evidence import Outcome
from messages.evidencefile import CHUNKS, chunks_of
from messages.labels import Flag, PartyClass
from messages.manifest import Manifest
from policies.agreements import Agreement
from policies.decide import Decision, Effect, Engine
from policies.facts import Facts, gather

NO_SUCH_CONTACT = "undesignated-recipient"
KEY_NOT_IN_FORCE = "key-not-in-force"
RECIPIENT_FULL = "recipient-full"
FILE_TOO_LARGE = "file-too-large"
NOT_DELIVERABLE = "not-deliverable"
BEYOND_EXTRACT = frozenset({RECIPIENT_FULL})
"""Refusals that follow from what no sender's extract tells: the sender hears `NOT_DELIVERABLE`, the record says why."""

SENTENCES: Mapping[str, str] = {
    NO_SUCH_CONTACT: "The recipient is not a designated contact of the task force.",
    KEY_NOT_IN_FORCE: "The message was sealed to an encryption key that the recipient does not have in force.",
    FILE_TOO_LARGE: "An evidence file is larger than its data type permits for its media type, or of none it permits.",
    NOT_DELIVERABLE: "The message cannot be delivered now; the officers can say why: give them its id.",
    RECIPIENT_FULL: "Too many messages wait for this recipient; ask its agency to collect them, then send again.",
}
"""What is refused before any rule is asked, in words."""

_NGO = frozenset({PartyClass.NGO_S, PartyClass.NGO_P})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The outcome for one recipient, with the ids of the rules that decided, never empty."""

    outcome: Outcome
    rules: tuple[str, ...]
    sections: tuple[tuple[str, str, str], ...]  # (name, kind, "permitted" | "refused"), as records hold them
    decisions: tuple[tuple[str, Facts, Decision], ...]


def refused(rule: str, sections: Collection[SectionDetail]) -> Judgement:
    """A refusal of the whole view before any rule was asked."""
    return Judgement(
        outcome=Outcome.REFUSED,
        rules=(rule,),
        sections=tuple((s.name, s.kind, Outcome.REFUSED.value) for s in sections),
        decisions=(),
    )


def countersignature_due(consent: Consent, sender: Contact, recipient_class: PartyClass) -> bool:
    """Whether a second contact has to have countersigned (docs/design.md section 6).

    It has to towards an NGO, and where the sender itself collected a consent to direct identity or location.
    """
    exposing = any({Flag.DIRECT, Flag.LOCATION} & set(flags) for _, flags in consent.items)
    return recipient_class in _NGO or (exposing and consent.collector == sender.handle)


def _file_fits(section: SectionDetail, catalogue: Catalogue) -> bool:
    """Whether an evidence file has a media type and a size that its data type permits; all else fits."""
    stored = evidencefile.object_of(section.name)
    if stored is None:
        return True
    known = catalogue.types.get(section.type)
    limit = known.media_limits.get(section.media, 0) if known is not None else 0
    return section.part == FILE and stored[1] <= min(chunks_of(limit) if limit else 0, CHUNKS)


def judge(
    *,
    manifest: Manifest,
    sender: Contact,
    recipient: Contact,
    sections: Collection[SectionDetail],
    attested: Callable[[SectionDetail], AttestedSection | None],
    papers: Papers,
    searched: int,
    agreement: Agreement | None,
    directory: Directory,
    engine: Engine,
    catalogue: Catalogue,
    admitted: int,
) -> Judgement:
    """Decide `sections`, the ones granted to `recipient`, as of the manifest's creation and of `admitted`.

    `papers` must have been verified by the caller, who also says for how many identities the guard `searched` what goes
    to this recipient; `agreement` is the one the grant names, or None.
    """
    if not all(_file_fits(section, catalogue) for section in sections):
        return refused(FILE_TOO_LARGE, sections)
    sender_agency, recipient_agency = directory.agency_of(sender), directory.agency_of(recipient)
    usable = [
        c
        for c in papers.consents
        if c.id in papers.countersigned or not countersignature_due(c, sender, recipient_agency.party_class)
    ]
    papers = replace(papers, consents=tuple(usable))
    decisions: list[tuple[str, Facts, Decision]] = []
    for section in sections:
        facts = gather(
            manifest=manifest,
            sender=sender,
            sender_agency=sender_agency,
            recipient=recipient,
            recipient_agency=recipient_agency,
            claim=section,
            attested=attested(section),
            agreement=agreement,
            papers=papers,
            searched=searched,
            catalogue=catalogue,
            admitted=admitted,
        )
        decisions.append((section.name, facts, engine.decide(facts)))
    refusals = [r for _, _, d in decisions if d.effect is not Effect.PERMIT for r in d.because]
    permits = [r for _, _, d in decisions if d.effect is Effect.PERMIT for r in d.because]
    outcome = Outcome.REFUSED if refusals or not decisions else Outcome.PERMITTED
    return Judgement(
        outcome=outcome,
        rules=tuple(dict.fromkeys(refusals or permits)) or ("SC-00",),
        sections=tuple(
            (s.name, s.kind, (Outcome.PERMITTED if d.effect is Effect.PERMIT else Outcome.REFUSED).value)
            for s, (_, _, d) in zip(sections, decisions, strict=True)
        ),
        decisions=tuple(decisions),
    )
