"""The guard as a process: its key and configuration, a socket, who may ask, how many at once and for how long.

Best under a user of its own (docs/guard.md). It refuses to start with a key or a folder that others can read or write,
and says when it runs as the adapter's own user. Who asks is told by the operating system, not by the asker.
"""

import asyncio
import os
import socket as sockets
import stat
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog

from adapters.guarding import settings as reading
from adapters.guarding import wire
from adapters.guarding.client import SOCKET
from adapters.guarding.examining import DEFAULTS, Net, examine
from adapters.guarding.protocol import (
    BUSY,
    REQUEST_BYTES,
    GuardRefused,
    GuardRequest,
    refused_answer,
    sealed_answer,
)
from adapters.guarding.settings import GuardSettings
from keys import keystore
from keys.domains import KeyKind, Tag
from keys.sealing import seal_grant
from keys.signing import Signer
from keys.unlocking import Passphrase
from messages.attestations import GuardAttestation
from messages.catalogue import Catalogue
from messages.catalogue import load as load_catalogue
from messages.errors import BadInput, KeyTrouble, ShareError
from messages.signed import Signed

log = structlog.get_logger("adapters.guard")

KEY_FILE: Final = "guard.key"
WAITING: Final = 8
"""How many may wait for each that is being served; whoever comes after is told that the guard is busy."""
_PEER: Final = struct.Struct("3i")


def attest(
    request: GuardRequest,
    signer: Signer,
    catalogue: Catalogue,
    now: int,
    settings: GuardSettings = DEFAULTS,
    net: Net | None = None,
) -> tuple[bytes, Signed]:
    """The grant, sealed by the guard, and its signed word; raises `GuardRefused`."""
    sections, identities = examine(request, catalogue, settings, net)
    ordered = sorted((s for s in request.sections if s.granted), key=lambda s: s.detail.name)
    grant = seal_grant([s.key for s in ordered], request.public, request.message, request.sender, request.recipient)
    attestation = GuardAttestation(
        message=request.message,
        sender=request.sender,
        recipient=request.recipient,
        sections=tuple(sorted(sections, key=lambda s: s.name)),
        grant=sha256(grant).digest(),
        identities=identities,
        rules=settings.rules(),
        at=now,
    )
    return grant, signer.sign(Tag.GUARD, attestation.to_bytes())


def open_key(folder: Path, passphrase: Passphrase | str) -> Signer:
    """The guard's own key, from the guard's own folder."""
    secrets = keystore.read(folder / KEY_FILE, passphrase)
    handle = secrets.get("handle")
    if not isinstance(handle, str):
        raise KeyTrouble("This is not a release guard's key file.")
    return Signer(KeyKind.GUARD, handle, keystore.secret(secrets, "sign"))


def check_folder(folder: Path) -> None:
    """Raise `KeyTrouble` unless folder, key and settings are this user's alone to write, and the key to read."""
    for path, others in ((folder, 0o022), (folder / KEY_FILE, 0o077), (folder / reading.SETTINGS, 0o022)):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise KeyTrouble(f"{path} cannot be looked at ({error.strerror}).") from None
        if stat.S_ISLNK(found.st_mode) and path != folder:
            raise KeyTrouble(f"{path} is a link; the guard reads its own files only.")
        if stat.S_IMODE(found.st_mode) & others or found.st_uid not in (os.getuid(), 0):
            raise KeyTrouble(
                f"{path} is not this user's alone, so the guard does not start; give it to the guard's user: "
                f"chown -R USER {folder} && chmod -R go-rwx {folder}"
            )


def same_user(home: Path) -> bool:
    """Whether the guard runs as the user whose the adapter's journal or settings are."""
    for name in ("journal.db", "agency.json"):
        try:
            return (home / name).stat().st_uid == os.getuid()
        except OSError:
            continue
    return False


def load_net(settings: GuardSettings) -> Net | None:
    """The net for other people's names where it is demanded; raises `BadInput` where it is demanded and not there."""
    if not settings.net:
        return None
    from adapters import ner
    from policies.redaction.errors import NetMissing

    try:
        return ner.load()
    except NetMissing as missing:
        raise BadInput(f"The guard's settings demand the net for other people's names: {missing}") from None


