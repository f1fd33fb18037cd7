"""The five labelling axes (CATALOGUE section B) and their order. They are independent: none implies another.

1. dissemination — who may see it: `Tlp` (FIRST TLP 2.0), caveats.
2. use — what may be done with it: `HCode` (Council 6243/18), `Pap`, `Purpose`.
3. evaluation — how far to trust it: 4x4 (Regulation (EU) 2016/794 art. 29).
4. urgency — how fast to answer: `Urgency` with its legal clock.
5. subject protection — whose data it is: `Role` (LED art. 6) and the identity `Flag` of each field.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from messages.limits import DAY, HOUR


class _Ordered(StrEnum):
    """Members stand from the least to the most restrictive."""

    @property
    def rank(self) -> int:
        return list(type(self)).index(self)

    def covers(self, other: Self) -> bool:
        """Whether a ceiling of `self` admits `other`."""
        return other.rank <= self.rank


class Tlp(_Ordered):
    """Traffic Light Protocol 2.0 (FIRST, August 2022)."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    AMBER_STRICT = "AMBER+STRICT"
    RED = "RED"


class HCode(_Ordered):
    """SIENA handling codes. H3 carries words (in `cover`) and adds to, never loosens, the others."""

    H0 = "H0"
    H1 = "H1"
    H2 = "H2"
    H3 = "H3"


