"""Close what is open: the connections of a login that was revoked, whose rights have changed, or that is shut out, on
every server; and count what the servers are handed.

The callout decides at the door; it does not see who is already inside. `Doorkeeper.cut` does: it asks all servers for
the connections of these logins, has each closed, and looks again until a look at all servers finds none. A login whose
rights have changed comes back by itself with the new ones; one that is gone is refused. So change what the callout
looks up *first*, then cut.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from bus import bounds, subjects
from bus.connection import Connection, NoAnswer, mapped
from bus.overruns import Connected, Place, Reading, load
from messages.errors import ShareError

_PAGE: Final = 1_024  # connections in one answer of a server; after closing these, it is asked again
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_AT_ONCE: Final = 32  # logins looked for at the same time
_LOUDEST: Final = 256  # connections in each page of `readings`; a flood is among them within a second or a few
_PAGES: Final = (  # of `readings`: who has sent most since it came (a login lives for minutes), and who went just now
    {"state": 0, "sort": "msgs_from"},
    {"state": 0, "sort": "bytes_from"},
    {"state": 1, "sort": "stop"},
)


class Doorkeeper:
    """On a connection of `doorkeeper_permissions`, which stays the caller's."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def cut(self, public_keys: Collection[str]) -> int:
        """Close every connection whose login is one of `public_keys`, on all servers; how many there were.

        Raises `NoAnswer` if after `CUT_SECONDS` it is not certain that none is left, because a server did not
        answer: then try again. A login that the callout grants while this runs is not among them.
        """
        closed: set[Place] = set()
        gate = asyncio.Semaphore(_AT_ONCE)

        async def cut(key: str) -> None:
            async with gate:
                await self._cut(subjects.check_login(key), closed)

        try:
            async with asyncio.timeout(bounds.CUT_SECONDS), asyncio.TaskGroup() as tasks:
                for key in sorted(set(public_keys)):
                    tasks.create_task(cut(key))
        except* ShareError as errors:
            raise errors.exceptions[0] from None
        except* TimeoutError:
            raise NoAnswer(
                "Not every server of the message bus has said that the revoked logins are cut off; try again."
            ) from None
        return len(closed)

    async def totals(self) -> dict[str, float]:
        """What each server has taken from its clients since it runs, as `overruns.load` counts it."""
        found: dict[str, float] = {}
        for server, answer in (await self._ask_all()).servers.items():
            taken = answer.get("received_from_clients")
            if isinstance(taken, dict):
                came = _number(answer.get("total_connections"))
                found[server] = load(_number(taken.get("msgs")), _number(taken.get("bytes")), came)
        return found

    async def readings(self) -> list[Reading]:
        """What every server counts of the agencies' connections: of the `_LOUDEST` and as many that ended last."""
        bodies = (json.dumps({"auth": True, "acc": "AGENCIES", "limit": _LOUDEST, **page}).encode() for page in _PAGES)
        pages = (await self._ask_all(*bodies)).pages
        found: list[Reading] = []
        for server in {server for page in pages for server in page}:
            said = [page[server] for page in pages if server in page]
            moments = [moment for answer in said if (moment := _moment(answer.get("now"))) is not None]
            counted = {one.place: one for answer in said for one in _counted(server, answer)}
            if moments:
                found.append(Reading(server=server, now=min(moments), connections=tuple(counted.values())))
        return found

    async def _cut(self, key: str, closed: set[Place]) -> None:
        """Twice at least: a login that was granted just before may have been on its way in during the first look."""
        since: dict[str, datetime] = {}  # when each server was first looked at, by its own clock
        quiet = 0
        while quiet < 2:
            found, all_answered = await self._connections(key, since)
            await asyncio.gather(*map(self._kick, found))
            closed |= found
            quiet = 0 if found or not all_answered else quiet + 1
            if quiet < 2:
                await asyncio.sleep(bounds.RETRY_PAUSE)

    async def _kick(self, place: Place) -> None:
        """A server takes no notice of a request that names no reply. Whether it is done, the next look shows."""
        server, number = place
        body = json.dumps({"cid": number}).encode()
        with suppress(NoAnswer):
            await self.connection.request(subjects.kick(server), body, timeout=bounds.SWEEP_SECONDS, doing="cutting")

    async def _connections(self, key: str, since: dict[str, datetime]) -> tuple[set[Place], bool]:
        """The open connections of a login, and whether all servers have answered. One that began after the first look
        was asked about when `look_up` had changed, so it is left alone.
        """
        body = json.dumps({"auth": True, "user": key, "acc": "AGENCIES", "limit": _PAGE}).encode()
        found: set[Place] = set()
        said = await self._ask_all(body)
        for server, answer in said.pages[0].items():
            first = since.setdefault(server, _moment(answer.get("now")) or _NEVER)
            for one in _listed(answer):
                number, began = one.get("cid"), _moment(one.get("start"))
                if isinstance(number, int) and one.get("authorized_user") == key and (not began or began <= first):
                    found.add((server, number))
        return found, said.complete

    async def _ask_all(self, *bodies: bytes) -> "_Said":
        """Every server's answers to these questions about its connections, and what it says of itself. How many servers
        there are is what each of them says, the largest of it.
        """
        client = self.connection.client
        said = _Said(pages=[{} for _ in bodies])
        ready = asyncio.Event()

        def hearing(into: dict[str, dict[str, Any]], part: str) -> Callable[[Msg], Awaitable[None]]:
            async def heard(message: Msg) -> None:
                if (read := _read(message.data, part)) is not None:
                    into[read[0]] = read[1]
                    if said.complete:
                        ready.set()

            return heard

        asked = [(subjects.SERVERS, b"", hearing(said.servers, "statsz"))]
        asked += [
            (subjects.CONNECTIONS, body, hearing(page, "data")) for body, page in zip(bodies, said.pages, strict=True)
        ]
        with mapped("asking all servers"):
            listening: list[Subscription] = []
            try:
                for subject, body, heard in asked:
                    inbox = client.new_inbox()
                    listening.append(await client.subscribe(inbox, cb=heard))
                    await client.publish(subject, body, reply=inbox)
                with suppress(TimeoutError):
                    async with asyncio.timeout(bounds.SWEEP_SECONDS):
                        await ready.wait()
            finally:
                for one in listening:
                    await _forget(one)
        return said


