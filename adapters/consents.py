"""Consents on the agency's side: terms made from a consent record (A23), and what is kept with terms at home.

Pure, and the same for sender and guard: the guard makes the terms of a record again and attests a consent's id only
where they are equal. A consent that was taken down on its own (`safeconduct consent new`) has a private record too;
its digest in the terms binds the person's name in our register to them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from keys.consents import SALT, consent_id, paper_digest, with_id
from keys.domains import Tag
from messages import cbor, limits
from messages.attestations import Consent, ConsentForm, ConsentPurpose, ConsentRoute
from messages.cbor import Reader
from messages.errors import BadInput, ContentRefused, Unverified
from messages.ids import AgencyHandle, ContactHandle
from messages.labels import Flag
from messages.signed import Signed
from policies.consent import IDENTIFYING

_EXPOSING: Final = (Flag.DIRECT, Flag.LOCATION, Flag.SENSITIVE)
SERVICES: Final = ("A22", "A24")
"""What a record without items of its own lets a service have: what a referral carries. Of other purposes, nothing."""

_KEPT: Final = (
    "about", "given_by", "capacity_checked", "language_explained", "interpreter_used", "informed_of",
    "purposes_allowed", "disclose_to", "named_recipients", "withhold", "items", "form", "given_on", "expires_on",
    "document_hash", "legitimate_basis",
)  # fmt: skip
"""The fields of a record that are the same in every message; the others are the message's."""