class Pap(_Ordered):
    """Permissible Actions Protocol; "action" is anything the trafficker could notice."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    RED = "RED"


class Caveat(StrEnum):
    """Machine-readable conditions of the originator (CATALOGUE B.1d)."""

    ORCON = "ORCON"
    NOFORN = "NOFORN"
    EGMONT = "EGMONT"
    JIT = "JIT"
    FED_ONLY = "FED-ONLY"


class Purpose(StrEnum):
    """Purposes of processing (CATALOGUE B.7). There is no general purpose (R-22)."""

    PREVENT = "PREVENT"
    INVESTIGATE = "INVESTIGATE"
    PROSECUTE = "PROSECUTE"
    EXECUTE_SENTENCE = "EXECUTE-SENTENCE"
    PROTECT_VICTIM = "PROTECT-VICTIM"
    TRACE_PERSON = "TRACE-PERSON"
    RECOVER_ASSET = "RECOVER-ASSET"
    STATISTICS = "STATISTICS"
    AUDIT = "AUDIT"


class Basis(StrEnum):
    """Lawful bases (CATALOGUE B.7); the article in words belongs in the cover."""

    LED_8 = "LED-8"
    LED_10 = "LED-10"
    LED_9_3 = "LED-9(3)"
    GDPR_6_1_A = "GDPR-6-1-a"
    GDPR_6_1_C = "GDPR-6-1-c"
    GDPR_6_1_D = "GDPR-6-1-d"
    GDPR_6_1_E = "GDPR-6-1-e"
    GDPR_9_2_A = "GDPR-9-2-a"
    GDPR_9_2_C = "GDPR-9-2-c"
    ISD_4 = "ISD-4"
    ISD_7 = "ISD-7"
    EUROPOL_19 = "EUROPOL-19"
    INTERPOL_RPD = "INTERPOL-RPD"
    MLA_UNTOC_18 = "MLA-UNTOC-18"
    EXTR_UNTOC_16 = "EXTR-UNTOC-16"
    EIO = "EIO"
    EPOC = "EPOC"
    EAW = "EAW"
    FRZ_1805 = "FRZ-1805"
    EGMONT = "EGMONT"
    NAT = "NAT"
    DTN = "DTN"


class CrimeArea(StrEnum):
    """Crime areas of A01 (CATALOGUE); mandates and agreements name the areas they cover."""

    SEX = "THB-SEX"
    LAB = "THB-LAB"
    CRIM = "THB-CRIM"
    BEG = "THB-BEG"
    ORG = "THB-ORG"
    OTH = "THB-OTH"


class SourceGrade(_Ordered):
    """Evaluation of the source, 4x4; from best to worst, so that a mapping can be kept from upgrading."""

    A = "A"
    B = "B"
    C = "C"
    X = "X"


class InformationGrade(_Ordered):
    """Evaluation of the information, 4x4, from best to worst."""

    ONE = "1"
    TWO = "2"
    THREE = "3"
    FOUR = "4"


class Lane(StrEnum):
    """The order in which waiting views are drained."""

    URGENT = "urgent"
    NORMAL = "normal"


class Urgency(StrEnum):
    """Time limits with a legal source (CATALOGUE B.3); what is due when is reckoned in `messages.clocks`."""

    ISD_URGENT_DIRECT = "ISD-URGENT-DIRECT"
    ISD_URGENT_INDIRECT = "ISD-URGENT-INDIRECT"
    ISD_NORMAL = "ISD-NORMAL"
    SFI_8H = "SFI-8H"
    SFI_1W = "SFI-1W"
    SFI_14D = "SFI-14D"
    SIRENE_12H = "SIRENE-12H"
    EIO_ACK = "EIO-ACK"
    EIO_RECOGNISE = "EIO-RECOGNISE"
    EIO_EXECUTE = "EIO-EXECUTE"
    EPOC = "EPOC"
    EPOC_EMERGENCY = "EPOC-EMERGENCY"
    EPOC_PR = "EPOC-PR"
    FREEZE_URGENT = "FREEZE-URGENT"
    CONFISCATE = "CONFISCATE"
    EAW = "EAW"
    ARO = "ARO"
    PRUM_CORE = "PRUM-CORE"
    REF_EMERGENCY = "REF-EMERGENCY"
    REF_URGENT = "REF-URGENT"
    REF_NORMAL = "REF-NORMAL"
    NRM_RG = "NRM-RG"
    RECOVERY = "RECOVERY"
    NONE = "NONE"

    @property
    def clock(self) -> "Clock | None":
        """The legal clock, or None."""
        return _CLOCKS[self]

    @property
    def limit(self) -> int | None:
        """Milliseconds from receipt by the contact point to the answer that is due, or None.

        Of working days the fewest calendar days they can last; `messages.clocks.due` reckons them exactly.
        """
        return clock.limit if (clock := _CLOCKS[self]) else None

    @property
    def lane(self) -> Lane:
        """Urgent is what must be answered within a day; it overtakes a backlog and is rate-limited."""
        return Lane.URGENT if (self.limit or 2 * DAY) <= DAY else Lane.NORMAL


@dataclass(frozen=True, slots=True)
class Clock:
    """How long, by which law, and whether it can be paused for a judicial authorisation (Dir (EU) 2023/977 art. 5(2)).

    `read` tells a limit that was read in its source from one that is recalled and still to be checked.
    """

    limit: int
    source: str
    read: bool = True
    working: int = 0  # working days, where the law counts those
    pausable: bool = False


_ISD: Final = "Directive (EU) 2023/977 art. 5(1)"
_SFI: Final = "Framework Decision 2006/960/JHA"
_EPOC: Final = "Regulation (EU) 2023/1543"
_IAR: Final = "UNHCR and IASC inter-agency referral form"
_CLOCKS: Final[dict[Urgency, Clock | None]] = {
    Urgency.ISD_URGENT_DIRECT: Clock(8 * HOUR, f"{_ISD}(a)", pausable=True),
    Urgency.ISD_URGENT_INDIRECT: Clock(3 * DAY, f"{_ISD}(b)", pausable=True),
    Urgency.ISD_NORMAL: Clock(7 * DAY, f"{_ISD}(c)", pausable=True),
    Urgency.SFI_8H: Clock(8 * HOUR, _SFI, read=False),
    Urgency.SFI_1W: Clock(7 * DAY, _SFI, read=False),
    Urgency.SFI_14D: Clock(14 * DAY, _SFI, read=False),
    Urgency.SIRENE_12H: Clock(12 * HOUR, "SIRENE Manual", read=False),
    Urgency.EIO_ACK: Clock(7 * DAY, "Directive 2014/41/EU art. 16", read=False),
    Urgency.EIO_RECOGNISE: Clock(30 * DAY, "Directive 2014/41/EU art. 12"),
    Urgency.EIO_EXECUTE: Clock(90 * DAY, "Directive 2014/41/EU art. 12"),
    Urgency.EPOC: Clock(10 * DAY, _EPOC, read=False),
    Urgency.EPOC_EMERGENCY: Clock(8 * HOUR, _EPOC),
    Urgency.EPOC_PR: Clock(60 * DAY, _EPOC, read=False),
    Urgency.FREEZE_URGENT: Clock(48 * HOUR, "Regulation (EU) 2018/1805"),
    Urgency.CONFISCATE: Clock(45 * DAY, "Regulation (EU) 2018/1805"),
    Urgency.EAW: Clock(10 * DAY, "Framework Decision 2002/584/JHA art. 17", read=False),
    Urgency.ARO: Clock(7 * DAY, "Directive (EU) 2024/1260", read=False),
    Urgency.PRUM_CORE: Clock(48 * HOUR, "Regulation (EU) 2024/982"),
    Urgency.REF_EMERGENCY: Clock(DAY, _IAR),
    Urgency.REF_URGENT: Clock(3 * DAY, _IAR),
    Urgency.REF_NORMAL: Clock(14 * DAY, _IAR),
    Urgency.NRM_RG: Clock(5 * DAY, "UK NRM guidance", working=5),
    Urgency.RECOVERY: Clock(30 * DAY, "Council of Europe Convention art. 13"),
    Urgency.NONE: None,
}


class Precedence(_Ordered):
    """Military and MISP precedence, from the least to the most pressing. FLASH OVERRIDE is not adopted (B.3)."""

    ROUTINE = "ROUTINE"
    PRIORITY = "PRIORITY"
    IMMEDIATE = "IMMEDIATE"
    FLASH = "FLASH"  # a victim is in immediate danger

    @property
    def urgency(self) -> Urgency:
        """The legal clock that answers to it; never a slower one than a lower precedence has."""
        return _URGENCIES[self]


_URGENCIES: Final[dict[Precedence, Urgency]] = {
    Precedence.ROUTINE: Urgency.NONE,
    Precedence.PRIORITY: Urgency.ISD_NORMAL,
    Precedence.IMMEDIATE: Urgency.ISD_URGENT_INDIRECT,
    Precedence.FLASH: Urgency.ISD_URGENT_DIRECT,
}


class Role(StrEnum):
    """Data-subject categories (LED art. 6, CATALOGUE B.4)."""

    SUSPECT = "suspect"
    CONVICTED = "convicted"
    VICTIM = "victim"
    PRESUMED_VICTIM = "presumed-victim"
    WITNESS = "witness"
    INFORMANT = "informant"
    CONTACT = "contact"
    ASSOCIATE = "associate"
    PERSON_OF_INTEREST = "person-of-interest"
    FAMILY_OF_VICTIM = "family-of-victim"
    CHILD = "child"
    THIRD_PARTY = "third-party"
    UNKNOWN = "unknown"

    @property
    def protected(self) -> bool:
        """Whether identity flags are active for this role; `unknown` is treated as a victim (R-02)."""
        return self in PROTECTED


PROTECTED: Final = frozenset(
    {
        Role.VICTIM,
        Role.PRESUMED_VICTIM,
        Role.WITNESS,
        Role.INFORMANT,
        Role.FAMILY_OF_VICTIM,
        Role.CHILD,
        Role.UNKNOWN,
    }
)


class Flag(StrEnum):
    """What a field can do to the person it is about (CATALOGUE 0.4)."""

    DIRECT = "D"
    QUASI = "Q"
    LOCATION = "L"
    SENSITIVE = "S"


class PartyClass(StrEnum):
    """Classes of agencies (docs/design.md section 2)."""

    POL = "POL"
    PRO = "PRO"
    CRT = "CRT"
    BOR = "BOR"
    LAB = "LAB"
    FIU = "FIU"
    SOC = "SOC"
    FOR = "FOR"
    IOL = "IOL"
    NGO_S = "NGO-S"
    NGO_P = "NGO-P"
    RAP = "RAP"


class Kind(StrEnum):
    """Message kinds (CATALOGUE C.2)."""

    INTEL_REPORT = "INTEL-REPORT"
    RFI = "RFI"
    RFI_RESPONSE = "RFI-RESPONSE"
    HIT_QUERY = "HIT-QUERY"
    HIT_REPLY = "HIT-REPLY"
    HIT_FOLLOWUP = "HIT-FOLLOWUP"
    MLA_REQUEST = "MLA-REQUEST"
    MLA_RESPONSE = "MLA-RESPONSE"
    EXTRADITION = "EXTRADITION"
    DATA_PRODUCTION = "DATA-PRODUCTION"
    EVIDENCE_TRANSFER = "EVIDENCE-TRANSFER"
    EVIDENCE_RECEIPT = "EVIDENCE-RECEIPT"
    VICTIM_REFERRAL = "VICTIM-REFERRAL"
    REFERRAL_DECISION = "REFERRAL-DECISION"
    REFERRAL_OUTCOME = "REFERRAL-OUTCOME"
    DUTY_TO_NOTIFY = "DUTY-TO-NOTIFY"
    ALERT = "ALERT"
    NOTICE_DRAFT = "NOTICE-DRAFT"
    ASSET_TRACE = "ASSET-TRACE"
    FREEZE_REQUEST = "FREEZE-REQUEST"
    SPONTANEOUS_DISCLOSURE = "SPONTANEOUS-DISCLOSURE"
    DISSEMINATION_PERMISSION = "DISSEMINATION-PERMISSION"
    DECONFLICTION = "DECONFLICTION"
    CORRECTION = "CORRECTION"
    STATISTICS_RETURN = "STATISTICS-RETURN"
    OFFICER_SAFETY = "OFFICER-SAFETY"
    ACK = "ACK"


class Lineage(StrEnum):
    """Where the content of a message comes from: whether somebody else's conditions bind it (R-17)."""

    ORIGINAL = "ORIGINAL"  # the sender's own
    REPLY = "REPLY"  # an answer to whoever sent the message that is answered, and to nobody else
    FORWARD = "FORWARD"  # somebody else's content passed on as it is
    DERIVED = "DERIVED"  # made from somebody else's content

    @property
    def passed_on(self) -> bool:
        """Whether content of another originator goes to somebody who did not send it."""
        return self in (Lineage.FORWARD, Lineage.DERIVED)


