"""What `safeconduct inspect` tells of any file: its outside, never its content."""

from collections.abc import Callable
from typing import Any

from keys.metadata import Root, Snapshot, Targets, Timestamp, expiry, parse
from messages import wire
from messages.envelope import Delivery, Envelope, Opening, Outer, View
from messages.errors import Malformed, ShareError
from messages.evidence import Evidence, Stamp
from messages.ids import message_text
from messages.manifest import Manifest
from messages.signed import Signed


def describe(data: bytes) -> dict[str, Any] | None:
    """A description of an envelope, view, delivery or signed object, or None."""
    for reader in (_envelope, _view, _delivery, _signed, _metadata):
        found = _try(reader, data)
        if found is not None:
            return found
    return None


def _try(reader: Callable[[bytes], dict[str, Any]], data: bytes) -> dict[str, Any] | None:
    try:
        return reader(data)
    except ShareError:
        return None


def _manifest(manifest: Manifest) -> dict[str, Any]:
    return {
        "message": message_text(manifest.id),
        "kind": manifest.kind.value,
        "sender": manifest.sender,
        "purpose": manifest.purpose.value,
        "basis": manifest.basis.value,
        "area": manifest.area.value,
        "handling": manifest.handling.to_value(),
        "urgency": manifest.urgency.value,
        "created": manifest.created,
        "expires": manifest.expires,
        "exercise": manifest.exercise,
        "epoch": manifest.epoch,
        "digests": len(manifest.digests),
    }


def _openings(openings: tuple[Opening, ...]) -> list[dict[str, Any]]:
    return [
        {"kind": Outer.from_bytes(o.outer).kind, "detail": "open" if o.detail is not None else "withheld"}
        for o in openings
    ]


def _sealed(what: str, value: Envelope | View) -> dict[str, Any]:
    return {
        "is": what,
        "manifest": _manifest(value.manifest),
        "descriptions": _openings(value.openings),
        "sections": {name: len(sealed) for name, sealed in value.sections.items()},
        "attestations": [{"tag": a.tag, "by": a.by} for a in value.attestations],
    }


def _envelope(data: bytes) -> dict[str, Any]:
    envelope = wire.decode(data)
    return {**_sealed("envelope", envelope), "grants": {r: len(g) for r, g in envelope.grants.items()}}


def _view(data: bytes) -> dict[str, Any]:
    view = wire.decode_view(data)
    return {**_sealed("view", view), "grant": len(view.grant)}


def _delivery(data: bytes) -> dict[str, Any]:
    delivery = Delivery.from_bytes(data)
    stamp = Stamp.from_bytes(delivery.stamp.body)
    return {
        "is": "delivery",
        "view": _view(delivery.view),
        "stamp": {
            "by": delivery.stamp.by,
            "recipient": stamp.recipient,
            "outcome": stamp.outcome.value,
            "rules": list(stamp.rules),
            "epoch": stamp.epoch,
            "admitted": stamp.admitted,
            "leaf": stamp.leaf.hex(),
            "include_by": stamp.include_by,
        },
    }


def _metadata(data: bytes) -> dict[str, Any]:
    """A part of a trust bundle: what it is, for whom, until when, and by how many it was signed."""
    for kind in (Root, Targets, Snapshot, Timestamp):
        try:
            found = parse(data, kind, "part")  # type: ignore[type-var]
        except ShareError:
            continue
        told = found.signed.unrecognized_fields.get("safeconduct")
        return {
            "is": f"part of a trust bundle ({found.signed.type})",
            "version": found.signed.version,
            "expires": expiry(found.signed),
            "signatures": len(found.signatures),
            **({k: v for k, v in told.items() if k in ("for", "agency", "epoch")} if isinstance(told, dict) else {}),
        }
    raise Malformed


def _signed(data: bytes) -> dict[str, Any]:
    signed = Signed.from_bytes(data)
    found: dict[str, Any] = {"is": "signed object", "tag": signed.tag, "by": signed.by, "bytes": len(signed.body)}
    if signed.tag == "evidence":
        evidence = Evidence.from_bytes(signed.body)
        found["evidence"] = {"type": evidence.type.value, "code": evidence.code, "recipients": len(evidence.outcomes)}
    return found
