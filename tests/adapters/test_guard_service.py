"""The guard as a process: who may ask, how much, how many, how long; its folder and settings; and what it looks at."""

import asyncio
import json
import os
import socket
import stat
import struct
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.guard import (
    SOCKET,
    Found,
    GuardClient,
    GuardRefused,
    GuardRequest,
    GuardSettings,
    GuardUnreachable,
    check_folder,
    examine,
    serving,
    socket_of,
)
from adapters.guarding import service, wire
from adapters.guarding import settings as guard_settings
from adapters.guarding.client import VARIABLE
from adapters.guarding.protocol import ANSWER_BYTES, REQUEST_BYTES, SECTIONS_BYTES, read_answer, refused_answer
from keys.domains import Tag
from keys.signing import verify
from messages.attestations import GuardAttestation
from messages.catalogue import load
from messages.errors import BadInput, KeyTrouble, Malformed
from tests.adapters.test_guard import person, places, plant, request, section, victim
from tests.messages.catalogue.samples import sample
from tests.support.orchid import TaskForce
from tests.support.patience import PATIENCE

CATALOGUE = load()
NAME = "Ilse Vantongeren"


def ask(subject: str = "x", **cover: Any) -> GuardRequest:
    cover = {"subject_line": subject, **cover}
    return request(section("cover", "cover", "cover", cover, granted=True), known=(victim(),))


# what it looks at


def refusal(*sections: Any, known: tuple[bytes, ...] = (), **more: Any) -> GuardRefused:
    with pytest.raises(GuardRefused) as caught:
        examine(request(*sections, known=known or (victim(),)), CATALOGUE, **more)
    assert "Vantongeren" not in str(caught.value) and "Ilse" not in str(caught.value)
    return caught.value


def test_it_tells_every_place_at_once_and_never_a_word() -> None:
    place = next(p for p in places() if (p.type, p.path) == ("A01", "narrative"))
    told = refusal(
        section("cover", "cover", "cover", {"subject_line": NAME, "reason": "born 1998"}, granted=True),
        section("a01.1.narrative", "A01", place.part, plant(place, f"{NAME} left"), granted=True),
    )
    assert {(f.section, f.place, f.kind) for f in told.found} >= {
        ("cover", "subject_line", "name"), ("a01.1.narrative", "narrative", "name"),
    }  # fmt: skip
    for found in told.found:
        assert found.section in str(told)


def test_what_the_matcher_would_miss_the_second_detector_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    from policies.redaction.engine import Matcher

    place = next(p for p in places() if (p.type, p.path) == ("A01", "narrative"))
    planted = section("x", "A01", place.part, plant(place, f"and then {NAME} left"), granted=True)
    monkeypatch.setattr(Matcher, "search", lambda *_, **__: ())
    assert refusal(planted).found == (Found("x", "narrative", "name"),)


def test_what_the_second_detector_would_miss_the_matcher_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapters.guarding.second import Second

    place = next(p for p in places() if (p.type, p.path) == ("A01", "narrative"))
    planted = section("x", "A01", place.part, plant(place, f"and then {NAME} left"), granted=True)
    monkeypatch.setattr(Second, "find", lambda *_: frozenset())
    assert refusal(planted).found == (Found("x", "narrative", "name"),)


def other() -> dict[str, Any]:
    """Somebody else whom the sender knows."""
    return {
        **sample("A02", case_pseudonym="V-2BCD-3FGH-4J", first_name="Zsuzsanna", second_name="Kerekesová"),
        "id": "0b1f3a52-7a51-4c5e-9d0e-2b7c1a9f7777",
        "identity_number": "QQ 884422 C",
    }


def referral(**changes: Any) -> dict[str, Any]:
    """The sealed part of a referral, which carries its person's name by right."""
    data_type = CATALOGUE.type("A24")
    return {**data_type.split(sample("A24"))["sealed"], **changes}


def test_a_section_that_carries_one_persons_identity_is_searched_for_everybody_elses() -> None:
    own, strange = person(), other()
    for key in ("mobile_phone", "home_phone", "email", "mailing_address", "birthdate", "also_known_as", "middle_name"):
        strange.pop(key, None)
    known = tuple(json.dumps(o, ensure_ascii=False).encode() for o in (own, strange))
    sealed = referral(name_used=NAME)
    attested, count = examine(request(section("r", "A24", "sealed", sealed, granted=True), known=known), CATALOGUE)
    assert count >= 2 and attested[0].flags
    free = next(path for path, _, _ in CATALOGUE.type("A24").free_strings(sealed) if path != "name_used")
    assert "[" not in free
    told = refusal(
        section("r", "A24", "sealed", {**sealed, free: "with Zsuzsanna Kerekesová"}, granted=True), known=known
    )
    assert {f.kind for f in told.found} == {"other"} and told.found[0].place == free
    told = refusal(section("r", "A24", "sealed", {**sealed, free: "paper QQ884422C"}, granted=True), known=known)
    assert {f.kind for f in told.found} == {"other"}