@asynccontextmanager
async def serving(
    folder: Path,
    signer: Signer,
    clock: Callable[[], int],
    *,
    settings: GuardSettings | None = None,
    socket: Path | None = None,
    net: Net | None = None,
) -> AsyncIterator[Path]:
    """Answer on the socket while the block runs; `folder/guard.sock` unless another place is named."""
    settings = settings or DEFAULTS
    path = socket or folder / SOCKET
    guard = _Guard(signer, load_catalogue(), clock, settings, net)
    others = bool(set(settings.uids) - {os.getuid()})
    if others and not hasattr(sockets, "SO_PEERCRED"):
        raise BadInput("This system does not tell who asks, so the guard answers its own user alone; take out `uids`.")
    await _alone(path)
    path.unlink(missing_ok=True)
    before = os.umask(0o111 if others else 0o177)  # who may ask, `SO_PEERCRED` decides where others may at all
    try:
        with wire.address(path) as reachable:
            server = await asyncio.start_unix_server(guard.answer, reachable, limit=wire.CHUNK)
    except OSError as error:
        raise BadInput(f"The guard cannot open its socket {path}: {error.strerror or error}.") from None
    finally:
        os.umask(before)
    async with server:
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


async def _alone(path: Path) -> None:
    """Raise `BadInput` where another guard answers on this socket: the one that stopped first would take it away."""
    try:
        _, writer = await wire.connect(path)
    except OSError:
        return
    writer.close()
    raise BadInput(f"A guard answers on {path} already; stop that one first, or name another --socket.")


class _Guard:
    """Answers one connection after another, each with one request or several."""

    def __init__(
        self, signer: Signer, catalogue: Catalogue, clock: Callable[[], int], settings: GuardSettings, net: Net | None
    ) -> None:
        self._signer = signer
        self._catalogue = catalogue
        self._clock = clock
        self._settings = settings
        self._net = net
        self._slots = asyncio.Semaphore(settings.at_once)
        self._waiting = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end, if whoever made it may ask."""
        try:
            uid = _peer(writer)
            if uid not in (self._settings.uids or (os.getuid(),)):
                log.warning("stranger", uid=uid)
                await wire.write(writer, refused_answer(GuardRefused("The guard does not answer this user.")))
                return
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            return
        except ShareError as error:
            await wire.write(writer, refused_answer(GuardRefused(str(error))))
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request of a connection; False where it was turned away. A slot is taken before anything is read."""
        first = await reader.readexactly(1)  # between two requests a connection may rest
        if self._waiting >= WAITING * self._settings.at_once:
            log.warning("busy", waiting=self._waiting)
            await wire.write(writer, BUSY)
            return False
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            async with asyncio.timeout(self._settings.seconds):
                request = GuardRequest.from_bytes(await wire.read(reader, REQUEST_BYTES, first))
            work = asyncio.ensure_future(asyncio.to_thread(self._look, request))
        except BaseException:
            self._slots.release()
            raise
        work.add_done_callback(lambda _: self._slots.release())  # a thread cannot be stopped: it keeps its slot
        async with asyncio.timeout(self._settings.seconds):
            await wire.write(writer, await asyncio.shield(work))
        return True

    def _look(self, request: GuardRequest) -> bytes:
        try:
            grant, signed = attest(request, self._signer, self._catalogue, self._clock(), self._settings, self._net)
        except GuardRefused as refusal:
            log.info("refused", sections=len(request.sections), found=len(refusal.found))
            return refused_answer(refusal)
        except Exception as error:  # fail closed, and never a traceback: its text may quote what it choked on
            log.error("failed", error=type(error).__name__)
            return refused_answer(GuardRefused(f"The guard failed ({type(error).__name__}), so nothing is released."))
        log.info("attested", sections=len(request.sections))
        return sealed_answer(grant, signed)


def _peer(writer: asyncio.StreamWriter) -> int:
    """The user at the other end, as the operating system says; our own where it does not say."""
    connection = writer.get_extra_info("socket")
    if not hasattr(sockets, "SO_PEERCRED"):
        return os.getuid()  # the socket's mode lets nobody else in
    _, uid, _ = _PEER.unpack(connection.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, _PEER.size))
    return int(uid)
