"""In place of the library's slow parts, the same bytes and the same verdicts: held against the library itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import securesystemslib.formats as library
import tuf.api.serialization.json as library_json
from hypothesis import example, given
from hypothesis import strategies as st
from securesystemslib.exceptions import FormatError, UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Key, Signature, SSlibKey

from keys import canonical as ours
from keys.canonical import RememberingKey, canonical
from keys.metadata import Metadata, public_key, sign
from keys.online import export
from tests.keys import trust

ROOT = Path(__file__).parents[2]
TEXT = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    ["\n", "\\", '"', ":1.5", "\x7f", "\ud800"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


def outcome(function: Any, value: object) -> tuple[str, object]:
    try:
        return "text", function(value)
    except FormatError:
        return "refused", None


@given(st.dictionaries(TEXT, VALUES, max_size=5) | VALUES)
@example({"a": 1.5})
@example({"a": [1e300]})
@example({"a": float("nan")})
@example({"b": -0.0, "a": "x:1.5"})
@example({"a": [True, -7, None, {"é\u2028": "\x1f"}]})
@example({"a": 2**200})
def test_any_value_has_the_library_s_canonical_form_or_is_refused_as_there(value: object) -> None:
    assert outcome(canonical, value) == outcome(library.encode_canonical, value)


def test_it_may_be_written_piece_by_piece_as_the_library_does() -> None:
    pieces: list[str] = []
    assert canonical({"b": [1, "two"], "a": None}, pieces.append) is None
    assert "".join(pieces) == '{"a":null,"b":[1,"two"]}'


def test_the_library_canonicalises_by_it_and_only_what_it_may_not_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were it put aside by a new version of the library, all would go on, at three times the cost."""
    assert library_json.encode_canonical is canonical  # type: ignore[attr-defined]
    asked: list[object] = []
    monkeypatch.setattr(ours, "encode_canonical", lambda value, _=None: asked.append(value))
    root = trust.root()
    assert json.loads(root.signed_bytes) == root.signed.to_dict()
    assert asked == []
    assert canonical({"a": "\n"}) is None and asked == [{"a": "\n"}]