_EVERYBODY: Final = frozenset({"all", "anybody", "anyone", "everybody", "everyone", "others", "other_organizations"})
_WHAT: Final[Mapping[str, frozenset[Flag]]] = {
    "identity": frozenset({Flag.DIRECT}),
    "name": frozenset({Flag.DIRECT}),
    "contact": frozenset({Flag.DIRECT, Flag.LOCATION}),
    "whereabouts": frozenset({Flag.LOCATION}),
    "location": frozenset({Flag.LOCATION}),
    "address": frozenset({Flag.LOCATION, Flag.DIRECT}),
    "health": frozenset({Flag.SENSITIVE}),
    "sensitive": frozenset({Flag.SENSITIVE}),
    "D": frozenset({Flag.DIRECT}),
    "L": frozenset({Flag.LOCATION}),
    "S": frozenset({Flag.SENSITIVE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A consent as we keep it: its terms, whose it is, and who signed them.

    `record` and `salt` are empty for a consent that another agency collected: they never left that agency.
    """

    consent: Consent
    about: str = field(repr=False)  # our own register's name for the person
    record: bytes = field(default=b"", repr=False)
    salt: bytes = field(default=b"", repr=False)
    papers: tuple[Signed, ...] = ()  # the collector's signature and countersignatures over the terms
    withdrawn: int | None = None

    def signed_by(self, tag: Tag) -> frozenset[str]:
        """Who signed the terms under this tag."""
        return frozenset(p.by for p in self.papers if p.tag == tag.value)

    @property
    def countersigned(self) -> bool:
        """Whether somebody else than the collector countersigned."""
        return bool(self.signed_by(Tag.CONSENT_COUNTER) - {self.consent.collector})


def encode(record: Mapping[str, Any]) -> bytes:
    """The bytes of a private record: one form, whoever writes it."""
    return json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def decode(record: bytes) -> dict[str, Any]:
    """Read it back, or raise `BadInput`."""
    try:
        value = json.loads(record)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("about"), str):
        raise BadInput("A consent's private record cannot be read.")
    return value


def record_of(obj: Mapping[str, Any]) -> bytes:
    """The private record of a consent that a message describes as an A23 object."""
    return encode({"type": "A23", **{name: obj[name] for name in _KEPT if name in obj}})


def terms(
    record: bytes, salt: bytes, collector: ContactHandle, recipient: AgencyHandle, names: Collection[str]
) -> Consent:
    """The terms of an A23 record towards one agency, which is known by these `names` (its name, handle and class).

    Raises `ContentRefused` where the record does not say enough to rely on it.
    """
    value = decode(record)
    try:
        return with_id(
            Consent(
                id=bytes(16),
                collector=collector,
                purposes=tuple(sorted({ConsentPurpose(p) for p in value["purposes_allowed"]})),
                recipient=recipient,
                party_class=None,
                items=_items(value, names),
                form=ConsentForm(value["form"]),
                language=value.get("language_explained", "und"),
                interpreter=value.get("interpreter_used", False) is True,
                given=_milliseconds(value["given_on"]),
                expires=_milliseconds(value["expires_on"]),
                route=ConsentRoute.CONSENT,
                paper=paper_digest(salt, record),
            )
        )
    except KeyError as missing:
        raise ContentRefused(f"A consent record that is relied on names {missing.args[0]}.") from None
    except (ValueError, TypeError):
        raise ContentRefused("A consent record that is relied on has purposes, form, items and dates.") from None


def names_recipient(obj: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether an A23 object lets the agency of these names have anything."""
    named = obj.get("named_recipients", [])
    return "named" in obj.get("disclose_to", ()) and not set(names).isdisjoint(named)


def _items(value: Mapping[str, Any], names: Collection[str]) -> tuple[tuple[str, tuple[Flag, ...]], ...]:
    """What the record allows towards this agency: its own items, or what the purpose needs, less what it withholds."""
    if "items" in value:
        allowed = {str(i["data_type"]): frozenset(Flag(f) for f in i["flags"]) for i in value["items"]}
    elif ConsentPurpose.SERVICES.value in value["purposes_allowed"]:
        allowed = {t: frozenset(_EXPOSING) for t in SERVICES}
    else:
        allowed = {}
    for rule in value.get("withhold", ()):
        if not _concerns(str(rule["from_whom"]), names):
            continue
        what = str(rule["what"])
        if what in allowed:
            del allowed[what]
            continue
        # Words that we cannot read are read in the stricter way: whatever exposes the person is withheld.
        removed = _WHAT.get(what, IDENTIFYING)
        allowed = {t: flags - removed for t, flags in allowed.items()}
    return tuple((t, tuple(sorted(flags))) for t, flags in sorted(allowed.items()) if flags)


def _concerns(from_whom: str, names: Collection[str]) -> bool:
    """Whether this is withheld from the agency of these names. Free words concern everybody: in doubt, withheld."""
    plain = from_whom.strip()
    one_word = bool(plain) and plain.isascii() and " " not in plain and plain.lower() not in _EVERYBODY
    return plain in names or not one_word


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def renamed(known: Sequence[Mapping[str, Any]], shown: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The name that this recipient has for each person of our register, read off objects that it is shown.

    `known` are objects under our own names, `shown` the same under the recipient's; equal ids tell which is which.
    """
    ours = {str(o["id"]): person_of(o) for o in known if "id" in o}
    found: dict[str, str] = {}
    for obj in shown:
        own, theirs = ours.get(str(obj.get("id"))), person_of(obj)
        if own is not None and theirs is not None:
            found[own] = theirs
    return found


def person_of(obj: Mapping[str, Any]) -> str | None:
    """Under which pseudonym an object or section speaks of its one person; None where of several or of nobody."""
    name = obj.get("case_pseudonym", obj.get("about"))
    return str(name) if name is not None else None


def for_guard(held: Held) -> bytes:
    """A consent as the guard gets it: with whose it is, and the record that proves that it is ours."""
    return cbor.dump({"body": held.consent.to_bytes(), "about": held.about, "record": held.record, "salt": held.salt})


def at_guard(data: bytes, names: Collection[str]) -> Held:
    """A consent as the guard reads it, or raise `RemoteError`: its id is that of its terms, and of ours the record is
    the one whose digest the terms carry, and says about whom it is.

    Of another agency's consent the sender alone says about whom it is.
    """
    reader = Reader(cbor.load(data, 4 * limits.ATTESTATION_BYTES, "consent"), "consent")
    consent = Consent.from_bytes(reader.raw("body", 1, limits.ATTESTATION_BYTES))
    about, record, salt = reader.text("about"), reader.raw("record"), reader.raw("salt", 0, SALT)
    reader.end()
    if consent_id(consent) != consent.id:
        raise Unverified("A consent's id is not the one that its terms give it.")
    if record:
        value = decode(record)
        if value["about"] != about or paper_digest(salt, record) != consent.paper:
            raise Unverified("A consent's record is not the one that its terms name.")
        if value.get("type") == "A23" and (
            consent.recipient is None or terms(record, salt, consent.collector, consent.recipient, names) != consent
        ):
            raise Unverified("A consent's terms are not those of its record.")
    return Held(consent=consent, about=about, record=record, salt=salt)
