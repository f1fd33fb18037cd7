"""What people do with consents: take down, countersign, pass on, withdraw, and see what became of copies.

The terms are signed by the contact who collected the consent; the private record (whose it is, which paper, who
witnessed) stays sealed with us. The paper itself stays where the collector keeps papers: the terms hold a salted digest
over the record, and the record the paper's SHA-256, so that the paper can be held against the terms later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from adapters.casefile import CaseFile
from adapters.client import AgencyClient
from adapters.consents import Held, decode, encode
from adapters.home import ContactKeys
from audit.errors import AuditError
from audit.record import ActRecord
from audit.record import leaf as record_leaf
from audit.tree import leaf_hash
from keys.consents import consent_id, new_salt, paper_digest, with_id
from keys.domains import Tag
from keys.signing import Signs
from messages import cbor, limits
from messages.attestations import Consent, ConsentForm, ConsentPurpose, ConsentRoute, Withdrawal
from messages.catalogue.jsontext import parse_json
from messages.catalogue.values import shaped
from messages.cbor import Reader
from messages.directory import Directory
from messages.errors import BadInput, ContentRefused, Malformed, NotPermitted, RemoteError, Unverified
from messages.evidence import EvidenceType
from messages.ids import ContactHandle
from messages.labels import Flag, Keeping, PartyClass
from messages.limits import CONFIRM_BY, DAY
from messages.signed import Signed
from messages.withdrawals import WithdrawalSubmission
from policies.consent import flaws

FIELDS: Final = frozenset(
    {
        "about", "purposes", "recipient", "class", "items", "form", "language", "interpreter", "given", "expires",
        "route", "ground", "given_by", "witness", "informed_of", "paper",
    }
)  # fmt: skip
"""What a consent's file may name; `docs/consent.md` says what each is."""

_PRIVATE: Final = ("about", "given_by", "ground", "witness", "informed_of")
CHILD_GROUNDS: Final = ("best-interests", "guardian-agreed")
"""Why a child's data go out to protect it, although nobody consented (R-02, R-07)."""


def read_file(path: Path) -> dict[str, Any]:
    """A consent as a person wrote it down, or raise `BadInput`."""
    try:
        value = parse_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from None
    except ContentRefused:
        value = None
    if not isinstance(value, dict):
        raise BadInput(f"{path} is not a consent: it is JSON as docs/consent.md shows it.")
    return value


def take_down(value: Mapping[str, Any], keys: ContactKeys, directory: Directory, folder: Path, now: int) -> Held:
    """The consent that `value` describes, signed by its collector; raises `BadInput` with what to mend.

    `folder`: from where the paper's path counts.
    """
    if unknown := sorted(set(value) - FIELDS):
        raise BadInput(f"A consent has no field {unknown[0][:40]!r}; known are {', '.join(sorted(FIELDS))}.")
    about = value.get("about")
    if not isinstance(about, str) or not shaped("pseudonym", about):
        raise BadInput("`about` is the person's name in your own register, such as V-7K3Q-9MXA-TR; never a real name.")
    route = _code(value, "route", ConsentRoute, ConsentRoute.CONSENT)
    if (route is ConsentRoute.CHILD) != (value.get("ground") in CHILD_GROUNDS) or (
        "ground" in value and route is not ConsentRoute.CHILD
    ):
        raise BadInput(f"The route child, and no other, names a ground: {' or '.join(CHILD_GROUNDS)}.")
    form = _code(value, "form", ConsentForm, None)
    record = {name: value[name] for name in _PRIVATE if name in value}
    record["paper"] = _paper(value.get("paper"), folder)
    if route is ConsentRoute.CONSENT:
        if form in (ConsentForm.WRITTEN, ConsentForm.THUMBPRINT) and record["paper"] is None:
            raise BadInput("A consent in writing has a paper: name the file with its scan; it stays with you.")
        if form is ConsentForm.VERBAL_WITNESSED and not value.get("witness"):
            raise BadInput("A consent by word of mouth has a witness; who it was stays with you.")
    recipient, party_class = _recipient(value, directory)
    given = _moment(value.get("given"), "given", now)
    encoded, salt = encode(record), new_salt()
    consent = with_id(
        Consent(
            id=bytes(16),
            collector=keys.contact.handle,
            purposes=tuple(sorted(_purposes(value.get("purposes")))),
            recipient=recipient,
            party_class=party_class,
            items=_items(value.get("items")),
            form=form,
            language=_language(value.get("language", "und")),
            interpreter=value.get("interpreter", False) is True,
            given=given,
            expires=_moment(value.get("expires"), "expires", None),
            route=route,
            paper=paper_digest(salt, encoded),
        )
    )
    if wrong := flaws(consent):
        raise BadInput(" ".join(wrong))
    if consent.given > now + limits.CLOCK_SKEW:
        raise BadInput("A consent is taken down after it was given.")
    signed = keys.signer.sign(Tag.CONSENT, consent.to_bytes())
    return Held(consent=consent, about=about, record=encoded, salt=salt, papers=(signed,))


