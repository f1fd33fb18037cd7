"""Our signed word on a view beside the retrieval: that people have taken it on, that it does not hold, what we did
when its sender took it back, or that we deleted our copy. Pure.

It is about exactly the bytes that arrived. Of a view that does not hold, message and sender are what it claims; the
broker takes the word only where the entry of that message lists this very view for us.
"""

from contextlib import suppress

from adapters.home import ContactKeys
from adapters.journal import Incoming
from adapters.recalls import Checked
from keys.domains import Tag
from keys.signing import digest
from messages import wire
from messages.acknowledgements import Acknowledgement, Fault, Said
from messages.envelope import Delivery
from messages.errors import RemoteError
from messages.ids import ContactHandle, ViewId


def acceptance(incoming: Incoming, keys: ContactKeys, now: int) -> bytes | None:
    """People have taken it on; None where the bytes name no message."""
    return _word(incoming, Said.ACCEPTED, None, keys, now)


def rejection(incoming: Incoming, code: str, keys: ContactKeys, now: int) -> bytes | None:
    """It does not hold and is shown to nobody; None where the bytes name no message, or nobody else has to know why."""
    with suppress(ValueError):
        return _word(incoming, Said.REJECTED, Fault(code), keys, now)
    return None


def deletion(incoming: Incoming, keys: ContactKeys, now: int) -> bytes | None:
    """The time to keep the copy is over, and it is deleted; None where the bytes name no message."""
    return _word(incoming, Said.DELETED, None, keys, now)


def withdrawn_from_use(
    checked: Checked, incoming: Incoming | None, sender: ContactHandle, keys: ContactKeys, now: int
) -> bytes:
    """What we did when its sender took a message back; `incoming` is None where the view is not here."""
    word = Acknowledgement(
        message=checked.recall.message,
        view_id=checked.view_id,
        view=checked.view,
        sender=sender,
        recipient=keys.contact.handle,
        said=Said.NOT_HERE if incoming is None else Said.WITHDRAWN_FROM_USE,
        fault=None,
        at=now,
    )
    return keys.signer.sign(Tag.ACKNOWLEDGEMENT, word.to_bytes()).to_bytes()


def _word(incoming: Incoming, said: Said, fault: Fault | None, keys: ContactKeys, now: int) -> bytes | None:
    try:
        view = Delivery.from_bytes(incoming.delivery).view
        manifest = wire.decode_view(view).manifest
    except RemoteError:
        return None
    word = Acknowledgement(
        message=manifest.id,
        view_id=ViewId(incoming.view),
        view=digest("view", view),
        sender=manifest.sender,
        recipient=keys.contact.handle,
        said=said,
        fault=fault,
        at=now,
    )
    return keys.signer.sign(Tag.ACKNOWLEDGEMENT, word.to_bytes()).to_bytes()
