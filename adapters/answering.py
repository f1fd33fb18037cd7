"""Answers and what is passed on, as case files: replies, forwards, decisions on referrals, permissions. Pure.

Each function makes the value of a case file (docs/case-files.md) from an opened message, and `adapters.casefile.read`
checks it like any other. What is not said takes the conditions of what it draws on at their loosest; nothing here
decides whether anything may go.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from adapters.receiving import Opened
from adapters.threads import cover_of, objects_of
from messages.attachment import FILE
from messages.catalogue import Catalogue
from messages.envelope import COVER
from messages.errors import BadInput, ContentRefused
from messages.ids import message_text
from messages.labels import Kind, Lift, Lineage, Purpose
from messages.manifest import Handling
from policies.inherit import Source, floor

_NOT_FORWARDED: Final = frozenset({"in_reply_to"})


def handling_value(handling: Handling) -> dict[str, Any]:
    """A handling as a case file writes it."""
    value: dict[str, Any] = {"tlp": handling.tlp.value, "h": handling.h.value, "pap": handling.pap.value}
    if handling.caveats:
        value["caveats"] = [c.value for c in handling.caveats]
    if handling.rel_to:
        value["rel_to"] = list(handling.rel_to)
    return value


def _codes(source: Source, lineage: Lineage) -> dict[str, Any]:
    """The codes that an answer takes from what it answers, where nobody says others."""
    manifest = source.manifest
    return {
        "area": manifest.area.value,
        "purpose": manifest.purpose.value,
        "basis": manifest.basis.value,
        "handling": handling_value(floor([source], lineage).handling()),
        "exercise": manifest.exercise,
        "draws_on": [source.view],
    }


def reply(source: Source, value: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """A reply: what the person wrote, and the rest from the message that is answered.

    Raises `BadInput` where the kind is none that answers this message (CATALOGUE C.2).
    """
    if "draws_on" in value or "lineage" in value:
        raise BadInput("A reply says by itself what it draws on; leave draws_on and lineage out of the file.")
    answers = catalogue.kinds[source.manifest.kind].reply
    if not answers:
        raise BadInput(f"Nothing answers a message of the kind {source.manifest.kind.value}.")
    kind = value.get("kind", answers[0].value)
    if kind not in answers:
        raise BadInput(f"A {source.manifest.kind.value} is answered by {', '.join(answers)}.")
    return {**_codes(source, Lineage.REPLY), **value, "kind": kind}


def forward(
    source: Source, opened: Opened, catalogue: Catalogue, *, purpose: Purpose | None = None, kind: Kind | None = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What we hold of a message, as it is, and the types of which we hold too little to pass it on.

    Ids are those of the message that was received; each message gives its objects fresh ones.
    """
    parts: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, value in opened.sections.items():
        if name != COVER and opened.details[name].part != FILE:  # a file goes on only as somebody attaches it again
            detail = opened.details[name]
            parts.setdefault(f"{detail.type} {value['id']}", {})[detail.part] = value
    objects, lacking = [], []
    for key in parts:
        data_type = catalogue.type(key.partition(" ")[0])
        whole = data_type.join(parts[key])
        try:
            data_type.validate(whole)
        except ContentRefused:
            lacking.append(data_type.id)
            continue
        objects.append(whole)
    if not objects and not catalogue.kinds[kind or source.manifest.kind].alone:
        raise BadInput("Too little of this message was granted to us to pass any of it on; ask its sender to send it.")
    cover = {name: words for name, words in cover_of(opened).items() if name not in _NOT_FORWARDED}
    value = {
        **_codes(source, Lineage.FORWARD),
        "kind": (kind or source.manifest.kind).value,
        "urgency": source.manifest.urgency.value,
        "lineage": Lineage.FORWARD.value,
        "cover": cover,
        "objects": _referring(objects),
    }
    if purpose is not None:
        value["purpose"] = purpose.value
    return value, tuple(sorted(lacking))


def _referring(objects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects without what the composer fills in anew."""
    return [{name: value for name, value in obj.items() if name != "version"} for obj in objects]


def decision(source: Source, opened: Opened, *, accepted: bool, reason: str | None) -> dict[str, Any]:
    """A provider's decision on an offer (M14): a status and nothing else (R-13). Raises `BadInput` for no offer."""
    offered = [o for o in objects_of(opened) if o.get("type") == "A24" and "referral_id" in o]
    if source.manifest.kind is not Kind.VICTIM_REFERRAL or len(offered) != 1:
        raise BadInput("Only the offer of one referral can be accepted or declined.")
    outcome: dict[str, Any] = {
        "type": "A25",
        "id": "d1",
        "assertion": "fact",
        "referral_ref": offered[0]["referral_id"],
        "status": "accepted" if accepted else "rejected",
    }
    if reason is not None:
        outcome["reject_reason"] = reason
    return {
        **_codes(source, Lineage.REPLY),
        "kind": Kind.REFERRAL_DECISION.value,
        "cover": {"subject_line": "Decision on a referral"},
        "objects": [outcome],
    }


def permission_asked(
    source: Source, *, recipient: tuple[str, str], purposes: Iterable[Purpose], lifts: Iterable[Lift], reason: str
) -> dict[str, Any]:
    """A request to its originator (M22): may this go to that agency (name and handle), for these purposes?"""
    return {
        **_codes(source, Lineage.REPLY),
        "kind": Kind.DISSEMINATION_PERMISSION.value,
        "cover": {
            "subject_line": "May this be passed on?",
            "permission": "asked",
            "original_message": message_text(source.message),
            "desired_recipient": recipient[0],
            "recipient_handle": recipient[1],
            "use": [p.value for p in purposes],
            "lifts": [lift.value for lift in lifts],
            "reason": reason,
        },
    }


def permission_answered(source: Source, opened: Opened, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The originator's answer to such a request. Raises `BadInput` where the message is none."""
    asked = cover_of(opened)
    if source.manifest.kind is not Kind.DISSEMINATION_PERMISSION or asked.get("permission") != "asked":
        raise BadInput("This message does not ask for a permission.")
    return {
        **_codes(source, Lineage.REPLY),
        "kind": Kind.DISSEMINATION_PERMISSION.value,
        "cover": {
            "subject_line": "Answer to a request for permission",
            "original_message": asked["original_message"],
            **answer,
        },
    }
