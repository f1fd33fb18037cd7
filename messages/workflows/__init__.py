"""The workflows that agencies test: what each message does to the one that its kind belongs to, as tables (C.4). Pure.

`event` says which event a message is, by its kind, its cover's codes and its objects' codes; no word that somebody
wrote decides anything. `MACHINES` has the tables.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from messages.labels import Kind
from messages.workflows.evidence import EVIDENCE
from messages.workflows.machine import Machine
from messages.workflows.permission import PERMISSION
from messages.workflows.referral import REFERRAL
from messages.workflows.rfi import RFI

ASKS: Final[Mapping[Kind, Machine]] = {
    Kind.RFI: RFI,
    Kind.HIT_FOLLOWUP: RFI,
    Kind.VICTIM_REFERRAL: REFERRAL,
    Kind.EVIDENCE_TRANSFER: EVIDENCE,
    Kind.DISSEMINATION_PERMISSION: PERMISSION,
}
"""The kinds that begin a workflow."""
MACHINES: Final = (RFI, REFERRAL, EVIDENCE, PERMISSION)

BEGIN: Final = "begin"
_OUTCOMES: Final = {
    "full": "answer",
    "partial": "answer",
    "no-data": "answer",
    "refused": "refuse",
    "delayed-judicial": "pause",
}
_ACKNOWLEDGED: Final = {"received": "acknowledge", "authorisation-received": "resume"}
_STATUSES: Final = {
    "accepted": "accept",
    "rejected": "reject",
    "in_progress": "progress",
    "done": "finish",
    "revoked": "revoke",
}
_HASHES: Final = {"all-match": "receive", "mismatch": "mismatch", "missing": "mismatch"}
_STEPS: Final = {"asked": BEGIN, "granted": "grant", "refused": "refuse"}


def event(
    kind: Kind, cover: Mapping[str, Any] | None, objects: Iterable[Mapping[str, Any]], *, completing: bool = False
) -> str:
    """The event that this message is to its workflow; empty where it is none.

    `completing`: that it carries the sealed part after an acceptance.
    """
    said = cover or {}
    match kind:
        case Kind.RFI | Kind.HIT_FOLLOWUP:
            return BEGIN
        case Kind.EVIDENCE_TRANSFER:
            return "send"
        case Kind.VICTIM_REFERRAL:
            return "disclose" if completing else BEGIN
        case Kind.RFI_RESPONSE:
            return _OUTCOMES.get(str(said.get("outcome")), "")
        case Kind.ACK:
            return _ACKNOWLEDGED.get(str(said.get("result")), "")
        case Kind.EVIDENCE_RECEIPT:
            return _HASHES.get(str(said.get("hash_results")), "")
        case Kind.DISSEMINATION_PERMISSION:
            return _STEPS.get(str(said.get("permission")), "")
        case Kind.REFERRAL_DECISION | Kind.REFERRAL_OUTCOME:
            statuses = {str(o["status"]) for o in objects if o.get("type") == "A25" and "status" in o}
            return _STATUSES.get(statuses.pop(), "") if len(statuses) == 1 else ""
    return ""
