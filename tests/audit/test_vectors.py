"""`audit` accepts exactly the test vectors that are to be accepted, refuses the others, and for the reason they state.

What is left out is named here with its reason, and nothing else is.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from audit.errors import Unproved, Unreadable
from audit.proofs import verify_inclusion
from audit.readers import cbor, entries, envelope, trust
from audit.readers.signed import digest, pae, read_signed, verify, verify_bytes
from audit.record import read_record
from audit.tree import leaf_hash

FOLDER = Path(__file__).parents[1] / "vectors"
Vector = dict[str, Any]

NOT_READ = {
    "grants": "opens grants: takes a private key",
    "sections": "opens sections: takes a section's key",
    "padding": "padding is inside of sections",
    "names": "names that people read are made and compared elsewhere",
}
BODIES_NOT_READ = {
    "consent": "held against the directory by broker and recipient",
    "guard-attestation": "held against the directory by broker and recipient",
    "release-attestation": "held against the directory by broker and recipient",
    "review-attestation": "held against the directory by broker and recipient",
    "break-glass": "held against the directory by broker and recipient",
    "acceptance-evidence": "held against the directory by broker and recipient",
    "dissemination-permission": "held against the directory by broker and recipient",
    "consent-withdrawal": "held against the directory by broker and holders",
    "withdrawal-submission": "what it holds is read; the wrapping is the broker's",
    "holding": "the broker's index of who holds what; the orders that follow from it are in the log",
    "erasure-confirmation": "the broker's record of it is what a log holds",
    "leak-report": "the broker's record of it is what a log holds",
    "review-closed": "the broker's record of it is what a log holds",
    "statement-submission": "what it holds is read; the wrapping is the broker's",
    "retrieval-evidence": "the broker's record of it is what a log holds",
    "acknowledgement": "the broker's record of it is what a log holds",
    "recall": "the broker's record of it is what a log holds",
    "records-hold": "the broker's record of it is what a log holds",
    "adapter-alarm": "the broker's record of it is what a log holds",
    "step": "what a sender is told; the record and the evidence that it carries are read",
    "evidence-file-request": "a question to the broker; nothing of it is kept",
}
SEEN_ONLY_INSIDE = {"commitment-of-something-else"}  # views that only their opened plaintext convicts


def load(name: str, folder: Path = FOLDER) -> list[Vector]:
    """The vectors of one file; no vectors is an error."""
    vectors = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["vectors"]
    if not vectors:
        raise LookupError(f"{name}.json holds no vectors")
    return list(vectors)


def raw(vector: Vector, name: str) -> bytes:
    return bytes.fromhex(vector[name])


def show(value: Any) -> Any:
    """A value as the vectors write it: bytes in hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: show(item) for name, item in value.items()}
    return [show(item) for item in value] if isinstance(value, list | tuple) else value


def _attestation(vector: Vector) -> Any:
    return verify(read_signed(raw(vector, "signed")), vector["tag"], raw(vector, "public")).hex()


def _manifest(vector: Vector) -> Any:
    body = raw(vector, "manifest")
    manifest = envelope.read_manifest(body)
    verify_bytes(raw(vector, "public"), raw(vector, "signature"), pae("manifest", body), "manifest")
    return {"fields": {"v": 1, **show(asdict(manifest))}, "digest": envelope.manifest_digest(body).hex()}


def _description(vector: Vector) -> Any:
    detail = None if vector["detail"] is None else raw(vector, "detail")
    opening = envelope.read_opening({"outer": raw(vector, "outer"), "detail": detail})
    found = envelope.check_openings([bytes.fromhex(item) for item in vector["digests"]], [opening])
    if found.withheld:
        return {"kind": found.withheld[0], "detail": None}
    details = [asdict(section) for section in found.sections] + [asdict(grant) for grant in found.grants]
    return {"kind": opening.kind, "detail": show(details[0])}


def _envelope(vector: Vector) -> Any:
    checked = envelope.check_envelope(envelope.read_envelope(raw(vector, "envelope")), raw(vector, "public"))
    grants = {grant.recipient: list(grant.sections) for grant in checked.grants}
    return {"sections": sorted(section.name for section in checked.sections), "grants": grants}


def _view(vector: Vector) -> Any:
    view = envelope.read_view(raw(vector, "view"))
    checked = envelope.check_view(view, raw(vector, "public"), vector["recipient"])
    return {"sections": sorted(section.name for section in checked.sections), "withheld": list(checked.withheld)}


def _stamp(body: bytes) -> Any:
    return asdict(entries.read_stamp(body))


def _evidence(body: bytes) -> Any:
    evidence = entries.read_evidence(body)
    names = ("recipient", "outcome", "rules", "leaf")
    return asdict(evidence) | {"outcomes": [dict(zip(names, item, strict=True)) for item in evidence.outcomes]}


def _entry(body: bytes) -> Any:
    entry = entries.read_entry(body)
    views = [[view.id, view.recipient, view.digest] for view in entry.views]
    return {k: v for k, v in asdict(entry).items() if k != "word" or v is not None} | {"views": views}


def _delivery(body: bytes) -> Any:
    return asdict(envelope.read_delivery(body))


def _trust_record(vector: Vector) -> Any:
    return {"v": 1, "type": "trust", **show(asdict(read_record(raw(vector, "record"))))}


