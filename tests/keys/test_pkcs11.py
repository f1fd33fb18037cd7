"""A contact's signing key in a token: it signs as a key of ours does, and never leaves. The token is SoftHSM."""

import os
import shutil
import subprocess
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from keys import keystore, pkcs11, signing
from keys.domains import KeyKind, Tag, may_sign
from keys.pkcs11 import TokenKey
from keys.signing import Signer
from messages.errors import DependencyError, KeyTrouble
from tests.keys import world

MODULES = [
    Path(p)
    for p in (
        os.environ.get("SAFECONDUCT_SOFTHSM", ""), "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm.so", "/usr/local/lib/softhsm/libsofthsm2.so",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    )
    if p and Path(p).is_file()
]  # fmt: skip
PIN = "correct-horse-72"
HANDLE = "c" + "a" * 12
BODY = b"a manifest"

needs_library = pytest.mark.skipif(find_spec("pkcs11") is None, reason="python-pkcs11 is not installed")
needs_token = pytest.mark.skipif(
    find_spec("pkcs11") is None or not MODULES or shutil.which("softhsm2-util") is None,
    reason="SoftHSM (softhsm2) or python-pkcs11 is not installed",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> TokenKey:
    """A key in a fresh token of this module's own."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")  # SoftHSM reads it once, when it is loaded
    subprocess.run(
        [
            str(shutil.which("softhsm2-util")),
            "--init-token",
            "--free",
            "--label",
            "desk",
            "--pin",
            PIN,
            "--so-pin",
            "1234567890",
        ],
        check=True,
        capture_output=True,
    )
    made = TokenKey(module=str(MODULES[0]), token="desk", label="sign", pin=PIN)
    pkcs11.make_key(made)
    return made


@needs_token
def test_a_token_signs_what_our_own_check_accepts(place: TokenKey) -> None:
    with pkcs11.opened(place, KeyKind.CONTACT, HANDLE) as signer:
        assert (signer.kind, signer.handle, len(signer.public)) == (KeyKind.CONTACT, HANDLE, 32)
        signed = signer.sign(Tag.MANIFEST, BODY)
        assert signing.verify(signed, Tag.MANIFEST, signer.public) == BODY
        assert (signed.by, signed.tag) == (HANDLE, Tag.MANIFEST.value)
        assert signer.signature(Tag.MANIFEST, BODY) == signed.signature


@needs_token
def test_the_key_is_the_same_when_the_token_is_opened_again(place: TokenKey) -> None:
    found = []
    for _ in range(2):
        with pkcs11.opened(place, KeyKind.CONTACT, HANDLE) as signer:
            found.append((signer.public, signer.signature(Tag.MANIFEST, BODY)))
    assert found[0] == found[1]


@needs_token
@pytest.mark.parametrize("kind", [KeyKind.CONTACT, KeyKind.GUARD])
def test_a_token_signs_exactly_what_a_key_of_that_kind_may_sign(place: TokenKey, kind: KeyKind) -> None:
    with pkcs11.opened(place, kind, HANDLE) as signer:
        for tag in Tag:
            if may_sign(kind, tag):
                signing.check(signer.public, tag, BODY, signer.signature(tag, BODY))
            else:
                with pytest.raises(KeyTrouble, match="does not sign"):
                    signer.signature(tag, BODY)


@needs_token
def test_a_token_key_has_all_that_code_which_signs_messages_asks_of_a_signer(place: TokenKey) -> None:
    asked = {name for name in dir(Signer) if not name.startswith("_")} - {"export", "sign_note", "sign_metadata"}
    with pkcs11.opened(place, KeyKind.CONTACT, HANDLE) as signer:
        assert asked == {"handle", "kind", "public", "sign", "signature"}
        assert all(hasattr(signer, name) for name in asked)
        assert not hasattr(signer, "export")


@needs_token
def test_the_key_does_not_leave_the_token(place: TokenKey) -> None:
    import pkcs11 as library

    refused = pytest.raises((library.AttributeSensitive, library.AttributeTypeInvalid))
    with pkcs11.opened(place, KeyKind.CONTACT, HANDLE) as signer, refused:
        signer._key[library.Attribute.VALUE]


@needs_token
def test_neither_signer_nor_place_shows_the_pin(place: TokenKey) -> None:
    with pkcs11.opened(place, KeyKind.CONTACT, HANDLE) as signer:
        assert repr(signer) == f"Pkcs11Signer(contact, {HANDLE})"
    assert PIN not in repr(place) + str(place)


@needs_token
def test_a_key_that_the_token_would_hand_out_is_refused(place: TokenKey) -> None:
    import pkcs11 as library
    from pkcs11 import Attribute, KeyType, Mechanism

    with library.lib(place.module).get_token(token_label="desk").open(rw=True, user_pin=PIN) as session:
        curve = session.create_domain_parameters(
            KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: pkcs11._CURVE_OID}, local=True
        )
        curve.generate_keypair(
            mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label="loose",
            private_template={Attribute.EXTRACTABLE: True},
        )  # fmt: skip
    with pytest.raises(KeyTrouble, match="hand out"), pkcs11.opened(replace(place, label="loose"), KeyKind.CONTACT, ""):
        pass


@needs_token
def test_a_signature_that_does_not_hold_is_never_given_out(place: TokenKey) -> None:
    class Faulty:
        def sign(self, data: bytes, **_: object) -> bytes:
            return bytes(64)

    with pkcs11.opened(place, KeyKind.CONTACT, HANDLE) as signer:
        signer._key = Faulty()
        with pytest.raises(DependencyError, match="does not hold"):
            signer.signature(Tag.MANIFEST, BODY)


@needs_token
@pytest.mark.parametrize(
    ("change", "word"),
    [({"pin": "wrong"}, "PIN"), ({"token": "other"}, "not there"), ({"label": "other"}, "holds 0")],
)
def test_what_is_not_there_is_said_in_a_sentence(place: TokenKey, change: dict[str, str], word: str) -> None:
    with (
        pytest.raises(KeyTrouble, match=word) as told,
        pkcs11.opened(replace(place, **change), KeyKind.CONTACT, HANDLE),
    ):
        pass
    assert PIN not in str(told.value)


@needs_token
def test_a_label_in_use_is_not_used_again(place: TokenKey) -> None:
    with pytest.raises(KeyTrouble, match="already"):
        pkcs11.make_key(place)


@needs_library
def test_a_library_that_others_can_write_to_is_not_loaded(tmp_path: Path) -> None:
    module = tmp_path / "token.so"
    module.write_bytes(b"")
    for mode in (0o664, 0o646):
        module.chmod(mode)
        with pytest.raises(KeyTrouble, match="others cannot write"):
            pkcs11.make_key(TokenKey(module=str(module), token="desk", label="sign", pin=PIN))
    module.unlink()
    with pytest.raises(KeyTrouble, match="no token library"):
        pkcs11.make_key(TokenKey(module=str(module), token="desk", label="sign", pin=PIN))


def test_without_python_pkcs11_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keys.pkcs11.find_spec", lambda _: None)
    with pytest.raises(KeyTrouble, match=r"safeconduct\[pkcs11\]"):
        pkcs11.make_key(TokenKey(module="/x", token="desk", label="sign", pin=PIN))


def test_the_place_of_a_key_travels_in_the_sealed_key_file(tmp_path: Path) -> None:
    place = TokenKey(module="/lib/token.so", token="desk", label="sign", pin=PIN)
    path = tmp_path / "keys" / "desk.key"
    keystore.write(path, {"handle": HANDLE, "token": place.to_map()}, "words", keystore.Cost(1, keystore.MIN_MEMORY))
    assert PIN.encode() not in path.read_bytes()
    assert pkcs11.token_key(keystore.read(path, "words")) == place
    assert pkcs11.token_key({"sign": world.seed("s")}) is None
    for broken in (7, {}, {**place.to_map(), "pin": 1}):
        with pytest.raises(KeyTrouble, match="backup"):
            pkcs11.token_key({"token": broken})
