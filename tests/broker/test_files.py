"""What the broker asks of whoever wants room for an evidence file, and of whoever wants its chunks."""

import asyncio
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.chunks import SPARE, Room, read_ticket
from broker.files import FILES, VERBS, Files, granted
from bus.files import FileHead
from keys.composing import new_message_id
from keys.domains import Tag
from keys.signing import Signs
from messages import cbor, wire
from messages.envelope import Delivery
from messages.errors import RemoteError, ShareError, Stale, UnknownSender, Unverified
from messages.evidence import Stamp
from messages.evidencefile import CHUNKS, HEADER, SEALED_CHUNK, Chunk, FileRequest, Reservation, object_of
from messages.ids import AgencyHandle
from messages.limits import DAY, HOUR, LIFETIME
from policies.judge import FILE_TOO_LARGE
from tests.support import exhibit
from tests.support.orchid import DESK, FOREIGN, PROSECUTOR, TaskForce
from tests.support.tampering import flipped

SECRET = bytes(32)
NOW = 1_000_000_000_000
STORED, OTHER = bytes(16), bytes([1]) * 16
HARBOUR, SHELTER = AgencyHandle("a" + "b" * 12), AgencyHandle("a" + "c" * 12)


@dataclass
class Memory:
    """`bus.files.FileStore` in memory; a flow test has the real one."""

    heads: dict[tuple[AgencyHandle, bytes], FileHead] = field(default_factory=dict)
    chunks: dict[tuple[AgencyHandle, bytes, int], bytes] = field(default_factory=dict)

    async def reserve(self, owner: AgencyHandle, stored: bytes, head: FileHead, seconds: int) -> FileHead:
        return self.heads.setdefault((owner, stored), head)

    async def head(self, owner: AgencyHandle, stored: bytes) -> FileHead | None:
        return self.heads.get((owner, stored))

    async def reserved(self, owner: AgencyHandle) -> tuple[int, int]:
        own = [head.chunks for (agency, _), head in self.heads.items() if agency == owner]
        return len(own), sum(own)

    async def put(self, owner: AgencyHandle, stored: bytes, number: int, data: bytes, seconds: int) -> bool:
        return self.chunks.setdefault((owner, stored, number), data) == data

    async def get(self, owner: AgencyHandle, stored: bytes, number: int) -> bytes | None:
        return self.chunks.get((owner, stored, number))


def files(force: TaskForce, now: int = NOW, **changes: Any) -> Files:
    return Files(
        **{"store": Memory(), "bundle": lambda: force.bundle, "secret": SECRET, "clock": lambda: now, **changes}
    )


async def code(asked: Files, who: AgencyHandle, verb: str, data: bytes) -> object:
    return cbor.load(await asked.answer(who, verb, data), 1 << 20)["code"]


def reservation(stored: bytes = STORED, chunks: int = 3, until: int = NOW + DAY) -> bytes:
    return Reservation(object=stored, chunks=chunks, until=until).to_bytes()


def chunk(number: int = 0, fill: bytes = b"x", stored: bytes = STORED) -> bytes:
    return Chunk(object=stored, number=number, data=fill * (SEALED_CHUNK + (0 if number else HEADER))).to_bytes()


async def test_a_chunk_is_stored_once_where_room_was_asked_for(force: TaskForce) -> None:
    asked = files(force)
    assert await code(asked, HARBOUR, "filechunk", chunk()) == "unreserved"
    assert await code(asked, HARBOUR, "filereserve", reservation()) is None
    assert await code(asked, HARBOUR, "filechunk", chunk()) is None
    assert await code(asked, HARBOUR, "filechunk", chunk()) is None  # the same again
    assert await code(asked, HARBOUR, "filechunk", chunk(fill=b"y")) == "taken"
    assert await code(asked, HARBOUR, "filechunk", chunk(number=3)) == "unreserved"
    assert await code(asked, SHELTER, "filechunk", chunk()) == "unreserved"  # another agency has no such file


async def test_asking_again_for_the_same_room_is_told_so_and_for_other_room_refused(force: TaskForce) -> None:
    asked = files(force)
    first, again = [cbor.load(await asked.answer(HARBOUR, "filereserve", reservation()), 99) for _ in "12"]
    assert (first, again) == ({"code": None, "stood": False}, {"code": None, "stood": True})
    assert await code(asked, HARBOUR, "filereserve", reservation(chunks=4)) == "taken"
    assert await code(asked, SHELTER, "filereserve", reservation(chunks=4)) is None


@pytest.mark.parametrize(
    ("chunks", "until"), [(0, NOW + 1), (CHUNKS + 1, NOW + 1), (1, NOW), (1, NOW + LIFETIME + DAY)]
)
async def test_no_room_for_too_much_or_too_long(force: TaskForce, chunks: int, until: int) -> None:
    assert await code(files(force), HARBOUR, "filereserve", reservation(chunks=chunks, until=until)) == "too-large"


