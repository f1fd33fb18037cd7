"""A file is looked into by a process of its own, which can neither last nor reach out; if it fails, nothing goes."""

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.attachments import preparing, worker
from adapters.attachments.preparing import Prepared, normalised, prepare, prepared
from messages import cbor
from messages.errors import BadInput
from tests.adapters.attachments import documents

SECRET = "Ilse Vantongeren"


def test_a_file_comes_back_in_both_forms_under_a_plain_name() -> None:
    found = prepared(f"{SECRET} – Aussage №1.DOCX", documents.docx("Words", author=SECRET), "a1")
    assert (found.name, found.text, found.clean_refused, found.text_refused) == (
        "ilse-vantongeren-aussage-no1.docx", "Words", "", "",
    )  # fmt: skip
    assert found.clean is not None and SECRET.encode() not in found.clean
    assert "Words" not in repr(found)


def test_each_form_that_there_is_none_of_says_why() -> None:
    picture = prepared("x.jpg", documents.jpeg(), "a1")
    assert picture.clean and picture.text is None and picture.text_refused == "attachment-picture"
    edited = prepared("x.docx", documents.docx(comment=SECRET), "a1")
    assert edited.clean is None and edited.clean_refused == "attachment-changes" and edited.text
    other = prepared("x.exe", b"MZ", "a1")
    assert (other.clean, other.text, other.clean_refused) == (None, None, "attachment-format")


@pytest.mark.parametrize("name", ["", "...", "/", "Ильзе", "a/b\\c", "x" * 300, "-", "CON", "é\u202egnp"])
def test_any_name_becomes_one_that_may_travel(name: str) -> None:
    from messages.attachment import check_name

    check_name(normalised(name + ".pdf", "application/pdf"), "application/pdf")


def test_a_file_that_is_not_there_or_too_large_is_the_persons_to_mend(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        prepare(tmp_path / "none.txt", "a1")
    large = tmp_path / "large.txt"
    large.write_bytes(b"a" * (preparing.MOST + 1))
    with pytest.raises(BadInput, match="evidence file"):
        prepare(large, "a1")
    large.write_bytes(b"a" * 100)
    assert prepare(large, "a1").text == "a" * 100


def neither(found: Prepared) -> bool:
    return found.clean is None and found.text is None and found.text_refused == "attachment-too-slow"


def writes(**changes: object) -> str:
    whole = {"media": "text/plain", "clean": None, "clean_refused": "", "text": None, "text_refused": ""}
    answer = cbor.dump({**whole, "left_out": [], **changes})
    return f"import sys; sys.stdout.buffer.write({answer!r})"


def test_a_process_that_hangs_dies_or_talks_nonsense_leaves_neither_form(monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.run
    bad = {
        "hangs": "import time; time.sleep(60)",
        "dies": "import os; os.kill(os.getpid(), 9)",
        "nonsense": "print('yes')",
        "too little": f"import sys; sys.stdout.buffer.write({cbor.dump({'media': 'text/plain'})!r})",
        "both and neither": writes(clean=b"x", clean_refused="attachment-format"),
        "another media type": writes(media="text/html", clean=b"x", text="x"),
    }
    monkeypatch.setattr(preparing, "SECONDS", 3)
    for code in bad.values():
        monkeypatch.setattr(subprocess, "run", lambda _, code=code, **more: real([sys.executable, "-c", code], **more))
        assert neither(prepared("x.txt", b"words", "a1"))


CLOSED = """
import sys
from adapters.attachments import worker
worker._close_off()
try:
    {deed}
except (PermissionError, MemoryError, OSError) as error:
    sys.stdout.write("refused " + type(error).__name__)
else:
    sys.stdout.write("done")
"""


@pytest.mark.parametrize(
    ("deed", "outcome"),
    [
        ("pass", "done"),
        ("open('/etc/hostname').read()", "done"),
        ("import socket; socket.socket()", "refused"),
        ("import subprocess; subprocess.run(['true'])", "refused"),
        ("import os; os.system('true')", "refused"),
        ("import os; os.fork()", "refused"),
        ("open('/tmp/written', 'w')", "refused"),
        ("import os; os.open('/tmp/written', os.O_CREAT | os.O_WRONLY)", "refused"),
        ("bytearray(2 * 1024 ** 3)", "refused"),
        ("[open('/etc/hostname') for _ in range(200)]", "refused"),
    ],
)
def test_the_process_can_read_and_compute_and_nothing_else(deed: str, outcome: str) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", CLOSED.format(deed=deed)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith(outcome), done.stderr


def test_the_process_ends_by_itself_when_it_has_computed_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from adapters.attachments import worker\nworker.SECONDS = 1\nworker._close_off()\nwhile True: pass"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode < 0


def test_what_the_worker_is_asked_is_read_with_bounds() -> None:
    from messages.errors import Malformed

    for wrong in (
        b"",
        b"x",
        cbor.dump({"extension": "txt"}),
        cbor.dump({"extension": "txt", "data": b"x", "most": 9, "y": 1}),
    ):
        with pytest.raises(Malformed):
            worker.answer(wrong)
