"""Close what is open: the connections of a login that was revoked, or whose rights have changed, on every server.

The callout decides at the door; it does not see who is already inside. `Doorkeeper.cut` does: it asks all servers for
the connections of these logins, has each closed, and looks again until a look at all servers finds none. A login whose
rights have changed comes back by itself with the new ones; one that is gone is refused. So change what the callout
looks up *first*, then cut.
"""

import asyncio
import json
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from bus import bounds, subjects
from bus.connection import Connection, NoAnswer, mapped
from messages.errors import DependencyError, ShareError

_PAGE: Final = 1_024  # connections in one answer of a server; after closing these, it is asked again
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_AT_ONCE: Final = 32  # logins looked for at the same time
_Place = tuple[str, int]  # (server, its number of the connection)


class Doorkeeper:
    """On a connection of `doorkeeper_permissions`, which stays the caller's."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def cut(self, public_keys: Collection[str]) -> int:
        """Close every connection whose login is one of `public_keys`, on all servers; how many there were.

        Raises `DependencyError` if after `CUT_SECONDS` it is not certain that none is left, because a server did not
        answer: then try again. A login that the callout grants while this runs is not among them.
        """
        closed: set[_Place] = set()
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
            raise DependencyError(
                "Not every server of the message bus has said that the revoked logins are cut off; try again."
            ) from None
        return len(closed)

    async def _cut(self, key: str, closed: set[_Place]) -> None:
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

    async def _kick(self, place: _Place) -> None:
        """A server takes no notice of a request that names no reply. Whether it is done, the next look shows."""
        server, number = place
        body = json.dumps({"cid": number}).encode()
        with suppress(NoAnswer):
            await self.connection.request(subjects.kick(server), body, timeout=bounds.SWEEP_SECONDS, doing="cutting")

    async def _connections(self, key: str, since: dict[str, datetime]) -> tuple[set[_Place], bool]:
        """The open connections of a login, and whether all servers have answered. One that began after the first look
        was asked about when `look_up` had changed, so it is left alone.
        """
        body = json.dumps({"auth": True, "user": key, "acc": "AGENCIES", "limit": _PAGE}).encode()
        found: set[_Place] = set()
        answers, complete = await self._ask_all(subjects.CONNECTIONS, body)
        for server, answer in answers.items():
            first = since.setdefault(server, _moment(answer.get("now")) or _NEVER)
            for one in _listed(answer):
                number, began = one.get("cid"), _moment(one.get("start"))
                if isinstance(number, int) and one.get("authorized_user") == key and (not began or began <= first):
                    found.add((server, number))
        return found, complete

    async def _ask_all(self, subject: str, body: bytes) -> tuple[dict[str, dict[str, Any]], bool]:
        """Every server's answer by its id, and whether there are as many as servers. The number of servers is what
        each of them says, the largest of it.
        """
        client = self.connection.client
        answers: dict[str, dict[str, Any]] = {}
        counts: dict[str, int] = {}
        ready = asyncio.Event()

        def look() -> None:
            if counts and len(answers) >= max(counts.values()):
                ready.set()

        async def answered(message: Msg) -> None:
            if (read := _read(message.data)) is not None:
                answers[read[0]] = read[1]
                look()

        async def counted(message: Msg) -> None:
            if (read := _read(message.data, "statsz")) is not None:
                count = read[1].get("active_servers")
                counts[read[0]] = count if isinstance(count, int) else 1
                look()

        inboxes = client.new_inbox(), client.new_inbox()
        with mapped("asking all servers"):
            listening = [
                await client.subscribe(inboxes[0], cb=answered),
                await client.subscribe(inboxes[1], cb=counted),
            ]
            try:
                await client.publish(subject, body, reply=inboxes[0])
                await client.publish(subjects.SERVERS, b"", reply=inboxes[1])
                try:
                    async with asyncio.timeout(bounds.SWEEP_SECONDS):
                        await ready.wait()
                except TimeoutError:
                    return answers, False
                return answers, True
            finally:
                for one in listening:
                    await _forget(one)


def _read(data: bytes, part: str = "data") -> tuple[str, dict[str, Any]] | None:
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


def _listed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    found = answer.get("connections")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


async def _forget(subscription: Subscription) -> None:
    with suppress(nats.errors.Error, OSError):  # the connection went: so did the subscription
        await subscription.unsubscribe()
