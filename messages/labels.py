"""The five labelling axes (CATALOGUE section B) and their order. They are independent: none implies another.

1. dissemination — who may see it: `Tlp` (FIRST TLP 2.0), caveats.
2. use — what may be done with it: `HCode` (Council 6243/18), `Pap`, `Purpose`.
3. evaluation — how far to trust it: 4x4 (Regulation (EU) 2016/794 art. 29).
4. urgency — how fast to answer: `Urgency` with its legal clock.
5. subject protection — whose data it is: `Role` (LED art. 6) and the identity `Flag` of each field.
"""

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
    """Time limits with a legal source (CATALOGUE B.3)."""

    ISD_URGENT_DIRECT = "ISD-URGENT-DIRECT"
    ISD_URGENT_INDIRECT = "ISD-URGENT-INDIRECT"
    ISD_NORMAL = "ISD-NORMAL"
    REF_EMERGENCY = "REF-EMERGENCY"
    REF_URGENT = "REF-URGENT"
    REF_NORMAL = "REF-NORMAL"
    NONE = "NONE"

    @property
    def limit(self) -> int | None:
        """Milliseconds from receipt by the contact point to the answer that is due, or None."""
        return _CLOCKS[self]

    @property
    def lane(self) -> Lane:
        """Urgent is what must be answered within a day; it overtakes a backlog and is rate-limited."""
        return Lane.URGENT if (self.limit or 2 * DAY) <= DAY else Lane.NORMAL


_CLOCKS: Final[dict[Urgency, int | None]] = {
    Urgency.ISD_URGENT_DIRECT: 8 * HOUR,
    Urgency.ISD_URGENT_INDIRECT: 3 * DAY,
    Urgency.ISD_NORMAL: 7 * DAY,
    Urgency.REF_EMERGENCY: DAY,
    Urgency.REF_URGENT: 3 * DAY,
    Urgency.REF_NORMAL: 14 * DAY,
    Urgency.NONE: None,
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
