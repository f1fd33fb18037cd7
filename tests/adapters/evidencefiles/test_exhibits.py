"""Which file goes as an evidence file, to whom, and what keeps it here."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.casefile import load_value, read, with_attachments
from adapters.client import offline
from adapters.evidencefiles.exhibits import ATTACHED, is_exhibit
from adapters.evidencefiles.spool import Spool
from adapters.guard import GuardRefused
from adapters.planning import MessagePlan
from cli.practice import example_folder
from messages.errors import BadInput, DependencyError, Mislabelled, ShareError, Unverified
from messages.evidencefile import FILE_BYTES, SEALED_CHUNK, object_of
from messages.ids import MessageId
from messages.limits import LIFETIME
from tests.support import exhibit
from tests.support.databases import work
from tests.support.orchid import DESK, FOREIGN, INSPECTORS, PROSECUTOR, TaskForce

MESSAGE = MessageId(bytes(16))


def test_what_is_too_large_or_of_a_format_of_its_own_or_the_exhibit_itself_goes_as_evidence(tmp_path: Path) -> None:
    small, large, image = tmp_path / "a.pdf", tmp_path / "b.pdf", tmp_path / "c.e01"
    small.write_bytes(b"x")
    large.write_bytes(bytes(ATTACHED + 1))
    image.write_bytes(b"x")
    assert [is_exhibit(p, {"type": "A01"}) for p in (small, large, image)] == [False, True, True]
    assert is_exhibit(small, {"type": "A18", "file_carried": True})
    assert not is_exhibit(small, {"type": "A18", "file_carried": False})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hashes": [{"alg": "sha256", "value": "7a" * 32}]}, "is not the file that the exhibit"),
        ({"size": 7}, "is not the file that the exhibit"),
        ({"media_type": "application/zip"}, "is not the file that the exhibit"),
        ({"file_carried": False}, "does not say that its file travels"),
    ],
)
def test_an_exhibits_file_is_the_one_that_it_describes(changes: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=says):
        exhibit.case(exhibit.image(tmp_path), **changes)


def test_abuse_material_stays_whatever_is_attached(force: TaskForce, tmp_path: Path) -> None:
    for answer in ("possible", "yes"):
        with pytest.raises(BadInput, match="R-24"):
            force.plan(exhibit.case(exhibit.image(tmp_path), contains_csam=answer), PROSECUTOR)


def test_what_does_not_begin_as_its_name_says_or_of_an_unknown_format_is_refused(tmp_path: Path) -> None:
    path = exhibit.image(tmp_path)
    case = read(exhibit.value(path))
    path.write_bytes(b"PK\x03\x04" + bytes(10))
    with pytest.raises(BadInput, match="does not begin"):
        with_attachments(case, [(path, "e1")])
    odd = tmp_path / "odd.exe"
    odd.write_bytes(b"MZ")
    with pytest.raises(BadInput, match="of no format"):
        with_attachments(case, [(odd, "e1")])
    with pytest.raises(BadInput, match="cannot be read"):
        with_attachments(case, [(tmp_path / "absent.e01", "e1")])


def test_a_type_carries_what_its_catalogue_entry_permits(tmp_path: Path) -> None:
    path = exhibit.image(tmp_path)
    case = read(load_value(example_folder() / "cases" / "17-exhibits.json"))
    with pytest.raises(BadInput, match="A19 carries no file"):
        with_attachments(case, [(path, "c1")])


@pytest.mark.parametrize(
    ("size", "says"), [(FILE_BYTES + 1, r"has 5,368,709,121 bytes; A18 carries at most"), (0, "0 bytes")]
)
def test_a_file_of_a_size_that_cannot_travel_is_refused_before_it_is_read(size: int, says: str, tmp_path: Path) -> None:
    path = exhibit.image(tmp_path)
    case = read(exhibit.value(path))
    os.truncate(path, size)
    told: list[str] = []
    with pytest.raises(BadInput, match=says):
        with_attachments(case, [(path, "e1")], lambda what, *_: told.append(what))
    assert told == []


@pytest.mark.parametrize("change", [1, -1])
def test_a_file_that_grows_or_shrinks_while_it_is_read_is_refused(change: int, tmp_path: Path) -> None:
    path = exhibit.image(tmp_path)
    case = read(exhibit.value(path))

    def progress(*_: object) -> None:
        os.truncate(path, exhibit.SIZE + change)

    with pytest.raises(BadInput, match="changed while it was read"):
        with_attachments(case, [(path, "e1")], progress)


def test_nobody_without_identity_rights_gets_a_file_that_no_guard_can_search(force: TaskForce, tmp_path: Path) -> None:
    plan = force.plan(exhibit.case(exhibit.image(tmp_path)), PROSECUTOR, INSPECTORS)
    got = {r.contact.handle: [n for n in r.granted if object_of(n)] for m in plan.messages for r in m.recipients}
    assert len(got[force.contact(PROSECUTOR).handle]) == 1
    assert got.get(force.contact(INSPECTORS).handle, []) == []
    told = [w for r in (*plan.refused, *(r for m in plan.messages for r in m.recipients)) for w in r.withheld]
    assert any(w.rules == ("attachment-evidence",) for w in told)
    for message in plan.messages:
        if message.guarded:
            assert not [s.name for s in message.sections if object_of(s.name)]


def test_a_guard_seals_nothing_beside_a_file_that_it_cannot_search(force: TaskForce, tmp_path: Path) -> None:
    message = replace(force.forced(exhibit.case(exhibit.image(tmp_path)), INSPECTORS), guarded=True)
    with pytest.raises(GuardRefused, match="evidence"):
        force.compose(message)


def test_an_agreement_that_does_not_name_the_media_type_withholds_it(force: TaskForce, tmp_path: Path) -> None:
    plan = force.plan(exhibit.case(exhibit.image(tmp_path)), FOREIGN)
    assert not [n for m in plan.messages for r in m.recipients for n in r.granted if object_of(n)]


def test_a_file_opens_in_its_message_as_what_was_said_of_it(force: TaskForce, tmp_path: Path) -> None:
    case = exhibit.case(exhibit.image(tmp_path))
    (view,) = force.admit(force.send(case, PROSECUTOR)).views
    opened = force.open(view.data, PROSECUTOR)
    ((name, file),) = opened.files.items()
    sent = case.exhibits[0]
    assert (name, file.key, file.digest, file.size) == (sent.section, sent.key, sent.digest, exhibit.SIZE)
    assert file.name == "telephone-3.e01"
    assert "key" not in opened.sections[name] and file.key.hex() not in repr(opened)


def without_item(message: MessagePlan) -> MessagePlan:
    (item,) = (s.name for s in message.sections if (s.type, s.part) == ("A18", "item"))
    kept = [replace(r, granted=tuple(n for n in r.granted if n != item)) for r in message.recipients]
    return replace(message, recipients=tuple(kept))


def resaid(message: MessagePlan, **changes: Any) -> MessagePlan:
    """The same, but that the exhibit says something else of its file."""
    (item,) = (s for s in message.sections if (s.type, s.part) == ("A18", "item"))
    said = replace(item, plaintext=json.dumps({**json.loads(item.plaintext), **changes}).encode())
    return replace(message, sections=tuple(said if s is item else s for s in message.sections))


@pytest.mark.parametrize(
    "change",
    [
        without_item,
        partial(resaid, size=7),
        partial(resaid, media_type="application/zip"),
        partial(resaid, hashes=[{"alg": "sha256", "value": "7a" * 32}]),
        partial(resaid, file_carried=False),
    ],
)
def test_a_recipient_keeps_a_file_aside_that_its_exhibit_does_not_vouch_for(
    change: Callable[[MessagePlan], MessagePlan], force: TaskForce, tmp_path: Path
) -> None:
    message = force.one(exhibit.case(exhibit.image(tmp_path)), PROSECUTOR)
    (view,) = force.admit(force.compose(change(message))).views
    with pytest.raises(Mislabelled):
        force.open(view.data, PROSECUTOR)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


def crossed(spool: Spool, tmp_path: Path) -> tuple[Any, list[bytes], bytes]:
    """A sealed file, its chunks, and what it was."""
    path = exhibit.image(tmp_path)
    (sent,) = exhibit.case(path).exhibits
    spool.seal(sent, MESSAGE)
    spool.note(sent, MESSAGE, 10**15)
    return sent, [spool.chunk(sent.object, n) for n in range(6)], path.read_bytes()


def test_what_arrives_in_any_pieces_opens_once_all_of_it_is_there(spool: Spool, tmp_path: Path) -> None:
    sent, chunks, plain = crossed(spool, tmp_path)
    target, said = tmp_path / "got.e01", sent.described("x")
    spool.receive(sent.object, 0, chunks[:4])
    with pytest.raises(Unverified):
        spool.open_into(target, sent.object, said, MESSAGE)
    assert not target.exists() and spool.arrived(sent.object) == 0  # it is fetched anew
    spool.receive(sent.object, 0, chunks[:4])
    part = tmp_path / "files" / "in" / sent.object.hex()
    part.write_bytes(part.read_bytes()[:-7])  # a power cut in the middle of a write
    assert spool.arrived(sent.object) == 3
    spool.receive(sent.object, 3, chunks[3:])
    spool.open_into(target, sent.object, said, MESSAGE)
    assert target.read_bytes() == plain and target.stat().st_mode & 0o077 == 0
    assert [p.name for p in (tmp_path / "files" / "in").iterdir()] == [] == list(tmp_path.glob(".*.part"))


def test_nothing_appears_where_a_chunk_was_changed(spool: Spool, tmp_path: Path) -> None:
    sent, chunks, _ = crossed(spool, tmp_path)
    spool.receive(sent.object, 0, [*chunks[:5], bytes(SEALED_CHUNK)])
    with pytest.raises(Unverified):
        spool.open_into(tmp_path / "got.e01", sent.object, sent.described("x"), MESSAGE)
    assert not (tmp_path / "got.e01").exists() and list(tmp_path.glob(".*.part")) == []


def test_nothing_appears_that_is_not_what_the_sender_signed(spool: Spool, tmp_path: Path) -> None:
    sent, chunks, _ = crossed(spool, tmp_path)
    for other in ({"digest": bytes(32)}, {"size": exhibit.SIZE + 1}):
        spool.receive(sent.object, 0, chunks)
        with pytest.raises(Unverified, match="is not the one"):
            spool.open_into(tmp_path / "got.e01", sent.object, replace(sent.described("x"), **other), MESSAGE)
        assert not (tmp_path / "got.e01").exists()


def failing(code: int) -> Callable[..., None]:
    """In place of a function of the system: it fails with this."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fails