def test_metadata_that_the_library_alone_reads_is_signed_over_the_same_bytes(tmp_path: Path) -> None:
    """A process that never imports ours: python-tuf as everybody has it."""
    force = trust.Force(tmp_path / "officers")
    force.publish()
    names = []
    for number, (name, data) in enumerate(sorted(export(force.extracts, trust.WHOLE, trust.now()).items())):
        if name.startswith("metadata/"):
            (tmp_path / f"{number}.json").write_bytes(data)
            (tmp_path / f"{number}.signed").write_bytes(Metadata.from_bytes(data).signed_bytes)
            names.append(str(tmp_path / str(number)))
    assert len(names) > 5
    program = (
        "import sys\nfrom pathlib import Path\nfrom tuf.api.metadata import Metadata\n"
        "for name in sys.argv[1:]:\n"
        "    made = Metadata.from_bytes(Path(name + '.json').read_bytes()).signed_bytes\n"
        "    assert made == Path(name + '.signed').read_bytes(), name\n"
        "assert not any(m.split('.')[0] == 'keys' for m in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, *names], check=True, cwd=ROOT)


# Signatures


def signed() -> tuple[Key, Signature, bytes]:
    root = trust.root()
    signer = public_key(trust.holder(0).public)
    return signer, root.signatures[signer.keyid], root.signed_bytes


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What had to be verified, and not only remembered."""
    found: list[bytes] = []
    genuine = RememberingKey._holds

    def holds(self: RememberingKey, signature: Signature, data: bytes) -> bool:
        found.append(data)
        return genuine(self, signature, data)

    monkeypatch.setattr(RememberingKey, "_holds", holds)
    monkeypatch.setattr(RememberingKey, "_held", {})
    return found


def test_keys_that_python_tuf_reads_are_of_this_kind() -> None:
    root = Metadata.from_bytes(trust.root().to_bytes())
    assert {type(key) for key in root.signed.keys.values()} == {RememberingKey}


def test_a_signature_that_held_is_verified_once(asked: list[bytes]) -> None:
    key, signature, data = signed()
    for _ in range(3):
        key.verify_signature(signature, data)
        Key.from_dict(key.keyid, key.to_dict()).verify_signature(signature, data)
    assert asked == [data]


def test_nothing_else_passes_for_one_that_held(asked: list[bytes]) -> None:
    key, signature, data = signed()
    key.verify_signature(signature, data)
    other = public_key(trust.holder(1).public)
    flipped = Signature(key.keyid, f"{int(signature.signature[:2], 16) ^ 1:02x}{signature.signature[2:]}")
    wrong: list[tuple[Key, Signature, bytes]] = [
        (key, signature, data + b" "),
        (key, signature, data[:-1]),
        (key, flipped, data),
        (key, Signature(other.keyid, signature.signature), data),
        (other, Signature(other.keyid, signature.signature), data),
        (RememberingKey(key.keyid, "ed25519", "ed25519", other.keyval), signature, data),
        (RememberingKey(other.keyid, "ed25519", "ed25519", key.keyval), signature, data),
    ]
    for _ in range(2):  # what did not hold is not remembered either
        for one, given_signature, given_data in wrong:
            with pytest.raises((UnverifiedSignatureError, VerificationError)):
                one.verify_signature(given_signature, given_data)
    assert len(asked) == 1 + 2 * len(wrong)


@given(data=st.data())
def test_it_says_of_any_signature_what_the_library_says(data: st.DataObject) -> None:
    key, signature, text = signed()
    keyids, publics = [key.keyid, "other"], [key.keyval["public"], "00" * 32, "01" + "00" * 31, "xyz", ""]
    raw = signature.signature
    signatures = [raw, raw[:-2], raw + "00", "00" * 64, "ff" * 64, "01" + "00" * 63, "", "not hexadecimal", raw.upper()]
    chosen = data.draw(st.sampled_from(publics))
    one = RememberingKey(key.keyid, "ed25519", "ed25519", {"public": chosen})
    plain = SSlibKey(key.keyid, "ed25519", "ed25519", {"public": chosen})
    offered = Signature(data.draw(st.sampled_from(keyids)), data.draw(st.sampled_from(signatures)))
    over = data.draw(st.sampled_from([text, text[1:], b""]))
    verdicts = []
    for each in (one, plain):
        try:
            each.verify_signature(offered, over)
            verdicts.append("holds")
        except (UnverifiedSignatureError, VerificationError) as error:
            verdicts.append(type(error).__name__)
    assert verdicts[0] == verdicts[1]


def test_only_so_many_are_remembered_and_the_oldest_goes_first(
    asked: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "_REMEMBERED", 3)
    signer = trust.holder(0)
    key = public_key(signer.public)
    texts = [b"{text %d}" % n for n in range(5)]
    signatures = [Signature(key.keyid, signer.sign_metadata(text).hex()) for text in texts]
    for text, signature in zip(texts, signatures, strict=True):
        key.verify_signature(signature, text)
        assert len(RememberingKey._held) <= 3
    asked.clear()
    for number in (4, 3, 2, 1, 0):
        key.verify_signature(signatures[number], texts[number])
    assert asked == [texts[1], texts[0]]


def test_a_signature_made_here_holds_for_the_library_s_own_key() -> None:
    root = trust.root(by=())
    sign(root, trust.holder(2))
    key = public_key(trust.holder(2).public)
    plain = SSlibKey(key.keyid, key.keytype, key.scheme, key.keyval)
    plain.verify_signature(root.signatures[key.keyid], library.encode_canonical(root.signed.to_dict()).encode())  # type: ignore[union-attr]