ENGLISH = (
    "The woman was seen at the laundry in the morning. Two men brought her there in a van and waited outside until she "
    "came back. Neither of them spoke to anybody, and the manager says that he does not know who pays for the work."
)


def test_text_in_a_script_or_language_outside_the_bundles_list_is_not_let_out() -> None:
    from tests.adapters.test_guard_second import FOREIGN

    place = next(p for p in places() if (p.type, p.path) == ("A01", "narrative"))
    for text, kind in ((FOREIGN["Finnish"], "language"), ("ಹೆಸರು ಮತ್ತು", "script")):
        told = refusal(section("x", "A01", place.part, plant(place, text), granted=True))
        assert kind in {f.kind for f in told.found}
    narrowed = GuardSettings(languages=("de",))
    english = plant(place, ENGLISH)
    assert examine(request(section("x", "A01", place.part, english, granted=True), known=(victim(),)), CATALOGUE)
    told = refusal(section("x", "A01", place.part, english, granted=True), settings=narrowed)
    assert {f.kind for f in told.found} == {"language"}


def test_a_run_of_signs_that_is_no_text_is_not_let_out() -> None:
    place = next(p for p in places() if (p.type, p.path) == ("A01", "narrative"))
    told = refusal(section("x", "A01", place.part, plant(place, "QUJD" * 60), granted=True))
    assert "packed" in {f.kind for f in told.found}


class Net:
    def find(self, text: str, lang: str | None) -> list[tuple[int, int]]:
        at = text.find("Bergmann")
        return [(at, at + 8)] if at >= 0 else []


def test_where_the_net_is_demanded_it_refuses_whom_nobody_knew_and_everything_without_it() -> None:
    place = next(p for p in places() if (p.type, p.path) == ("A01", "narrative"))
    clean = section("x", "A01", place.part, plant(place, "A woman left."), granted=True)
    named = section("x", "A01", place.part, plant(place, "Then Bergmann left."), granted=True)
    demanded = GuardSettings(net=True)
    assert examine(request(named, known=(victim(),)), CATALOGUE)
    assert examine(request(clean, known=(victim(),)), CATALOGUE, demanded, Net())
    assert refusal(named, settings=demanded, net=Net()).found == (Found("x", "narrative", "person"),)
    assert "demanded" in str(refusal(clean, settings=demanded))


def test_a_guard_whose_net_is_demanded_and_missing_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapters import ner
    from policies.redaction.errors import NetMissing

    def missing() -> None:
        raise NetMissing

    monkeypatch.setattr(ner, "load", missing)
    assert service.load_net(GuardSettings()) is None
    with pytest.raises(BadInput, match="demand the net"):
        service.load_net(GuardSettings(net=True))


# settings


def test_what_it_was_told_stands_in_every_attestation(force: TaskForce) -> None:
    signer = force.guard("harbour-police")
    rules = []
    for told in (GuardSettings(), GuardSettings(languages=("en",)), GuardSettings(at_once=9, uids=(7,))):
        _, signed = service.attest(ask(), signer, CATALOGUE, force.now, told)
        rules.append(GuardAttestation.from_bytes(verify(signed, Tag.GUARD, signer.public)).rules)
    assert rules[0] == rules[2] != rules[1]
    assert all(r.startswith("guard-2/") for r in rules)


@pytest.mark.parametrize(
    "value",
    [[], {"uid": [1]}, {"uids": 7}, {"uids": ["me"]}, {"uids": [True]}, {"at_once": 0}, {"seconds": "9"}, {"net": 1},
     {"strictness": {"part": 1}}, {"strictness": {"off": True}}, {"strictness": {"skeletons": 1}}, {"strictness": []}],
)  # fmt: skip
def test_settings_that_are_not_understood_stop_the_guard(value: Any, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(BadInput):
        guard_settings.read(tmp_path)


def test_settings_are_read_from_the_guards_own_folder(tmp_path: Path) -> None:
    assert guard_settings.read(tmp_path) == GuardSettings()
    value = {"uids": [1001], "at_once": 2, "strictness": {"one_slip": 5}, "languages": ["en", "ro"], "net": True}
    (tmp_path / "settings.json").write_text(json.dumps(value), encoding="utf-8")
    found = guard_settings.read(tmp_path)
    assert (found.uids, found.at_once, found.strictness.one_slip, found.net) == ((1001,), 2, 5, True)
    (tmp_path / "settings.json").write_text("{", encoding="utf-8")
    with pytest.raises(BadInput):
        guard_settings.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "mode"), [("guard.key", 0o640), ("guard.key", 0o604), ("settings.json", 0o622), ("", 0o770), ("", 0o702)]
)
def test_it_does_not_start_where_others_can_read_its_key_or_write_its_folder(
    tmp_path: Path, name: str, mode: int
) -> None:
    folder = tmp_path / "guard"
    folder.mkdir(mode=0o700)
    for file in ("guard.key", "settings.json"):
        (folder / file).write_text("{}")
        (folder / file).chmod(0o600)
    check_folder(folder)
    (folder / name if name else folder).chmod(mode)
    with pytest.raises(KeyTrouble, match="not this user's alone"):
        check_folder(folder)


