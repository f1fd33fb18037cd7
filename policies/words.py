"""Every fact in plain words: what it says when it holds and when it does not, what would change it, and who can.

One table, for whoever explains a decision. A test holds that every boolean of `Facts` has its line here, and every
relaxing one a sentence of what would have to change. `{type}`, `{kind}`, `{sender}` and `{recipient}` are filled in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from messages.catalogue import load
from messages.labels import Flag, HCode, Kind, Role, Tlp
from policies.facts import COVER, RELAXING, Facts


class Lever(StrEnum):
    """Who can make a fact other than it is, from the easiest to those who need the whole task force."""

    SENDER = "the sender"
    GUARD = "the release guard"
    COLLEAGUE = "a second contact"
    ORIGINATOR = "the originator"
    PERSON = "the person it is about"
    RECIPIENT = "the recipient"
    MANDATE = "two officers, by a mandate"
    AGREEMENT = "both agencies and two officers, by an agreement"
    NOBODY = "nobody"

    @property
    def rank(self) -> int:
        """The lower, the easier."""
        return list(Lever).index(self)


MESSAGE_BORNE: Final = frozenset({Lever.COLLEAGUE, Lever.ORIGINATOR, Lever.PERSON, Lever.RECIPIENT})
"""Levers that work on one message at a time: what a message brings along, not what was agreed about all of them."""


@dataclass(frozen=True, slots=True)
class Words:
    """One fact. `eased` is the value under which sharing is easier; `change` says how it would come to that."""

    holds: str
    fails: str
    lever: Lever = Lever.NOBODY
    change: str = ""
    eased: bool = True


FACTS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        # the two contacts
        "sender_mandated": Words(
            "The sender is mandated to send {type} in this crime area.",
            "The sender has no mandate to send {type} in this crime area at this time.",
            Lever.MANDATE,
            "the sending contact is given a mandate to send {type} in this crime area",
        ),
        "recipient_mandated": Words(
            "The recipient is mandated to receive {type} in this crime area.",
            "The recipient has no mandate to receive {type} in this crime area at this time.",
            Lever.MANDATE,
            "the receiving contact is given a mandate to receive {type} in this crime area",
        ),
        "roles_declared": Words(
            "The sender says whose data it is.",
            "The sender does not say whose data it is.",
            Lever.SENDER,
            "the sender declares whose data it is",
        ),
        "sender_person": Words(
            "The sender is a named person who alone unlocks the key.",
            "The sender's key is held by a desk or a system.",
            Lever.SENDER,
            "it is sent by a contact whose key one named person unlocks",
        ),
        "named_person": Words(
            "The recipient is a named person who alone unlocks the key.",
            "The recipient's key is held by a desk or a system, not by one named person.",
            Lever.SENDER,
            "it is addressed to a contact whose key one named person unlocks",
        ),
        "own_agency": Words(
            "Both contacts belong to one agency.",
            "",  # it is so nearly always, and nobody can change it
        ),
        "abroad": Words(
            "It goes to another country or to an international body.",
            "It stays in the country.",
            eased=False,
        ),
        # the agreement
        "agreement_in_force": Words(
            "There is an agreement in force between the two agencies.",
            "No agreement is in force between the two agencies.",
            Lever.AGREEMENT,
            "an agreement between {sender} and {recipient} is in force",
        ),
        "type_agreed": Words(
            "The agreement lists {type} in this direction.",
            "The agreement does not list {type} in this direction.",
            Lever.AGREEMENT,
            "the agreement lists {type} in this direction",
        ),
        "kind_agreed": Words(
            "The agreement lets {type} go in a message of kind {kind}.",
            "The agreement does not let {type} go in a message of kind {kind}.",
            Lever.AGREEMENT,
            "the agreement lists the kind {kind} for {type}",
        ),
        "media_agreed": Words(
            "The agreement permits this file format.",
            "The agreement does not permit this file format.",
            Lever.AGREEMENT,
            "the agreement lists this file format for {type}",
        ),
        "purpose_agreed": Words(
            "The purpose is one that the agreement allows.",
            "The purpose is none that the agreement allows.",
            Lever.AGREEMENT,
            "the agreement allows this purpose",
        ),
        "basis_agreed": Words(
            "The agreement rests on the legal basis that is named.",
            "The agreement does not rest on the legal basis that is named.",
            Lever.AGREEMENT,
            "the agreement rests on this legal basis",
        ),
        "area_agreed": Words(
            "The agreement extends to this crime area.",
            "The agreement does not extend to this crime area.",
            Lever.AGREEMENT,
            "the agreement extends to this crime area",
        ),
        "handling_agreed": Words(
            "The recipient has agreed to honour this handling.",
            "The handling is stricter than the recipient has agreed to honour.",
            Lever.AGREEMENT,
            "the agreement's ceiling admits this TLP marking and H code",
        ),
        "joint_team": Words(
            "The agreement is that of a joint investigation team.",
            "The agreement is not that of a joint investigation team.",
            Lever.AGREEMENT,
            "it goes under an agreement of the joint investigation team",
        ),
        # handling
        "exercise_fits": Words(
            "It is no exercise, or the recipient takes part in exercises.",
            "It is an exercise, and the recipient does not take part in exercises.",
            Lever.MANDATE,
            "the receiving contact's mandate says that it takes part in exercises",
        ),
        "named_only": Words(
            "It is marked TLP:RED.",
            "It is not marked TLP:RED.",
            Lever.ORIGINATOR,
            "its originator marks it below TLP:RED",
            eased=False,
        ),
        "no_foreign": Words(
            "It is marked NOFORN.",
            "It is not marked NOFORN.",
            Lever.ORIGINATOR,
            "its originator lifts NOFORN",
            eased=False,
        ),
        "state_only": Words(
            "It is marked FED-ONLY.",
            "It is not marked FED-ONLY.",
            Lever.ORIGINATOR,
            "its originator lifts FED-ONLY",
            eased=False,
        ),
        "team_only": Words(
            "It is marked JIT: for the joint investigation team alone.",
            "It is not marked JIT.",
            Lever.ORIGINATOR,
            "its originator lifts JIT",
            eased=False,
        ),
        "releasable_to": Words(
            "It may go to the recipient's country.",
            "Its originator lets it go to other countries only.",
            Lever.ORIGINATOR,
            "its originator adds the recipient's country to those it may go to",
        ),
        "not_in_proceedings": Words(
            "It is under H1: not for use in judicial proceedings.",
            "It is not under H1.",
            Lever.ORIGINATOR,
            "its originator lifts H1",
            eased=False,
        ),
        "special_basis": Words(
            "It rests on a law under which special-category data may be processed.",
            "It rests on no law under which special-category data may be processed.",
            Lever.SENDER,
            "it rests on a law under which special-category data may be processed, such as LED-10",
        ),
        "as_evidence": Words(
            "It may be used as evidence.",
            "It is intelligence only, not evidence.",
            eased=False,
        ),
        # where the content comes from
        "passed_on": Words(
            "It is somebody else's information, passed on.",
            "It is the sender's own information.",
            eased=False,
        ),
        "onward_closed": Words(
            "It is under conditions of its originator: H2, ORCON, EGMONT or a marking over TLP:GREEN.",
            "Its originator set no condition to passing it on.",
            eased=False,
        ),
        "onward_permitted": Words(
            "Its originator has permitted it to go to this recipient for this purpose.",
            "Its originator has not permitted it to go to this recipient for this purpose.",
            Lever.ORIGINATOR,
            "its originator permits it to go to this recipient for this purpose",
        ),
        "proceedings_permitted": Words(
            "Its originator has permitted its use in proceedings.",
            "Its originator has not permitted its use in proceedings.",
            Lever.ORIGINATOR,
            "its originator permits its use in proceedings",
        ),
        "fiu_consent": Words(
            "A financial intelligence unit sends it as its own, or has permitted it.",
            "No financial intelligence unit has permitted it.",
            Lever.ORIGINATOR,
            "the financial intelligence unit that it comes from permits it",
        ),
        # the catalogue
        "class_may_receive": Words(
            "Agencies of the recipient's class receive {type}.",
            "Agencies of the recipient's class do not receive {type}, at least not in a message of kind {kind}.",
        ),
        "redacted_only": Words(
            "Agencies of the recipient's class receive {type} redacted or coded only.",
            "Agencies of the recipient's class may receive {type} whole.",
            eased=False,
        ),
        "kind_carries_type": Words(
            "A message of kind {kind} carries {type}.",
            "A message of kind {kind} does not carry {type}.",
        ),
        "free_text": Words(
            "This part is written freely.",
            "This part holds no free text.",
            eased=False,
        ),
        "picture": Words(
            "It is a picture.",
            "It is no picture.",
            eased=False,
        ),
        "sealed_part": Words(
            "This part stays sealed until the referral is accepted.",
            "This part is not sealed.",
            eased=False,
        ),
        # the guard
        "attested": Words(
            "The sender's release guard has checked it.",
            "The sender's release guard has not checked it.",
            Lever.GUARD,
            "the sender's release guard checks the section and attests it",
        ),
        "declared_as_attested": Words(
            "The sender declared it as the guard found it.",
            "The sender declared something else than the guard found.",
            Lever.SENDER,
            "the sender declares the section as the guard finds it",
        ),
        "searched": Words(
            "The guard knew whom to search for.",
            "The guard knew nobody to search for.",
            Lever.SENDER,
            "the sender names at least one person whom the guard searches it for",
        ),
        "reviewed": Words(
            "A second contact has read it for this recipient.",
            "No second contact has read it for this recipient.",
            Lever.COLLEAGUE,
            "a second contact with the duty of review reads it for this recipient",
        ),
        # identity
        "identity_right": Words(
            "The recipient has a right to identities in {type}.",
            "The recipient has no right to identities in {type} under this agreement.",
            Lever.AGREEMENT,
            "the agreement lists {type} under identity",
        ),
        "consent_demanded": Words(
            "The person's consent is needed.",
            "No consent is needed.",
            eased=False,
        ),
        "consent_covers": Words(
            "The person has consented to just this.",
            "There is no live consent of the person to just this.",
            Lever.PERSON,
            "the person consents to giving just this to just this recipient for this purpose, and the guard matches it",
        ),
        "consent_stands": Words(
            "The consent has not been withdrawn.",
            "The person has withdrawn the consent.",
            Lever.PERSON,
            "the person consents anew",
        ),
        "vital_interest": Words(
            "Two contacts claim a vital interest.",
            "No two contacts claim a vital interest.",
            Lever.COLLEAGUE,
            "two contacts claim a vital interest for one day and one named person, and the officers review it",
        ),
        "released": Words(
            "A second contact has released it to this recipient.",
            "No second contact has released it to this recipient.",
            Lever.COLLEAGUE,
            "a second contact of the sender's agency releases the message to this recipient",
        ),
        "accepted": Words(
            "The recipient has accepted the referral.",
            "The recipient has not accepted the referral.",
            Lever.RECIPIENT,
            "the recipient accepts the referral",
        ),
    }
)

COMES_WITH: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        # Only the guard can say that a section is about the person who consented, and what a reader has read.
        "consent_covers": frozenset({"attested"}),
        "reviewed": frozenset({"attested"}),
        "vital_interest": frozenset({"attested", "consent_covers"}),
    }
)
"""Facts that cannot come about without others."""

BOOLEANS: Final = tuple(f.name for f in fields(Facts) if f.type in (bool, "bool"))
AGREED: Final = tuple(n for n in BOOLEANS if n == "agreement_in_force" or n.endswith("_agreed"))
"""What an agreement has to say for anything to pass under it."""


def words(name: str) -> Words:
    """The words of a fact; of one that the table does not know, its name."""
    known = FACTS.get(name)
    if known is not None:
        return known
    plain = name.replace("_", " ")
    change = f"the following holds: {plain}" if name in RELAXING else ""
    return Words(
        f"It holds: {plain}.", f"It does not hold: {plain}.", Lever.COLLEAGUE if change else Lever.NOBODY, change
    )


def filled(text: str, facts: Facts, sender: str = "", recipient: str = "") -> str:
    """A sentence of the table with the case's own words in it."""
    return text.format(
        type=type_name(facts.data_type),
        kind=facts.kind,
        sender=sender or "the sender's agency",
        recipient=recipient or "the recipient's",
    )


