"""An independent checker of the test vectors: the second implementation that docs/envelope.md promises is possible.

It shares no code with `keys/` or `messages/`: its own CBOR reader, its own HChaCha20 (from the quarter round up), and
otherwise only the standard library and `cryptography`. Run it alone: `python -m tests.vectors.check`.

Each `CHECKS[file](vector)` returns what the vector's `output` must equal, or raises `Malformed` or `Unverified`.
"""

import hmac
import json
import re
import struct
import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

HERE = Path(__file__).parent
Vector = dict[str, Any]


class Refused(Exception):
    """What a vector's `expect` names."""

    expect = "refused"


class Malformed(Refused):
    expect = "malformed"


class Unverified(Refused):
    expect = "unverified"


def need(condition: bool, kind: type[Refused], why: str) -> None:
    if not condition:
        raise kind(why)


# --- CBOR (docs/envelope.md section 1) ------------------------------------------------------------------------------


def cbor(data: bytes) -> Any:
    value, rest = _item(data, 0)
    need(rest == b"", Malformed, "bytes after the item")
    return value


def _item(data: bytes, depth: int) -> tuple[Any, bytes]:
    need(len(data) > 0, Malformed, "the bytes end")
    major, info, data = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7:
        need(info in (20, 21, 22), Malformed, "a float, undefined or simple value")
        return {20: False, 21: True, 22: None}[info], data
    need(info < 28, Malformed, "an indefinite or reserved length")
    need(major != 6, Malformed, "a tag")
    number = info
    if info > 23:
        width = 1 << (info - 24)
        need(len(data) >= width, Malformed, "the bytes end")
        number, data = int.from_bytes(data[:width], "big"), data[width:]
    if major in (0, 1):
        return (number if major == 0 else -1 - number), data
    need(number <= len(data), Malformed, "a length beyond the end")
    if major == 2:
        return data[:number], data[number:]
    if major == 3:
        try:
            return data[:number].decode(), data[number:]
        except UnicodeDecodeError:
            raise Malformed("text that is not UTF-8") from None
    need(depth < 8, Malformed, "nested deeper than 8")
    items: Any = []
    for _ in range(number * (major - 3)):
        item, data = _item(data, depth + 1)
        items.append(item)
    if major == 4:
        return items, data
    keys = items[::2]
    need(all(type(k) is str for k in keys), Malformed, "a key that is not text")
    need(len(set(keys)) == len(keys), Malformed, "a key twice")
    return dict(zip(keys, items[1::2], strict=True)), data


def enc(value: Any) -> bytes:
    """Write a list of bytes and text, the only CBOR a checker has to write."""
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(enc, value))
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    return _head(2, len(value)) + value


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    return bytes([major << 5 | 24, number]) if number < 256 else bytes([major << 5 | 25]) + number.to_bytes(2, "big")


# --- shapes ---------------------------------------------------------------------------------------------------------

HANDLE = r"{}[a-z2-7]{{12}}"
SECTION = r"[a-z][a-z0-9]{0,15}(\.[a-z0-9]{1,16}){0,3}"
CODE = r"[A-Z0-9+()\-a-z]{1,40}"


def _bytes(low: int, high: int | None = None) -> Callable[[Any], bool]:
    return lambda v: type(v) is bytes and low <= len(v) <= (low if high is None else high)


def _text(pattern: str) -> Callable[[Any], bool]:
    return lambda v: type(v) is str and re.fullmatch(pattern, v, re.ASCII) is not None


def _words(most: int) -> Callable[[Any], bool]:
    return lambda v: type(v) is str and len(v) <= most


