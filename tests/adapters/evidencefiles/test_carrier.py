"""The process that carries evidence files: it does what is done here without it, and leaves nothing behind."""

import os
import signal
from pathlib import Path

import pytest

from adapters.evidencefiles import carrier
from adapters.evidencefiles.exhibits import Exhibit
from adapters.evidencefiles.spool import Spool
from messages.errors import BadInput, DependencyError, Unverified
from messages.evidencefile import SEALED_CHUNK
from messages.ids import MessageId
from tests.support import exhibit
from tests.support.patience import PATIENCE
from tests.support.peaks import children, words

MESSAGE = MessageId(bytes(16))
MODULE = "adapters.evidencefiles.carrier"


def looked_at(folder: Path) -> Exhibit:
    (found,) = exhibit.case(exhibit.image(folder)).exhibits
    return found


def carriers() -> list[int]:
    return [pid for pid in children(os.getpid()) if words(pid)[:1] == [MODULE]]


def sealed(home: Path) -> list[Path]:
    return list((home / "files" / "out").iterdir())


async def test_what_it_seals_it_opens_again_and_tells_how_far_it_is(tmp_path: Path) -> None:
    spool, sent, told = Spool(tmp_path), looked_at(tmp_path), list[tuple[str, int, int]]()
    await carrier.seal(tmp_path, sent, MESSAGE, lambda *step: told.append(step))
    spool.receive(sent.object, 0, [spool.chunk(sent.object, n) for n in range(6)])
    target = tmp_path / "got.e01"
    await carrier.open_into(
        tmp_path, target, sent.object, sent.described("x"), MESSAGE, lambda *step: told.append(step)
    )
    assert target.read_bytes() == sent.path.read_bytes()
    assert told == [(what, n, 6) for what in ("sealing", "opening") for n in range(1, 7)]
    assert carriers() == []


async def test_what_is_wrong_is_said_in_the_same_words(tmp_path: Path) -> None:
    spool, sent = Spool(tmp_path), looked_at(tmp_path)

    async def opened() -> None:
        await carrier.open_into(tmp_path, tmp_path / "got.e01", sent.object, sent.described("x"), MESSAGE)

    with pytest.raises(DependencyError, match="is gone"):
        await opened()
    spool.receive(sent.object, 0, [bytes(SEALED_CHUNK + 24), *[bytes(SEALED_CHUNK)] * 5])
    with pytest.raises(Unverified, match="does not hold"):
        await opened()
    with sent.path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(BadInput, match="changed while it was read"):
        await carrier.seal(tmp_path, sent, MESSAGE)
    assert sealed(tmp_path) == [] and not (tmp_path / "got.e01").exists()


async def test_it_stops_and_takes_half_a_file_away_when_nobody_wants_it_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "END_SECONDS", PATIENCE)

    class Enough(Exception):
        pass

    seen: list[int] = []

    def watch(_: str, done: int, __: int) -> None:
        seen.append(done)
        assert len(carriers()) == 1 and len(sealed(tmp_path)) == 1
        if done == 3:
            raise Enough

    sent = looked_at(tmp_path)
    with pytest.raises(Enough):
        await carrier.seal(tmp_path, sent, MESSAGE, watch)
    assert (seen, carriers(), sealed(tmp_path)) == ([1, 2, 3], [], [])


async def test_where_it_is_killed_a_sentence_says_so_and_the_next_one_is_another(tmp_path: Path) -> None:
    def kill(*_: object) -> None:
        os.kill(carriers()[0], signal.SIGKILL)

    first = looked_at(tmp_path)
    with pytest.raises(DependencyError, match="has ended; try again"):
        await carrier.seal(tmp_path, first, MESSAGE, kill)
    with pytest.raises(BadInput, match="sealed for a message before"):  # never twice under one key
        await carrier.seal(tmp_path, first, MESSAGE)
    second = looked_at(tmp_path)
    await carrier.seal(tmp_path, second, MESSAGE)
    assert {path.name for path in sealed(tmp_path)} == {first.object.hex(), second.object.hex()}


async def test_neither_its_command_line_nor_its_environment_tells_a_key(tmp_path: Path) -> None:
    told: list[bytes] = []

    def look(*_: object) -> None:
        (pid,) = carriers()
        told.extend(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))

    sent = looked_at(tmp_path)
    await carrier.seal(tmp_path, sent, MESSAGE, look)
    assert len(told) == 12
    for text in told:
        assert sent.key not in text and sent.key.hex().encode() not in text and b"SAFECONDUCT_" not in text
