"""Write the test vectors: `python -m tests.vectors.generate`.

Keys, salts and nonces come from a counter under SHA-256 instead of the random source, here and nowhere else, so that
two runs write the same bytes. HPKE takes its randomness inside `cryptography`: grants once sealed are kept in
sealed_grants.json and taken from there; delete that file to seal new ones.

Each vector has a name, what it takes, `expect` ("ok", "malformed" or "unverified"), `output` (null where refused) and a
comment on what it tells apart. A negative vector fails for one reason only.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from audit.readers import cbor as audit_cbor
from audit.record import ActRecord, act_record, expired_subject, held_subject, trust_record
from keys import composing, sealing
from keys.composing import SealedSection, open_description
from keys.domains import Tag
from keys.epochs import epoch_tree, extract_leaf, lined_up
from keys.fingerprints import fingerprint
from keys.pseudonyms import pseudonym, reference
from keys.sealing import SectionKey, key_id
from keys.signing import digest
from keys.verifying import verify_envelope
from messages import cbor, limits
from messages.envelope import Delivery, Envelope, GrantDetail, Opening, Outer, SectionDetail, View
from messages.signed import Signed, pae
from tests.keys import words, world
from tests.vectors.check import hchacha20

HERE = Path(__file__).parent
STORE = "sealed_grants.json"
Vector = dict[str, Any]


def bare_signature(by: str, body: bytes) -> bytes:
    """What a signer of ours never makes: a signature over the body without its domain."""
    return Ed25519PrivateKey.from_private_bytes(world.signer(by).export()).sign(body)


def counter(label: str) -> Callable[[int], bytes]:
    """A stream of bytes that looks random and is not."""
    state = {"n": 0}

    def take(size: int) -> bytes:
        out = b""
        while len(out) < size:
            out += sha256(f"safeconduct vectors: {label} {state['n']}".encode()).digest()
            state["n"] += 1
        return out[:size]

    return take


@contextmanager
def deterministic(label: str, kept: dict[str, str]) -> Iterator[dict[str, str]]:
    """Replace the random source of `keys.composing` for the block; yields the grants that were used."""
    used: dict[str, str] = {}
    seal_grant, random = composing.seal_grant, composing.random

    def sealed(keys: Any, public: bytes, message: Any, sender: Any, recipient: Any) -> bytes:
        info = sealing.grant_context(message, sender, recipient, key_id(public))
        name = sha256(b"".join([info, public, *(k.raw for k in keys)])).hexdigest()
        if name not in kept:
            kept[name] = seal_grant(keys, public, message, sender, recipient).hex()
        used[name] = kept[name]
        return bytes.fromhex(kept[name])

    composing.random, composing.seal_grant = counter(label), sealed  # type: ignore[assignment]
    try:
        yield used
    finally:
        composing.random, composing.seal_grant = random, seal_grant


def vector(name: str, comment: str, expect: str, output: Any, **inputs: Any) -> Vector:
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in inputs.items()}
    return {"name": name, "comment": comment, **shown, "expect": expect, "output": output}


def show(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {k: show(v) for k, v in value.items()}
    return [show(v) for v in value] if isinstance(value, list | tuple) else value


def flip(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def edit(data: bytes, change: Callable[[Any], Any]) -> bytes:
    """Read CBOR, change it, write it."""
    value = cbor.load(data, len(data))
    change(value)
    return cbor.dump(value)


def put(name: str, value: Any) -> Callable[[Any], Any]:
    return lambda v: v.__setitem__(name, value(v[name]) if callable(value) else value)


def drop(name: str) -> Callable[[Any], Any]:
    return lambda v: v.pop(name)


# --- one function a file --------------------------------------------------------------------------------------------


def of_pae() -> list[Vector]:
    def one(name: str, kind: str, payload: bytes, comment: str) -> Vector:
        return vector(name, comment, "ok", pae(kind, payload).hex(), kind=kind, payload=payload)

    return [
        one("plain", "manifest", b"hi", "the plainest case"),
        one("empty-payload", "view", b"", "a length of 0 is written, and the space after it"),
        one("kind-not-ascii", "résumé-Орхидея", b"hi", "the kind has 23 bytes; counting characters gives 14"),
        one("payload-not-ascii", "commitment", "Gdańsk".encode(), "the payload has 7 bytes; characters would be 6"),
        one("payload-with-spaces", "stamp", b"3 manifest 2 hi", "lengths, not separators, tell fields apart"),
        one("payload-with-zero-bytes", "record", bytes(3), "zero bytes end nothing"),
    ]


def of_padding() -> list[Vector]:
    out = [
        vector(f"padme-{n}", "Padmé's length", "ok", limits.padme(n), length=n)
        for n in [*range(18), 31, 32, 33, 63, 64, 65, 100, 255, 256, 257, 1000, 4097, 65_537, 1_000_000, 1_048_577]
    ]
    for name, text, comment in (
        ("pad-one", b"a", "marker, no zeros"),
        ("pad-text", "Nguyễn Thị Ánh".encode(), "19 bytes and a marker make 20, which pads to itself"),
        ("pad-ends-in-marker", b"\x80\x80\x00", "content that looks like padding comes back whole"),
    ):
        out.append(vector(name, comment, "ok", text.hex(), padded=sealing.pad(text)))
    for name, padded, comment in (
        ("padding-no-marker", bytes(8), "zeros alone"),
        ("padding-after-marker-not-zero", b"x" * 16 + b"\x80\x01", "a byte that could smuggle"),
        ("padding-too-long", sealing.pad(b"hello world").ljust(40, b"\0"), "right marker, but not Padmé's length"),
        ("padding-too-short", b"x" * 16 + b"\x80", "17 bytes pad to 18"),
    ):
        out.append(vector(name, comment, "unverified", None, padded=padded))
    return out


def of_cbor() -> list[Vector]:
    good = {
        "map": {"a": [1, True, None, b"\x00"], "é": "Орхидея"},
        "numbers": [0, 23, 24, 255, 256, 65_535, 65_536, 2**32, 2**53 - 1, -1],
        "nested-eight-deep": [[[[[[[[]]]]]]]],
    }
    out = [vector(n, "what we write", "ok", show(v), item=cbor.dump(v)) for n, v in good.items()]
    out.append(
        vector("number-in-a-longer-form", "what is signed is not canonicalised", "ok", 1, item=bytes.fromhex("190001"))
    )
    out.append(vector("keys-not-sorted", "order is free", "ok", {"b": 1, "a": 2}, item=bytes.fromhex("a2616201616102")))
    for name, item, comment in (
        ("nothing", "", "no item"),
        ("two-items", "0000", "bytes after the item"),
        ("cut-short", "4401", "a byte string that ends early"),
        ("tag-date", "c074323032362d30392d32315430303a30303a30305a", "tag 0"),
        ("tag-bignum", "c24101", "tag 2"),
        ("tag-regexp", "d8236161", "tag 35"),
        ("tag-self-described", "d9d9f700", "tag 55799"),
        ("tag-unknown", "da0001000000", "an unknown tag"),
        ("half-float", "f93c00", "1.0"),
        ("float", "fa3f800000", "1.0"),
        ("double", "fb3ff0000000000000", "1.0"),
        ("undefined", "f7", "undefined"),
        ("simple-16", "f0", "an unassigned simple value"),
        ("simple-255", "f8ff", "a simple value in two bytes"),
        ("list-without-length", "9f00ff", "indefinite"),
        ("map-without-length", "bf616100ff", "indefinite"),
        ("bytes-without-length", "5f4100ff", "indefinite"),
        ("text-without-length", "7f6161ff", "indefinite"),
        ("break-alone", "ff", "a break outside of anything"),
        ("reserved-length", "1c", "additional information 28"),
        ("key-twice", "a2616100616101", "one key twice"),
        ("key-is-number", "a10000", "keys are text"),
        ("key-is-bytes", "a1416100", "keys are text"),
        ("key-is-null", "a1f600", "keys are text"),
        ("text-not-utf8", "61ff", "not UTF-8"),
        ("text-surrogate", "63eda080", "a surrogate is not UTF-8"),
        ("nested-nine-deep", "81" * 9 + "00", "one more than eight"),
        ("list-of-2-to-the-64", "9bffffffffffffffff", "a promise of items that do not follow"),
        ("bytes-of-2-to-the-64", "5bffffffffffffffff", "a promise of bytes that do not follow"),
    ):
        out.append(vector(name, comment, "malformed", None, item=bytes.fromhex(item)))
    return out


def describe(detail: SectionDetail, section: SealedSection, sealed: bytes, **changed: Any) -> Vector:
    """What a checker of one section takes."""
    return {
        "key": section.key.raw,
        "message": world.MESSAGE,
        "detail": replace(detail, digest=sha256(sealed).digest(), **changed).to_bytes(),
        "sealed": sealed,
    }


def of_sections(parts: world.Parts) -> list[Vector]:
    out = []
    for name, section, text in (
        ("cover", parts.cover, world.COVER_TEXT),
        ("facts", parts.facts, world.FACTS_TEXT),
        ("identity", parts.identity, world.IDENTITY_TEXT),
    ):
        inputs = describe(section.detail, section, section.sealed)
        out.append(vector(name, "a sealed section, its description and its key", "ok", text.hex(), **inputs))
    facts, d, key = parts.facts, parts.facts.detail, parts.facts.key
    nonce = facts.sealed[: limits.NONCE]
    context = sealing.section_context(world.MESSAGE, d.name, d.type, d.part)

    def bad(name: str, comment: str, **inputs: Any) -> None:
        out.append(vector(name, comment, "unverified", None, **(describe(d, facts, facts.sealed) | inputs)))

    bad("wrong-key", "another key", key=flip(key.raw, 0))
    bad("other-bytes", "a ciphertext that the description does not name", sealed=flip(facts.sealed, 30))
    bad("altered", "the description names the altered ciphertext", **describe(d, facts, flip(facts.sealed, 30)))
    bad("altered-nonce", "so it does here", **describe(d, facts, flip(facts.sealed, 0)))
    bad("truncated", "and here", **describe(d, facts, facts.sealed[:-1]))
    bad("moved-name", "the same section under another name", **describe(d, facts, facts.sealed, name="a02.2.facts"))
    bad("moved-type", "relabelled to another data type", **describe(d, facts, facts.sealed, type="A28"))
    bad("moved-part", "relabelled to another part", **describe(d, facts, facts.sealed, part="identity"))
    bad("moved-message", "the same section in another message", message=flip(world.MESSAGE, 0))
    bad("wrong-size", "padded size that differs", **describe(d, facts, facts.sealed, size=d.size + 1))
    bad("wrong-commitment", "another commitment", **describe(d, facts, facts.sealed, commitment=flip(d.commitment, 0)))
    padded = sealing.pad(world.FACTS_TEXT)
    for name, padding, comment in (
        ("padding-altered", padded[:-1] + b"\x01", "a byte of the padding is not zero"),
        ("padding-of-another-length", padded + bytes(16), "longer than Padmé's length"),
    ):
        cipher = sealing.crypto_aead_xchacha20poly1305_ietf_encrypt(padding, context, nonce, key.raw)
        bad(name, comment, **describe(d, facts, nonce + cipher, size=len(padding)))
    sealed, first, second = two_keys(nonce, context)
    plain = sealing.unpad(
        sealing.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[24:], context, nonce, first),
    )
    committed = sealing.commitment(SectionKey(first), plain)
    both = describe(d, facts, sealed, size=64, commitment=committed)
    out.append(
        vector(
            "two-keys-first", "opens under the key that was committed to", "ok", plain.hex(), **both | {"key": first}
        )
    )
    bad(
        "two-keys-second",
        "the same ciphertext under a second key: XChaCha20-Poly1305 accepts it, only the commitment refuses",
        **both | {"key": second},
    )
    return out


def two_keys(nonce: bytes, context: bytes) -> tuple[bytes, bytes, bytes]:
    """A ciphertext of 64 bytes, and two keys under which Poly1305 accepts it and the padding is in order.

    Two free blocks, two linear equations modulo 2^130 - 5; tried until both solutions have 128 bits.
    """
    prime, draw = 2**130 - 5, counter("two keys")
    first = draw(32)

    def stream(key: bytes) -> bytes:
        subkey = hchacha20(key, nonce[:16])
        chacha = Cipher(algorithms.ChaCha20(subkey, bytes(8) + nonce[16:]), mode=None)
        return chacha.encryptor().update(bytes(128))

    def setup(key: bytes) -> tuple[int, int, bytes]:
        block = stream(key)
        clamp = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
        return int.from_bytes(block[:16], "little") & clamp, int.from_bytes(block[16:32], "little"), block[64:]

    r1, s1, stream1 = setup(first)
    padded_context = context + bytes(-len(context) % 16)
    lengths = len(context).to_bytes(8, "little") + (64).to_bytes(8, "little")
    tail = bytes(
        a ^ b for a, b in zip(b"this half is legible: \xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0.\x80", stream1[32:], strict=True)
    )
    blocks = [int.from_bytes(padded_context[i : i + 16], "little") + 2**128 for i in range(0, len(padded_context), 16)]
    here = len(blocks)
    blocks += [0, 0] + [int.from_bytes(x, "little") + 2**128 for x in (tail[:16], tail[16:], lengths)]
    while True:
        second = draw(32)
        r2, s2, stream2 = setup(second)
        if stream2[63] ^ tail[31] != 0x80:
            continue
        tag = int.from_bytes(draw(16), "little")
        rows = []
        for r, s in ((r1, s1), (r2, s2)):
            powers = [pow(r, len(blocks) - i, prime) for i in range(len(blocks))]
            known = sum(b * p for b, p in zip(blocks, powers, strict=True))
            rows.append((powers[here], powers[here + 1], ((tag - s) % 2**128 - known) % prime))
        (a, b, e), (c, d, f) = rows
        inverse = pow(a * d - b * c, -1, prime)
        x, y = (e * d - b * f) * inverse % prime, (a * f - e * c) * inverse % prime
        if all(2**128 <= v < 2**129 for v in (x, y)):
            free = b"".join((v - 2**128).to_bytes(16, "little") for v in (x, y))
            return nonce + free + tail + tag.to_bytes(16, "little"), first, second


def of_grants(parts: world.Parts) -> list[Vector]:
    out: list[Vector] = []

    def inputs(recipient: str, detail: GrantDetail, grant: bytes) -> dict[str, Any]:
        return {
            "private": world.decryption_key(recipient).export(),
            "message": world.MESSAGE,
            "sender": world.DESK,
            "detail": replace(detail, digest=sha256(grant).digest()).to_bytes(),
            "grant": grant,
        }

    for name, sealed, sections in (
        ("three-sections", parts.to_prosecutor, parts.sections),
        ("one-section", parts.to_refuge, [parts.facts]),
    ):
        keys = {s.detail.name: s.key.raw.hex() for s in sections}
        comment = "the keys stand in the order of the sorted section names"
        made = inputs(sealed.detail.recipient, sealed.detail, sealed.sealed)
        out.append(vector(name, comment, "ok", dict(sorted(keys.items())), **made))
    detail, grant = parts.to_prosecutor.detail, parts.to_prosecutor.sealed
    good = inputs(world.PROSECUTOR, detail, grant)

    def bad(name: str, comment: str, **changed: Any) -> None:
        out.append(vector(name, comment, "unverified", None, **(good | changed)))

    def redone(name: str, comment: str, bytes_: bytes, **changed: Any) -> None:
        bad(name, comment, **inputs(world.PROSECUTOR, replace(detail, **changed), bytes_))

    bad("other-private-key", "sealed to somebody else", private=world.decryption_key(world.REFUGE).export())
    bad("other-sender", "claimed to come from another sender", sender=world.CHIEF)
    bad("other-message", "moved to another message", message=flip(world.MESSAGE, 15))
    bad("other-bytes", "a grant that the description does not name", grant=flip(grant, 1))
    redone("other-recipient", "described as another recipient's", grant, recipient=world.REFUGE)
    redone("other-key-id", "described as for another key", grant, key=flip(detail.key, 0))
    redone("altered-kem", "a bit of the encapsulation", flip(grant, 0))
    redone("altered-x25519", "a bit of the classical share", flip(grant, 1119))
    redone("altered-keys", "a bit of the sealed keys", flip(grant, 1130))
    redone("one-byte-more", "room to smuggle", grant + b"\0")
    redone("one-byte-less", "cut short", grant[:-1])
    redone("fewer-sections-named", "96 bytes of keys for two names", grant, sections=detail.sections[:2])
    redone("more-sections-named", "96 bytes of keys for four names", grant, sections=(*detail.sections, "z"))
    return out


def of_descriptions(env: Envelope, parts: world.Parts) -> list[Vector]:
    digests = [d.hex() for d in env.manifest.digests]
    section, grant = env.openings[1], env.openings[3]
    kind = Outer.from_bytes(section.outer)
    out: list[Vector] = []

    def good(name: str, comment: str, opening: Opening) -> None:
        outer = Outer.from_bytes(opening.outer)
        detail = None if opening.detail is None else show(cbor.load(opening.detail, 9999))
        output = {"kind": outer.kind, "detail": detail}
        out.append(vector(name, comment, "ok", output, digests=digests, outer=opening.outer, detail=opening.detail))

    good("section", "a section's description, opened in both steps", section)
    good("grant", "a grant's", grant)
    good("withheld", "the kind alone", Opening(outer=section.outer, detail=None))

    def bad(name: str, comment: str, expect: str, outer: bytes, detail: bytes | None, signed: bool = True) -> None:
        among = sorted([*digests, digest("description", outer).hex()]) if signed else digests
        out.append(vector(name, comment, expect, None, digests=among, outer=outer, detail=detail))

    def remade(name: str, comment: str, expect: str, change: Callable[[Any], Any], of: Opening = section) -> None:
        assert of.detail is not None
        detail = edit(of.detail, change)
        outer = replace(Outer.from_bytes(of.outer), detail_digest=digest("description-detail", detail))
        bad(name, comment, expect, outer.to_bytes(), detail)

    assert section.detail is not None
    bad("not-signed", "a digest the manifest lacks", "unverified", flip(section.outer, 3), section.detail, signed=False)
    bad("other-detail", "the detail of another section", "unverified", section.outer, env.openings[0].detail)
    bad("detail-altered", "a bit of the detail", "unverified", section.outer, flip(section.detail, 20))
    renamed = replace(kind, kind="A28/facts").to_bytes()
    bad("kind-disagrees", "the outer part says A28, the detail A02", "unverified", renamed, section.detail)
    short = cbor.dump([kind.salt[:15], kind.kind, kind.detail_digest])
    bad("short-salt", "15 bytes of salt", "malformed", short, None)
    bad("outer-of-four", "a fourth item", "malformed", cbor.dump([kind.salt, kind.kind, kind.detail_digest, 1]), None)
    bad("outer-is-map", "not a list", "malformed", cbor.dump({"salt": kind.salt}), None)
    remade("roles-not-rising", "one set has one form", "malformed", put("roles", ["witness", "victim"]))
    remade("flag-in-small-letters", "d is not D", "malformed", put("flags", ["d"]))
    remade("unknown-role", "a role outside the list", "malformed", put("roles", ["bystander"]))
    remade("section-name-with-space", "names carry no words", "malformed", put("name", "anna k"))
    remade("section-field-more", "a field nobody asked for", "malformed", put("note", "x"))
    remade("section-field-less", "no commitment", "malformed", drop("commitment"))
    remade("grant-of-nothing", "a grant over no section", "malformed", put("sections", []), grant)
    remade("grant-names-not-rising", "one set has one form", "malformed", put("sections", lambda s: s[::-1]), grant)
    remade("grant-to-agency", "not a contact's handle", "malformed", put("recipient", world.POLICE), grant)
    remade("grant-case-short", "15 bytes", "malformed", put("case", bytes(15)), grant)
    return out


def of_manifests(env: Envelope) -> list[Vector]:
    public = world.signer(world.DESK).public
    raw = env.manifest_bytes
    output = {"fields": show(cbor.load(raw, 99_999)), "digest": digest("manifest", raw).hex()}
    out = [
        vector(
            "manifest", "codes, times, random ids, digests", "ok", output,
            manifest=raw, signature=env.signature, public=public,
        )
    ]  # fmt: skip

    def bad(name: str, comment: str, expect: str, change: Callable[[Any], Any] | bytes) -> None:
        body = change if isinstance(change, bytes) else edit(raw, change)
        signature = world.signer(world.DESK).signature(Tag.MANIFEST, body)
        out.append(vector(name, comment, expect, None, manifest=body, signature=signature, public=public))

    for name, comment, change in (
        ("version-2", "a version not known", put("v", 2)),
        ("version-true", "true is not 1", put("v", True)),
        ("field-more", "a field nobody asked for", put("subject", "Орхидея")),
        ("field-less", "no epoch", drop("epoch")),
        ("id-of-version-1", "not a random UUID", put("id", bytes(6) + b"\x10" + bytes(9))),
        ("sender-is-agency", "an agency does not sign", put("sender", world.POLICE)),
        ("sender-upper-case", "handles have one form", put("sender", world.DESK.upper())),
        ("created-negative", "times are unsigned", put("created", -1)),
        ("created-text", "times are numbers", put("created", "2026-09-21")),
        ("exercise-number", "1 is not true", put("exercise", 1)),
        ("expires-before-created", "expiry not after creation", put("expires", world.T0)),
        ("expires-after-91-days", "longer than ninety days", put("expires", world.T0 + 91 * limits.DAY)),
        ("digests-not-sorted", "rising order", put("digests", lambda d: d[::-1])),
        ("digests-five", "4, 8, 16 …", put("digests", lambda d: d[:5])),
        ("digests-two", "at least 4", put("digests", lambda d: d[:2])),
        ("digest-twice", "distinct", put("digests", lambda d: [d[0], *d[:7]])),
        ("digest-short", "31 bytes", put("digests", lambda d: [d[0][:31], *d[1:]])),
        ("checkpoint-of-three", "size and root", put("checkpoint", lambda c: [*c, 0])),
        ("caveats-not-rising", "one set has one form", lambda v: put("caveats", ["ORCON", "NOFORN"])(v["handling"])),
        ("handling-field-more", "inside maps too", lambda v: put("note", "x")(v["handling"])),
    ):
        bad(name, comment, "malformed", change)
    bad("byte-after", "one byte after the map", "malformed", raw + b"\0")
    altered = edit(raw, put("epoch", 8))
    for name, comment, body, signature, by in (
        ("altered", "another epoch under the old signature", altered, env.signature, public),
        ("other-key", "the chief's key", raw, env.signature, world.signer(world.CHIEF).public),
        ("signature-altered", "one bit", raw, flip(env.signature, 5), public),
        (
            "no-domain",
            "a signature over the bare bytes",
            raw,
            bare_signature(world.DESK, raw),
            public,
        ),
        ("other-tag", "signed as a release", raw, world.signer(world.DESK).signature(Tag.RELEASE, raw), public),
    ):
        out.append(vector(name, comment, "unverified", None, manifest=body, signature=signature, public=by))
    return out


def resigned(env: Envelope, openings: list[Opening], slots: int = 0, **changed: Any) -> Envelope:
    """The envelope with other openings, signed by its sender again: what a dishonest sender can do."""
    names = sorted({digest("description", o.outer) for o in openings})
    fill = counter("resigned")
    names += [fill(32) for _ in range(max(slots, limits.digest_slots(len(names))) - len(names))]
    manifest = replace(env.manifest, digests=tuple(sorted(names)))
    raw = manifest.to_bytes()
    signature = world.signer(world.DESK).signature(Tag.MANIFEST, raw)
    fields = {"manifest": manifest, "manifest_bytes": raw, "signature": signature, "openings": tuple(openings)}
    return replace(env, **(fields | changed))


def of_envelopes(env: Envelope, parts: world.Parts) -> list[Vector]:
    public = world.signer(world.DESK).public
    raw = env.to_bytes()
    output = {
        "sections": sorted(env.sections),
        "grants": {g.detail.recipient: list(g.detail.sections) for g in parts.grants},
    }
    out = [vector("envelope", "three sections, two recipients", "ok", output, envelope=raw, public=public)]
    output_one = {"sections": ["a02.1.facts"], "grants": {world.REFUGE: ["a02.1.facts"]}}
    lone = composing.sign_envelope(world.signer(world.DESK), world.header(), [parts.facts], [parts.to_refuge])
    out.append(
        vector(
            "smallest",
            "one section, one recipient, no attestation",
            "ok",
            output_one,
            envelope=lone.to_bytes(),
            public=public,
        )
    )

    def bad(name: str, comment: str, expect: str, change: Callable[[Any], Any] | bytes | Envelope) -> None:
        if isinstance(change, Envelope):
            body = change.to_bytes()
        else:
            body = change if isinstance(change, bytes) else edit(raw, change)
        out.append(vector(name, comment, expect, None, envelope=body, public=public))

    for name, comment, change in (
        ("version-2", "a version not known", put("v", 2)),
        ("version-true", "true is not 1", put("v", True)),
        ("field-more", "a field nobody asked for", put("comment", "x")),
        ("field-less", "no grants", drop("grants")),
        ("signature-63", "63 bytes", put("sig", lambda s: s[:63])),
        ("section-name-with-capitals", "names have one form", lambda v: put("A02", bytes(60))(v["sections"])),
        ("section-too-short", "no room for nonce, tag and a byte", lambda v: put("cover", bytes(40))(v["sections"])),
        ("grant-too-short", "no room for one key", lambda v: put(world.REFUGE, bytes(1167))(v["grants"])),
        ("grant-to-agency", "grants are to contacts", lambda v: put(world.POLICE, bytes(1168))(v["grants"])),
        ("opening-field-more", "inside openings too", lambda v: put("note", 1)(v["openings"][0])),
        ("attestation-not-signed-object", "a map of another shape", put("attestations", [b"\xa0"])),
    ):
        bad(name, comment, "malformed", change)
    bad("byte-after", "one byte after the map", "malformed", raw + b"\0")
    bad("cut-short", "the last byte is missing", "malformed", raw[:-1])

    def swap(v: Any) -> None:
        v["sections"]["cover"], v["sections"]["a02.1.facts"] = v["sections"]["a02.1.facts"], v["sections"]["cover"]

    for name, comment, change in (
        ("section-altered", "a bit of a ciphertext", lambda v: put("cover", lambda s: flip(s, 40))(v["sections"])),
        ("section-missing", "described and not there", lambda v: v["sections"].pop("cover")),
        ("section-more", "there and not described", lambda v: put("z9", bytes(60))(v["sections"])),
        ("sections-swapped", "two ciphertexts change names", swap),
        ("grant-altered", "a bit of a grant", lambda v: put(world.REFUGE, lambda g: flip(g, 9))(v["grants"])),
        ("grant-missing", "described and not there", lambda v: v["grants"].pop(world.REFUGE)),
        ("grant-more", "there and not described", lambda v: put(world.CHIEF, bytes(1168))(v["grants"])),
        ("opening-missing", "a section without description", lambda v: v["openings"].pop(0)),
        ("opening-twice", "the same description again", lambda v: v["openings"].append(v["openings"][0])),
        (
            "opening-not-signed",
            "a digest the manifest lacks",
            lambda v: put("outer", lambda o: flip(o, 3))(v["openings"][0]),
        ),
        ("opening-without-detail", "the broker gets every detail", lambda v: put("detail", None)(v["openings"][0])),
        (
            "manifest-altered",
            "an hour later",
            put("manifest", lambda m: edit(m, put("created", world.T0 + limits.HOUR))),
        ),
        ("signature-altered", "a bit of the signature", put("sig", lambda s: flip(s, 0))),
    ):
        bad(name, comment, "unverified", change)
    forged = world.signer(world.CHIEF).signature(Tag.MANIFEST, env.manifest_bytes)
    bad("signed-by-another", "the chief's signature", "unverified", replace(env, signature=forged))
    opens = list(env.openings)
    bad("digests-to-spare", "16 digests for 5 descriptions: one could be shown to a recipient alone", "unverified",
        resigned(env, opens, 16))  # fmt: skip
    again = open_description("cover", replace(parts.cover.detail, salt=bytes(16)).to_bytes())
    bad("one-name-twice", "two descriptions of one section", "unverified", resigned(env, [*opens, again]))
    twin = open_description("grant", replace(parts.to_refuge.detail, salt=bytes(16)).to_bytes())
    bad("one-recipient-twice", "two grants to one recipient", "unverified", resigned(env, [*opens, twin]))
    lost = open_description("grant", replace(parts.to_refuge.detail, sections=("z9",)).to_bytes())
    bad(
        "grant-over-nothing",
        "a grant over a section that does not exist",
        "unverified",
        resigned(env, [*opens[:4], lost]),
    )
    less = open_description("grant", replace(parts.to_prosecutor.detail, sections=("cover",)).to_bytes())
    bad("grant-of-another-length", "three keys for one name", "unverified", resigned(env, [*opens[:3], less, opens[4]]))
    bad("no-grant", "a message to nobody", "unverified", resigned(env, opens[:3], grants={}))
    return out


def of_views(env: Envelope, parts: world.Parts) -> list[Vector]:
    public = world.signer(world.DESK).public
    checked = verify_envelope(env, world.sender(), world.T0)
    refuge, prosecutor = world.refuge_view(checked), world.prosecutor_view(checked)
    out: list[Vector] = []

    def inputs(view: View | bytes, recipient: str = world.REFUGE) -> dict[str, Any]:
        return {
            "view": view if isinstance(view, bytes) else view.to_bytes(),
            "public": public,
            "recipient": recipient,
            "private": world.decryption_key(recipient).export(),
        }

    texts = {"cover": world.COVER_TEXT, "a02.1.facts": world.FACTS_TEXT, "a02.1.identity": world.IDENTITY_TEXT}
    full = {"plaintexts": {n: t.hex() for n, t in sorted(texts.items())}, "withheld": []}
    part = {"plaintexts": {"a02.1.facts": world.FACTS_TEXT.hex()}, "withheld": ["A02/identity"]}
    out.append(vector("prosecutor", "everything", "ok", full, **inputs(prosecutor, world.PROSECUTOR)))
    out.append(vector("refuge", "one section; one kind named as withheld", "ok", part, **inputs(refuge)))
    silent = part | {"withheld": []}
    quiet = replace(refuge, openings=refuge.openings[:2])
    out.append(vector("refuge-untold", "where it may not know that more exists", "ok", silent, **inputs(quiet)))

    def bad(name: str, comment: str, expect: str, view: View | Callable[[Any], Any], to: str = world.REFUGE) -> None:
        body = view if isinstance(view, View) else edit(refuge.to_bytes(), view)
        out.append(vector(name, comment, expect, None, **inputs(body, to)))

    mine, grant = checked.section_openings, checked.grant_openings
    identity = "a02.1.identity"
    told = replace(refuge, openings=(*refuge.openings[:2], mine[identity]))
    bad("detail-not-granted", "the detail of a section that was not granted", "unverified", told)
    other = replace(refuge, openings=(*refuge.openings, grant[world.PROSECUTOR]))
    bad("grant-of-another", "another recipient's grant described", "unverified", other)
    hint = Opening(outer=grant[world.PROSECUTOR].outer, detail=None)
    bad("grant-of-another-hinted", "its kind alone: tells that there is another recipient", "unverified",
        replace(refuge, openings=(*refuge.openings, hint)))  # fmt: skip
    first = (grant[world.PROSECUTOR], *refuge.openings)
    bad("grant-of-another-first", "before the recipient's own", "unverified", replace(refuge, openings=first))
    first = (hint, *refuge.openings)
    bad("grant-of-another-hinted-first", "before the recipient's own", "unverified", replace(refuge, openings=first))
    bad("section-and-detail-more", "description and ciphertext of what was not granted", "unverified",
        replace(told, sections={**refuge.sections, identity: env.sections[identity]}))  # fmt: skip
    none = replace(refuge, openings=refuge.openings[1:], sections={})
    bad("section-and-detail-missing", "neither description nor ciphertext of what was granted", "unverified", none)
    bad("section-more", "a ciphertext that was not granted", "unverified",
        replace(refuge, sections={**refuge.sections, identity: env.sections[identity]}))  # fmt: skip
    bad("section-missing", "granted and not there", "unverified", lambda v: v["sections"].clear())
    bad("section-altered", "a bit", "unverified", lambda v: put("a02.1.facts", lambda s: flip(s, 50))(v["sections"]))
    bad("grant-missing", "no grant described", "unverified", replace(refuge, openings=refuge.openings[:1]))
    bad("grant-altered", "a bit", "unverified", put("grant", lambda g: flip(g, 1100)))
    bad("to-somebody-else", "the prosecutor is handed the refuge's view", "unverified", refuge, world.PROSECUTOR)
    bad("opening-twice", "the withheld kind twice", "unverified", lambda v: v["openings"].append(v["openings"][2]))
    bad("opening-not-signed", "a kind nobody signed", "unverified",
        lambda v: put("outer", lambda o: flip(o, 3))(v["openings"][2]))  # fmt: skip
    bad("signature-altered", "a bit", "unverified", put("sig", lambda s: flip(s, 63)))
    bad("manifest-altered", "another urgency", "unverified",
        put("manifest", lambda m: edit(m, put("urgency", "REF-EMERGENCY"))))  # fmt: skip
    bad("grants-instead-of-grant", "an envelope's field", "malformed", put("grants", {}))
    bad("version-2", "a version not known", "malformed", put("v", 2))

    again = open_description("A02/facts", replace(parts.facts.detail, salt=bytes(16)).to_bytes())
    twice = resigned(env, [*env.openings, again])
    bad("one-name-twice", "two descriptions of one section, both signed", "unverified",
        replace(refuge, manifest=twice.manifest, manifest_bytes=twice.manifest_bytes, signature=twice.signature,
                openings=(*refuge.openings, again)))  # fmt: skip
    leaked = composing.sign_envelope(
        world.signer(world.DESK),
        world.header(),
        [replace(s, detail=replace(s.detail, commitment=bytes(32))) for s in parts.sections],
        parts.grants,
    )
    spoiled = verify_envelope(composing.attach(leaked, env.attestations), world.sender(), world.T0)
    bad("commitment-of-something-else", "signed, but not over this plaintext", "unverified", world.refuge_view(spoiled))
    return out


def samples(env: Envelope, parts: world.Parts) -> dict[str, tuple[str, Tag, bytes]]:
    """One body of every signed object of v1: name, then signer, tag and body."""
    view = digest("view", world.refuge_view(verify_envelope(env, world.sender(), world.T0)).to_bytes())
    manifest = digest("manifest", env.manifest_bytes)
    stated = Signed.from_bytes(world.statement(world.REFUGE).signed)
    entry = replace(world.entry(), evidence=world.signer(world.WORKER).sign(Tag.EVIDENCE, world.evidence().to_bytes()))
    return {
        "guard-attestation": (world.GUARD, Tag.GUARD, world.guard_attestation(parts).to_bytes()),
        "release-attestation": (world.CHIEF, Tag.RELEASE, world.release(manifest).to_bytes()),
        "review-attestation": (world.CHIEF, Tag.REVIEW, world.review(manifest).to_bytes()),
        "break-glass": (world.CHIEF, Tag.BREAK_GLASS, world.broken(manifest).to_bytes()),
        "acceptance-evidence": (world.REFUGE, Tag.ACCEPTANCE, world.acceptance(manifest).to_bytes()),
        "dissemination-permission": (world.PROSECUTOR, Tag.PERMISSION, world.permission().to_bytes()),
        "consent-withdrawal": (world.DESK, Tag.CONSENT_WITHDRAWAL, world.withdrawal().to_bytes()),
        "holding": (world.WORKER, Tag.HOLDING, world.holding(view).to_bytes()),
        "withdrawal-notice": (world.WORKER, Tag.NOTICE, world.notice(view).to_bytes()),
        "erasure-confirmation": (world.REFUGE, Tag.ERASURE, world.erasure(view).to_bytes()),
        "leak-report": (world.REFUGE, Tag.LEAK, world.leak(view).to_bytes()),
        "records-hold": (world.OFFICERS[0], Tag.RECORDS_HOLD, world.hold().to_bytes()),
        "adapter-alarm": (world.REFUGE, Tag.ADAPTER_ALARM, world.raised().to_bytes()),
        "recall": (world.DESK, Tag.RECALL, world.recall(corrected_by=world.OFFER).to_bytes()),
        "unread-notice": (world.WORKER, Tag.UNREAD, world.unread().to_bytes()),
        "acknowledgement": (world.REFUGE, Tag.ACKNOWLEDGEMENT, world.acknowledgement(view).to_bytes()),
        "review-closed": (world.OFFICERS[0], Tag.REVIEW_CLOSED, world.review_closed(view).to_bytes()),
        "evidence-file-request": (world.REFUGE, Tag.EVIDENCE_FILE, world.file_request(view).to_bytes()),
        "consent": (world.DESK, Tag.CONSENT, world.consent().to_bytes()),
        "consent-countersignature": (world.CHIEF, Tag.CONSENT_COUNTER, world.consent().to_bytes()),
        "key-statement": (world.REFUGE, Tag.KEY_STATEMENT, stated.body),
        "stamp": (world.WORKER, Tag.STAMP, world.stamp(view, manifest).to_bytes()),
        "evidence": (world.WORKER, Tag.EVIDENCE, world.evidence().to_bytes()),
        "retrieval-evidence": (world.REFUGE, Tag.RETRIEVAL, world.retrieval(view, manifest).to_bytes()),
        "entry": (world.WORKER, Tag.ENTRY, entry.to_bytes()),
        "key-statement-countersignature": (world.CHIEF, Tag.KEY_STATEMENT_COUNTER, stated.body),
        "key-destroyed": (world.REFUGE, Tag.KEY_DESTROYED, words.destroyed().to_bytes()),
        "ceremony-step": (world.OFFICERS[0], Tag.CEREMONY, words.ceremony_step().to_bytes()),
        "text-not-ascii": (world.OFFICERS[0], Tag.ENROLMENT, "Task force «Орхидея», Gdańsk".encode()),
    }


def of_attestations(env: Envelope, parts: world.Parts) -> list[Vector]:
    out = []
    for name, (by, tag, body) in samples(env, parts).items():
        made = world.signer(by).sign(tag, body)
        inputs = {"tag": tag.value, "public": world.signer(by).public, "signed": made.to_bytes()}
        out.append(vector(name, f"signed by {by[0]}…", "ok", body.hex(), **inputs))
        others = (Tag.RELEASE if tag is Tag.CONSENT_COUNTER else Tag.CONSENT_COUNTER).value

        def bad(what: str, comment: str, expect: str, base: str = name, same: Any = inputs, **changed: Any) -> None:
            out.append(vector(f"{base}-{what}", comment, expect, None, **(same | changed)))

        bad("presented-as-another", "the tag it was signed under is not the one wanted", "unverified", tag=others)
        moved = edit(made.to_bytes(), put("tag", others))
        bad("tag-rewritten", "the tag on the paper was changed to fit", "unverified", tag=others, signed=moved)
        bad("by-another", "another key", "unverified", public=world.signer(world.LAPSED).public)
        bad(
            "altered",
            "a bit of the body",
            "unverified",
            signed=edit(made.to_bytes(), put("body", lambda b: flip(b, -1))),
        )
        bare = edit(made.to_bytes(), put("sig", bare_signature(by, body)))
        bad("without-domain", "a signature over the bare body", "unverified", signed=bare)
        bad("short-signature", "63 bytes", "malformed", signed=edit(made.to_bytes(), put("sig", made.signature[:63])))
    base = world.signer(world.GUARD).sign(Tag.GUARD, b"x")
    inputs = {"tag": Tag.GUARD.value, "public": world.signer(world.GUARD).public}
    for name, comment, change in (
        ("signer-without-handle", "`by` is a handle", put("by", "harbour-police")),
        ("field-more", "a field nobody asked for", put("note", "x")),
        ("empty-body", "a body has a byte", put("body", b"")),
    ):
        out.append(vector(name, comment, "malformed", None, **inputs, signed=edit(base.to_bytes(), change)))
    return out


def of_bodies(env: Envelope, parts: world.Parts) -> list[Vector]:
    view = world.refuge_view(verify_envelope(env, world.sender(), world.T0)).to_bytes()
    stamp = world.stamp(digest("view", view), digest("manifest", env.manifest_bytes))
    delivery = Delivery(
        view=view, stamp=world.signer(world.WORKER).sign(Tag.STAMP, stamp.to_bytes()), record=b"\xa1\x61v\x01",
        salt=world.seed("salt"),
    )  # fmt: skip
    bodies = {n: b for n, (_, _, b) in samples(env, parts).items()}
    for other in ("text-not-ascii", "consent-countersignature", "key-statement-countersignature"):
        del bodies[other]
    bodies["delivery"] = delivery.to_bytes()
    bodies["epoch-statement"] = words.epoch_statement().to_bytes()
    bodies["statement-submission"] = words.submission().to_bytes()
    named = digest("view", view)
    bodies["withdrawal-submission"] = world.withdrawal_submission().to_bytes()
    bodies["notice-delivery"] = world.notice_delivery(named).to_bytes()
    bodies["leak-delivery"] = world.leak_delivery(named).to_bytes()
    bodies["unread-delivery"] = world.unread_delivery().to_bytes()
    bodies["recall-delivery"] = world.recall_delivery().to_bytes()
    bodies["step"] = world.step().to_bytes()
    out = []
    for name, body in bodies.items():
        fields = cbor.load(body, 10**6)
        out.append(vector(name, "every field", "ok", show(fields), of=name, body=body))
        out.append(vector(f"{name}-version-2", "not ours", "malformed", None, of=name, body=edit(body, put("v", 2))))
        more = edit(body, put("note", "Орхидея"))
        out.append(vector(f"{name}-field-more", "nobody asked", "malformed", None, of=name, body=more))
        for field in fields:
            less = edit(body, drop(field))
            out.append(vector(f"{name}-without-{field}", "missing", "malformed", None, of=name, body=less))
            if field != "v":
                wrong = edit(body, put(field, (0.5).hex() * 99))
                out.append(vector(f"{name}-wrong-{field}", "wrong form", "malformed", None, of=name, body=wrong))

    word = world.signer(world.REFUGE).sign(Tag.RETRIEVAL, world.retrieval(named, bytes(32)).to_bytes()).to_bytes()
    for of in ("entry", "step"):
        body = edit(bodies[of], put("word", word))
        fields = cbor.load(body, 10**6)
        out.append(vector(f"{of}-of-a-retrieval", "the recipient's word", "ok", show(fields), of=of, body=body))

    def bad(of: str, name: str, comment: str, change: Callable[[Any], Any]) -> None:
        out.append(vector(f"{of}-{name}", comment, "malformed", None, of=of, body=edit(bodies[of], change)))

    bad("entry", "empty-word", "a word, or no such field", put("word", b""))
    bad("step", "empty-word", "a word, or no such field", put("word", b""))
    bad("consent", "to-both", "an agency or a class, not both", put("class", "SOC"))
    bad("consent", "to-nobody", "an agency or a class", put("recipient", None))
    bad("consent", "flags-not-rising", "one set has one form", put("items", [["A02", ["Q", "D"]]]))
    bad("guard-attestation", "section-twice", "one word on each", put("sections", lambda s: s * 2))
    bad("withdrawal-notice", "to-another-holder", "a holder is told of its own copy", put("to", world.DESK))
    bad("withdrawal-notice", "without-a-view", "a holder is told of a view", put("view_id", None))
    bad("withdrawal-notice", "collector-with-a-view", "a collector is told of no view", put("part", "collector"))
    bad("withdrawal-notice", "unknown-part", "holder, sender or collector", put("part", "friend"))
    bad("erasure-confirmation", "unknown-outcome", "three outcomes", put("outcome", "hidden"))
    bad("erasure-confirmation", "ground-of-an-erased-copy", "nothing is kept", put("ground", "court-order"))
    bad("erasure-confirmation", "kept-without-a-ground", "why is it kept", put("outcome", "impossible"))
    bad("leak-report", "without-a-person", "who released it", put("ground", "false-alarm"))
    bad("leak-report", "unknown-ground", "three grounds", put("ground", "boring"))
    bad("leak-report", "no-places", "of what", put("places", []))
    bad("leak-report", "place-twice", "each once", put("places", lambda p: p * 2))
    bad("leak-report", "words-for-a-place", "never a word", put("places", [["a24.1.facts", "Ana Pop", "name"]]))
    bad("leak-delivery", "short-salt", "31 bytes", put("salt", bytes(31)))
    bad("acknowledgement", "unknown-word", "accepted or rejected", put("said", "maybe"))
    bad("acknowledgement", "unknown-fault", "six faults", put("fault", "boring"))
    bad("acknowledgement", "rejected-without-a-fault", "why", put("fault", None))
    bad("acknowledgement", "accepted-with-a-fault", "it holds", put("said", "accepted"))
    bad("unread-notice", "unknown-stage", "four stages", put("stage", "press"))
    bad("unread-notice", "to-another-sender", "the sender is told", put("to", world.CHIEF))
    bad(
        "unread-notice",
        "deputy-of-itself",
        "somebody else looks",
        lambda v: v.update(stage="deputies", to=world.REFUGE),
    )
    bad("unread-delivery", "short-salt", "31 bytes", put("salt", bytes(31)))
    bad("records-hold", "without-a-ground", "why they are held", put("ground", None))
    bad("records-hold", "of-nothing", "some leaf", put("ranges", []))
    bad("records-hold", "backwards", "from the first to before the end", put("ranges", [[9, 3]]))
    bad("records-hold", "touching", "one range has one form", put("ranges", [[3, 9], [9, 12]]))
    bad("adapter-alarm", "unknown-kind", "one of the kinds that there are", put("what", "boredom"))
    bad("adapter-alarm", "to-the-minute", "the hour, and no moment in it", put("hour", world.T0 + 60_000))
    bad("recall", "unknown-ground", "three grounds", put("ground", "regret"))
    bad("recall", "corrected-by-itself", "another message", put("corrected_by", world.MESSAGE))
    bad("recall-delivery", "short-salt", "31 bytes", put("salt", bytes(31)))
    bad("step", "short-salt", "31 bytes", put("salt", bytes(31)))
    bad("review-closed", "unknown-note", "three notes", put("note", "boring"))
    bad("evidence-file-request", "short-object", "15 bytes", put("object", bytes(15)))
    bad("evidence-file-request", "no-message", "a file is of a message", put("message", None))
    bad("withdrawal-submission", "empty-terms", "terms or null", put("terms", b""))
    bad("notice-delivery", "short-salt", "31 bytes", put("salt", bytes(31)))
    bad("stamp", "negative-time", "times are unsigned", put("admitted", -1))
    bad("stamp", "time-true", "true is not a time", put("admitted", True))
    bad("evidence", "unknown-outcome", "permitted or refused", lambda v: put("outcome", "maybe")(v["outcomes"][0]))
    bad("ceremony-step", "about-nobody", "an empty subject is one, null is none", put("subject", None))
    bad("ceremony-step", "about-a-name", "handles only", put("subject", "harbour-police"))
    bad("ceremony-step", "unknown-step", "a step that no ceremony has", put("step", "bribe"))
    bad("epoch-statement", "short-previous", "31 bytes", put("previous", bytes(31)))
    bad("statement-submission", "empty-counter", "a signed object or null", put("counter", b""))
    bad("entry", "short-salt", "31 bytes", lambda v: v["records"][0].__setitem__(0, bytes(31)))
    bad("entry", "view-of-two", "id, recipient, digest", lambda v: v["views"][0].pop())
    return out


def of_trust_records() -> list[Vector]:
    """Records about trust: `audit.record` writes them, and one record has one byte form."""
    refuge, head = world.REFUGE, world.OFFICERS[0]
    named = sha256(Signed.from_bytes(world.statement(refuge).signed).to_bytes()).digest()
    common: dict[str, Any] = {"at": world.T0, "epoch": 7, "by": world.WORKER}
    key = common | {"subject": refuge, "digest": named}
    made = {
        "epoch": trust_record(
            **common,
            step="epoch",
            digest=sha256(words.epoch_statement().to_bytes()).digest(),
            signers=world.OFFICERS[:2],
        ),
        "key-statement": trust_record(**key, step="key-statement", number=1, signers=(refuge,)),
        "key-statement-countersigned": trust_record(**key, step="key-statement", number=2, signers=(refuge, head)),
        "key-destroyed": trust_record(**key, step="key-destroyed", number=0, signers=(refuge,)),
        "ceremony-step": trust_record(**key, step="revoke", signers=(head,)),
        "ceremony-step-about-nobody": trust_record(**common, step="renew", digest=named, signers=(head,)),
    }
    out = []
    for name, record in made.items():
        fields = cbor.load(record.to_bytes(), 10**6)
        out.append(vector(name, "every field", "ok", show(fields), record=record.to_bytes()))

    def bad(name: str, comment: str, change: Callable[[Any], Any], of: str = "key-statement") -> None:
        value = cbor.load(made[of].to_bytes(), 10**6)
        change(value)
        out.append(vector(name, comment, "malformed", None, record=audit_cbor.dumps(value)))

    for field in cbor.load(made["epoch"].to_bytes(), 10**6):
        bad(f"without-{field}", "missing", drop(field))
    bad("version-2", "not ours", put("v", 2))
    bad("field-more", "nobody asked", put("note", "Орхидея"))
    bad("of-a-message", "another type", put("type", "decision"))
    bad("unknown-step", "a step that no ceremony has", put("step", "bribe"))
    bad("by-an-officer", "records are a worker's", put("by", head))
    bad("number-null", "a key has a number", put("number", None))
    bad("number-of-an-epoch", "an epoch is no key", put("number", 7), "epoch")
    bad("number-negative", "numbers are unsigned", put("number", -1))
    bad("epoch-of-somebody", "an epoch is everybody's", put("subject", refuge), "epoch")
    bad("about-nobody", "a key is a contact's", put("subject", None))
    bad("about-a-name", "handles only", put("subject", "Anna"))
    bad("signed-by-another", "a key's contact is among those who signed", put("signers", [world.DESK]))
    bad("signed-twice", "one set has one form", put("signers", [refuge, refuge]))
    bad("signers-falling", "one set has one form", put("signers", [head, refuge]))
    bad("signed-by-nobody", "somebody took the step", put("signers", []), "ceremony-step")
    bad("digest-of-31", "a digest has 32 bytes", put("digest", bytes(31)))
    body = made["epoch"].to_bytes()
    out.append(vector("length-written-longer", "one byte form", "malformed", None, record=b"\xb8\x0a" + body[1:]))
    out.append(vector("byte-after", "one byte more", "malformed", None, record=body + b"\0"))
    return out


def of_act_records() -> list[Vector]:
    """Records of acts: `audit.record` writes them, and one record has one byte form."""
    refuge, head = world.REFUGE, world.OFFICERS[0]
    common: dict[str, Any] = {"at": world.T0, "epoch": 7, "by": world.WORKER, "digest": world.seed("word")}
    copy: dict[str, Any] = common | {"recipient": refuge, "view": world.seed("view"), "subject": world.consent().id}
    withdrawn = common | {"subject": world.consent().id, "outcome": "withdrawn"}
    made: dict[str, ActRecord] = {
        "withdrawn": act_record(**withdrawn, act="consent-withdrawn", agency=world.POLICE, signer=world.DESK),
        "withdrawn-by-an-officer": act_record(**withdrawn, act="consent-withdrawn", agency=world.POLICE, signer=head),
        "ordered": act_record(**copy, act="erasure-ordered", outcome="retrieved", signer=world.DESK),
        "erased": act_record(
            **copy, act="erasure-confirmed", outcome="erased", agency=world.SHELTER, signer=refuge
        ),
        "kept": act_record(
            **copy, act="erasure-confirmed", outcome="impossible", ground="court-order", agency=world.SHELTER,
            signer=refuge,
        ),
        "kept-aside": act_record(
            **(copy | {"subject": world.MESSAGE}), act="leak-suspected", outcome="kept-aside", agency=world.SHELTER,
            signer=refuge,
        ),
        "released": act_record(
            **(copy | {"subject": world.MESSAGE}), act="leak-released", outcome="vital-interest",
            agency=world.SHELTER, signer=refuge,
        ),
        "delivered": act_record(
            **(copy | {"subject": world.MESSAGE}), act="view-delivered", outcome="handed-over", agency=world.POLICE,
            signer=world.WORKER,
        ),
        "expired": act_record(
            **(copy | {"subject": world.MESSAGE}), act="view-expired", outcome="unretrieved", agency=world.POLICE,
            signer=world.WORKER,
        ),
        "purged": act_record(
            **(copy | {"subject": world.MESSAGE}), act="view-purged", outcome="undelivered", agency=world.POLICE,
            signer=world.WORKER,
        ),
        "recalled": act_record(
            **common, subject=world.MESSAGE, act="message-recalled", outcome="recalled", agency=world.POLICE,
            signer=world.DESK,
        ),
        "recall-ordered": act_record(
            **(copy | {"subject": world.MESSAGE}), act="recall-ordered", outcome="corrected", agency=world.POLICE,
            signer=world.DESK,
        ),
        "recall-confirmed": act_record(
            **(copy | {"subject": world.MESSAGE}), act="view-acknowledged", outcome="recall-confirmed",
            agency=world.SHELTER, signer=refuge,
        ),
        "escalated": act_record(
            **(copy | {"subject": world.MESSAGE}), act="unread-escalated", outcome="duty-desk", agency=world.POLICE,
            signer=world.WORKER,
        ),
        "rejected": act_record(
            **(copy | {"subject": world.MESSAGE}), act="view-acknowledged", outcome="rejected", ground="mislabelled",
            agency=world.SHELTER, signer=refuge,
        ),
        "reviewed": act_record(
            **(copy | {"subject": world.MESSAGE}), act="review-closed", outcome="unjustified", signer=head
        ),
        "looked-up": act_record(**common, subject=bytes(range(16)), act="looked-up", outcome="searched", signer=head),
        "records-held": act_record(
            **common, subject=held_subject(300, 4711, world.T0 + world.DAY), act="records-held", outcome="held",
            ground="court-order", signer=head,
        ),
        "records-released": act_record(
            **common, subject=held_subject(300, 4711, world.T0 + world.DAY), act="records-held", outcome="released",
            signer=head,
        ),
        "alarm-raised": act_record(
            **common, subject=bytes(range(16)), act="alarm-raised", outcome="log-differs", agency=world.SHELTER,
            signer=refuge,
        ),
        "records-expired": act_record(
            **common, subject=expired_subject(300, 4711, 1826), act="records-expired", outcome="expired",
            signer=world.WORKER,
        ),
    }  # fmt: skip
    out = []
    for name, record in made.items():
        fields = cbor.load(record.to_bytes(), 10**6)
        out.append(vector(name, "every field", "ok", show(fields), record=record.to_bytes()))

    def bad(name: str, comment: str, change: Callable[[Any], Any], of: str = "erased") -> None:
        value = cbor.load(made[of].to_bytes(), 10**6)
        change(value)
        out.append(vector(name, comment, "malformed", None, record=audit_cbor.dumps(value)))

    for field in cbor.load(made["erased"].to_bytes(), 10**6):
        bad(f"without-{field}", "missing", drop(field))
    bad("version-2", "not ours", put("v", 2))
    bad("field-more", "nobody asked", put("note", "Орхидея"))
    bad("about-trust", "another type", put("type", "trust"))
    bad("unknown-act", "an act that nobody does", put("act", "forgiven"))
    bad("outcome-of-another-act", "each act has its own", put("outcome", "withdrawn"))
    bad("looked-up-at-somebody", "a look-up is about no copy", put("recipient", refuge), "looked-up")
    bad("held-without-a-ground", "why they are held", put("ground", None), "records-held")
    bad("released-with-a-ground", "a ground to hold them alone", put("ground", "court-order"), "records-released")
    bad("held-by-a-worker", "an officer holds records", put("signer", world.WORKER), "records-held")
    bad("held-for-ever", "a hold ends some day", put("subject", b"\0" * 10 + b"\xff" * 6), "records-held")
    bad("alarm-of-nobody", "an adapter is an agency's", put("agency", None), "alarm-raised")
    bad("alarm-by-an-officer", "a contact's adapter raises it", put("signer", head), "alarm-raised")
    bad("alarm-about-a-copy", "an alarm is about no copy", put("recipient", refuge), "alarm-raised")
    bad("expired-for-an-agency", "no agency has records expire", put("agency", world.POLICE), "records-expired")
    bad("expired-by-an-officer", "a worker does it", put("signer", head), "records-expired")
    bad("withdrawn-from-somebody", "a withdrawal is about no copy", put("recipient", refuge), "withdrawn")
    bad("copy-without-a-view", "which copy?", put("view", None))
    bad("copy-of-nobody", "whose copy?", put("recipient", None), "ordered")
    bad("erased-on-a-ground", "nothing is kept", put("ground", "court-order"))
    bad("kept-without-a-ground", "why is it kept?", put("ground", None), "kept")
    bad("kept-on-an-unknown-ground", "four grounds", put("ground", "habit"), "kept")
    bad("confirmed-by-another", "a holder confirms for itself", put("signer", world.DESK))
    bad("rejected-to-keep-it", "not a fault", put("ground", "court-order"), "rejected")
    bad("rejected-without-a-fault", "why?", put("ground", None), "rejected")
    bad("rejected-by-another", "a recipient says so itself", put("signer", world.DESK), "rejected")
    bad("recalled-from-somebody", "a recall is about no copy", put("recipient", refuge), "recalled")
    bad("recall-ordered-of-nobody", "whose copy?", put("recipient", None), "recall-ordered")
    bad("escalated-by-nobody", "a worker tells", put("signer", refuge), "escalated")
    bad("delivered-by-nobody", "a worker hands over", put("signer", refuge), "delivered")
    bad("subject-of-15", "an id has 16 bytes", put("subject", bytes(15)))
    body = made["erased"].to_bytes()
    out.append(vector("length-written-longer", "one byte form", "malformed", None, record=b"\xb8\x0e" + body[1:]))
    out.append(vector("byte-after", "one byte more", "malformed", None, record=body + b"\0"))
    return out


def of_epochs() -> list[Vector]:
    """An epoch's extracts: the leaf of each, and the path from it to the root."""
    listings = {world.POLICE: b"first", world.COURT: "второй".encode(), world.SHELTER: b""}
    tree = epoch_tree(lined_up([extract_leaf(a, text) for a, text in listings.items()], counter("fillers")))
    out = []

    def one(name: str, comment: str, expect: str, agency: str, **changed: Any) -> None:
        index, path = tree.path(extract_leaf(agency, listings[agency]))
        given: dict[str, Any] = {
            "audience": agency, "listing": listings[agency], "index": index, "size": len(tree.leaves),
            "path": [p.hex() for p in path], "root": tree.root,
        } | changed  # fmt: skip
        output = extract_leaf(agency, listings[agency]).hex() if expect == "ok" else None
        out.append(vector(name, comment, expect, output, **given))

    one("police", "a listing in ASCII", "ok", world.POLICE)
    one("court", "a listing that is not: lengths count bytes", "ok", world.COURT)
    one("shelter", "an empty listing", "ok", world.SHELTER)
    one(
        "listing-of-another",
        "the court's, given to the police",
        "unverified",
        world.POLICE,
        listing=listings[world.COURT],
    )
    one("audience-of-another", "the police's, given to the court", "unverified", world.POLICE, audience=world.COURT)
    index, path = tree.path(extract_leaf(world.POLICE, listings[world.POLICE]))
    one("another-place", "the leaf beside it", "unverified", world.POLICE, index=index ^ 1)
    one("place-beyond", "outside of the tree", "unverified", world.POLICE, index=len(tree.leaves))
    one("path-too-short", "a hash is missing", "unverified", world.POLICE, path=[p.hex() for p in path[:-1]])
    one(
        "path-too-long", "a hash to spare", "unverified", world.POLICE, path=[*(p.hex() for p in path), tree.root.hex()]
    )
    one("another-root", "of another epoch", "unverified", world.POLICE, root=flip(tree.root, 0))
    return out


