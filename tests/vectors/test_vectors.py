"""The vectors hold three things together: docs/envelope.md, the product, and a checker that shares no code with it."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.errors import Unreadable
from audit.record import ActRecord, TrustRecord
from keys.epochs import check_path, extract_leaf
from keys.fingerprints import fingerprint
from keys.pseudonyms import pseudonym, reference
from keys.sealing import DecryptionKey, SectionKey, key_id, open_grant, open_section, unpad
from keys.signing import check, digest, verify
from keys.verifying import _open, _section, open_view, verify_envelope, verify_view
from messages import cbor, limits, wire
from messages.acknowledgements import Acknowledgement
from messages.attestations import (
    Acceptance,
    BreakGlass,
    Consent,
    GuardAttestation,
    Permission,
    Release,
    Review,
    Withdrawal,
)
from messages.ceremony import CeremonyStep, EpochStatement, KeyDestroyed, StatementSubmission
from messages.directory import KeyStatement
from messages.envelope import GRANT, Delivery, GrantDetail, Opening, SectionDetail
from messages.errors import Malformed, RemoteError, Unverified
from messages.evidence import Entry, Evidence, Retrieval, Stamp, Step
from messages.evidencefile import FileRequest
from messages.holds import HoldWord
from messages.leaks import LeakDelivery, LeakReport
from messages.manifest import Manifest
from messages.raised import Raised
from messages.recalls import Recall, RecallDelivery
from messages.signed import Signed, pae
from messages.unread import UnreadDelivery, UnreadNotice
from messages.withdrawals import (
    ErasureConfirmation,
    Holding,
    Notice,
    NoticeDelivery,
    ReviewClosed,
    WithdrawalSubmission,
)
from tests.keys import world
from tests.vectors import check as checker
from tests.vectors import generate

HERE = Path(__file__).parent
Vector = dict[str, Any]
ALL = [(name, vector) for name in checker.CHECKS for vector in checker.load(name)]
EACH = pytest.mark.parametrize(("name", "vector"), ALL, ids=[f"{n}/{v['name']}" for n, v in ALL])
REFUSALS = {Malformed: "malformed", Unverified: "unverified"}


@EACH
def test_the_independent_checker_finds_what_the_vector_says(name: str, vector: Vector) -> None:
    assert checker.outcome(checker.CHECKS[name], vector) == (vector["expect"], vector["output"])


@EACH
def test_the_product_finds_what_the_vector_says(name: str, vector: Vector) -> None:
    try:
        found = ("ok", PRODUCT[name](vector))
    except RemoteError as error:
        found = (REFUSALS[type(error)], None)
    assert found == (vector["expect"], vector["output"])


def test_the_generator_writes_the_committed_files_again_byte_for_byte() -> None:
    kept = generate.kept_grants()
    known = dict(kept)
    texts = generate.build(kept)
    assert kept == known, "a grant is missing in sealed_grants.json: run python -m tests.vectors.generate"
    assert set(texts) == {p.name for p in HERE.glob("*.json")}
    for name, text in texts.items():
        assert (HERE / name).read_text(encoding="utf-8") == text, f"{name} differs: see tests/vectors/generate.py"


def test_grants_sealed_afresh_satisfy_both_implementations() -> None:
    texts = generate.build({})
    for name in ("grants", "views", "envelopes"):
        for vector in json.loads(texts[f"{name}.json"])["vectors"]:
            assert checker.outcome(checker.CHECKS[name], vector) == (vector["expect"], vector["output"]), vector["name"]


def test_loading_no_vectors_fails(tmp_path: Path) -> None:
    (tmp_path / "pae.json").write_text('{"vectors": []}')
    with pytest.raises(LookupError):
        checker.load("pae", tmp_path)


def test_every_file_of_vectors_has_a_check_in_both() -> None:
    files = {p.stem for p in HERE.glob("*.json")} - {"sealed_grants"}
    assert files == set(checker.CHECKS) == set(PRODUCT)


def test_every_file_with_a_choice_has_vectors_on_both_sides() -> None:
    always_good = {"names", "pae"}
    for name in set(checker.CHECKS) - always_good:
        assert {v["expect"] == "ok" for v in checker.load(name)} == {True, False}, name


def test_the_vectors_hold_text_that_is_not_ascii() -> None:
    texts = [json.dumps(v, ensure_ascii=False) for _, v in ALL]
    assert any("Орхидея" in t for t in texts)
    assert any("Gdańsk".encode().hex() in t for t in texts)


def test_the_checker_shares_no_code_with_the_product() -> None:
    tree = ast.parse((HERE / "check.py").read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    allowed = [
        "ast",
        "collections",
        "cryptography",
        "hashlib",
        "hmac",
        "json",
        "pathlib",
        "re",
        "struct",
        "sys",
        "typing",
    ]
    assert names
    assert names <= set(allowed)


def test_hchacha20_of_the_checker_gives_the_value_of_its_specification() -> None:
    key = bytes(range(32))
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    expect = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    assert checker.hchacha20(key, nonce).hex() == expect  # draft-irtf-cfrg-xchacha-03 section 2.2.1


# --- the product's side ---------------------------------------------------------------------------------------------


def _x(vector: Vector, name: str) -> bytes:
    return bytes.fromhex(vector[name])


def _padding(v: Vector) -> Any:
    return limits.padme(v["length"]) if "length" in v else unpad(_x(v, "padded")).hex()


def _one_section(v: Vector) -> Any:
    detail = SectionDetail.from_bytes(_x(v, "detail"))
    return open_section(SectionKey(_x(v, "key")), _x(v, "sealed"), detail, _x(v, "message")).hex()


def _grant(v: Vector) -> Any:
    detail = GrantDetail.from_bytes(_x(v, "detail"))
    keys = open_grant(DecryptionKey(_x(v, "private")), _x(v, "grant"), detail, _x(v, "message"), v["sender"])
    return {name: key.raw.hex() for name, key in keys.items()}


def _description(v: Vector) -> Any:
    detail = None if v["detail"] is None else _x(v, "detail")
    opening = Opening.read({"outer": _x(v, "outer"), "detail": detail})
    manifest = world.header(digests=tuple(bytes.fromhex(d) for d in v["digests"]))
    [(outer, _)] = _open(manifest, (opening,))
    if detail is None:
        return {"kind": outer.kind, "detail": None}
    read = GrantDetail.from_bytes(detail) if outer.kind == GRANT else _section(outer, detail)
    return {"kind": outer.kind, "detail": generate.show(cbor.load(read.to_bytes(), 9999))}


def _manifest(v: Vector) -> Any:
    raw = _x(v, "manifest")
    manifest = Manifest.from_bytes(raw)
    check(_x(v, "public"), world.Tag.MANIFEST, raw, _x(v, "signature"))
    fields = generate.show(cbor.load(manifest.to_bytes(), 99_999))
    return {"fields": fields, "digest": digest("manifest", raw).hex()}


def _contact(v: Vector) -> Any:
    return world.sender().model_copy(update={"signing_key": _x(v, "public")})


def _envelope(v: Vector) -> Any:
    verified = verify_envelope(wire.decode(_x(v, "envelope")), _contact(v), world.T0)
    grants = {r: list(g.sections) for r, g in sorted(verified.grants.items())}
    return {"sections": sorted(verified.sections), "grants": grants}


def _view(v: Vector) -> Any:
    verified = verify_view(wire.decode_view(_x(v, "view")), _contact(v), v["recipient"], world.T0)
    plain = open_view(verified, DecryptionKey(_x(v, "private")))
    return {"plaintexts": {n: p.hex() for n, p in sorted(plain.items())}, "withheld": list(verified.withheld)}


def _signed(v: Vector) -> Any:
    return verify(Signed.from_bytes(_x(v, "signed")), world.Tag(v["tag"]), _x(v, "public")).hex()


READERS: dict[str, Any] = {
    "guard-attestation": GuardAttestation,
    "release-attestation": Release,
    "review-attestation": Review,
    "break-glass": BreakGlass,
    "acceptance-evidence": Acceptance,
    "dissemination-permission": Permission,
    "consent-withdrawal": Withdrawal,
    "withdrawal-submission": WithdrawalSubmission,
    "holding": Holding,
    "withdrawal-notice": Notice,
    "notice-delivery": NoticeDelivery,
    "erasure-confirmation": ErasureConfirmation,
    "leak-report": LeakReport,
    "leak-delivery": LeakDelivery,
    "acknowledgement": Acknowledgement,
    "step": Step,
    "adapter-alarm": Raised,
    "records-hold": HoldWord,
    "recall": Recall,
    "recall-delivery": RecallDelivery,
    "unread-notice": UnreadNotice,
    "unread-delivery": UnreadDelivery,
    "review-closed": ReviewClosed,
    "evidence-file-request": FileRequest,
    "consent": Consent,
    "stamp": Stamp,
    "evidence": Evidence,
    "retrieval-evidence": Retrieval,
    "entry": Entry,
    "key-destroyed": KeyDestroyed,
    "ceremony-step": CeremonyStep,
    "epoch-statement": EpochStatement,
    "statement-submission": StatementSubmission,
    "delivery": Delivery,
}


def _body(v: Vector) -> Any:
    body = _x(v, "body")
    if v["of"] == "key-statement":
        return generate.show(_statement(body))
    read = READERS[v["of"]].from_bytes(body)
    return generate.show(cbor.load(read.to_bytes(), 10**6))


def _statement(body: bytes) -> Any:
    """`keys.statements.check` reads a statement only to hold it against the directory, so it is given both."""
    from keys import statements

    holder = world.contact(world.REFUGE, "referrals", world.SHELTER)
    signed = world.signer(world.REFUGE).sign(world.Tag.KEY_STATEMENT, body)
    statements.check(holder, KeyStatement(signed=signed.to_bytes()))
    return cbor.load(body, 10**6)


def _act_record(v: Vector) -> Any:
    try:
        record = ActRecord.from_bytes(_x(v, "record"))
    except Unreadable as error:
        raise Malformed(str(error)) from None
    return generate.show(cbor.load(record.to_bytes(), 9999))


def _trust_record(v: Vector) -> Any:
    """Of records the product has one reader, which is `audit`'s."""
    try:
        record = TrustRecord.from_bytes(_x(v, "record"))
    except Unreadable as error:
        raise Malformed(str(error)) from None
    return generate.show(cbor.load(record.to_bytes(), 9999))