async def test_a_flood_ends_at_the_agencys_own_quota(force: TaskForce) -> None:
    asked = files(force, quota=7)
    assert await code(asked, HARBOUR, "filereserve", reservation(chunks=4)) is None
    assert await code(asked, HARBOUR, "filereserve", reservation(OTHER, chunks=4)) == "quota"
    assert await code(asked, HARBOUR, "filereserve", reservation(OTHER, chunks=3)) is None
    assert await code(asked, SHELTER, "filereserve", reservation(chunks=7)) is None
    many = files(force)
    for number in range(FILES):
        many.store.heads[HARBOUR, number.to_bytes(16)] = FileHead(1, NOW + DAY)  # type: ignore[attr-defined]
    assert await code(many, HARBOUR, "filereserve", reservation(b"n" * 16)) == "quota"


async def test_a_flood_that_asks_for_all_at_once_ends_at_the_quota_too(force: TaskForce) -> None:
    class Far(Memory):
        async def reserved(self, owner: AgencyHandle) -> tuple[int, int]:
            found = await super().reserved(owner)
            await asyncio.sleep(0)  # as long as the answer of a server takes, others are looked at
            return found

    asked = files(force, store=Far(), quota=7)
    wanted = [reservation(bytes([n]) * 16, chunks=3) for n in range(9)]
    codes = await asyncio.gather(*(code(asked, HARBOUR, "filereserve", one) for one in wanted))
    assert codes.count(None) == 2 and codes.count("quota") == 7


async def test_the_disk_keeps_room_for_messages(force: TaskForce) -> None:
    left = 3 * SEALED_CHUNK - 1

    async def room() -> int:
        return left

    asked = files(force, room=room)
    assert await code(asked, HARBOUR, "filereserve", reservation()) == "disk-full"
    assert await code(asked, HARBOUR, "filereserve", reservation(chunks=2)) is None
    left = SEALED_CHUNK - 1
    assert await code(asked, HARBOUR, "filechunk", chunk()) == "disk-full"


async def test_evidence_files_take_half_of_the_disk_at_most_and_leave_a_gigabyte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, taken, free = NOW, 0, 100 * SPARE

    class Store:
        async def taken(self) -> int:
            return taken

    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, free))  # type: ignore[attr-defined]
    room = Room(tmp_path, Store(), lambda: now)  # type: ignore[arg-type]
    assert await room() == 50 * SPARE
    now, taken = now + 1000, 49 * SPARE
    assert await room() == SPARE
    now, free = now + 1000, SPARE + 5
    assert await room() == 5


@pytest.mark.parametrize("verb", sorted(VERBS))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
async def test_nonsense_is_answered_with_a_code(force: TaskForce, verb: str, data: bytes) -> None:
    assert isinstance(await code(files(force), HARBOUR, verb, data), str)


# Handing out


@pytest.fixture(scope="module")
def carried(force: TaskForce, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Delivery]:
    """The object's id, and the prosecutor's delivery of a message that names it."""
    case = exhibit.case(exhibit.image(tmp_path_factory.mktemp("exhibit")))
    admitted = force.admit(force.send(case, PROSECUTOR))
    (view,) = admitted.views
    return case.exhibits[0].object, Delivery.from_bytes(view.data)


def request(force: TaskForce, carried: tuple[bytes, Delivery], signer: Signs | None = None, **changes: Any) -> bytes:
    stored, delivery = carried
    stamp = Stamp.from_bytes(delivery.stamp.body)
    manifest = wire.decode_view(delivery.view).manifest
    said = FileRequest(object=stored, view=stamp.view, message=manifest.id, at=force.now)
    fields = {name: changes.pop(name) for name in ("stamp", "view_bytes") if name in changes}
    signed = (signer or force.keys(PROSECUTOR).signer).sign(Tag.EVIDENCE_FILE, replace(said, **changes).to_bytes())
    return cbor.dump(
        {
            "request": signed.to_bytes(),
            "stamp": fields.get("stamp", delivery.stamp.to_bytes()),
            "view": fields.get("view_bytes", delivery.view),
        }
    )


def test_a_view_gives_a_ticket_for_the_file_that_it_names_alone(
    force: TaskForce, carried: tuple[bytes, Delivery]
) -> None:
    asker = force.agency(PROSECUTOR)
    ticket = granted(request(force, carried), asker, force.bundle, force.now)
    assert (ticket.owner, ticket.object, ticket.chunks) == (force.agency(DESK), carried[0], 6)
    sealed = ticket.sealed(SECRET)
    assert read_ticket(sealed, asker, SECRET, force.now) == ticket
    for wrong in (flipped(sealed), sealed[:32] + replace(ticket, object=OTHER).sealed(SECRET)[32:], b"x" * 40):
        with pytest.raises(Unverified):
            read_ticket(wrong, asker, SECRET, force.now)
    with pytest.raises(Unverified):
        read_ticket(sealed, force.agency(FOREIGN), SECRET, force.now)
    with pytest.raises(Unverified):
        read_ticket(sealed, asker, b"\x01" * 32, force.now)
    with pytest.raises(Stale):
        read_ticket(sealed, asker, SECRET, force.now + HOUR + 1)