def _or_null(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda v: v is None or check(v)


def _rising(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda v: type(v) is list and len(v) <= 64 and all(map(check, v)) and v == sorted(set(v))


def _list(check: Callable[[Any], bool], most: int) -> Callable[[Any], bool]:
    return lambda v: type(v) is list and len(v) <= most and all(map(check, v))


def _places(v: Any) -> bool:
    place = _list(_text(r"[a-z][a-z0-9_.\[\]-]{0,127}"), 3)
    return type(v) is list and 1 <= len(v) <= 64 and all(place(p) and len(p) == 3 for p in v) and _strictly(v)


def _strictly(v: list[Any]) -> bool:
    return all(v[n] < v[n + 1] for n in range(len(v) - 1))


def _uint(v: Any) -> bool:
    return type(v) is int and 0 <= v < 2**53


def _flag(v: Any) -> bool:
    return type(v) is bool


def _one(v: Any) -> bool:
    return type(v) is int and v == 1


def _uuid4(v: Any) -> bool:
    return type(v) is bytes and len(v) == 16 and v[6] >> 4 == 4 and v[8] >> 6 == 2


def _checkpoint(v: Any) -> bool:
    return v is None or (type(v) is list and len(v) == 2 and _uint(v[0]) and _bytes(32)(v[1]))


def _any(v: Any) -> bool:
    return True


Shape = dict[str, Callable[[Any], bool]]
CONTACT, DIGEST = _text(HANDLE.format("c")), _bytes(32)
ROLES = (
    "associate|child|contact|convicted|family-of-victim|informant|person-of-interest|presumed-victim|suspect|"
    "third-party|unknown|victim|witness"
)


def _fields(value: Any, shape: Shape, what: str, maybe: Shape | None = None) -> dict[str, Any]:
    shape = shape | {n: c for n, c in (maybe or {}).items() if type(value) is dict and n in value}
    need(type(value) is dict and value.keys() == shape.keys(), Malformed, f"{what}: not exactly its fields")
    for name, check in shape.items():
        need(check(value[name]), Malformed, f"{what}: {name}")
    return dict(value)


def _inner(shape: Shape) -> Callable[[Any], bool]:
    return lambda v: type(v) is dict and v.keys() == shape.keys() and all(c(v[n]) for n, c in shape.items())


MANIFEST: Shape = {
    "v": _one, "id": _uuid4, "kind": _text(CODE), "sender": CONTACT, "purpose": _text(CODE), "basis": _text(CODE),
    "area": _text(CODE),
    "handling": _inner({
        "tlp": _text(r"CLEAR|GREEN|AMBER|AMBER\+STRICT|RED"), "h": _text("H[0-3]"),
        "pap": _text("CLEAR|GREEN|AMBER|RED"), "caveats": _rising(_text("ORCON|NOFORN|EGMONT|JIT|FED-ONLY")),
        "rel_to": lambda v: _rising(_text("[A-Z][A-Z]"))(v) and len(v) <= 64,
    }),
    "urgency": _text(CODE), "lineage": _text("ORIGINAL|REPLY|FORWARD|DERIVED"),
    "evidence_use": _text("INTELLIGENCE-ONLY|EVIDENCE-WITH-CONSENT|EVIDENCE"),
    "created": _uint, "expires": _uint, "exercise": _flag, "epoch": _uint,
    "checkpoint": _checkpoint, "digests": _list(DIGEST, 512),
}  # fmt: skip
SECTION_DETAIL: Shape = {
    "salt": _bytes(16), "name": _text(SECTION), "type": _words(16), "part": _words(16), "media": _words(128),
    "roles": _rising(_text(ROLES)), "flags": _rising(_text("[DQLS]")), "size": _uint, "digest": DIGEST,
    "commitment": DIGEST,
}  # fmt: skip
GRANT_DETAIL: Shape = {
    "salt": _bytes(16), "recipient": CONTACT, "agreement": _text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
    "key": _bytes(16), "sections": lambda v: _rising(_text(SECTION))(v) and v != [], "digest": DIGEST,
    "thread": _bytes(16), "case": _or_null(_bytes(16)),
}  # fmt: skip
OPENING: Shape = {"outer": _bytes(1, 8192), "detail": _or_null(_bytes(0, 8192))}
SECTIONS = lambda v: (  # noqa: E731
    type(v) is dict and len(v) <= 64 and all(_text(SECTION)(n) and _bytes(41, 40 + 2 * 2**20)(s) for n, s in v.items())
)
GRANT_BYTES = _bytes(1120 + 32 + 16, 1120 + 64 * 32 + 16)
GRANTS = lambda v: (  # noqa: E731
    type(v) is dict and len(v) <= 256 and all(CONTACT(n) and GRANT_BYTES(g) for n, g in v.items())
)
_COMMON: Shape = {
    "v": _one, "manifest": _bytes(1, 32768), "sig": _bytes(64), "openings": _list(_inner(OPENING), 512),
    "sections": SECTIONS, "attestations": _list(_bytes(1, 32768), 512),
}  # fmt: skip
ENVELOPE: Shape = _COMMON | {"grants": GRANTS}
VIEW: Shape = _COMMON | {"grant": GRANT_BYTES}
SIGNED: Shape = {
    "body": _bytes(1, 2**22), "by": _text(HANDLE.format("[acgwo]")), "sig": _bytes(64), "tag": _text(r"[ -~]{0,64}"),
}  # fmt: skip
ATTESTED: Shape = {k: SECTION_DETAIL[k] for k in SECTION_DETAIL if k not in ("salt", "size")} | {
    "consent": _or_null(_bytes(16))
}
RULES = _list(_words(64), 64)
OUTCOME = _text("permitted|refused")
ITEM = lambda v: (  # noqa: E731
    type(v) is list and len(v) == 2 and _words(16)(v[0]) and _rising(_text("[DQLS]"))(v[1])
)
PURPOSES = "services|tracing|investigation|prosecution|statistics-non-identifiable|research"
CLASSES = "POL|PRO|CRT|BOR|LAB|FIU|SOC|FOR|IOL|NGO-S|NGO-P|RAP"
ANYBODY = _text(HANDLE.format("[acgwo]"))
STEPS = (
    "init|request|fingerprint-compared|propose|review|sign|publish|renew|rotate-signing-key|suspend|resume|revoke|"
    "retire-agency|replace-officer|rotate-root|add-agency|add-contact|add-agreement|end-agreement|change-mandate|absence"
)
TRUST_RECORD: Shape = {
    "v": _one, "type": _text("trust"), "at": _uint, "epoch": _uint, "by": _text(HANDLE.format("w")),
    "step": _text(STEPS + "|epoch|key-statement|key-destroyed"), "subject": _or_null(ANYBODY),
    "number": _or_null(_uint), "digest": DIGEST, "signers": lambda v: _rising(ANYBODY)(v) and len(v) <= 16,
}  # fmt: skip
KEEP_GROUNDS = "evidence-in-proceedings|court-order|legal-duty-to-keep|vital-interest-of-the-person"
LEAK_GROUNDS = "false-alarm|known-already|vital-interest"
ALARMS = (
    "log-differs|log-not-proved|log-shorter|log-unwitnessed|not-in-log|epoch-missed|bundle-differs|bundle-refused"
    "|evidence-missing"
)
HOLD_GROUNDS = "court-order|prosecutors-order|pending-proceedings|supervisory-authority"
NOTES = "justified|unjustified|training"
FAULTS = "malformed|unverified|undesignated-sender|content|decision-differs|mislabelled"
VIEW_ID = _text("[0-9a-f]{32}")
OUTCOMES = {
    "consent-withdrawn": "withdrawn", "erasure-ordered": "retrieved|undelivered",
    "erasure-confirmed": "erased|not-here|impossible", "review-closed": NOTES,
    "leak-suspected": "kept-aside", "leak-released": LEAK_GROUNDS, "view-delivered": "handed-over",
    "view-expired": "unretrieved|undelivered", "view-purged": "unretrieved|undelivered",
    "message-recalled": "recalled|corrected", "recall-ordered": "recalled|corrected",
    "view-acknowledged": "accepted|rejected|recall-confirmed|not-here|deleted",
    "unread-escalated": "contact|deputies|duty-desk|sender",
    "looked-up": "logged-in|searched|viewed|exported|handed-in|reviewed|fetched|discarded|saved|forgotten",
    "records-expired": "expired", "records-held": "held|released", "alarm-raised": ALARMS,
}  # fmt: skip
ABOUT_NO_COPY = (
    "consent-withdrawn",
    "message-recalled",
    "looked-up",
    "records-expired",
    "alarm-raised",
    "records-held",
)
BY_WORKERS = ("view-delivered", "view-expired", "view-purged", "unread-escalated", "records-expired")
ACT_RECORD: Shape = {
    "v": _one, "type": _text("act"), "at": _uint, "epoch": _uint, "by": _text(HANDLE.format("w")),
    "act": _text("|".join(OUTCOMES)), "agency": _or_null(_text(HANDLE.format("a"))), "subject": _bytes(16),
    "recipient": _or_null(CONTACT), "view": _or_null(DIGEST), "outcome": _text("|".join(OUTCOMES.values())),
    "ground": _or_null(_text(f"{KEEP_GROUNDS}|{FAULTS}|{HOLD_GROUNDS}")), "digest": DIGEST, "signer": ANYBODY,
}  # fmt: skip
BODIES: dict[str, Shape] = {
    "guard-attestation": {
        "v": _one, "message": _uuid4, "sender": CONTACT, "recipient": CONTACT, "sections": _list(_inner(ATTESTED), 64),
        "grant": DIGEST, "identities": _uint, "rules": _words(128), "at": _uint,
    },
    "release-attestation": {"v": _one, "message": _uuid4, "manifest": DIGEST, "recipient": CONTACT, "at": _uint},
    "review-attestation": {
        "v": _one, "message": _uuid4, "manifest": DIGEST, "recipient": CONTACT,
        "sections": lambda v: _rising(_text(SECTION))(v) and len(v) <= 64, "at": _uint,
    },
    "break-glass": {
        "v": _one, "message": _uuid4, "manifest": DIGEST, "recipient": CONTACT,
        "ground": _text("threat-to-life|threat-to-integrity|child-in-danger"), "at": _uint,
    },
    "acceptance-evidence": {
        "v": _one, "message": _uuid4, "manifest": DIGEST, "referrer": _text(HANDLE.format("a")), "recipient": CONTACT,
        "accepted": _flag, "at": _uint,
    },
    "dissemination-permission": {
        "v": _one, "message": _uuid4, "originator": CONTACT, "grantee": _text(HANDLE.format("a")),
        "recipient": _text(HANDLE.format("a")), "purposes": lambda v: _rising(_text(CODE))(v) and v != [],
        "lifts": lambda v: _rising(_text("onward|proceedings"))(v) and v != [], "at": _uint, "expires": _uint,
    },
    "consent-withdrawal": {"v": _one, "consent": _bytes(16), "at": _uint},
    "withdrawal-submission": {
        "v": _one, "withdrawal": _bytes(1, 32768), "terms": _or_null(_bytes(1, 32768)),
    },
    "holding": {
        "v": _one, "consent": _bytes(16), "agency": _text(HANDLE.format("a")), "contact": CONTACT, "view_id": VIEW_ID,
        "view": DIGEST, "message": _uuid4, "sender": CONTACT, "at": _uint,
    },
    "withdrawal-notice": {
        "v": _one, "consent": _bytes(16), "withdrawal": DIGEST, "to": CONTACT, "part": _text("holder|sender|collector"),
        "message": _or_null(_uuid4), "view_id": _or_null(VIEW_ID), "view": _or_null(DIGEST),
        "recipient": _or_null(CONTACT), "retrieved": _flag, "at": _uint, "confirm_by": _uint, "epoch": _uint,
        "leaf": DIGEST, "include_by": _uint,
    },
    "notice-delivery": {
        "v": _one, "notice": _bytes(1, 32768), "withdrawal": _bytes(1, 32768), "terms": _or_null(_bytes(1, 32768)),
        "record": _bytes(1, 32768), "salt": DIGEST,
    },
    "erasure-confirmation": {
        "v": _one, "consent": _bytes(16), "message": _uuid4, "view_id": VIEW_ID, "view": DIGEST, "recipient": CONTACT,
        "outcome": _text("erased|not-here|impossible"), "ground": _or_null(_text(KEEP_GROUNDS)), "at": _uint,
    },
    "leak-report": {
        "v": _one, "message": _uuid4, "view_id": VIEW_ID, "view": DIGEST, "sender": CONTACT, "recipient": CONTACT,
        "by": _or_null(CONTACT), "ground": _or_null(_text(LEAK_GROUNDS)), "places": _places, "at": _uint,
    },
    "acknowledgement": {
        "v": _one, "message": _uuid4, "view_id": VIEW_ID, "view": DIGEST, "sender": CONTACT, "recipient": CONTACT,
        "said": _text("accepted|rejected|recall-confirmed|not-here|deleted"), "fault": _or_null(_text(FAULTS)),
        "at": _uint,
    },
    "unread-notice": {
        "v": _one, "to": CONTACT, "stage": _text("contact|deputies|duty-desk|sender"), "message": _uuid4,
        "view_id": VIEW_ID, "recipient": CONTACT, "sender": CONTACT, "due": _uint, "at": _uint, "epoch": _uint,
        "leaf": DIGEST, "include_by": _uint,
    },
    "unread-delivery": {"v": _one, "unread": _bytes(1, 32768), "record": _bytes(1, 32768), "salt": DIGEST},
    "records-hold": {
        "v": _one, "standing": _text("held|released"), "ranges": _list(
            lambda v: type(v) is list and len(v) == 2 and _uint(v[0]) and _uint(v[1]) and v[0] < v[1] < 2**40, 512),
        "ends": _uint, "ground": _or_null(_text(HOLD_GROUNDS)), "at": _uint,
    },
    "adapter-alarm": {"v": _one, "what": _text(ALARMS), "contact": CONTACT, "hour": _uint},
    "recall": {
        "v": _one, "message": _uuid4, "ground": _text("inaccurate|unlawfully-sent|court-order"),
        "corrected_by": _or_null(_uuid4), "at": _uint,
    },
    "recall-delivery": {
        "v": _one, "recall": _bytes(1, 32768), "view_id": VIEW_ID, "record": _bytes(1, 32768), "salt": DIGEST,
    },
    "step": {"v": _one, "evidence": _bytes(1, 32768), "record": _bytes(1, 32768), "salt": DIGEST},
    "leak-delivery": {"v": _one, "leak": _bytes(1, 32768), "record": _bytes(1, 32768), "salt": DIGEST},
    "review-closed": {
        "v": _one, "message": _uuid4, "recipient": CONTACT, "view": DIGEST, "note": _text(NOTES), "at": _uint,
    },
    "evidence-file-request": {"v": _one, "object": _bytes(16), "view": DIGEST, "message": _uuid4, "at": _uint},
    "consent": {
        "v": _one, "id": _bytes(16), "collector": CONTACT, "purposes": _rising(_text(PURPOSES)),
        "recipient": _or_null(_text(HANDLE.format("a"))), "class": _or_null(_text(CLASSES)), "items": _list(ITEM, 64),
        "form": _text("written|verbal-witnessed|thumbprint"), "language": _words(16), "interpreter": _flag,
        "given": _uint, "expires": _uint, "route": _text("consent|child|vital-interest|anonymous"), "paper": DIGEST,
    },
    "key-statement": {
        "v": _one, "contact": CONTACT, "number": _uint, "key": _bytes(1216), "start": _uint, "end": _uint,
    },
    "stamp": {
        "v": _one, "view": DIGEST, "manifest": DIGEST, "recipient": CONTACT, "outcome": OUTCOME, "rules": RULES,
        "epoch": _uint, "admitted": _uint, "leaf": DIGEST, "include_by": _uint,
    },
    "evidence": {
        "v": _one, "type": _text("SubmissionAcceptance|SubmissionRejection|Retrieval|NonDelivery"),
        "submission": DIGEST, "message": _or_null(_uuid4), "at": _uint, "epoch": _uint, "code": _or_null(_words(64)),
        "outcomes": _list(_inner({"recipient": CONTACT, "outcome": OUTCOME, "rules": RULES, "leaf": DIGEST}), 256),
        "leaf": DIGEST, "include_by": _uint,
    },
    "retrieval-evidence": {
        "v": _one, "view_id": _text("[0-9a-f]{32}"), "view": DIGEST, "manifest": DIGEST, "message": _uuid4,
        "recipient": CONTACT, "at": _uint, "checkpoint": _checkpoint,
    },
    "entry": {
        "v": _one, "submission": DIGEST, "evidence": _bytes(1, 2**22),
        "records": _list(lambda v: type(v) is list and len(v) == 2 and DIGEST(v[0]) and type(v[1]) is bytes, 257),
        "views": _list(
            lambda v: type(v) is list and len(v) == 3 and _text("[0-9a-f]{32}")(v[0]) and CONTACT(v[1])
            and DIGEST(v[2]), 256),
    },
    "key-destroyed": {"v": _one, "contact": CONTACT, "number": _uint, "key_id": _bytes(16), "at": _uint},
    "ceremony-step": {
        "v": _one, "step": _text(STEPS), "subject": lambda v: v == "" or ANYBODY(v), "proposal": DIGEST,
        "epoch": _uint, "at": _uint,
    },
    "epoch-statement": {
        "v": _one, "epoch": _uint, "at": _uint, "root": DIGEST, "extracts": _uint, "full": DIGEST,
        "previous": _or_null(DIGEST),
    },
    "statement-submission": {"v": _one, "statement": _bytes(1, 32768), "counter": _or_null(_bytes(1, 32768))},
    "delivery": {
        "v": _one, "view": _bytes(1, 2**22), "stamp": _bytes(1, 32768), "record": _bytes(1, 32768), "salt": DIGEST,
    },
}  # fmt: skip


# --- signatures and digests (section 2) -----------------------------------------------------------------------------


def pae(kind: str, payload: bytes) -> bytes:
    name = kind.encode()
    return b" ".join([b"safeconduct/1", str(len(name)).encode(), name, str(len(payload)).encode(), payload])


def named(kind: str, payload: bytes) -> bytes:
    return sha256(pae(kind, payload)).digest()


def check_signature(public: bytes, kind: str, body: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, pae(kind, body))
    except InvalidSignature:
        raise Unverified("the signature does not hold") from None


def signed(data: bytes, tag: str, public: bytes) -> bytes:
    value = _fields(cbor(data), SIGNED, "signed object")
    need(value["tag"] == tag, Unverified, "another tag")
    check_signature(public, tag, value["body"], value["sig"])
    return bytes(value["body"])


# --- sealing (sections 3 and 5) -------------------------------------------------------------------------------------


def hchacha20(key: bytes, nonce16: bytes) -> bytes:
    """The subkey of XChaCha20 (draft-irtf-cfrg-xchacha section 2.2)."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce16))

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            mixed = state[z] ^ state[x]
            state[z] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF

    for _ in range(10):
        for column in range(4):
            quarter(column, column + 4, column + 8, column + 12)
        for i in range(4):
            quarter(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    return struct.pack("<8I", *state[:4], *state[12:])


def xchacha_open(key: bytes, sealed: bytes, context: bytes) -> bytes:
    subkey, nonce = hchacha20(key, sealed[:16]), bytes(4) + sealed[16:24]
    try:
        return ChaCha20Poly1305(subkey).decrypt(nonce, sealed[24:], context)
    except InvalidTag:
        raise Unverified("the seal does not hold") from None


def padme(length: int) -> int:
    if length < 2:
        return length
    e = length.bit_length() - 1  # floor(log2(length))
    s = e.bit_length()  # floor(log2(e)) + 1
    step = 2 ** (e - s)
    return -(-length // step) * step


def unpad(padded: bytes) -> bytes:
    stripped = padded.rstrip(b"\x00")
    need(stripped.endswith(b"\x80"), Unverified, "no padding marker")
    need(padme(len(stripped)) == len(padded), Unverified, "padded to another length than Padmé's")
    return stripped[:-1]


def commitment(key: bytes, plaintext: bytes) -> bytes:
    return hmac.new(key, pae("commitment", plaintext), sha256).digest()


def context_of(message: bytes, name: str, data_type: str, part: str) -> bytes:
    return pae("section", enc([message, name, data_type, part]))


def open_section(key: bytes, sealed: bytes, detail: dict[str, Any], message: bytes) -> bytes:
    need(sha256(sealed).digest() == detail["digest"], Unverified, "the digest of the section")
    padded = xchacha_open(key, sealed, context_of(message, detail["name"], detail["type"], detail["part"]))
    need(len(padded) == detail["size"], Unverified, "the size of the section")
    plaintext = unpad(padded)
    need(commitment(key, plaintext) == detail["commitment"], Unverified, "the commitment")
    return plaintext


def key_id(public: bytes) -> bytes:
    return named("encryption-key", public)[:16]


def _private(raw: bytes) -> tuple[MLKEM768X25519PrivateKey, bytes]:
    kem, dh = MLKEM768PrivateKey.from_seed_bytes(raw[:64]), X25519PrivateKey.from_private_bytes(raw[64:])
    public = kem.public_key().public_bytes_raw() + dh.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(kem, dh), public


def open_grant(private: bytes, grant: bytes, detail: dict[str, Any], message: bytes, sender: str) -> list[bytes]:
    names = detail["sections"]
    need(len(grant) == 1120 + 32 * len(names) + 16, Unverified, "the length of the grant")
    need(sha256(grant).digest() == detail["digest"], Unverified, "the digest of the grant")
    info = pae("grant", enc([message, sender, detail["recipient"], detail["key"]]))
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    try:
        keys = suite.decrypt(grant, _private(private)[0], info=info)
    except (InvalidTag, ValueError):
        raise Unverified("the grant does not open") from None
    return [keys[i : i + 32] for i in range(0, len(keys), 32)]


# --- descriptions, envelopes, views (sections 4 and 6) --------------------------------------------------------------


def manifest_of(data: bytes) -> dict[str, Any]:
    manifest = _fields(cbor(data), MANIFEST, "manifest")
    digests = manifest["digests"]
    need(len(digests) in (4, 8, 16, 32, 64, 128, 256, 512), Malformed, "the number of digests")
    need(digests == sorted(set(digests)), Malformed, "the order of the digests")
    need(0 < manifest["expires"] - manifest["created"] <= 90 * 86_400_000, Malformed, "expires")
    return manifest


def outer_of(data: bytes) -> tuple[str, bytes]:
    value = cbor(data)
    need(type(value) is list and len(value) == 3, Malformed, "outer part")
    salt, kind, digest = value
    need(_bytes(16)(salt) and _words(40)(kind) and kind != "" and DIGEST(digest), Malformed, "outer part")
    return kind, digest


def detail_of(kind: str, data: bytes) -> dict[str, Any]:
    if kind == "grant":
        return _fields(cbor(data), GRANT_DETAIL, "grant")
    detail = _fields(cbor(data), SECTION_DETAIL, "section")
    stated = "cover" if detail["type"] == "cover" else f"{detail['type']}/{detail['part']}"
    need(stated == kind, Unverified, "the outer part says another kind")
    return detail


def openings_of(digests: list[bytes], openings: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    left = set(digests)
    for opening in openings:
        name = named("description", opening["outer"])
        need(name in left, Unverified, "a description nobody signed, or one twice")
        left.remove(name)
        kind, digest = outer_of(opening["outer"])
        if opening["detail"] is None:
            yield kind, None
            continue
        need(named("description-detail", opening["detail"]) == digest, Unverified, "another detail was signed")
        yield kind, detail_of(kind, opening["detail"])


def _all_signed_parse(attestations: list[bytes]) -> None:
    for raw in attestations:
        _fields(cbor(raw), SIGNED, "attestation")


def _split(
    found: Iterator[tuple[str, dict[str, Any] | None]],
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    sections: dict[str, Any] = {}
    grants: dict[str, Any] = {}
    closed: list[str] = []
    for kind, detail in found:
        if detail is None:
            closed.append(kind)
            continue
        into, name = (grants, detail["recipient"]) if kind == "grant" else (sections, detail["name"])
        need(name not in into, Unverified, "a section or recipient twice")
        into[name] = detail
    return sections, grants, closed


def check_envelope(data: bytes, public: bytes) -> dict[str, Any]:
    value = _fields(cbor(data), ENVELOPE, "envelope")
    manifest = manifest_of(value["manifest"])
    _all_signed_parse(value["attestations"])
    check_signature(public, "manifest", value["manifest"], value["sig"])
    slots = 4
    while slots < len(value["openings"]):
        slots *= 2
    need(len(manifest["digests"]) == slots, Unverified, "more digests than descriptions")
    sections, grants, closed = _split(openings_of(manifest["digests"], value["openings"]))
    need(not closed, Unverified, "a description without its detail")
    need(sections.keys() == value["sections"].keys(), Unverified, "sections")
    need(grants.keys() == value["grants"].keys() and len(grants) > 0, Unverified, "grants")
    for name, detail in sections.items():
        need(sha256(value["sections"][name]).digest() == detail["digest"], Unverified, "the digest of a section")
    for recipient, detail in grants.items():
        grant = value["grants"][recipient]
        need(len(grant) == 1120 + 32 * len(detail["sections"]) + 16, Unverified, "the length of a grant")
        need(sha256(grant).digest() == detail["digest"], Unverified, "the digest of a grant")
        need(set(detail["sections"]) <= sections.keys(), Unverified, "a grant over a section that does not exist")
    return {"sections": sorted(sections), "grants": {r: g["sections"] for r, g in sorted(grants.items())}}


def check_view(data: bytes, public: bytes, recipient: str, private: bytes) -> dict[str, Any]:
    value = _fields(cbor(data), VIEW, "view")
    manifest = manifest_of(value["manifest"])
    _all_signed_parse(value["attestations"])
    check_signature(public, "manifest", value["manifest"], value["sig"])
    sections, grants, closed = _split(openings_of(manifest["digests"], value["openings"]))
    need(list(grants) == [recipient], Unverified, "not exactly the recipient's own grant")
    need("grant" not in closed, Unverified, "the recipient is told of another grant")
    own = grants[recipient]
    need(set(own["sections"]) == sections.keys() == value["sections"].keys(), Unverified, "not exactly what is granted")
    keys = open_grant(private, value["grant"], own, manifest["id"], manifest["sender"])
    plain = {
        name: open_section(key, value["sections"][name], sections[name], manifest["id"])
        for name, key in zip(own["sections"], keys, strict=True)
    }
    return {"plaintexts": {n: p.hex() for n, p in plain.items()}, "withheld": sorted(closed)}


# --- names people read (docs/glossary.md) ---------------------------------------------------------------------------

LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ0"


def pseudonym(key: bytes, agency: str, person: str, taken: list[str]) -> str:
    for attempt in range(1000):
        text = f"{agency}|{attempt}|{person}".encode()
        number = int.from_bytes(
            blake2b(text, digest_size=16, key=key, person=b"sc1-pseudonym".ljust(16, b"\0")).digest()
        )
        drawn = ""
        for _ in range(10):
            number, digit = divmod(number, 32)
            drawn += LETTERS[digit]
        name = f"V-{drawn[:4]}-{drawn[4:8]}-{drawn[8:]}"
        if name not in taken:
            return name
    raise AssertionError


def fingerprint(public: bytes) -> str:
    number, groups = int.from_bytes(named("fingerprint", public)), []
    for _ in range(8):
        number, group = divmod(number, 100_000)
        groups.append(f"{group:05d}")
    return " ".join(groups)


# --- one check a file -----------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """CBOR as JSON shows it: bytes as hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def _x(vector: Vector, name: str) -> bytes:
    return bytes.fromhex(vector[name])


def _padding(v: Vector) -> Any:
    if "length" in v:
        return padme(v["length"])
    return unpad(_x(v, "padded")).hex()


def _section(v: Vector) -> Any:
    detail = _fields(cbor(_x(v, "detail")), SECTION_DETAIL, "section")
    return open_section(_x(v, "key"), _x(v, "sealed"), detail, _x(v, "message")).hex()


def _grant(v: Vector) -> Any:
    detail = _fields(cbor(_x(v, "detail")), GRANT_DETAIL, "grant")
    keys = open_grant(_x(v, "private"), _x(v, "grant"), detail, _x(v, "message"), v["sender"])
    return {name: key.hex() for name, key in zip(detail["sections"], keys, strict=True)}


def _description(v: Vector) -> Any:
    opening = {"outer": _x(v, "outer"), "detail": None if v["detail"] is None else _x(v, "detail")}
    [(kind, detail)] = openings_of([bytes.fromhex(d) for d in v["digests"]], [opening])
    return {"kind": kind, "detail": plain(detail)}


def _manifest(v: Vector) -> Any:
    manifest = manifest_of(_x(v, "manifest"))
    check_signature(_x(v, "public"), "manifest", _x(v, "manifest"), _x(v, "signature"))
    return {"fields": plain(manifest), "digest": named("manifest", _x(v, "manifest")).hex()}


def _body(v: Vector) -> Any:
    maybe = {"word": _bytes(1, 32768)} if v["of"] in ("entry", "step") else {}  # of a retrieval
    body = _fields(cbor(_x(v, "body")), BODIES[v["of"]], v["of"], maybe)
    if v["of"] == "consent":
        need((body["recipient"] is None) != (body["class"] is None), Malformed, "one recipient or one class")
    if v["of"] == "guard-attestation":
        names = [s["name"] for s in body["sections"]]
        need(len(set(names)) == len(names), Malformed, "a section twice")
    if v["of"] == "withdrawal-notice":
        about = [body[n] is None for n in ("message", "view_id", "view", "recipient")]
        need(about == [body["part"] == "collector"] * 4, Malformed, "a view, or none for the collector")
        need(body["part"] != "holder" or body["to"] == body["recipient"], Malformed, "a holder's own copy")
    if v["of"] == "erasure-confirmation":
        need((body["ground"] is None) != (body["outcome"] == "impossible"), Malformed, "a ground to keep it")
    if v["of"] == "records-hold":
        need((body["ground"] is None) == (body["standing"] == "released"), Malformed, "a ground to hold them")
        need(body["ranges"] != [], Malformed, "of something")
        gaps = zip(body["ranges"], body["ranges"][1:], strict=False)
        need(all(one[1] < two[0] for one, two in gaps), Malformed, "rising and apart")
    if v["of"] == "adapter-alarm":
        need(body["hour"] % 3_600_000 == 0, Malformed, "an hour")
    if v["of"] == "recall":
        need(body["corrected_by"] != body["message"], Malformed, "corrected by another")
    if v["of"] == "unread-notice":
        own = {"contact": body["recipient"], "sender": body["sender"]}.get(body["stage"], body["to"])
        need(body["to"] == own, Malformed, "to whom the stage says")
        need(body["stage"] == "contact" or body["to"] != body["recipient"], Malformed, "to somebody else")
    if v["of"] == "acknowledgement":
        need((body["fault"] is None) != (body["said"] == "rejected"), Malformed, "a fault of what was rejected")
    if v["of"] == "leak-report":
        need((body["by"] is None) == (body["ground"] is None), Malformed, "a person and a ground, or neither")
    signed_inside = {
        "entry": ["evidence"], "step": ["evidence"], "unread-delivery": ["unread"],
        "recall-delivery": ["recall"], "delivery": ["stamp"],
        "statement-submission": ["statement", "counter"], "withdrawal-submission": ["withdrawal"],
        "notice-delivery": ["notice", "withdrawal"], "leak-delivery": ["leak"],
    }  # fmt: skip
    for inner in signed_inside.get(v["of"], []):
        if body[inner] is not None:
            _fields(cbor(body[inner]), SIGNED, inner)
    return plain(body)


def _trust_record(v: Vector) -> Any:
    """Section 8: the fields, what they say together, and the one byte form."""
    record = _fields(cbor(_x(v, "record")), TRUST_RECORD, "record")
    about_key = record["step"] in ("key-statement", "key-destroyed")
    need(about_key == (record["number"] is not None), Malformed, "a number without a key, or a key without one")
    need(not about_key or record["subject"] in record["signers"], Malformed, "a key that is not its contact's word")
    need(record["step"] != "epoch" or record["subject"] is None, Malformed, "an epoch about somebody")
    need(about_key or record["step"] == "epoch" or record["signers"] != [], Malformed, "a step that nobody took")
    keys = sorted(record, key=lambda name: (len(name), name))
    need(_x(v, "record") == _head(5, len(keys)) + b"".join(enc(k) + _short(record[k]) for k in keys), Malformed, "form")
    return plain(record)


def _act_record(v: Vector) -> Any:
    """Section 8, the same for a record of an act."""
    record = _fields(cbor(_x(v, "record")), ACT_RECORD, "record")
    need(_text(OUTCOMES[record["act"]])(record["outcome"]), Malformed, "an outcome of another act")
    about = record["act"] not in ABOUT_NO_COPY
    need([record[n] is not None for n in ("recipient", "view")] == [about] * 2, Malformed, "about a copy, or none")
    grounds = {"impossible": KEEP_GROUNDS, "rejected": FAULTS, "held": HOLD_GROUNDS}.get(record["outcome"])
    need((record["ground"] is None) == (grounds is None), Malformed, "a ground to keep it, or a fault")
    need(grounds is None or _text(grounds)(record["ground"]), Malformed, "a ground of another outcome")
    own = (
        record["act"] not in ("erasure-confirmed", "leak-suspected", "leak-released", "view-acknowledged")
        or record["signer"] == record["recipient"]
    )
    need(record["act"] not in BY_WORKERS or record["signer"][0] == "w", Malformed, "a step of a worker's")
    need(own, Malformed, "somebody else's copy")
    if record["act"] == "records-held":
        need(record["agency"] is None and record["signer"][0] == "o", Malformed, "by an officer")
        need(int.from_bytes(record["subject"][10:]) < 253_402_300_800_000, Malformed, "a day of this age")
    if record["act"] == "alarm-raised":
        need(record["agency"] is not None and record["signer"][0] == "c", Malformed, "of an agency's contact")
    need(record["act"] != "records-expired" or record["agency"] is None, Malformed, "an agency's")
    keys = sorted(record, key=lambda name: (len(name), name))
    need(_x(v, "record") == _head(5, len(keys)) + b"".join(enc(k) + _short(record[k]) for k in keys), Malformed, "form")
    return plain(record)


def _short(value: Any) -> bytes:
    """A value of a record in its shortest form."""
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(_short, value))
    if value is None or isinstance(value, str | bytes):
        return b"\xf6" if value is None else enc(value)
    wide = next((w for w in (1, 2, 4, 8) if value < 1 << 8 * w), 8)
    return bytes([value]) if value < 24 else bytes([23 + wide.bit_length()]) + value.to_bytes(wide, "big")


def _epoch(v: Vector) -> Any:
    """Section 6: the leaf of an extract, and the path from it to the root (RFC 9162 section 2.1.3.2)."""
    audience = v["audience"].encode()
    leaf = named("extract", b"\x82" + _head(3, len(audience)) + audience + enc(_x(v, "listing")))
    at, last, node = v["index"], v["size"] - 1, sha256(b"\x00" + leaf).digest()
    need(at <= last, Unverified, "a place outside of the tree")
    for step in map(bytes.fromhex, v["path"]):
        need(last > 0, Unverified, "a path too long")
        if at & 1 or at == last:
            node = sha256(b"\x01" + step + node).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + step).digest()
        at, last = at >> 1, last >> 1
    need(last == 0 and node == _x(v, "root"), Unverified, "another root")
    return leaf.hex()


