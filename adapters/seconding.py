"""What a second contact does to a message that waits for it: release it, review it, break a glass for it.

Pure: whoever may, and what is signed. The adapter keeps the message and sends it when nothing is missing any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.home import ContactKeys
from keys.domains import Tag
from keys.sealing import SectionKey, open_section
from keys.verifying import check_content, manifest_digest
from messages.attestations import BreakGlass, Consent, ConsentRoute, Release, Review
from messages.catalogue.jsontext import parse_json
from messages.directory import Directory
from messages.envelope import Envelope
from messages.errors import BadInput, NotPermitted
from messages.ids import ContactHandle
from messages.labels import Duty, Ground
from messages.signed import Signed

DUTIES: Final[Mapping[str, Duty]] = {"release": Duty.RELEASE, "review": Duty.REVIEW, "break-glass": Duty.BREAK_GLASS}
_DONE: Final[Mapping[str, str]] = {"release": "release", "review": "review", "break-glass": "break the glass for"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one recipient would get, as the reviewer sees it: opened from the very bytes that will travel."""

    recipient: ContactHandle
    sections: Mapping[str, Any]
    kinds: Mapping[str, str]


def check_second(act: str, envelope: Envelope, second: ContactKeys, now: int) -> None:
    """Raise `NotPermitted` unless this contact may do this for this message."""
    duty = DUTIES[act]
    mandate = second.contact.mandate_at(now)
    if mandate is None or duty not in mandate.duties:
        raise NotPermitted(f"Only a contact whose mandate names the duty `{duty.value}` can {_DONE[act]} a message.")
    if second.contact.handle == envelope.manifest.sender:
        raise NotPermitted(f"The sender cannot {_DONE[act]} its own message; a second contact has to.")


def release(envelope: Envelope, second: ContactKeys, recipients: Sequence[str], now: int) -> list[Signed]:
    """The release to each of these recipients."""
    return [
        second.signer.sign(Tag.RELEASE, Release(**_about(envelope, recipient, now)).to_bytes())
        for recipient in recipients
    ]


def review(envelope: Envelope, second: ContactKeys, readings: Sequence[Reading], now: int) -> list[Signed]:
    """The word that what each of these recipients gets was read, section by section."""
    return [
        second.signer.sign(
            Tag.REVIEW,
            Review(**_about(envelope, r.recipient, now), sections=tuple(sorted(r.sections))).to_bytes(),
        )
        for r in readings
    ]


def break_glass(
    envelope: Envelope, second: ContactKeys, recipients: Sequence[str], ground: Ground, now: int
) -> list[Signed]:
    """The word that a vital interest demands it, and the countersignature of the terms by which it goes."""
    if now > envelope.manifest.expires:
        raise NotPermitted("The day for which the vital interest was claimed is over; send it again if it still holds.")
    found = [
        second.signer.sign(Tag.BREAK_GLASS, BreakGlass(**_about(envelope, recipient, now), ground=ground).to_bytes())
        for recipient in recipients
    ]
    for paper in envelope.attestations:
        if paper.tag == Tag.CONSENT.value and Consent.from_bytes(paper.body).route is ConsentRoute.VITAL_INTEREST:
            found.append(second.signer.sign(Tag.CONSENT_COUNTER, paper.body))
    return found


def _about(envelope: Envelope, recipient: str, now: int) -> dict[str, Any]:
    return {
        "message": envelope.manifest.id,
        "manifest": manifest_digest(envelope.manifest_bytes),
        "recipient": ContactHandle(recipient),
        "at": now,
    }


def readings(
    envelope: Envelope, directory: Directory, keys: Mapping[str, bytes], recipients: Sequence[str]
) -> list[Reading]:
    """What these recipients would get, opened with the section keys that were kept; raises `BadInput` without them."""
    sender = directory.contact(envelope.manifest.sender)
    if sender is None:
        raise BadInput("The sender of this message is not in the trust bundle any more.")
    verified = check_content(envelope, sender)
    found: list[Reading] = []
    for recipient in recipients:
        names = verified.grants[ContactHandle(recipient)].sections
        if not set(names) <= keys.keys():
            raise BadInput("The keys of this message are not here, so nobody can read it before it goes; send it anew.")
        found.append(
            Reading(
                recipient=ContactHandle(recipient),
                sections={
                    name: parse_json(
                        open_section(
                            SectionKey(keys[name]),
                            envelope.sections[name],
                            verified.sections[name],
                            envelope.manifest.id,
                        )
                    )
                    for name in names
                },
                kinds={name: verified.sections[name].kind for name in names},
            )
        )
    return found