def test_no_ticket_without_everything_that_makes_it(force: TaskForce, carried: tuple[bytes, Delivery]) -> None:
    asker, now = force.agency(PROSECUTOR), force.now
    delivery = carried[1]
    stamp = Stamp.from_bytes(delivery.stamp.body)
    forged = force.keys(PROSECUTOR).signer  # a contact's key is no worker's
    other = replace(stamp, recipient=force.contact(FOREIGN).handle)
    elsewhere = force.broker.worker.sign(Tag.STAMP, other.to_bytes()).to_bytes()
    wrong: list[tuple[bytes, AgencyHandle, int, type[ShareError]]] = [
        (request(force, carried, object=OTHER), asker, now, Unverified),
        (request(force, carried, view=bytes(32)), asker, now, Unverified),
        (request(force, carried, message=new_message_id()), asker, now, Unverified),
        (request(force, carried, stamp=elsewhere), asker, now, Unverified),
        (request(force, carried, view_bytes=flipped(delivery.view)), asker, now, Unverified),
        (request(force, carried), asker, now + HOUR, Stale),
        (request(force, carried), force.agency(FOREIGN), now, RemoteError),
        (request(force, carried, force.keys(FOREIGN).signer), force.agency(FOREIGN), now, Unverified),
        (request(force, carried, force.keys(DESK).signer), force.agency(DESK), now, Unverified),
    ]
    with pytest.raises(ShareError):
        forged.sign(Tag.STAMP, stamp.to_bytes())
    for data, who, at, error in wrong:
        with pytest.raises(error):
            granted(data, who, force.bundle, at)
    expired = wire.decode_view(delivery.view).manifest.expires + 1
    with pytest.raises((Stale, UnknownSender)):
        granted(request(force, carried, at=expired), asker, force.bundle, expired)


async def test_chunks_are_handed_out_by_ticket(force: TaskForce, carried: tuple[bytes, Delivery]) -> None:
    asked = files(force, force.now)
    asker, owner = force.agency(PROSECUTOR), force.agency(DESK)
    until = force.now + DAY
    assert await code(asked, owner, "filereserve", reservation(carried[0], 6, until)) is None
    assert await code(asked, owner, "filechunk", chunk(5, b"z", carried[0])) is None
    answer = cbor.load(await asked.answer(asker, "fileopen", request(force, carried)), 999)

    async def read(number: int, who: AgencyHandle = asker) -> Any:
        question = cbor.dump({"ticket": answer["ticket"], "number": number})
        return cbor.load(await asked.answer(who, "fileread", question), 1 << 20)

    assert (await read(5))["data"] == b"z" * SEALED_CHUNK
    assert (await read(4))["code"] == (await read(6))["code"] == "missing"
    assert (await read(5, owner))["code"] == "unverified"


def test_a_file_larger_than_its_type_permits_is_refused_at_admission(force: TaskForce, tmp_path: Path) -> None:
    message = force.one(exhibit.case(exhibit.image(tmp_path)), PROSECUTOR)
    (name,) = [s.name for s in message.sections if object_of(s.name) is not None]

    def renamed(chunks: int) -> list[tuple[str, ...]]:
        new = f"{name.rpartition('.')[0]}.{chunks}"
        sections = tuple(replace(s, name=new) if s.name == name else s for s in message.sections)
        recipients = tuple(
            replace(r, granted=tuple(new if g == name else g for g in r.granted)) for r in message.recipients
        )
        envelope = force.compose(replace(message, sections=sections, recipients=recipients))
        found = force.admit(envelope)
        from messages.evidence import Evidence

        return [o.rules for o in Evidence.from_bytes(found.evidence.body).outcomes]

    assert (FILE_TOO_LARGE,) not in renamed(CHUNKS)
    assert renamed(CHUNKS + 1) == [(FILE_TOO_LARGE,)]


def test_a_media_type_that_was_not_agreed_is_refused_at_admission(force: TaskForce, tmp_path: Path) -> None:
    message = force.forced(exhibit.case(exhibit.image(tmp_path)), PROSECUTOR)
    sections = tuple(replace(s, media="video/mp4") if object_of(s.name) else s for s in message.sections)
    admitted = force.admit(force.compose(replace(message, sections=sections)))
    assert admitted.views == ()
