"""JetStream as a store: streams, atomic batch, compare-and-set, reading one message, purging.

Promises. A batch is stored whole or not at all. A compare-and-set in it holds against every writer and survives a
crash of the server. A batch is tried again only if it carries such a condition, so trying again can never store
twice; after a lost reply the second try answers `Conflict`, which therefore may mean "stored by us, a moment ago":
read before you conclude.

Not here: what the bytes mean.
"""

import asyncio
import base64
import json
import secrets
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from bus import bounds, subjects
from bus.connection import Connection, NoAnswer, NobodyThere, mapped, status
from messages.errors import DependencyError, LocalError, ShareError
from messages.ids import AgencyHandle, ContactHandle

_T = TypeVar("_T")

EXPECT_SUBJECT: Final = "Nats-Expected-Last-Subject-Sequence"
EXPECT_OF: Final = (
    "Nats-Expected-Last-Subject-Sequence-Subject"  # the subject that `EXPECT_SUBJECT` is about, if another
)
EXPECT_STREAM: Final = "Nats-Expected-Last-Sequence"
TTL: Final = "Nats-TTL"

_WRONG_LAST_SEQUENCE: Final = frozenset({10071, 10164})  # the second: the same subject twice within one batch
_OTHER_CONFIGURATION: Final = 10058
_NO_MESSAGE: Final = 10037
_NO_SEQUENCE: Final = 10043
_NO_CONSUMER: Final = 10014
_AGAIN: Final = frozenset({10008, 10023, 10176, 10210, 10211})  # no leader, no resources, batch given up or crowded out
_TOO_LARGE: Final = frozenset({10054, 10199})


class AlreadyStored(ShareError):
    """At least one entry of the call stands already; `keys` are those, `(agency, key)` each. Nothing of the batch was
    stored.
    """

    code = "already-stored"
    says = "This submission was stored before."

    def __init__(self, keys: Sequence[tuple[AgencyHandle, str]] = ()) -> None:
        super().__init__()
        self.keys = tuple(keys)


class ConsentWithdrawn(ShareError):
    """A consent that something of the call rests on was withdrawn; `consents` are those. Nothing of the batch was
    stored.
    """

    code = "consent-withdrawn"
    says = "The consent that this rests on was withdrawn."

    def __init__(self, consents: Sequence[bytes] = ()) -> None:
        super().__init__()
        self.consents = tuple(consents)


class Fenced(DependencyError):
    """Somebody has written since the caller last looked: it is no longer the leader, or its own write came through
    late.
    """

    code = "fenced"
    says = "Another sequencer has written to the log; read its tail again."


class Conflict(Exception):
    """The condition of a batch does not hold; nothing of it was stored."""


class Refused(DependencyError):
    """JetStream answered with an error of its own; `number` is its error code."""

    code = "bus-refused"

    def __init__(self, doing: str, number: int) -> None:
        super().__init__(f"The message bus refused while {doing} (JetStream error {number}).")
        self.number = number