@dataclass(slots=True, kw_only=True)
class _Said:
    """What each server, by its id, said of itself and of its connections; those by question."""

    pages: list[dict[str, dict[str, Any]]]
    servers: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether as many have answered as there are."""
        counts = [count if isinstance(count := one.get("active_servers"), int) else 1 for one in self.servers.values()]
        return bool(counts) and all(len(one) >= max(counts) for one in (self.servers, *self.pages))


def _read(data: bytes, part: str) -> tuple[str, dict[str, Any]] | None:
    """(the server's id, the part of its answer that was asked for), or None where it is not such an answer."""
    try:
        answer = json.loads(data)
        server, body = answer["server"]["id"], answer[part]
    except (ValueError, KeyError, TypeError):
        return None
    return (server, body) if isinstance(server, str) and isinstance(body, dict) else None


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _counted(server: str, answer: dict[str, Any]) -> Iterator[Connected]:
    for one in _listed(answer):
        number, login = one.get("cid"), one.get("authorized_user")
        if isinstance(number, int) and isinstance(login, str):
            yield Connected(
                place=(server, number),
                login=login,
                began=_moment(one.get("start")),
                pieces=_number(one.get("in_msgs")),
                bytes=_number(one.get("in_bytes")),
                closed="stop" in one,
            )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _listed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    found = answer.get("connections")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


async def _forget(subscription: Subscription) -> None:
    with suppress(nats.errors.Error, OSError):  # the connection went: so did the subscription
        await subscription.unsubscribe()