def _name(v: Vector) -> Any:
    if v["of"] == "pseudonym":
        return pseudonym(_x(v, "key"), v["agency"], v["person"], v["taken"])
    if v["of"] == "reference":
        text = f"{v['agency']}|{v['name_of']}".encode()
        return blake2b(text, digest_size=16, key=_x(v, "key"), person=b"sc1-reference".ljust(16, b"\0")).hexdigest()
    if v["of"] == "public":
        return _private(_x(v, "private"))[1].hex()
    return {"fingerprint": fingerprint, "key-id": lambda p: key_id(p).hex()}[v["of"]](_x(v, "public"))


CHECKS: dict[str, Callable[[Vector], Any]] = {
    "attestations": lambda v: signed(_x(v, "signed"), v["tag"], _x(v, "public")).hex(),
    "bodies": _body,
    "cbor": lambda v: plain(cbor(_x(v, "item"))),
    "descriptions": _description,
    "epochs": _epoch,
    "envelopes": lambda v: check_envelope(_x(v, "envelope"), _x(v, "public")),
    "grants": _grant,
    "manifests": _manifest,
    "names": _name,
    "padding": _padding,
    "pae": lambda v: pae(v["kind"], _x(v, "payload")).hex(),
    "sections": _section,
    "trust_records": _trust_record,
    "act_records": _act_record,
    "views": lambda v: check_view(_x(v, "view"), _x(v, "public"), v["recipient"], _x(v, "private")),
}


def load(name: str, folder: Path = HERE) -> list[Vector]:
    """The vectors of one file; no vectors is an error."""
    vectors = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["vectors"]
    if not vectors:
        raise LookupError(f"{name}.json holds no vectors")
    return list(vectors)


def outcome(check: Callable[[Vector], Any], vector: Vector) -> tuple[str, Any]:
    """("ok", output) or (what refused it, None)."""
    try:
        return "ok", check(vector)
    except Refused as refusal:
        return refusal.expect, None


def main() -> int:
    wrong = count = 0
    for name, check in CHECKS.items():
        for vector in load(name):
            count += 1
            if outcome(check, vector) != (vector["expect"], vector["output"]):
                wrong += 1
                print(f"{name}: {vector['name']}: {outcome(check, vector)[0]}, not {vector['expect']}")
    print(f"{count} vectors, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
