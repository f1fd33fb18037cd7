"""What Safeconduct is held against: a relay that checks nothing, and a service as one would write it in an afternoon.

Both take from the same SUBMIT stream and write to the same FLOW stream of the same server as the broker does.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.signing import SigningKey

from bus import bounds, subjects
from bus.connection import Connection
from bus.queue import NatsBroker, Submission
from bus.store import Outgoing, Store
from messages.ids import AgencyHandle, ContactHandle, ViewId

BATCH: Final = 100
WAIT: Final = 1.0


def _subject(agency: AgencyHandle, contact: ContactHandle) -> str:
    return subjects.deliver(agency, contact, "normal", ViewId(secrets.token_hex(16)))


async def relay(
    connection: Connection, agency: AgencyHandle, contact: ContactHandle, count: int, *, batched: bool
) -> None:
    """Pull, publish the same bytes, acknowledge. In atomic batches, or singly with all confirmations awaited at once.

    It uses the broker's own puller and requests, which cost less than the client library's, so that the difference to
    the broker is the broker's work and nothing else.
    """
    port = await NatsBroker.open(connection)
    await port.take_from(())  # of whoever has handed in
    write: Callable[[Sequence[Outgoing]], Awaitable[None]]

    async def in_batch(messages: Sequence[Outgoing]) -> None:
        await port.streams.batch(messages)

    async def singly(messages: Sequence[Outgoing]) -> None:
        waiting = [await connection.ask(m.subject, m.data) for m in messages]
        for future in waiting:
            if b'"error"' in (await connection.reply(future, bounds.REQUEST_SECONDS)).data:
                raise AssertionError("the server refused a message of the relay")

    write = in_batch if batched else singly
    done = 0
    while done < count:
        taken: list[Submission] = await port.pull(BATCH, WAIT)
        if not taken:
            continue
        await write([Outgoing(_subject(agency, contact), s.data, {}) for s in taken])
        for submission in taken:
            await submission.ack()
        done += len(taken)
    await connection.flush()
    await port.close()


async def naive(connection: Connection, agency: AgencyHandle, contact: ContactHandle, count: int) -> None:
    """Take one message, look its sender up in a dict of rights, seal, sign, publish, acknowledge; then the next."""
    stream = connection.client.jetstream()
    (sender,) = await Store(connection).handed_in()
    await Store(connection).ensure_intake(sender)
    queue = await stream.pull_subscribe_bind(consumer=subjects.intake(sender, "normal"), stream=subjects.SUBMIT.name)
    signer = SigningKey.generate()
    recipients: dict[str, PublicKey] = {contact: PrivateKey.generate().public_key}
    rights: dict[str, dict[str, set[str]]] = {}
    done = 0
    while done < count:
        (message,) = await queue.fetch(1, timeout=5)
        sender = AgencyHandle(message.subject.split(".")[1])
        rights.setdefault(sender, {contact: {"A05"}})
        for recipient, types in rights[sender].items():
            if "A05" in types:
                sealed = SealedBox(recipients[recipient]).encrypt(message.data)
                await stream.publish(_subject(agency, contact), bytes(signer.sign(sealed)))
        await message.ack()
        done += 1
    await connection.flush()