def of_names() -> list[Vector]:
    key = world.seed("register")

    def drawn(name: str, comment: str, agency: str, person: str, taken: list[str]) -> Vector:
        return vector(name, comment, "ok", pseudonym(key, agency, person, taken),
                      of="pseudonym", key=key, agency=agency, person=person, taken=taken)  # fmt: skip

    first = pseudonym(key, world.SHELTER, "P-0001")
    public = world.decryption_key(world.REFUGE).public
    contact = world.signer(world.DESK).public
    return [
        drawn("pseudonym", "for one agency", world.SHELTER, "P-0001", []),
        drawn("pseudonym-elsewhere", "another agency gets another one", world.COURT, "P-0001", []),
        drawn("pseudonym-taken", "drawn again", world.SHELTER, "P-0001", [first]),
        drawn("pseudonym-not-ascii", "the local id counts in bytes of UTF-8", world.SHELTER, "дело-7/Ánh", []),
        vector("reference", "a case towards one agency", "ok", reference(key, world.SHELTER, "Орхидея").hex(),
               of="reference", key=key, agency=world.SHELTER, name_of="Орхидея"),
        vector("fingerprint", "of a signing key", "ok", fingerprint(contact), of="fingerprint", public=contact),
        vector("key-id", "of an encryption key", "ok", key_id(public).hex(), of="key-id", public=public),
        vector("public-key", "ML-KEM-768 key, then X25519 key", "ok", public.hex(), of="public",
               private=world.decryption_key(world.REFUGE).export()),
    ]  # fmt: skip