def _act_record(vector: Vector) -> Any:
    return {"v": 1, "type": "act", **show(asdict(read_record(raw(vector, "record"))))}


def _epoch(vector: Vector) -> Any:
    """The log's own proofs serve for the tree over an epoch's extracts too."""
    leaf = digest("extract", cbor.dumps([vector["audience"], raw(vector, "listing")]))
    path = [bytes.fromhex(item) for item in vector["path"]]
    verify_inclusion(vector["index"], vector["size"], leaf_hash(leaf), path, raw(vector, "root"))
    return leaf.hex()


BODIES: dict[str, Callable[[bytes], Any]] = {
    "key-statement": lambda body: asdict(trust.read_key_statement(body)),
    "key-destroyed": lambda body: asdict(trust.read_key_destroyed(body)),
    "ceremony-step": lambda body: asdict(trust.read_ceremony_step(body)),
    "epoch-statement": lambda body: asdict(trust.read_epoch_statement(body)),
    "stamp": _stamp,
    "evidence": _evidence,
    "entry": _entry,
    "withdrawal-notice": lambda body: asdict(entries.read_notice(body)),
    "notice-delivery": lambda body: asdict(entries.read_notice_delivery(body)),
    "unread-notice": lambda body: asdict(entries.read_unread(body)),
    "unread-delivery": lambda body: asdict(entries.read_unread_delivery(body)),
    "recall-delivery": lambda body: asdict(entries.read_recall_delivery(body)),
    "leak-delivery": lambda body: asdict(entries.read_leak_delivery(body)),
    "delivery": _delivery,
}
CHECKS: dict[str, Callable[[Vector], Any]] = {
    "attestations": _attestation,
    "bodies": lambda vector: {"v": 1, **show(BODIES[vector["of"]](raw(vector, "body")))},
    "cbor": lambda vector: show(cbor.loads(raw(vector, "item"))),
    "descriptions": _description,
    "envelopes": _envelope,
    "epochs": _epoch,
    "manifests": _manifest,
    "trust_records": _trust_record,
    "act_records": _act_record,
    "pae": lambda vector: pae(vector["kind"], raw(vector, "payload")).hex(),
    "views": _view,
}


def applicable(name: str, vector: Vector) -> bool:
    if name == "views":
        return vector["name"] not in SEEN_ONLY_INSIDE
    return name != "bodies" or vector["of"] not in BODIES_NOT_READ


def wanted(name: str, vector: Vector) -> Any:
    """The output as far as a reader without private keys can give it."""
    if name != "views" or vector["output"] is None:
        return vector["output"]
    return {"sections": sorted(vector["output"]["plaintexts"]), "withheld": vector["output"]["withheld"]}


def outcome(name: str, vector: Vector) -> tuple[str, Any]:
    try:
        return "ok", CHECKS[name](vector)
    except Unreadable:
        return "malformed", None
    except Unproved:
        return "unverified", None


ALL = [(name, vector) for name in CHECKS for vector in load(name) if applicable(name, vector)]


@pytest.mark.parametrize(("name", "vector"), ALL, ids=[f"{name}/{vector['name']}" for name, vector in ALL])
def test_audit_finds_what_the_vector_says(name: str, vector: Vector) -> None:
    assert outcome(name, vector) == (vector["expect"], wanted(name, vector))


def test_loading_no_vectors_fails(tmp_path: Path) -> None:
    (tmp_path / "pae.json").write_text('{"vectors": []}')
    with pytest.raises(LookupError):
        load("pae", tmp_path)


def test_every_file_and_every_body_is_run_or_left_out_by_name() -> None:
    files = {path.stem for path in FOLDER.glob("*.json")} - {"sealed_grants"}
    assert files == CHECKS.keys() | NOT_READ.keys() and not CHECKS.keys() & NOT_READ.keys()
    bodies = {vector["of"] for vector in load("bodies")}
    assert bodies == BODIES.keys() | BODIES_NOT_READ.keys() and not BODIES.keys() & BODIES_NOT_READ.keys()


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_every_file_is_run_on_both_sides(name: str) -> None:
    run = [vector["expect"] == "ok" for file, vector in ALL if file == name]
    assert set(run) == ({True} if name == "pae" else {True, False})


def test_a_view_left_out_is_one_that_only_its_plaintext_convicts() -> None:
    left_out = {vector["name"]: vector for vector in load("views") if not applicable("views", vector)}
    assert left_out.keys() == SEEN_ONLY_INSIDE
    for vector in left_out.values():
        assert (outcome("views", vector)[0], vector["expect"]) == ("ok", "unverified")


@pytest.mark.parametrize(("name", "kind"), [("grants", "grant"), ("sections", None)])
def test_the_details_beside_sections_and_grants_are_read(name: str, kind: str | None) -> None:
    for vector in load(name):
        detail = raw(vector, "detail")
        value: Any = cbor.loads(detail)
        stated = kind or ("cover" if value["type"] == "cover" else f"{value['type']}/{value['part']}")
        outer = cbor.dumps([bytes(16), stated, digest("description-detail", detail)])
        opening = envelope.read_opening({"outer": outer, "detail": detail})
        found = envelope.check_openings([digest("description", outer)], [opening])
        assert [show(asdict(grant)) for grant in found.grants] == [show(value)] * (name == "grants")
        assert [show(asdict(section)) for section in found.sections] == [show(value)] * (name == "sections")
