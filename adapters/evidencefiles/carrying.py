"""Evidence files between our disk and the broker: a few chunks at a time, from where it stopped the last time.

Both directions go in order, `WINDOW` chunks at once, so that memory does not depend on the file. What the broker has is
noted after each window; a chunk that was on its way when we died is handed in again, and the same bytes change nothing.
The disk is waited for: this runs in a process that has nothing else to do (`carrier`), and each further thread would
keep buffers of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from adapters.evidencefiles.exhibits import Progress, quiet
from adapters.evidencefiles.spool import Outgoing, Spool
from keys.domains import Tag
from keys.signing import Signs
from messages import cbor
from messages.cbor import Reader
from messages.envelope import Delivery
from messages.errors import DependencyError, Malformed, NotPermitted
from messages.evidence import Stamp
from messages.evidencefile import CHUNK, HEADER, SEALED_CHUNK, Chunk, FileRequest, Reservation
from messages.ids import MessageId

T = TypeVar("T")
Ask = Callable[[str, bytes], Awaitable[bytes]]
Opening = Callable[[], Awaitable[bytes]]
"""Gets a ticket for one file (`ticket`)."""

WINDOW: Final = 4
TRIES: Final = 6
"""How often in a row a window is tried before the rest is left for later."""
_ANSWER: Final = SEALED_CHUNK + HEADER + 256
_SENTENCES: Final = {
    "quota": "The broker has no more room for evidence files of this agency; wait until earlier ones have expired.",
    "too-large": "The broker does not take an evidence file of this size or lifetime.",
    "taken": "The broker has another evidence file under this id; send the message again.",
    "disk-full": "The broker's disk has no room for the evidence file; tell the operator.",
    "unreserved": "The broker does not know this evidence file any more; send the message again.",
    "missing": "A part of the evidence file is not at the broker; ask the sender to send it again.",
    "stale": "The message has expired, or this machine's clock is wrong; ask the sender to send it again.",
    "unverified": "The broker does not take this view as one that names the evidence file; tell the officers.",
    "undesignated-sender": "The broker knows no mandate of this contact that is in force.",
}
_LATER: Final = frozenset({"disk-full"})


async def _asked(ask: Ask, verb: str, question: bytes) -> Reader:
    """The broker's answer, if it is not a refusal; else `NotPermitted`, or `DependencyError` where it may change."""
    reader = Reader(cbor.load(await ask(verb, question), _ANSWER, "answer about a file"), "answer about a file")
    code = reader.maybe_text("code", 64)
    if code is None:
        return reader
    sentence = _SENTENCES.get(code, f"The broker refuses the evidence file ({code}).")
    raise DependencyError(sentence) if code in _LATER else NotPermitted(sentence)


async def _patiently(doing: Callable[[], Awaitable[None]]) -> None:
    """Try again for a while where the broker does not answer: it may be starting."""
    for attempt in range(TRIES):
        try:
            await doing()
            return
        except DependencyError:
            if attempt == TRIES - 1:
                raise
            await asyncio.sleep(min(0.2 * 2**attempt, 3.0))


async def send(file: Outgoing, spool: Spool, ask: Ask, progress: Progress = quiet) -> None:
    """Hand one sealed file in, from where it stopped. Raises `NotPermitted` where the broker refuses it,
    `DependencyError` where it cannot be reached: then the rest goes later.
    """
    sent = file.sent

    async def reserve() -> None:
        nonlocal sent
        asked = Reservation(object=file.object, chunks=file.chunks, until=file.until)
        answer = await _asked(ask, "filereserve", asked.to_bytes())
        if not answer.flag("stood"):
            sent = 0  # it knew nothing of it: all of it goes (again)

    async def hand_in(number: int) -> None:
        data = spool.chunk(file.object, number)
        await _asked(ask, "filechunk", Chunk(object=file.object, number=number, data=data).to_bytes())

    async def window() -> None:
        await _together([hand_in(n) for n in range(sent, min(sent + WINDOW, file.chunks))])

    await _patiently(reserve)
    while sent < file.chunks:
        await _patiently(window)
        sent = min(sent + WINDOW, file.chunks)
        spool.sent(file.object, sent)
        progress("sending", sent * CHUNK, file.chunks * CHUNK)
    spool.done(file.object)


async def ticket(
    stored: bytes, delivery: Delivery, message: MessageId, signer: Signs, now: Callable[[], int], ask: Ask
) -> bytes:
    """The broker's ticket for one file that a view names; raises as `send` does."""
    view = Stamp.from_bytes(delivery.stamp.body).view
    request = FileRequest(object=stored, view=view, message=message, at=now())
    signed = signer.sign(Tag.EVIDENCE_FILE, request.to_bytes())
    question = {"request": signed.to_bytes(), "stamp": delivery.stamp.to_bytes(), "view": delivery.view}
    return (await _asked(ask, "fileopen", cbor.dump(question))).raw("ticket", 33, 320)


async def fetch(
    stored: tuple[bytes, int], opening: Opening, spool: Spool, ask: Ask, progress: Progress = quiet
) -> None:
    """Fetch the chunks of one file, from where it stopped, with tickets that `opening` gets; raises as `send` does."""
    identifier, chunks = stored
    shown = b""

    async def show() -> None:
        nonlocal shown
        shown = await opening()

    async def one(number: int) -> bytes:
        answer = await _asked(ask, "fileread", cbor.dump({"ticket": shown, "number": number}))
        data = answer.raw("data", SEALED_CHUNK, SEALED_CHUNK + HEADER)
        if len(data) != SEALED_CHUNK + (0 if number else HEADER):
            raise Malformed("A chunk of the evidence file has another length than it must have.")
        return data

    async def window() -> None:
        have = spool.arrived(identifier)
        wanted = range(have, min(have + WINDOW, chunks))
        try:
            found = await _together([one(n) for n in wanted])
        except NotPermitted:
            await show()  # the ticket may be over, or of a broker that is no more
            found = await _together([one(n) for n in wanted])
        spool.receive(identifier, have, found)
        progress("fetching", (have + len(found)) * CHUNK, chunks * CHUNK)

    await _patiently(show)
    while spool.arrived(identifier) < chunks:
        await _patiently(window)


async def _together(doing: list[Awaitable[T]]) -> list[T]:
    """Do all, and wait for all: nothing is left running behind an error."""
    found = await asyncio.gather(*doing, return_exceptions=True)
    for result in found:
        if isinstance(result, BaseException):
            raise result
    return [r for r in found if not isinstance(r, BaseException)]