def vital_interest(
    case: CaseFile, client: AgencyClient, to: Sequence[str], items: Mapping[str, Sequence[Flag]], now: int
) -> list[Held]:
    """Terms by which the named items may go, for a day, to one named person, in a vital interest of each person that
    the case file is about. A second contact has to break the glass before they count.
    """
    recipients = [client.home.bundle.directory.find(address) for address in to]
    if len(recipients) != 1 or recipients[0].keeping is not Keeping.PERSON:
        raise BadInput("In a vital interest data go to exactly one named person, whose key no desk or system can use.")
    if not items:
        raise BadInput("Name the items that are needed, and no more, such as --item A02:DL.")
    people = sorted({str(o["case_pseudonym"]) for o in case.objects if "case_pseudonym" in o})
    if not people:
        raise BadInput("The case file has no object about one person, so there is nobody whose interest is vital.")
    found = []
    for about in people:
        record, salt = encode({"about": about, "paper": None}), new_salt()
        consent = with_id(
            Consent(
                id=bytes(16),
                collector=client.keys.contact.handle,
                purposes=(ConsentPurpose.SERVICES, ConsentPurpose.TRACING),
                recipient=recipients[0].agency,
                party_class=None,
                items=tuple((t, tuple(sorted(set(flags)))) for t, flags in sorted(items.items())),
                form=ConsentForm.VERBAL_WITNESSED,
                language="und",
                interpreter=False,
                given=now,
                expires=now + DAY,
                route=ConsentRoute.VITAL_INTEREST,
                paper=paper_digest(salt, record),
            )
        )
        signed = client.keys.signer.sign(Tag.CONSENT, consent.to_bytes())
        found.append(Held(consent=consent, about=about, record=record, salt=salt, papers=(signed,)))
    return found


def read_items(texts: Sequence[str]) -> dict[str, tuple[Flag, ...]]:
    """Items as people type them, "A02:DL", or raise `BadInput`."""
    found: dict[str, tuple[Flag, ...]] = {}
    for text in texts:
        data_type, _, flags = text.partition(":")
        found[data_type] = tuple(sorted({*found.get(data_type, ()), *_flags(flags, data_type)}))
    return found


def countersign(held: Held, second: ContactKeys, now: int) -> Signed:
    """A second contact's signature over the very same terms; raises `NotPermitted` for the collector."""
    if second.contact.handle == held.consent.collector:
        raise NotPermitted("The collector cannot countersign its own consent; a second contact has to.")
    if second.contact.mandate_at(now) is None:
        raise NotPermitted("Only a contact whose mandate is in force can countersign a consent.")
    return second.signer.sign(Tag.CONSENT_COUNTER, held.consent.to_bytes())


