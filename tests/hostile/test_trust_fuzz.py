"""Whatever stands in the files of a trust bundle, signed or not, it opens or is refused; nothing else ever comes out.

Three kinds of damage: random bytes in what is kept; wrong values in what the online key signs; and wrong values in what
two officers sign, as a faulty tool of theirs might make them. All of it is seeded, so that a failure repeats.
"""

import json
import random
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keys.bundle import Verifier
from keys.metadata import Audience, Metadata, sign
from keys.repository import Repository
from keys.signing import Signer
from keys.updating import FolderFetcher, TrustCopy, install_root
from messages.directory import Bundle
from messages.errors import ShareError
from tests.keys import trust
from tests.keys.trust import COURT, OFFICERS, POLICE, Force, officer

OURS = Audience(POLICE)
NASTY: list[Any] = [
    None, True, False, 0, -1, 1, 2, 2**53, 2**70, 1.5, "", "x", "1", "../../etc/passwd", "\u0000", "ą", [], {}, [[]],
    [None], {"": None}, "a" * 100_000, "2099-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "full", POLICE, ["a", "a"],
]  # fmt: skip
CASES = 100


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Force:
    made = Force(tmp_path_factory.mktemp("fuzz"))
    made.publish()
    return made


@pytest.fixture(scope="module")
def home(force: Force) -> Path:
    install_root(force.folder / "home", force.root)
    stick = force.stick(force.folder / "stick", POLICE)
    TrustCopy(force.folder / "home", OURS).refresh("file:///", FolderFetcher(stick))
    return force.folder / "home"


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


def opened_or_refused(opens: Callable[[], Bundle]) -> Bundle | None:
    try:
        found = opens()
    except ShareError as error:
        assert str(error)
        return None
    assert isinstance(found, Bundle)
    return found


def damaged(data: bytes, chosen: random.Random) -> bytes:
    at, other = sorted(chosen.randrange(len(data) + 1) for _ in range(2))
    match chosen.randrange(6):
        case 0:
            return data[:at] + data[other:]
        case 1:
            return data[:at] + chosen.randbytes(chosen.randrange(1, 9)) + data[at:]
        case 2:
            return data[:at] + data[at:other] * 2 + data[other:]
        case 3:
            return chosen.randbytes(chosen.randrange(200))
        case 4:
            return data.replace(b"0", b"9", 1 + chosen.randrange(20))
        case _:
            return data[:at] + b"[" * 3000 + data[at:]


def test_any_damage_to_what_is_kept_is_refused_or_without_effect(home: Path) -> None:
    chosen = random.Random(3)
    whole = TrustCopy(home, OURS).load()
    files = sorted(p for p in home.rglob("*.json")) + sorted((home / "repository" / "file").iterdir())
    for case in range(CASES):
        path = chosen.choice(files)
        good = path.read_bytes()
        path.write_bytes(damaged(good, chosen))
        found = opened_or_refused(lambda: TrustCopy(home, OURS).load())
        path.write_bytes(good)
        assert found in (None, whole), f"case {case}: {path}"


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a JSON value something stands."""
    if here:
        yield here
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*here, key))


def spoilt(value: Any, chosen: random.Random) -> Any:
    """The same with one thing in it wrong, missing or too much."""
    value = json.loads(json.dumps(value))
    if not (known := list(places(value))):
        return chosen.choice(NASTY)
    *way, last = chosen.choice(known)
    inner = value
    for key in way:
        inner = inner[key]
    match chosen.randrange(4):
        case 0:
            del inner[last]
        case 1 if isinstance(inner, dict):
            inner[chosen.choice(["x", "full", POLICE, ""])] = inner.pop(last)
        case _:
            inner[last] = chosen.choice(NASTY)
    return value


def resigned(value: Any, signers: list[Signer]) -> bytes:
    """Signed anew if the library lets itself be brought to it; else as it is."""
    data = json.dumps(value).encode()
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
        metadata.signatures.clear()
        for signer in signers:
            sign(metadata, signer)
        return metadata.to_bytes()
    except Exception:
        return data


TWO = [officer(o) for o in OFFICERS[:2]]


@pytest.mark.parametrize("part", ["top", "list", "root"])
def test_whatever_two_officers_sign_opens_or_is_refused(force: Force, tmp_path: Path, part: str) -> None:
    chosen = random.Random(part)
    good = {
        "top": force.repository.top(OURS, 1), "list": force.repository.role(COURT, 1), "root": force.root
    }[part]  # fmt: skip
    value = json.loads(good)
    repository = force.copied(tmp_path / "officers").repository
    state = repository.state(1)
    opened = 0
    for _ in range(CASES):
        data = resigned(spoilt(value, chosen), [trust.holder(0), trust.holder(1)] if part == "root" else TWO)
        pinned = force.root
        match part:
            case "top":
                repository.add_top(OURS, 1, data)
            case "list":
                repository.add_role(COURT, 1, data)
            case _:
                pinned = data
        opened += opened_or_refused(lambda: Verifier(pinned, OURS).open(repository, state)) is not None  # noqa: B023
    assert opened < CASES


def test_whatever_the_files_hold_opens_or_is_refused(force: Force, tmp_path: Path) -> None:
    chosen = random.Random(9)
    officers = force.copied(tmp_path / "officers")
    repository = officers.repository
    state = repository.state(1)
    tops = {
        p: json.loads(p.read_bytes())
        for p in (officers.folder / "top" / POLICE, officers.folder / "role" / COURT)
        for p in p.iterdir()
    }
    named = [(p, target) for p, value in tops.items() for target in value["signed"]["targets"]]
    for _ in range(2 * CASES):
        path, target = chosen.choice(named)
        value = json.loads(json.dumps(tops[path]))
        old = repository.file(value["signed"]["targets"][target]["hashes"]["sha256"])
        try:
            data = json.dumps(spoilt(json.loads(old), chosen)).encode()
        except ValueError:
            data = damaged(old, chosen)  # an agreement is no JSON
        value["signed"]["targets"][target] = {"length": len(data), "hashes": {"sha256": sha256(data).hexdigest()}}
        repository.add_file(data)
        good = path.read_bytes()
        path.write_bytes(resigned(value, TWO))
        opened_or_refused(lambda: Verifier(force.root, OURS).open(repository, state))
        path.write_bytes(good)


@pytest.mark.parametrize("part", ["snapshot", "timestamp", "epoch"])
def test_whatever_the_broker_signs_opens_or_is_refused(home: Path, part: str) -> None:
    chosen = random.Random(part)
    repository = Repository(home / "repository")
    state = repository.newest()
    assert state is not None
    whole = TrustCopy(home, OURS).load()
    path = home / "repository" / "epoch" / "1.json"
    good = path.read_bytes()
    for _ in range(CASES):
        value = json.loads(good)
        if part == "epoch":
            value = spoilt(value, chosen)
        else:
            wrong = spoilt(json.loads(state.online[part]), chosen)
            value["online"][part] = resigned(wrong, [trust.online()]).hex()
        path.write_text(json.dumps(value))
        found = opened_or_refused(lambda: TrustCopy(home, OURS).load())
        path.write_bytes(good)
        if found is not None:
            assert (found.directory, found.epoch, found.digest) == (whole.directory, whole.epoch, whole.digest)