def build(kept: dict[str, str]) -> dict[str, str]:
    """Every file's text by name. `kept` holds grants sealed before; what it lacks is sealed and added."""
    with deterministic("v1", kept) as used:
        parts = world.make_parts()
        env = world.make_envelope(parts)
        files = {
            "act_records": of_act_records(),
            "attestations": of_attestations(env, parts),
            "bodies": of_bodies(env, parts),
            "cbor": of_cbor(),
            "descriptions": of_descriptions(env, parts),
            "envelopes": of_envelopes(env, parts),
            "epochs": of_epochs(),
            "grants": of_grants(parts),
            "manifests": of_manifests(env),
            "names": of_names(),
            "padding": of_padding(),
            "pae": of_pae(),
            "sections": of_sections(parts),
            "trust_records": of_trust_records(),
            "views": of_views(env, parts),
        }
    texts = {}
    for name, vectors in files.items():
        if len({v["name"] for v in vectors}) != len(vectors):
            raise ValueError(f"{name}: a name stands twice")
        about = "Bytes are hexadecimal. Keys are for tests only. Written by `python -m tests.vectors.generate`."
        texts[f"{name}.json"] = json.dumps({"about": about, "vectors": vectors}, indent=1, ensure_ascii=False) + "\n"
    texts[STORE] = json.dumps(dict(sorted(used.items())), indent=1) + "\n"
    return texts


def kept_grants(folder: Path = HERE) -> dict[str, str]:
    """The grants sealed in an earlier run, or none."""
    path = folder / STORE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def main() -> int:
    for name, text in build(kept_grants()).items():
        (HERE / name).write_text(text, encoding="utf-8")
        print(f"{name}: {len(text)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
