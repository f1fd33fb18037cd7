"""Evidence files go through a process of their own: a lean one, which loads what sealing and chunks need.

An adapter has its rules, its catalogue and its redactor in memory, and whatever unlocking a key took; the bytes of a
file of gigabytes go through none of that. The process seals, sends, fetches or opens one file (`spool`, `carrying`) and
ends. What it needs (the key of the file, or the contact's log-in) it is told by its input, which others on this machine
cannot read. It goes on with each step only when it was heard, and ends when its input does: so it never outlives us by
more than a step, and what is left is what `spool` promises after any kill.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from adapters.evidencefiles import carrying
from adapters.evidencefiles.carrying import Opening
from adapters.evidencefiles.exhibits import Exhibit, Progress, quiet
from adapters.evidencefiles.spool import Outgoing, Spool
from bus import subjects
from bus.connection import connected
from bus.processes import begun, ended, hear, read_frame, say, tell
from bus.queue import NatsAgency
from keys import tls
from messages import cbor, errors
from messages.errors import BadInput, DependencyError, Malformed, NotPermitted, ShareError, Unverified
from messages.evidencefile import EvidenceFile
from messages.ids import AgencyHandle, ContactHandle, MessageId

END_SECONDS: Final = 2.0
"""For the process to take away what it had half done."""
_ERRORS: Final = (Malformed, Unverified, BadInput, NotPermitted, errors.LocalError, errors.RemoteError, DependencyError)
"""As which errors of the process are raised here: the first that fits."""
_ENDED: Final = "The process that carries evidence files has ended; try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one contact gets to the bus."""

    url: str
    seed: bytes = field(repr=False)
    agency: AgencyHandle
    contact: ContactHandle
    tls: Path | None  # the folder of our certificate, where the bus wants TLS

    def to_value(self) -> dict[str, Any]:
        """As the process is told it."""
        folder = str(self.tls) if self.tls is not None else None
        return {"url": self.url, "seed": self.seed, "agency": self.agency, "contact": self.contact, "tls": folder}


async def seal(home: Path, exhibit: Exhibit, message: MessageId, progress: Progress = quiet) -> None:
    """`Spool.seal` in the process."""
    of = {n: getattr(exhibit, n) for n in ("about", "name", "media", "size", "digest", "object", "key")}
    await _carried(home, {"do": "seal", "message": message, "path": str(exhibit.path), "of": of}, progress)


async def send(home: Path, file: Outgoing, way: Way, progress: Progress = quiet) -> None:
    """`carrying.send` in the process."""
    await _carried(
        home, {"do": "send", "message": file.message, "object": file.object, "way": way.to_value()}, progress
    )


async def fetch(home: Path, stored: tuple[bytes, int], way: Way, opening: Opening, progress: Progress = quiet) -> None:
    """`carrying.fetch` in the process; tickets are got by us, who have the contact's signing key."""
    await _carried(home, {"do": "fetch", "stored": list(stored), "way": way.to_value()}, progress, opening)


async def open_into(
    home: Path, target: Path, stored: bytes, file: EvidenceFile, message: MessageId, progress: Progress = quiet
) -> None:
    """`Spool.open_into` in the process."""
    of = {n: getattr(file, n) for n in ("name", "about", "size", "digest", "key")}
    job = {"do": "open", "message": message, "object": stored, "target": str(target), "of": of}
    await _carried(home, job, progress)


async def _carried(home: Path, job: Mapping[str, Any], progress: Progress, opening: Opening | None = None) -> None:
    """Have one thing done, and raise what is raised there."""
    try:
        process = await begun(__name__)
    except OSError:
        raise DependencyError(
            "The machine did not let another process start, which carries evidence files; try again."
        ) from None
    try:
        said = await _answer(process, {**job, "home": str(home)})
        while "done" not in said:
            if "error" in said:
                raise _error(*said["error"])
            if "ticket" in said:
                said = await _answer(process, await _ticket(opening))
            else:
                progress(*said["progress"])
                said = await _answer(process, {})
    finally:
        await ended(process, END_SECONDS)


async def _answer(process: asyncio.subprocess.Process, told: Mapping[str, Any]) -> dict[str, Any]:
    """What it says next, once it was told this."""
    try:
        await tell(process, told)
        return await hear(process)
    except (OSError, EOFError, Malformed):
        raise DependencyError(_ENDED) from None


async def _ticket(opening: Opening | None) -> dict[str, Any]:
    try:
        return {"ticket": await opening()} if opening is not None else {}
    except ShareError as error:
        return _told(error)


def _told(error: ShareError) -> dict[str, Any]:
    kind = next((k for k in _ERRORS if isinstance(error, k)), DependencyError)
    return {"error": [kind.__name__, str(error)]}


def _error(name: str, says: str) -> ShareError:
    return next((k for k in _ERRORS if k.__name__ == name), DependencyError)(says)


# The process, from inside


def _progress(what: str, done: int, of: int) -> None:
    say({"progress": [what, done, of]})
    _heard()


async def _opening() -> bytes:
    say({"ticket": None})
    heard = _heard()
    if "error" in heard:
        raise _error(*heard["error"])
    ticket: bytes = heard["ticket"]
    return ticket


def _heard() -> dict[str, Any]:
    data = read_frame(sys.stdin.buffer)
    if data is None:
        raise SystemExit(1)  # whoever started us has ended, or wants no more of it
    heard: dict[str, Any] = cbor.load(data, len(data), "request")
    return heard


async def _on_the_bus(job: Mapping[str, Any], spool: Spool) -> None:
    way = job["way"]
    context = tls.client_context(tls.Files(Path(way["tls"])), time.time_ns() // 1_000_000) if way["tls"] else None
    inbox = subjects.contact_inbox(way["contact"])
    async with connected(way["url"], way["seed"], inbox_prefix=inbox, name="files", tls=context) as connection:
        port = NatsAgency(connection, way["agency"])
        if job["do"] == "fetch":
            identifier, chunks = job["stored"]
            await carrying.fetch((identifier, chunks), _opening, spool, port.ask, _progress)
            return
        for file in spool.outgoing(job["message"]):
            if file.object == job["object"]:
                await carrying.send(file, spool, port.ask, _progress)


def _do(job: Mapping[str, Any]) -> None:
    spool = Spool(Path(job["home"]))
    try:
        match job["do"]:
            case "seal":
                spool.seal(Exhibit(path=Path(job["path"]), **job["of"]), job["message"], _progress)
            case "open":
                file = EvidenceFile(**job["of"])
                spool.open_into(Path(job["target"]), job["object"], file, job["message"], _progress)
            case _:
                asyncio.run(_on_the_bus(job, spool))
    finally:
        spool.close()


def _main() -> None:
    try:
        _do(_heard())
        say({"done": True})
    except ShareError as error:
        say(_told(error))
    except Exception as error:
        # By its kind alone: the text of another's error may quote what nobody may see.
        say(
            _told(DependencyError(f"An evidence file could not be carried ({type(error).__name__}); please report it."))
        )


if __name__ == "__main__":
    _main()