def paper_fits(held: Held, paper: Path) -> bool:
    """Whether this file is the paper that was signed."""
    if not held.record:
        raise BadInput("Another agency collected this consent; its paper is there.")
    digest = decode(held.record).get("paper")
    return paper_digest(held.salt, held.record) == held.consent.paper and digest == _paper(str(paper), Path())


# between agencies


def to_file(held: Held) -> bytes:
    """A consent for another agency: terms and signatures, and nothing of the person."""
    return cbor.dump(
        {"v": limits.VERSION, "consent": held.consent.to_bytes(), "papers": [p.to_bytes() for p in held.papers]}
    )


def from_file(data: bytes, about: str, directory: Directory, now: int) -> Held:
    """A consent that another agency collected; raises `BadInput` where its signature does not hold.

    `about`: the name that the person has in our own register; that it is the same person is ours to answer for.
    """
    if not shaped("pseudonym", about):
        raise BadInput("--about is the person's name in your own register, such as V-7K3Q-9MXA-TR; never a real name.")
    try:
        reader = Reader(cbor.load(data, 8 * limits.ATTESTATION_BYTES, "consent"), "consent")
        reader.version()
        consent = Consent.from_bytes(reader.raw("consent", 1, limits.ATTESTATION_BYTES))
        papers = cbor.bytes_list(reader.items("papers", 16), "signatures", 1, limits.ATTESTATION_BYTES)
        reader.end()
        signed = tuple(Signed.from_bytes(p, limits.ATTESTATION_BYTES) for p in papers)
    except RemoteError:
        raise BadInput("The file is not a consent that another agency passed on.") from None
    held = Held(consent=consent, about=about, papers=signed)
    collector = directory.contact(consent.collector)
    if collector is None:
        raise BadInput("The collector of this consent is nobody whom the trust bundle shows us.")
    if consent_id(consent) != consent.id or consent.collector not in held.signed_by(Tag.CONSENT):
        raise BadInput("The consent's id or its collector's signature is not what it must be.")
    return held


# withdrawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy that rests on a withdrawn consent. `recipient` is None where our trust bundle does not name it."""

    recipient: ContactHandle | None
    ordered: int | None
    outcome: str | None
    ground: str | None = None
    at: int | None = None
    proved: bool = False  # whether the holder's word is in the log

    def overdue(self, now: int) -> bool:
        """Whether the holder should have answered by now."""
        return self.outcome is None and self.ordered is not None and now > self.ordered + CONFIRM_BY


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the broker says of a consent: when it was withdrawn there (None: it was not), and what became of copies."""

    withdrawn: int | None
    copies: tuple[Copy, ...]


async def withdraw(client: AgencyClient, held: Held, signer: Signs, now: int) -> str | None:
    """Withdraw a consent. Here it holds no longer when this returns, whatever the bus does; the code of a refusal, ""
    where the broker has taken it, None where it did not answer yet (then it is handed in until it does).
    """
    signed = signer.sign(Tag.CONSENT_WITHDRAWAL, Withdrawal(consent=held.consent.id, at=now).to_bytes())
    data = WithdrawalSubmission(withdrawal=signed, terms=held.consent.to_bytes()).to_bytes()
    client.shelf.say(sha256(data).digest(), "withdrawal", data)
    client.shelf.withdrawn(held.consent.id, now)
    answer = await client.hand_in(data, kind="withdrawal")
    if answer is None:
        return None
    evidence, _ = answer
    return "" if evidence.type is EvidenceType.SUBMISSION_ACCEPTANCE else evidence.code or "refused"


async def status(client: AgencyClient, held: Held) -> Status:
    """Ask the broker what became of the copies; every holder's word is held against the log."""
    question = cbor.dump({"consent": held.consent.id, "terms": held.consent.to_bytes()})
    reader = Reader(cbor.load(await client.ask("withdrawal", question), limits.ENVELOPE_BYTES, "answer"), "answer")
    withdrawn, rows = reader.value("withdrawn"), reader.items("copies", 100_000)
    if withdrawn is not None and type(withdrawn) is not int:
        raise Malformed("The broker's answer about a consent has the wrong form.")
    return Status(withdrawn=withdrawn, copies=tuple([await _copy(client, held, row) for row in rows]))