def _epoch(v: Vector) -> Any:
    leaf = extract_leaf(v["audience"], _x(v, "listing"))
    check_path(leaf, v["index"], v["size"], [bytes.fromhex(p) for p in v["path"]], _x(v, "root"))
    return leaf.hex()


def _name(v: Vector) -> Any:
    if v["of"] == "pseudonym":
        return pseudonym(_x(v, "key"), v["agency"], v["person"], v["taken"])
    if v["of"] == "reference":
        return reference(_x(v, "key"), v["agency"], v["name_of"]).hex()
    if v["of"] == "public":
        return DecryptionKey(_x(v, "private")).public.hex()
    return fingerprint(_x(v, "public")) if v["of"] == "fingerprint" else key_id(_x(v, "public")).hex()


PRODUCT: dict[str, Callable[[Vector], Any]] = {
    "act_records": _act_record,
    "attestations": _signed,
    "bodies": _body,
    "cbor": lambda v: generate.show(cbor.load(_x(v, "item"), 99_999)),
    "descriptions": _description,
    "envelopes": _envelope,
    "epochs": _epoch,
    "grants": _grant,
    "manifests": _manifest,
    "names": _name,
    "padding": _padding,
    "pae": lambda v: pae(v["kind"], _x(v, "payload")).hex(),
    "sections": _one_section,
    "trust_records": _trust_record,
    "views": _view,
}