@dataclass(frozen=True, slots=True)
class Stored:
    """One message as the store holds it."""

    seq: int
    subject: str
    data: bytes = field(repr=False)
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message of a batch. Its headers must not be those of the batch itself."""

    subject: str
    data: bytes = field(repr=False)
    headers: Mapping[str, str]


def header_lines(raw: bytes) -> dict[str, str]:
    """The headers of a stored message as the server returns them in JSON: a status line, then `name: value` lines."""
    found: dict[str, str] = {}
    for line in raw.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            found[name.decode("utf-8", "replace").strip()] = value.decode("utf-8", "replace").strip()
    return found


async def until_answered(once: Callable[[], Awaitable[_T]], seconds: float = bounds.RETRY_SECONDS) -> _T:
    """What `once` returns: something that may safely be done again, tried for so many seconds while the servers are
    still coming up or electing a leader. Those that are, may be silent instead of refusing.
    """
    return await _tried(once, Store.tries(seconds), NoAnswer)


async def _tried(once: Callable[[], Awaitable[_T]], tries: AsyncIterator[bool], over: type[NoAnswer]) -> _T:
    """What `once` returns, at the latest at the last of `tries`: others are done `over` such trouble."""
    async for last in tries:
        try:
            return await once()
        except over:
            if last:
                raise
        except Refused as refusal:
            if last or refusal.number not in _AGAIN:
                raise
    raise NoAnswer  # not reached: the last try returns or raises


class Store:
    """The streams, seen through one worker's connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def api(self, subject: str, body: Mapping[str, object] | None, doing: str) -> dict[str, Any]:
        """One request of the JetStream API, or `Refused` with its error code."""
        data = json.dumps(body).encode() if body is not None else b""
        reply = await self.connection.request(f"$JS.API.{subject}", data, doing=doing)
        return self._parsed(reply.data, doing)

    @staticmethod
    def _parsed(data: bytes, doing: str) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(data)
            error = answer.get("error")
        except (ValueError, AttributeError):
            raise DependencyError(f"The message bus answered nonsense while {doing}.") from None
        if error is not None:
            raise Refused(doing, int(error.get("err_code") or 0))
        return answer

    # Making streams and consumers

    async def ensure_streams(self, replicas: int = 1) -> None:
        """Make the streams, or bring them to the configuration of `subjects`.
        Idempotent.
        """
        for spec in subjects.STREAMS:
            body = spec.request(replicas)
            try:
                await self._patiently(f"STREAM.CREATE.{spec.name}", body, f"making the stream {spec.name}")
            except Refused as refusal:
                if refusal.number != _OTHER_CONFIGURATION:
                    raise
                if spec.refuse_more:
                    body["max_msgs_per_subject"] = await until_answered(partial(self._bound, spec))
                await self._patiently(f"STREAM.UPDATE.{spec.name}", body, f"changing the stream {spec.name}")
        # Of an older version: one queue for all agencies.
        await until_answered(lambda: self._remove(subjects.SUBMIT, subjects.WORKERS))

    async def _bound(self, spec: subjects.StreamSpec) -> int:
        """How many messages of one subject this stream may have from now on. The server drops what is above a bound
        that is lowered, so the bound that stands stays until less than half of the lower one waits.
        """
        info = await self.api(f"STREAM.INFO.{spec.name}", {"subjects_filter": ">"}, "looking at a stream")
        waiting = max((info.get("state", {}).get("subjects") or {}).values(), default=0)
        if 2 * waiting < spec.max_msgs_per_subject:
            return spec.max_msgs_per_subject
        return max(spec.max_msgs_per_subject, int(info["config"]["max_msgs_per_subject"]))

    async def ensure_intake(self, agency: AgencyHandle) -> None:
        """Make the workers' consumers for what one agency hands in, one for each lane. Idempotent."""
        for lane in subjects.LANES:
            await self._consumer(subjects.SUBMIT.name, subjects.intake_consumer(agency, lane))

    async def handed_in(self) -> dict[AgencyHandle, int]:
        """How many submissions of each agency wait, of the kind of which most do."""
        return {agency: max(kinds.values()) for agency, kinds in (await self.submitted()).items()}

    async def submitted(self) -> dict[AgencyHandle, Counter[str]]:
        """How many submissions of each agency wait, by kind."""
        info = await self.api(f"STREAM.INFO.{subjects.SUBMIT.name}", {"subjects_filter": "submit.>"}, "looking")
        found: dict[AgencyHandle, Counter[str]] = defaultdict(Counter)
        for subject, count in (info.get("state", {}).get("subjects") or {}).items():
            read = subjects.read_submit(subject)
            if read is not None:
                found[read[0]][read[1]] += int(count)
        return dict(found)

    async def ensure_consumers(self, agency: AgencyHandle, contact: ContactHandle) -> None:
        """Make the durable consumers of one contact, one for each lane. Idempotent; what waits is not touched."""
        for lane in subjects.LANES:
            await self._consumer(subjects.FLOW.name, subjects.contact_consumer(agency, contact, lane))

    async def remove_consumers(self, contact: ContactHandle) -> None:
        """Take the consumers of a contact away, so that even an open pull gets nothing more. Views are not touched."""
        for lane in subjects.LANES:
            await self._remove(subjects.FLOW, subjects.consumer(contact, lane))

    async def _remove(self, stream: subjects.StreamSpec, consumer: str) -> None:
        try:
            await self.api(f"CONSUMER.DELETE.{stream.name}.{consumer}", None, "removing a consumer")
        except Refused as refusal:
            if refusal.number != _NO_CONSUMER:
                raise

    async def _consumer(self, stream: str, config: Mapping[str, object]) -> None:
        name, filtered = config["name"], config.get("filter_subject")
        subject = f"CONSUMER.CREATE.{stream}.{name}" + (f".{filtered}" if filtered else "")
        await self._patiently(subject, {"stream_name": stream, "config": config}, "making a consumer")

    async def _patiently(self, subject: str, body: Mapping[str, object], doing: str) -> None:
        """An idempotent request, tried again while the server is still coming up or electing a leader."""
        await until_answered(lambda: self.api(subject, body, doing))

    @staticmethod
    async def tries(seconds: float = bounds.RETRY_SECONDS) -> AsyncIterator[bool]:
        """Yield once a try, whether it is the last one; pause between tries."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        pause = bounds.RETRY_PAUSE
        while True:
            last = clock() + pause >= end
            yield last
            if last:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1.0)

    # Writing

    async def batch(self, messages: Sequence[Outgoing], doing: str = "storing") -> int:
        """Store `messages` as one atomic batch and return the stream sequence of its last message.

        At least one must carry a condition (`EXPECT_SUBJECT` or `EXPECT_STREAM`). Raises `Conflict` if one does not
        hold.
        """
        if not 0 < len(messages) <= bounds.BATCH_MESSAGES:
            raise LocalError(f"One batch holds 1 to {bounds.BATCH_MESSAGES} messages.")
        async for last in self.tries():
            try:
                return await self._batch_once(messages, doing)
            except NoAnswer:
                if last:
                    raise
            except Refused as refusal:
                if refusal.number in _WRONG_LAST_SEQUENCE:
                    raise Conflict from None
                if refusal.number in _TOO_LARGE:
                    raise LocalError(
                        "One message with its views is larger than the message bus can store whole."
                    ) from None
                if last or refusal.number not in _AGAIN:
                    raise
        raise NoAnswer  # not reached: the last try returns or raises

    async def _batch_once(self, messages: Sequence[Outgoing], doing: str) -> int:
        """First and last are requests, the rest plain publishes, and all are on their way before a reply is awaited.

        One alone goes as a plain message: it is whole by itself, its conditions hold all the same, and the server makes
        and removes a store of its own for each batch.
        """
        if len(messages) == 1:
            (one,) = messages
            return await self.put(one.subject, one.data, doing, one.headers)
        connection, client = self.connection, self.connection.client
        batch, end = secrets.token_hex(16), len(messages)
        opening: asyncio.Future[Msg] | None = None
        with mapped(doing):
            for number, message in enumerate(messages, start=1):
                headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number), **message.headers}
                if number == end:
                    headers["Nats-Batch-Commit"] = "1"
                    committing = await connection.ask(message.subject, message.data, headers)
                elif number == 1:
                    opening = await connection.ask(message.subject, message.data, headers)
                else:
                    await client.publish(message.subject, message.data, headers=headers)
            try:
                reply = await connection.reply(committing)
            finally:
                if opening is not None and not opening.done():
                    connection._forget(opening)
        if opening is not None and not opening.cancelled() and opening.result().data:
            self._parsed(opening.result().data, doing)  # the first message was refused, and says better why
        return int(self._parsed(reply.data, doing)["seq"])

    async def put(
        self, subject: str, data: bytes, doing: str = "storing", headers: Mapping[str, str] | None = None
    ) -> int:
        """Store one message, unconditionally; a lost reply is not tried again."""
        reply = await self.connection.request(subject, data, headers, doing=doing)
        return int(self._parsed(reply.data, doing)["seq"])

    async def purge(self, stream: subjects.StreamSpec, pattern: str) -> int:
        """Remove all messages whose subject matches `pattern`; return how many. Never all of a stream."""
        if not pattern or pattern == ">":
            raise LocalError("A purge names what it removes.")
        answer = await self.api(f"STREAM.PURGE.{stream.name}", {"filter": pattern}, "removing messages")
        return int(answer.get("purged", 0))

    async def delete(self, stream: subjects.StreamSpec, seq: int, *, erase: bool = True) -> bool:
        """Remove one message; False if it was not there.

        Without `erase`, its bytes stay in the server's file until that is compacted. To erase, the server writes the
        message's whole block anew, up to 8 MB each time.
        """
        body = {"seq": seq, "no_erase": not erase}
        try:
            await self.api(f"STREAM.MSG.DELETE.{stream.name}", body, "removing a message")
        except Refused as refusal:
            if refusal.number in (_NO_MESSAGE, _NO_SEQUENCE):
                return False
            raise
        return True

    # Reading: each is asked again while the server comes up or elects a leader, which reads of a copy feel too

    async def _patient(self, once: Callable[[], Awaitable[_T]]) -> _T:
        """What `once` reads. Only what was refused at once is asked again: a server that is silent costs one wait."""
        return await _tried(once, self.tries(), NobodyThere)

    async def last(self, stream: subjects.StreamSpec, subject: str) -> Stored | None:
        """The last message on `subject`, from the stream's leader: never an older truth."""
        return await self._get(stream, {"last_by_subj": subject})

    async def at(self, stream: subjects.StreamSpec, seq: int) -> Stored | None:
        """The message at `seq`, from the stream's leader."""
        return await self._get(stream, {"seq": seq})

    async def each(self, stream: subjects.StreamSpec, pattern: str, first: int = 1) -> AsyncIterator[Stored]:
        """Every message from sequence `first` on whose subject matches `pattern`, in order, from the leader."""
        seq = first
        while (found := await self._get(stream, {"seq": seq, "next_by_subj": pattern})) is not None:
            yield found
            seq = found.seq + 1

    async def holds(self, stream: subjects.StreamSpec, pattern: str, first: int) -> bool:
        """Whether any message from sequence `first` on has a subject that matches `pattern`, as the leader knows it."""
        return await self._get(stream, {"seq": first, "next_by_subj": pattern}) is not None

    async def _get(self, stream: subjects.StreamSpec, body: Mapping[str, object]) -> Stored | None:
        try:
            answer = await self._patient(lambda: self.api(f"STREAM.MSG.GET.{stream.name}", body, "reading the store"))
        except Refused as refusal:
            if refusal.number == _NO_MESSAGE:
                return None
            raise
        try:
            found = answer["message"]
            headers = header_lines(base64.b64decode(found["hdrs"])) if found.get("hdrs") else {}
            return Stored(int(found["seq"]), str(found["subject"]), base64.b64decode(found.get("data") or b""), headers)
        except (KeyError, TypeError, ValueError):
            raise DependencyError("The message bus answered nonsense while reading the store.") from None

    async def direct(self, stream: subjects.StreamSpec, about: str) -> Stored | None:
        """The last message on `about` from any replica, which may lag: for what never changes once written."""
        body = json.dumps({"last_by_subj": about}).encode()
        subject = f"$JS.API.DIRECT.GET.{stream.name}"
        reply = await self._patient(lambda: self.connection.request(subject, body, doing="reading the store"))
        if status(reply) == "404":
            return None
        return self._lifted(reply)

    @staticmethod
    def _lifted(reply: Msg) -> Stored:
        headers = reply.headers or {}
        try:
            return Stored(int(headers["Nats-Sequence"]), headers["Nats-Subject"], reply.data, headers)
        except (KeyError, ValueError):
            raise DependencyError("The message bus answered nonsense while reading the store.") from None

    async def several(self, stream: subjects.StreamSpec, subject: str, first_seq: int, count: int) -> list[Stored]:
        """Up to `count` messages on `subject` from `first_seq` on, in order. Fewer when there are no more."""
        found: list[Stored] = []
        while len(found) < count:
            wanted = min(count - len(found), bounds.READ_BATCH)
            more = await self._patient(partial(self._several_once, stream, subject, first_seq, wanted))
            if not more:
                break
            found += more
            first_seq = more[-1].seq + 1
        return found

    async def _several_once(
        self, stream: subjects.StreamSpec, subject: str, first_seq: int, count: int
    ) -> list[Stored]:
        client, arrived = self.connection.client, asyncio.Queue[Msg]()
        inbox = client.new_inbox()
        found: list[Stored] = []

        async def take(message: Msg) -> None:
            arrived.put_nowait(message)

        with mapped("reading the store"):
            subscription = await client.subscribe(inbox, cb=take, pending_msgs_limit=0, pending_bytes_limit=0)
            try:
                body = json.dumps({"seq": first_seq, "next_by_subj": subject, "batch": count}).encode()
                await client.publish(f"$JS.API.DIRECT.GET.{stream.name}", body, reply=inbox)
                async with asyncio.timeout(bounds.REQUEST_SECONDS):
                    while True:
                        message = await arrived.get()
                        word = status(message)
                        if word in ("204", "404"):  # end of batch; nothing there
                            return found
                        if word == "503":
                            raise NoRespondersError
                        if word is not None:
                            raise Refused("reading the store", int(word) if word.isdigit() else 0)
                        found.append(self._lifted(message))
            finally:
                if not client.is_closed:
                    await subscription.unsubscribe()

    async def waiting(self, stream: subjects.StreamSpec, consumer: str) -> int:
        """How many messages a consumer has not acknowledged yet, handed out or not; 0 if there is no such consumer."""
        try:
            info = await self.api(f"CONSUMER.INFO.{stream.name}.{consumer}", None, "counting what waits")
        except Refused as refusal:
            if refusal.number == _NO_CONSUMER:
                return 0
            raise
        return int(info.get("num_pending", 0)) + int(info.get("num_ack_pending", 0))

    async def acknowledged(self, stream: subjects.StreamSpec, consumer: str) -> int:
        """The stream sequence up to which a consumer has acknowledged everything; 0 if there is no such consumer."""
        try:
            info = await self.api(f"CONSUMER.INFO.{stream.name}.{consumer}", None, "seeing what was handed over")
        except Refused as refusal:
            if refusal.number == _NO_CONSUMER:
                return 0
            raise
        return int(info.get("ack_floor", {}).get("stream_seq", 0))

    async def state(self, stream: subjects.StreamSpec) -> dict[str, int]:
        """`messages`, `first_seq`, `last_seq` and `bytes` of a stream."""
        info = await self.api(f"STREAM.INFO.{stream.name}", None, "looking at a stream")
        state = info.get("state", {})
        return {name: int(state.get(name, 0)) for name in ("messages", "bytes", "first_seq", "last_seq")}


def within_batches(groups: Iterable[Sequence[Outgoing]]) -> list[list[Outgoing]]:
    """Put whole groups into as few batches as the server's limits allow. A group is never split; one that is too
    large by itself is refused here, before anything is sent.
    """
    batches: list[list[Outgoing]] = []
    size = bounds.BATCH_BYTES + 1
    for group in groups:
        weight = sum(len(message.data) for message in group)
        if len(group) > bounds.BATCH_MESSAGES:
            raise LocalError(f"One message with its views is more than {bounds.BATCH_MESSAGES} parts.")
        full = not batches or len(batches[-1]) + len(group) > bounds.BATCH_MESSAGES
        if full or size + weight > bounds.BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1] += group
        size += weight
    return batches
