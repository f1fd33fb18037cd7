"""Audit records on the hot path: the bytes of `audit.record`, written by the C encoder.

`audit.record` defines the one byte form and checks every field; writing it there costs more than all the rest of an
admission. A test holds both writers to the same bytes for any record.
"""

import cbor2

from audit.record import ACT, TRUST, ActRecord, Record, TrustRecord


def write(record: Record) -> bytes:
    """The record's one byte form (keys in the order of their encoded bytes, RFC 8949 section 4.2.1)."""
    facts = {"facts": record.facts} if record.facts is not None else {}
    return cbor2.dumps(
        {
            "v": 1,
            "at": record.at,
            "by": record.by,
            "kind": record.kind,
            "type": record.type,
            "view": record.view,
            "epoch": record.epoch,
            **facts,
            "rules": list(record.rules),
            "agency": record.agency,
            "sender": record.sender,
            "message": record.message,
            "outcome": record.outcome,
            "manifest": record.manifest,
            "sections": [list(s) for s in record.sections],
            "recipient": record.recipient,
            "submission": record.submission,
        }
    )


def write_trust(record: TrustRecord) -> bytes:
    """The same for a record about trust."""
    return cbor2.dumps(
        {
            "v": 1,
            "at": record.at,
            "by": record.by,
            "step": record.step,
            "type": TRUST,
            "epoch": record.epoch,
            "digest": record.digest,
            "number": record.number,
            "signers": list(record.signers),
            "subject": record.subject,
        }
    )


def write_act(record: ActRecord) -> bytes:
    """The same for a record of an act."""
    return cbor2.dumps(
        {
            "v": 1,
            "at": record.at,
            "by": record.by,
            "act": record.act,
            "type": ACT,
            "view": record.view,
            "epoch": record.epoch,
            "agency": record.agency,
            "digest": record.digest,
            "ground": record.ground,
            "signer": record.signer,
            "outcome": record.outcome,
            "subject": record.subject,
            "recipient": record.recipient,
        }
    )
