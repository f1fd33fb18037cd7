"""Packets of a day that is over, checked by `audit` where nothing else of ours is installed."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audit import packet
from audit.__main__ import main
from audit.readers import bundle, cbor
from audit.readers.signed import Signed, write_signed
from keys.content import write_contacts
from messages.directory import Contact, FormerKey, Mandate, Span
from messages.labels import Keeping
from tests.vectors.write_packets import PACKETS, ROOT

TREE = Path(__file__).parents[2]


def alone(folder: Path, *arguments: str) -> tuple[int, Any]:
    """`python -m audit` in a process that finds the folder `audit` and the libraries, and no other code of ours."""
    shutil.copytree(TREE / "audit", folder / "audit", ignore=shutil.ignore_patterns("__pycache__"))
    program = f"import sys, runpy; sys.path.insert(0, {str(folder)!r}); sys.path = [p for p in sys.path if p]; "
    program += "import importlib.util as u; assert not any(u.find_spec(n) for n in ('keys', 'messages', 'adapters')); "
    program += f"sys.argv = {['audit', *arguments]!r}; runpy.run_module('audit', run_name='__main__')"
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path += {libraries(folder)!r}; {program}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert found.stderr == ""
    return found.returncode, json.loads(found.stdout)


def libraries(folder: Path) -> list[str]:
    """A folder with `cryptography` and what it needs, and nothing besides."""
    (folder / "lib").mkdir()
    for name in ("cryptography", "cffi", "pycparser"):
        for place in (Path(p) for p in sys.path if p):
            if (place / name).is_dir():
                (folder / "lib" / name).symlink_to(place / name)
                break
    for native in (n for p in sys.path if p for n in Path(p).glob("_cffi_backend*")):
        (folder / "lib" / native.name).symlink_to(native)
    return [str(folder / "lib")]


@pytest.mark.parametrize("name", PACKETS)
def test_a_packet_of_a_past_day_holds_with_audit_alone(name: str, tmp_path: Path) -> None:
    code, told = alone(tmp_path, "packet", "verify", str(PACKETS[name]), "--root", str(ROOT), "--json")
    assert (code, told["holds"]) == (0, True)
    assert [s["name"] for s in told["steps"]][:6] == ["packet", "root", "bundle", "epoch", "contacts", "message"]
    assert told["steps"][-1]["name"] == "log" and len(told["unchecked"]) >= 3


def test_a_packet_reads_as_it_was_written() -> None:
    for path in PACKETS.values():
        assert packet.write(packet.read(path.read_bytes())) == path.read_bytes()


def test_the_root_of_trust_is_signed_by_two_people_at_least() -> None:
    (part,) = bundle.roots([ROOT.read_bytes()])
    assert part.version == 1
    value = json.loads(ROOT.read_bytes())
    value["signatures"] = value["signatures"][:1]
    with pytest.raises(packet.ProofFailed):
        bundle.roots([json.dumps(value, sort_keys=True, separators=(",", ":")).encode()])
    with pytest.raises(packet.Unreadable):
        bundle.roots([json.dumps(value).encode()])  # the same with spaces: no byte of it is loose


@pytest.mark.parametrize("odd", ["\ud800", "\udfff\ud800", "key \ud800"])
def test_text_that_is_none_in_a_part_breaks_a_packet_and_nothing_is_raised(odd: str) -> None:
    value = json.loads(ROOT.read_bytes())
    for spoiled in (value["signed"] | {"x": odd}, value["signed"] | {odd: "x"}):
        part = json.dumps(value | {"signed": spoiled}, sort_keys=True, separators=(",", ":")).encode()
        whole = packet.read(PACKETS["received"].read_bytes())
        verdict = packet.check(packet.write(replace(whole, roots=(part,))))
        assert (verdict.holds, verdict.steps[-1].name) == (False, "root")


FORGED = "\x1b[2J\x1b[H\x1b[32mThe packet holds.\x1b[8m"


def test_a_paper_whose_tag_would_write_to_the_terminal_breaks_the_packet() -> None:
    whole = packet.read(PACKETS["sent"].read_bytes())
    envelope: Any = cbor.loads(whole.message)
    envelope["attestations"] = [write_signed(Signed(body=b"x", by="c" + "a" * 12, sig=bytes(64), tag=FORGED))]
    verdict = packet.check(packet.write(replace(whole, message=cbor.dumps(envelope))))
    assert not verdict.holds
    assert all(text.isprintable() for text in (*verdict.unchecked, *(s.says for s in verdict.steps)))


def test_the_command_shows_no_control_character_whatever_a_packet_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = packet.Told(name="contacts", holds=False, says=f"{FORGED}\ud800/desk might send")
    monkeypatch.setattr(packet, "check", lambda *_: packet.Verdict(steps=(step,), unchecked=(f"{FORGED}\r\n",)))
    assert main(["packet", "verify", str(PACKETS["sent"])]) == 1
    told = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in told) and "\\x1b[2J" in told and len(told.splitlines()) == 3


HOUR = 3_600_000
MANDATE = {"areas": frozenset(), "types": frozenset({"*"}), "may_send": True, "may_receive": True}


def contact(**changes: Any) -> Contact:
    fields: dict[str, Any] = {
        "handle": "c" + "a" * 12,
        "name": "desk",
        "title": "",
        "agency": "a" + "b" * 12,
        "signing_key": bytes(32),
        "keeping": Keeping.PERSON,
        "mandates": (Mandate(start=HOUR, end=9 * HOUR, granted_by=("o1", "o2"), **MANDATE),),
    }
    return Contact.model_validate(fields | changes)


STANDINGS = {
    "plain": contact(),
    "revoked": contact(
        mandates=(Mandate(start=0, end=9 * HOUR, revoked=4 * HOUR, granted_by=("o1", "o2"), **MANDATE),)
    ),
    "suspended": contact(suspended=(Span(start=2 * HOUR, end=3 * HOUR),)),
    "deputy": contact(
        mandates=(
            Mandate(
                start=0,
                end=9 * HOUR,
                deputy_for="c" + "c" * 12,
                absences=(Span(start=5 * HOUR, end=6 * HOUR),),
                granted_by=("o1", "o2"),
                **MANDATE,
            ),
        )
    ),
    "none": contact(mandates=()),
    "rotated": contact(former_keys=(FormerKey(key=b"\x01" * 32, start=0, end=3 * HOUR),)),
}


@pytest.mark.parametrize("name", STANDINGS)
def test_a_standing_of_any_past_moment_is_the_one_that_the_product_knows(name: str) -> None:
    known = STANDINGS[name]
    ((row,),) = [json.loads(write_contacts([known]))]
    read = bundle._contact(row, known.agency, {"o1", "o2"})
    for at in sorted({h * HOUR + d for h in range(11) for d in (-1, 0, 1)} - {-1}):
        ours, theirs = read.mandate_at(at), known.mandate_at(at)
        assert (ours is None) == (theirs is None), (name, at)
        assert read.key_at(at) == known.key_at(at)


@pytest.mark.parametrize("granted", [(), ("o1",), ("o1", "o1"), ("o1", "somebody")])
def test_a_mandate_that_two_people_did_not_grant_is_none(granted: tuple[str, ...]) -> None:
    (row,) = json.loads(write_contacts([contact()]))
    row["mandates"][0]["granted_by"] = list(granted)
    with pytest.raises(packet.ProofFailed, match="two different people"):
        bundle._contact(row, "a" + "b" * 12, {"o1", "o2"})