def state(facts: Facts, name: str, sender: str = "", recipient: str = "") -> str:
    """How a fact stands in this case, as a sentence; "" where that goes without saying."""
    found = words(name)
    return filled(found.holds if getattr(facts, name) else found.fails, facts, sender, recipient)


def type_name(data_type: str) -> str:
    """A data type as people say it: its id and its title."""
    if data_type == COVER:
        return "the cover"
    entry = load().types.get(data_type)
    return f"{data_type} ({entry.title.lower()})" if entry is not None else data_type


FLAGS: Final[Mapping[Flag, str]] = MappingProxyType(
    {
        Flag.DIRECT: "names",
        Flag.QUASI: "describes",
        Flag.LOCATION: "locates",
        Flag.SENSITIVE: "exposes",
    }
)
"""What a flagged section does to the person: it names (D), describes (Q), locates (L) or exposes (S) somebody."""

ROLES: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.SUSPECT: "a suspect",
        Role.CONVICTED: "a convicted person",
        Role.VICTIM: "a victim",
        Role.PRESUMED_VICTIM: "a presumed victim",
        Role.WITNESS: "a witness",
        Role.INFORMANT: "an informant",
        Role.CONTACT: "a contact",
        Role.ASSOCIATE: "an associate",
        Role.PERSON_OF_INTEREST: "a person of interest",
        Role.FAMILY_OF_VICTIM: "a victim's family",
        Role.CHILD: "a child",
        Role.THIRD_PARTY: "a third party",
        Role.UNKNOWN: "a person of unknown status",
    }
)

TLP: Final[Mapping[Tlp, str]] = MappingProxyType(
    {
        Tlp.CLEAR: "for everybody",
        Tlp.GREEN: "for the community",
        Tlp.AMBER: "for the recipient's agency and those it works for",
        Tlp.AMBER_STRICT: "for the recipient's agency alone",
        Tlp.RED: "for the named person alone",
    }
)

H: Final[Mapping[HCode, str]] = MappingProxyType(
    {
        HCode.H0: "no further restriction",
        HCode.H1: "not for use in judicial proceedings",
        HCode.H2: "not to be passed on without the originator's permission",
        HCode.H3: "with conditions in words",
    }
)


def kind_name(kind: Kind) -> str:
    """A kind of message as people say it: its code and its title."""
    return f"{kind} ({load().kinds[kind].title.lower()})"


def listed(items: list[str], last: str = "and") -> str:
    """Items as people list them."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def about(facts: Facts) -> str:
    """What a section does and to whom: "names and locates a victim"."""
    who = listed(sorted(ROLES[r] for r in facts.roles), "or") or "nobody"
    does = [FLAGS[f] for f in Flag if f in facts.flags]
    return f"{listed(does)} {who}" if does else f"is about {who} and points at nobody"
