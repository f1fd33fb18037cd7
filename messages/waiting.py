"""What waits for a contact beside the views of messages: told apart by the one field that each alone has."""

from typing import Final, Literal, get_args

from messages import cbor
from messages.errors import Malformed

Claim = Literal["notice", "leak", "recall", "unread"]
_CLAIMS: Final[tuple[Claim, ...]] = get_args(Claim)


def claimed(data: bytes) -> Claim | None:
    """What this claims to be: the notice of a withdrawn consent, a report of a leak, a recall, or the word that a
    message was not opened. None: it is read as a view's delivery. Whether it is what it claims, its own reader says.
    """
    try:
        value = cbor.load(data, len(data), "delivery")
    except Malformed:
        return None
    return next((claim for claim in _CLAIMS if isinstance(value, dict) and claim in value), None)
