import base64

import pytest

from audit import checkpoint as heads
from audit.checkpoint import (
    Checkpoint,
    VerifierKey,
    read_checkpoint,
    read_note,
    sign_checkpoint,
    sign_note,
    verify_note,
)
from audit.errors import BadSignature, Unreadable
from tests.audit.genuine import LOG_KEY, ORIGIN, private, public, some
from tests.support.tampering import flipped

HEAD = Checkpoint(origin=ORIGIN, size=42, root=some("root"))
NOTE = sign_checkpoint(HEAD, LOG_KEY, private("log").sign)

# The note of the documentation of Go's golang.org/x/mod/sumdb/note, made elsewhere.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_made_elsewhere_verifies() -> None:
    key = VerifierKey.parse(PETER)
    assert str(key) == PETER
    assert verify_note(PETERS_NOTE.encode(), key).startswith("If you think")
    with pytest.raises(BadSignature):
        verify_note(PETERS_NOTE.replace("your", "our", 1).encode(), key)


def test_a_checkpoint_of_the_specification_is_read() -> None:
    note = read_note(
        b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        b"\xe2\x80\x94 example.com/behind-the-sofa "
        b"Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    )
    head = read_checkpoint(note.text)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert note.signatures[0].key_id.hex() == "033de0ae"
    assert len(note.signatures[0].signature) == 64


def test_what_is_signed_is_what_is_read() -> None:
    assert heads.verify(NOTE, LOG_KEY) == HEAD
    text, _, line = NOTE.decode().partition("\n\n")
    assert text == f"{ORIGIN}\n42\n{base64.b64encode(some('root')).decode()}"
    assert line.startswith(f"— {ORIGIN} ")


def test_signatures_of_witnesses_and_strangers_are_passed_over() -> None:
    other = VerifierKey(name="witness.example/w1", public=public("witness"))
    text = read_note(NOTE).text
    lines = sign_note(text, other, private("witness").sign).decode().partition("\n\n")[2]
    assert heads.verify(NOTE + lines.encode(), LOG_KEY) == HEAD
    with pytest.raises(BadSignature):
        heads.verify((text + "\n" + lines).encode(), LOG_KEY)


def test_one_bad_signature_of_the_known_key_spoils_the_note() -> None:
    bad = base64.b64encode(LOG_KEY.id + bytes(64)).decode()
    with pytest.raises(BadSignature):
        heads.verify(NOTE + f"— {ORIGIN} {bad}\n".encode(), LOG_KEY)


def test_a_signature_under_the_same_name_by_another_key_is_passed_over() -> None:
    other = VerifierKey(name=ORIGIN, public=public("older key"))
    lines = sign_note(HEAD.text(), other, private("older key").sign).decode().partition("\n\n")[2]
    assert heads.verify(NOTE + lines.encode(), LOG_KEY) == HEAD


def test_a_checkpoint_of_another_log_is_refused_though_its_signature_holds() -> None:
    foreign = Checkpoint(origin="elsewhere/log", size=1, root=some("root"))
    with pytest.raises(BadSignature):
        heads.verify(sign_note(foreign.text(), LOG_KEY, private("log").sign), LOG_KEY)


def test_no_flipped_bit_is_accepted() -> None:
    for at in range(len(NOTE)):
        with pytest.raises((BadSignature, Unreadable)):
            heads.verify(flipped(NOTE, at, at % 8), LOG_KEY)


def test_a_note_that_nobody_could_verify_is_never_handed_out() -> None:
    with pytest.raises(BadSignature):
        sign_checkpoint(HEAD, LOG_KEY, private("stranger").sign)
    with pytest.raises(ValueError, match="64 bytes"):
        sign_checkpoint(HEAD, LOG_KEY, lambda _: b"short")


@pytest.mark.parametrize(
    "head",
    [
        Checkpoint(origin="evil\n999", size=1, root=some("r")),
        Checkpoint(origin="", size=1, root=some("r")),
        Checkpoint(origin="x", size=-1, root=some("r")),
        Checkpoint(origin="x", size=1, root=b"short"),
        Checkpoint(origin="x", size=1, root=some("r"), extensions=("",)),
        Checkpoint(origin="x", size=1, root=some("r"), extensions=("a\nb",)),
    ],
)
def test_a_checkpoint_that_would_read_otherwise_is_not_written(head: Checkpoint) -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        head.text()


ROOT = base64.b64encode(some("root")).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x\n1\n",
        f"x\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"x\n01\n{ROOT}\n",
        f"x\n+1\n{ROOT}\n",
        f"x\n١\n{ROOT}\n",
        f"x\n{1 << 64}\n{ROOT}\n",
        f"x\n{'9' * 5000}\n{ROOT}\n",
        f"x\n1\n{ROOT[:-4]}\n",
        f"x\n1\n{ROOT[:-1]}\n",
        f"x\n1\n{ROOT}\n\n",
    ],
)
def test_text_that_is_no_checkpoint_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_checkpoint(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAAA",
        b"text\n\n- name AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAA\n",
        b"te\rxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAAA\n" * 101,
    ],
)
def test_bytes_that_are_no_note_are_unreadable(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        read_note(raw)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        PETER[:-4],
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER.replace("Peter", "Peter "),
        PETER.replace("+ARp", "+BRp"),
        "+" + PETER,
    ],
)
def test_text_that_is_no_verifier_key_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        VerifierKey.parse(text)
