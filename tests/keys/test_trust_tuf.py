"""python-tuf itself, without a line of ours: its client accepts what we publish, and its checks agree with ours.

The library has no command line; the client here does what its example client does: trust a root, refresh, look up,
download, and find the cached file again.
"""

import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Key, Signature
from tuf.api.exceptions import BadVersionNumberError, DownloadHTTPError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig

from keys.metadata import KeystoreSigner, public_key
from messages.errors import KeyTrouble
from messages.limits import DAY
from tests.keys import trust
from tests.keys.trust import COURT, FULL, OFFICERS, POLICE, STRANGER, Force

FILE_IN_A_URL = re.compile(r"[A-Za-z0-9._/-]+")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def force(tmp_path_factory: pytest.TempPathFactory) -> Force:
    made = Force(tmp_path_factory.mktemp("officers"))
    made.publish()
    court = made.content.contacts[COURT]
    made.publish(made.content.with_contacts(COURT, (court[0].model_copy(update={"title": "x"}), *court[1:])))
    made.rotate(trust.root(2))
    made.publish(renew=True, root=2)
    return made


@pytest.fixture(scope="module")
def stick(force: Force) -> Path:
    return force.stick(force.folder / "stick", POLICE)


@pytest.fixture(scope="module")
def address(stick: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(stick)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def client(folder: Path, address: str, force: Force) -> Updater:
    folder.mkdir(exist_ok=True)
    (folder / "downloads").mkdir(exist_ok=True)
    return Updater(
        str(folder), f"{address}/metadata/", str(folder / "downloads"), f"{address}/targets/", bootstrap=force.root
    )


def paths(stick: Path) -> list[str]:
    found = []
    for path in (stick / "metadata").glob("*.json"):
        signed = json.loads(path.read_bytes())["signed"]
        found += list(signed["targets"]) if signed["_type"] == "targets" else []
    return sorted(found)


def test_its_client_refreshes_lists_and_downloads_everything(
    tmp_path: Path, address: str, force: Force, stick: Path
) -> None:
    updater = client(tmp_path / "client", address, force)
    updater.refresh()
    assert len(paths(stick)) == 5 + 2 + 1 + 2
    for path in paths(stick):
        info = updater.get_targetinfo(path)
        assert info is not None, path
        assert updater.find_cached_target(info) is None
        downloaded = Path(updater.download_target(info)).read_bytes()
        assert sha256(downloaded).hexdigest() == info.hashes["sha256"]
        assert updater.find_cached_target(info) is not None
    assert updater.get_targetinfo(f"contacts/{STRANGER}.json") is None
    assert updater.get_targetinfo("console.json") is None


def test_its_client_goes_on_from_what_it_knows_and_refuses_to_go_back(
    tmp_path: Path, address: str, force: Force, stick: Path
) -> None:
    client(tmp_path / "client", address, force).refresh()
    client(tmp_path / "client", address, force).refresh()
    timestamp = stick / "metadata" / "timestamp.json"
    now = timestamp.read_bytes()
    old = force.copied(tmp_path / "old")
    before = old.repository.state(1)
    old.extracts.take(before)
    timestamp.write_bytes(old.extracts.answer(trust.Audience(POLICE), "metadata/timestamp.json", trust.now()) or b"")
    try:
        with pytest.raises(BadVersionNumberError):
            client(tmp_path / "client", address, force).refresh()
    finally:
        timestamp.write_bytes(now)
    client(tmp_path / "client", address, force).refresh()


def test_its_client_finds_nothing_of_what_is_not_ours(tmp_path: Path, address: str, force: Force) -> None:
    updater = client(tmp_path / "client", address, force)
    with pytest.raises(DownloadHTTPError):
        updater._fetcher.download_bytes(f"{address}/metadata/1.{STRANGER}.json", UpdaterConfig().targets_max_length)


# Its metadata model


def metadata(stick: Path) -> dict[str, Metadata[Any]]:
    return {p.name: Metadata.from_bytes(p.read_bytes()) for p in sorted((stick / "metadata").iterdir())}


def the(stick: Path, ending: str) -> Metadata[Any]:
    (found,) = (m for name, m in metadata(stick).items() if name.endswith(ending))
    return found


def test_every_role_is_vouched_for_by_the_one_above_it(stick: Path) -> None:
    first, root = metadata(stick)["1.root.json"], metadata(stick)["2.root.json"]
    first.verify_delegate("root", first)
    first.verify_delegate("root", root)
    root.verify_delegate("root", root)
    for name, ending in (("timestamp", "timestamp.json"), ("snapshot", "snapshot.json"), ("targets", "targets.json")):
        root.verify_delegate(name, the(stick, ending))
    top = the(stick, "targets.json")
    for agency in (POLICE, COURT):
        top.verify_delegate(agency, the(stick, f"{agency}.json"))
        result = top.signed.get_verification_result(
            agency, the(stick, f"{agency}.json").signed_bytes, the(stick, f"{agency}.json").signatures
        )
        assert len(result.signed) == 2


def test_one_signature_less_and_it_is_vouched_for_no_more(stick: Path) -> None:
    root, top = metadata(stick)["2.root.json"], the(stick, "targets.json")
    top.signatures.pop(next(iter(top.signatures)))
    with pytest.raises(UnsignedMetadataError):
        root.verify_delegate("targets", top)


def test_metadata_is_of_the_specification_we_name(stick: Path) -> None:
    kinds = {Root: 0, Timestamp: 0, Snapshot: 0, Targets: 0}
    for found in metadata(stick).values():
        assert found.signed.spec_version.startswith("1.0.")
        kinds[type(found.signed)] += 1
    assert kinds == {Root: 2, Timestamp: 1, Snapshot: 1, Targets: 3}
    assert metadata(stick)["2.root.json"].signed.consistent_snapshot is True


def test_nothing_of_the_officers_lasts_over_seven_days_and_nothing_of_the_broker_over_three(stick: Path) -> None:
    now = trust.now()
    for found in metadata(stick).values():
        ends = int(found.signed.expires.timestamp()) * 1000
        match found.signed:
            case Targets():
                assert now < ends <= now + 7 * DAY
            case Timestamp() | Snapshot():
                assert now < ends <= now + 3 * DAY


def test_snapshot_and_timestamp_name_each_part_by_version_length_and_digest(stick: Path) -> None:
    snapshot, timestamp = the(stick, "snapshot.json").signed, the(stick, "timestamp.json").signed
    assert set(snapshot.meta) == {"targets.json", f"{POLICE}.json", f"{COURT}.json"}
    named = [(name, meta) for name, meta in snapshot.meta.items()] + [("snapshot.json", timestamp.snapshot_meta)]
    for name, meta in named:
        data = (stick / "metadata" / f"{meta.version}.{name}").read_bytes()
        assert (meta.length, meta.hashes) == (len(data), {"sha256": sha256(data).hexdigest()})
        meta.verify_length_and_hashes(data)


def test_files_lie_under_their_digest_and_have_names_that_a_url_needs_no_escape_for(stick: Path) -> None:
    for path in (p for p in (stick / "targets").rglob("*") if p.is_file()):
        assert path.name.partition(".")[0] == sha256(path.read_bytes()).hexdigest()
    assert all(FILE_IN_A_URL.fullmatch(p) for p in paths(stick))


def every_key(stick: Path) -> Iterator[tuple[str, Key]]:
    for found in metadata(stick).values():
        if isinstance(found.signed, Root):
            yield from found.signed.keys.items()
        elif isinstance(found.signed, Targets) and found.signed.delegations is not None:
            yield from found.signed.delegations.keys.items()


def test_key_ids_are_the_digests_of_the_keys_canonical_form(stick: Path) -> None:
    for keyid, key in every_key(stick):
        assert keyid == key.keyid == sha256(str(encode_canonical(key.to_dict())).encode()).hexdigest()
        assert (key.keytype, key.scheme) == ("ed25519", "ed25519")


def test_its_keys_verify_our_signatures_and_no_others(stick: Path) -> None:
    keys = dict(every_key(stick))
    for found in metadata(stick).values():
        for keyid, signature in found.signatures.items():
            keys[keyid].verify_signature(signature, found.signed_bytes)
            flipped = bytearray.fromhex(signature.signature)
            flipped[7] ^= 1
            with pytest.raises(Exception, match=r"(?i)failed to verify"):
                keys[keyid].verify_signature(Signature(keyid, flipped.hex()), found.signed_bytes)


def test_what_is_signed_begins_with_a_brace_and_can_be_nothing_else_of_ours(stick: Path) -> None:
    for found in metadata(stick).values():
        assert found.signed_bytes[:1] == b"{"


def test_an_extract_for_the_whole_task_force_is_a_repository_too(tmp_path: Path, force: Force) -> None:
    whole = force.stick(tmp_path / "whole", FULL)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(whole)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        updater = client(tmp_path / "client", f"http://127.0.0.1:{server.server_port}", force)
        assert updater.get_targetinfo(f"contacts/{STRANGER}.json") is not None
        assert updater.get_targetinfo("console.json") is not None
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_two_officers_are_named_for_the_top_and_two_must_sign(stick: Path) -> None:
    role = metadata(stick)["2.root.json"].signed.roles["targets"]
    assert (len(role.keyids), role.threshold) == (len(OFFICERS), 2)


def test_a_key_of_the_keystore_is_opened_from_no_uri() -> None:
    with pytest.raises(KeyTrouble, match="sealed file"):
        KeystoreSigner.from_priv_key_uri("file:key", public_key(bytes(32)))