async def _copy(client: AgencyClient, held: Held, row: object) -> Copy:
    reader = Reader(row, "copy")
    recipient, outcome = reader.maybe_text("recipient"), reader.maybe_text("outcome")
    ordered, pair = reader.value("ordered"), reader.value("record")
    reader.end()
    if ordered is not None and type(ordered) is not int:
        raise Malformed("The broker's answer about a copy has the wrong form.")
    copy = Copy(recipient=ContactHandle(recipient) if recipient else None, ordered=ordered, outcome=outcome)
    if pair is None:
        return copy
    salt, raw = pair
    try:
        record = ActRecord.from_bytes(raw)
    except AuditError:
        raise Unverified("The broker's record of an erasure cannot be read: tell the security officers.") from None
    if (record.subject, record.recipient, record.outcome) != (held.consent.id, recipient, outcome):
        raise Unverified("The broker's record of an erasure is about something else: tell the security officers.")
    proved = await client.prove(leaf_hash(record_leaf(salt, raw))) is not None
    return replace(copy, ground=record.ground, at=record.at, proved=proved)


# reading what people typed


def _code(value: Mapping[str, Any], name: str, of: Any, default: Any) -> Any:
    try:
        return of(value[name]) if name in value or default is None else default
    except (KeyError, ValueError):
        raise BadInput(f"{name} is one of {', '.join(of)}.") from None


def _purposes(value: object) -> set[ConsentPurpose]:
    try:
        return {ConsentPurpose(p) for p in value} if isinstance(value, list) else set()
    except ValueError:
        raise BadInput(f"purposes are of {', '.join(ConsentPurpose)}.") from None


def _items(value: object) -> tuple[tuple[str, tuple[Flag, ...]], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise BadInput('items names for each data type the flags that may go, such as {"A24": "DL"}.')
    return tuple((str(t), tuple(sorted(set(_flags(flags, str(t)))))) for t, flags in sorted(value.items()))


def _flags(value: object, data_type: str) -> list[Flag]:
    if not (len(data_type) == 3 and data_type[0] == "A" and data_type[1:].isdigit()):
        raise BadInput(f"{data_type[:16]!r} is not a data type such as A24; see: safeconduct types")
    try:
        return [Flag(letter) for letter in str(value)]
    except ValueError:
        raise BadInput(f"Flags are letters of {', '.join(Flag)}: direct, quasi, location, sensitive.") from None


def _recipient(value: Mapping[str, Any], directory: Directory) -> tuple[Any, PartyClass | None]:
    if ("recipient" in value) == ("class" in value):
        raise BadInput("A consent names one agency (recipient) or one class of agencies (class), and not both.")
    if "class" in value:
        return None, _code(value, "class", PartyClass, None)
    found = next((a for a in directory.agencies if a.name == value["recipient"]), None)
    if found is None:
        known = ", ".join(sorted(a.name for a in directory.agencies))
        raise BadInput(f"There is no agency {str(value['recipient'])[:48]!r}; the trust bundle shows us {known}.")
    return found.handle, None


def _language(value: object) -> str:
    if not isinstance(value, str) or not 2 <= len(value) <= 16 or not value.isascii() or not value.isalpha():
        raise BadInput("language is the code of the language in which it was explained, such as ron.")
    return value


def _moment(value: object, name: str, default: int | None) -> int:
    if value is None and default is not None:
        return default
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        raise BadInput(f"{name} is a time such as 2026-11-20T10:00:00Z.") from None
    if found.tzinfo is None:
        raise BadInput(f"{name} needs its time zone, such as the Z in 2026-11-20T10:00:00Z.")
    return int(found.timestamp() * 1000)


def _paper(value: object, folder: Path) -> str | None:
    if value is None:
        return None
    path = folder / str(value)
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(f"The paper {path.name} cannot be read ({error.strerror}).") from None