class EvidenceUse(StrEnum):
    """Whether the content may be used as evidence (Dir (EU) 2023/977; R-18). Silence is intelligence only."""

    INTELLIGENCE_ONLY = "INTELLIGENCE-ONLY"
    WITH_CONSENT = "EVIDENCE-WITH-CONSENT"
    EVIDENCE = "EVIDENCE"


class Lift(StrEnum):
    """What an originator can permit somebody who holds its content; nobody else can (R-17, R-18)."""

    ONWARD = "onward"  # pass it on: H2, ORCON, the third-party rule, TLP
    PROCEEDINGS = "proceedings"  # use it in proceedings: H1, evidence


class Ground(StrEnum):
    """Why a glass is broken: a vital interest (GDPR art. 6(1)(d) and 9(2)(c); R-07)."""

    LIFE = "threat-to-life"
    INTEGRITY = "threat-to-integrity"
    CHILD = "child-in-danger"


class Keeping(StrEnum):
    """Who unlocks a contact's key: that person, or a duty desk or system that may sign alone."""

    PERSON = "person"
    SERVICE = "service"


class Duty(StrEnum):
    """Extra powers that a mandate may name."""

    RELEASE = "release"
    REVIEW = "review"
    BREAK_GLASS = "break-glass"


ADMIRALTY_TO_4X4: Final[tuple[dict[str, SourceGrade], dict[str, InformationGrade]]] = (
    {
        "A": SourceGrade.A,
        "B": SourceGrade.B,
        "C": SourceGrade.C,  # "fairly reliable" is 4x4 B or C: in doubt the worse (B.2)
        "D": SourceGrade.C,
        "E": SourceGrade.C,
        "F": SourceGrade.X,
    },
    {
        "1": InformationGrade.ONE,
        "2": InformationGrade.THREE,  # "probably true" is 2 or 3: the worse
        "3": InformationGrade.THREE,
        "4": InformationGrade.FOUR,
        "5": InformationGrade.FOUR,
        "6": InformationGrade.FOUR,
    },
)
FOUR_TO_ADMIRALTY: Final[tuple[dict[SourceGrade, str], dict[InformationGrade, str]]] = (
    {SourceGrade.A: "A", SourceGrade.B: "C", SourceGrade.C: "E", SourceGrade.X: "F"},
    {
        InformationGrade.ONE: "1",
        InformationGrade.TWO: "2",
        InformationGrade.THREE: "3",
        InformationGrade.FOUR: "6",
    },
)
