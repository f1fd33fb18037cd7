"""The code lists of docs/envelope.md section 11, as far as audited objects carry them. A test holds both together."""

from typing import Final


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


KIND: Final = _codes(
    "INTEL-REPORT RFI RFI-RESPONSE HIT-QUERY HIT-REPLY HIT-FOLLOWUP MLA-REQUEST MLA-RESPONSE EXTRADITION"
    " DATA-PRODUCTION EVIDENCE-TRANSFER EVIDENCE-RECEIPT VICTIM-REFERRAL REFERRAL-DECISION REFERRAL-OUTCOME"
    " DUTY-TO-NOTIFY ALERT NOTICE-DRAFT ASSET-TRACE FREEZE-REQUEST SPONTANEOUS-DISCLOSURE DISSEMINATION-PERMISSION"
    " DECONFLICTION CORRECTION STATISTICS-RETURN OFFICER-SAFETY ACK"
)
PURPOSE: Final = _codes(
    "PREVENT INVESTIGATE PROSECUTE EXECUTE-SENTENCE PROTECT-VICTIM TRACE-PERSON RECOVER-ASSET STATISTICS AUDIT"
)
BASIS: Final = _codes(
    "LED-8 LED-10 LED-9(3) GDPR-6-1-a GDPR-6-1-c GDPR-6-1-d GDPR-6-1-e GDPR-9-2-a GDPR-9-2-c ISD-4 ISD-7 EUROPOL-19"
    " INTERPOL-RPD MLA-UNTOC-18 EXTR-UNTOC-16 EIO EPOC EAW FRZ-1805 EGMONT NAT DTN"
)
AREA: Final = _codes("THB-SEX THB-LAB THB-CRIM THB-BEG THB-ORG THB-OTH")
URGENCY: Final = _codes(
    "ISD-URGENT-DIRECT ISD-URGENT-INDIRECT ISD-NORMAL SFI-8H SFI-1W SFI-14D SIRENE-12H EIO-ACK EIO-RECOGNISE"
    " EIO-EXECUTE EPOC EPOC-EMERGENCY EPOC-PR FREEZE-URGENT CONFISCATE EAW ARO PRUM-CORE REF-EMERGENCY"
    " REF-URGENT REF-NORMAL NRM-RG RECOVERY NONE"
)
LINEAGE: Final = _codes("ORIGINAL REPLY FORWARD DERIVED")
EVIDENCE_USE: Final = _codes("INTELLIGENCE-ONLY EVIDENCE-WITH-CONSENT EVIDENCE")
TLP: Final = _codes("CLEAR GREEN AMBER AMBER+STRICT RED")
H: Final = _codes("H0 H1 H2 H3")
PAP: Final = _codes("CLEAR GREEN AMBER RED")
CAVEATS: Final = _codes("ORCON NOFORN EGMONT JIT FED-ONLY")
ROLES: Final = _codes(
    "suspect convicted victim presumed-victim witness informant contact associate person-of-interest family-of-victim"
    " child third-party unknown"
)
FLAGS: Final = frozenset("DQLS")
OUTCOME: Final = frozenset({"permitted", "refused"})
EVIDENCE_TYPE: Final = _codes(
    "SubmissionAcceptance SubmissionRejection Delivery NonDelivery Retrieval NonRetrieval Acceptance Rejection"
)
PART: Final = _codes("holder sender collector")
KEEP_GROUND: Final = _codes("evidence-in-proceedings court-order legal-duty-to-keep vital-interest-of-the-person")
FAULT: Final = _codes("malformed unverified undesignated-sender content decision-differs mislabelled")
SAID: Final = _codes("accepted rejected recall-confirmed not-here deleted")
RECALLED: Final = _codes("recalled corrected")
STAGE: Final = _codes("contact deputies duty-desk sender")
ADAPTER_ALARM: Final = _codes(
    "log-differs log-not-proved log-shorter log-unwitnessed not-in-log epoch-missed bundle-differs bundle-refused"
    " evidence-missing"
)
HOLD_GROUND: Final = _codes("court-order prosecutors-order pending-proceedings supervisory-authority")
LEAK_GROUND: Final = _codes("false-alarm known-already vital-interest")
STEP: Final = _codes(
    "init request fingerprint-compared propose rehearse review sign publish renew rotate-signing-key suspend resume"
    " revoke retire-agency replace-officer rotate-root add-agency add-contact add-agreement end-agreement"
    " change-mandate absence"
)