@pytest.mark.parametrize(
    ("what", "code", "error", "says"),
    [
        ("fsync", errno.ENOSPC, DependencyError, "free some disk space"),
        ("fsync", errno.EDQUOT, DependencyError, "free some disk space"),
        ("fsync", errno.EFBIG, BadInput, "takes no file of this size"),
        ("fsync", errno.EIO, BadInput, r"cannot be written into .* \(Input/output error\)"),
        ("open", errno.EACCES, BadInput, r"cannot be written into .* \(Permission denied\)"),
        ("open", errno.EPERM, BadInput, r"cannot be written into .* \(Operation not permitted\)"),
        ("link", errno.EPERM, BadInput, "has no hard links"),
        ("link", errno.EEXIST, BadInput, "is there already"),  # since it was looked for
        ("link", errno.EACCES, BadInput, r"\(Permission denied\)"),
    ],
)
def test_a_file_that_cannot_be_written_out_says_why_and_stays_to_be_written(
    what: str,
    code: int,
    error: type[ShareError],
    says: str,
    spool: Spool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent, chunks, plain = crossed(spool, tmp_path)
    spool.receive(sent.object, 0, chunks)
    with monkeypatch.context() as patch:
        patch.setattr(os, what, failing(code))
        with pytest.raises(error, match=says):
            spool.open_into(tmp_path / "got.e01", sent.object, sent.described("x"), MESSAGE)
    assert list(tmp_path.glob("got*")) == [] == list(tmp_path.glob(".*.part"))
    spool.open_into(tmp_path / "got.e01", sent.object, sent.described("x"), MESSAGE)
    assert (tmp_path / "got.e01").read_bytes() == plain


def test_where_a_file_can_never_be_put_is_said_before_it_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for target, says in (
        ("file", "is there already"),
        ("link", "is there already"),
        ("absent/got.e01", "There is no folder .*absent"),
        ("file/got.e01", "There is no folder .*file"),
    ):
        with pytest.raises(BadInput, match=says):
            Spool.check_target(tmp_path / target)
    Spool.check_target(tmp_path / "got.e01")
    monkeypatch.setattr(os, "access", lambda *_: False)  # as to whoever is not root
    with pytest.raises(BadInput, match="Nothing may be written into"):
        Spool.check_target(tmp_path / "got.e01")


def test_what_arrived_and_is_gone_or_unreadable_is_no_full_disk(spool: Spool, tmp_path: Path) -> None:
    sent, _, _ = crossed(spool, tmp_path)
    arrived = tmp_path / "files" / "in" / sent.object.hex()
    for says in ("is gone; open the message again", r"cannot be read \(Is a directory\)"):
        with pytest.raises(DependencyError, match=says):
            spool.open_into(tmp_path / "got.e01", sent.object, sent.described("x"), MESSAGE)
        arrived.mkdir(exist_ok=True)
    with pytest.raises(DependencyError, match=r"cannot be written into .* \(Is a directory\)"):
        spool.receive(sent.object, 0, [])


def test_a_file_that_changed_since_it_was_looked_at_is_not_sealed(spool: Spool, tmp_path: Path) -> None:
    path = exhibit.image(tmp_path)
    (sent,) = exhibit.case(path).exhibits
    for changed in (path.read_bytes()[:-1], path.read_bytes() + b"x", bytes([1]) + path.read_bytes()[1:]):
        path.write_bytes(changed)
        with pytest.raises(BadInput, match="changed"):
            spool.seal(sent, MESSAGE)
    broken = replace(sent, path=Path("/proc/self/mem"))  # what opens, and fails when it is read
    with pytest.raises(BadInput, match=r"mem cannot be read \(Input/output error\)"):
        spool.seal(broken, MESSAGE)
    assert list((tmp_path / "files" / "out").iterdir()) == [] and spool.outgoing() == []


def test_what_is_of_no_use_any_more_is_swept_away(spool: Spool, tmp_path: Path) -> None:
    sent, _, _ = crossed(spool, tmp_path)
    spool.sweep(0)
    assert [f.object for f in spool.outgoing(MESSAGE)] == [sent.object]
    spool.sweep(10**15 + 1)
    assert spool.outgoing() == [] and list((tmp_path / "files" / "out").iterdir()) == []


def test_what_was_fetched_in_part_goes_once_no_message_can_name_it_any_more(spool: Spool, tmp_path: Path) -> None:
    sent, chunks, _ = crossed(spool, tmp_path)
    spool.receive(sent.object, 0, chunks[:2])
    (part,) = (tmp_path / "files" / "in").iterdir()
    left = part.stat().st_mtime * 1000
    spool.sweep(int(left) + LIFETIME - 1)
    assert spool.arrived(sent.object) == 2
    spool.sweep(int(left) + LIFETIME + 1000)
    assert list((tmp_path / "files" / "in").iterdir()) == []


def test_the_files_of_one_message_are_found_without_reading_those_of_others(spool: Spool, tmp_path: Path) -> None:
    sent, _, _ = crossed(spool, tmp_path)
    before = work(spool, lambda: spool.outgoing(MESSAGE))
    for number in range(1, 51):
        other = replace(sent, object=number.to_bytes(16, "big"))
        spool.note(other, MessageId(number.to_bytes(16, "big")), 10**15)
    assert [f.object for f in spool.outgoing(MESSAGE)] == [sent.object]
    assert len(spool.outgoing()) == 51
    assert work(spool, lambda: spool.outgoing(MESSAGE)) <= before + 10


def test_one_key_seals_a_file_once_whatever_became_of_it_since(spool: Spool, tmp_path: Path) -> None:
    sent, chunks, _ = crossed(spool, tmp_path)
    with pytest.raises(BadInput, match="sealed for a message before"):
        spool.seal(sent, MessageId(b"\x01" * 16))
    assert [spool.chunk(sent.object, n) for n in range(6)] == chunks
    for _ in range(2):
        with pytest.raises(BadInput, match="sealed for a message before"):
            spool.check_new(sent)
        with pytest.raises(BadInput, match="sealed for a message before"):
            spool.note(sent, MessageId(b"\x01" * 16), 10**15)
        spool.done(sent.object)  # all of it is at the broker
    assert spool.outgoing() == []


def home_of(force: TaskForce, folder: Path) -> tuple[Path, str]:
    """A copy of the desk's home, and the name of its contact."""
    agency, _, name = DESK.partition("/")
    return shutil.copytree(force.practice.party(agency), folder / agency), name


async def test_a_case_with_an_evidence_file_is_sent_once_and_again_when_it_is_read_anew(
    force: TaskForce, tmp_path: Path
) -> None:
    home, name = home_of(force, tmp_path)
    path = exhibit.image(tmp_path)
    case = exhibit.case(path)
    async with offline(home, name, force.passphrase) as client:
        _, (first,) = await client.send(case, [PROSECUTOR])
        assert [f.message for f in client.spool.outgoing()] == [first.message]
        for _ in range(2):
            with pytest.raises(BadInput, match="read the case file anew"):
                await client.send(case, [PROSECUTOR])
            assert [o.message for o in client.journal.outgoing()] == [first.message]
            if client.spool.outgoing():
                client.spool.done(case.exhibits[0].object)  # all of it is at the broker
        assert list((home / "files" / "out").iterdir()) == []
        _, (second,) = await client.send(exhibit.case(path), [PROSECUTOR])
        assert [o.message for o in client.journal.outgoing()] == [first.message, second.message]


async def test_where_one_of_several_files_cannot_be_sealed_none_stays_and_nothing_is_journaled(
    force: TaskForce, tmp_path: Path
) -> None:
    home, name = home_of(force, tmp_path)
    path, other = exhibit.image(tmp_path), tmp_path / "other.e01"
    shutil.copy(path, other)
    case = with_attachments(exhibit.case(path), [(other, "e1")])
    other.write_bytes(exhibit.MAGIC)
    async with offline(home, name, force.passphrase) as client:
        with pytest.raises(BadInput, match="changed"):
            await client.send(case, [PROSECUTOR])
        assert client.journal.outgoing() == [] == client.spool.outgoing()
    assert list((home / "files" / "out").iterdir()) == []