def test_a_key_that_is_a_link_to_somewhere_else_is_not_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "guard"
    folder.mkdir(mode=0o700)
    (tmp_path / "elsewhere").write_text("{}")
    (folder / "guard.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyTrouble, match="link"):
        check_folder(folder)


def test_the_guards_user_is_told_from_the_adapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not service.same_user(tmp_path)
    (tmp_path / "agency.json").write_text("{}")
    assert service.same_user(tmp_path)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert not service.same_user(tmp_path)


def test_where_the_guard_answers_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert socket_of(tmp_path) == tmp_path / "guard" / SOCKET
    monkeypatch.setenv(VARIABLE, "/run/safeconduct/guard.sock")
    assert socket_of(tmp_path) == Path("/run/safeconduct/guard.sock")


# the socket


async def test_it_answers_nobody_whom_its_settings_do_not_name(force: TaskForce, tmp_path: Path) -> None:
    signer = force.guard("harbour-police")
    stranger = GuardSettings(uids=(os.getuid() + 1,))
    async with serving(tmp_path, signer, lambda: force.now, settings=stranger) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o666  # the kernel tells who asks; the mode lets them knock
        with pytest.raises(GuardRefused, match="does not answer this user"):
            await GuardClient(path).attest(ask())
    named = GuardSettings(uids=(os.getuid(), os.getuid() + 1))
    async with serving(tmp_path, signer, lambda: force.now, settings=named) as path:
        assert await GuardClient(path).attest(ask())


async def test_where_a_guard_answers_another_does_not_start_and_a_dead_ones_socket_is_taken_over(
    force: TaskForce, tmp_path: Path
) -> None:
    signer = force.guard("harbour-police")
    async with serving(tmp_path, signer, lambda: force.now) as path:
        with pytest.raises(BadInput, match="already"):
            async with serving(tmp_path, signer, lambda: force.now):
                pass
        assert await GuardClient(path).attest(ask())
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(tmp_path, signer, lambda: force.now):
        assert await GuardClient(path).attest(ask())


async def test_what_it_holds_of_a_request_has_a_bound_however_much_is_sent(force: TaskForce, tmp_path: Path) -> None:
    async with serving(tmp_path, force.guard("harbour-police"), lambda: force.now) as path:
        _, writer = await asyncio.open_unix_connection(path)
        chunk = struct.pack(">I", wire.CHUNK) + bytes(wire.CHUNK)
        sent = 0
        with pytest.raises((ConnectionError, BrokenPipeError, asyncio.IncompleteReadError)):
            while sent < 4 * REQUEST_BYTES:
                writer.write(chunk)
                await writer.drain()
                sent += wire.CHUNK
        assert sent <= REQUEST_BYTES + 64 * wire.CHUNK
        writer.close()
        assert await GuardClient(path).attest(ask())
    many = replace(ask(), known=(b"x" * 1024 * 1024,) * 5)
    with pytest.raises(Malformed, match="too large"):
        GuardRequest.from_bytes(many.to_bytes())
    assert SECTIONS_BYTES < REQUEST_BYTES


async def test_a_request_travels_in_chunks_and_one_that_is_larger_than_a_chunk_too(
    force: TaskForce, tmp_path: Path
) -> None:
    long = ask(reason="a word " * 200)
    many = replace(long, known=(victim(),) * 200)
    assert len(many.to_bytes()) > 2 * wire.CHUNK
    async with serving(tmp_path, force.guard("harbour-police"), lambda: force.now) as path:
        assert await GuardClient(path).attest(many)


async def served(path: Path) -> bytes:
    """The guard's answer, however often the machine stood still for longer than a request may take."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(GuardUnreachable):
                return await GuardClient(path).attest(ask())


async def test_whoever_starts_a_request_and_does_not_end_it_is_cut_off_and_the_others_go_on(
    force: TaskForce, tmp_path: Path
) -> None:
    hasty = replace(GuardSettings(), at_once=1, seconds=1)
    async with serving(tmp_path, force.guard("harbour-police"), lambda: force.now, settings=hasty) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(struct.pack(">I", 1000) + b"half")
        await writer.drain()
        assert await served(path)  # after the other one's second
        assert await reader.read() == b""
        writer.close()


async def test_a_connection_that_rests_takes_nobodys_place(force: TaskForce, tmp_path: Path) -> None:
    one = replace(GuardSettings(), at_once=1)
    async with serving(tmp_path, force.guard("harbour-police"), lambda: force.now, settings=one) as path:
        resting = [await asyncio.open_unix_connection(path) for _ in range(20)]
        assert await GuardClient(path).attest(ask())
        for _, writer in resting:
            writer.close()


async def test_no_more_than_so_many_are_looked_at_at_once_and_the_rest_wait_or_are_told(
    force: TaskForce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = most = 0
    lock, go = threading.Lock(), threading.Event()
    real = service.attest

    def slow(*arguments: Any) -> Any:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        go.wait(20)
        with lock:
            inside -= 1
        return real(*arguments)

    monkeypatch.setattr(service, "attest", slow)
    monkeypatch.setattr(service, "WAITING", 2)
    two = replace(GuardSettings(), at_once=2)
    async with serving(tmp_path, force.guard("harbour-police"), lambda: force.now, settings=two) as path:
        lines = [await asyncio.open_unix_connection(path) for _ in range(8)]
        asked = ask().to_bytes()
        for _, writer in lines:
            await wire.write(writer, asked)
        answers = [asyncio.ensure_future(wire.read(reader, ANSWER_BYTES)) for reader, _ in lines]
        done, _ = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 2:  # two are looked at, four wait, two are told that it is busy
            done, _ = await asyncio.wait(answers, timeout=1)
        assert all(read_answer(d.result()) is None for d in done)
        go.set()
        rest = await asyncio.gather(*answers)
        assert sum(read_answer(a) is not None for a in rest) == 6
        for _, writer in lines:
            writer.close()
    assert most == 2


# the adapter's side


async def _peer(path: Path, answer: bytes | None, *, whole: bool = True) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await wire.read(reader, REQUEST_BYTES)
        if answer is not None:
            if whole:
                await wire.write(writer, answer)
            else:
                writer.write(answer)
        else:
            await asyncio.sleep(30)
        writer.close()

    return await asyncio.start_unix_server(serve, path)


@pytest.mark.parametrize(
    ("answer", "whole"),
    [(b"", True), (b"\xff", True), (b"not cbor", True), (b"\x00\x00\x00\x05abc", False), (None, True),
     (b"\x7f\xff\xff\xff", False), (b"\xa0", True), (b"\xa1dbusy\xf5", True)],
)  # fmt: skip
async def test_a_guard_that_hangs_dies_is_busy_or_talks_nonsense_releases_nothing(
    tmp_path: Path, answer: bytes | None, whole: bool
) -> None:
    async with await _peer(tmp_path / SOCKET, answer, whole=whole):
        with pytest.raises(GuardUnreachable):
            await GuardClient(tmp_path / SOCKET, seconds=1.5).attest(ask())


async def test_a_socket_that_nobody_answers_on_releases_nothing(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET))
    with pytest.raises(GuardUnreachable):
        await GuardClient(tmp_path / SOCKET).attest(ask())


async def test_what_the_guard_found_reaches_the_sender_with_its_places(tmp_path: Path) -> None:
    told = GuardRefused(found=[Found("a01.1.narrative", "narrative", "name")])
    async with await _peer(tmp_path / SOCKET, refused_answer(told)):
        with pytest.raises(GuardRefused) as caught:
            await GuardClient(tmp_path / SOCKET).attest(ask())
    assert caught.value.found == told.found and str(caught.value) == str(told)


async def test_a_socket_in_a_folder_with_a_long_name_is_opened_and_reached_all_the_same(
    force: TaskForce, tmp_path: Path
) -> None:
    """A socket's path has 107 bytes, and a home may lie deeper."""
    deep = tmp_path / ("a" * 100)
    deep.mkdir(mode=0o700)
    signer = force.guard("harbour-police")
    async with serving(deep, signer, lambda: force.now) as path:
        assert await GuardClient(path).attest(ask())
        with pytest.raises(BadInput, match="already"):
            async with serving(deep, signer, lambda: force.now):
                pass
    assert not path.exists()
