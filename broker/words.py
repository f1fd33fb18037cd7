"""A recipient's signed word on a view that it got, as it is handed in: who speaks, and of whose message. Pure.

Whether this very view was delivered to whoever speaks is asked, with the entry of the message, by what acts on it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from broker.admit import World, own_contact
from keys.domains import Tag
from keys.signing import verify
from messages import limits
from messages.errors import Stale, UnknownSender
from messages.evidence import Entry
from messages.ids import AgencyHandle, ContactHandle, MessageId, ViewId
from messages.signed import Signed


class OnView(Protocol):
    """What every such word names."""

    @property
    def message(self) -> MessageId: ...

    @property
    def view_id(self) -> ViewId: ...

    @property
    def view(self) -> bytes: ...

    @property
    def sender(self) -> ContactHandle: ...

    @property
    def recipient(self) -> ContactHandle: ...

    @property
    def at(self) -> int: ...


T = TypeVar("T", bound=OnView)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Generic[T]):
    """What a recipient says, by whoever it says, of the agency that hands it in."""

    said: T
    signed: Signed
    sender: AgencyHandle  # whose message it is about, by its word

    def was_delivered(self, entry: Entry | None) -> bool:
        """Whether the entry of that message lists this very view, for whoever speaks."""
        return entry is not None and (self.said.view_id, self.said.recipient, self.said.view) in entry.views


def read(
    raw: bytes, submitter: AgencyHandle, world: World, now: int, *, tag: Tag, of: Callable[[bytes], T], what: str
) -> Word[T]:
    """The word, or raise the `RemoteError` that says why it is refused. `world` is the submitter's own; `of` reads the
    body that was signed under `tag`, and `what` is how a sentence names it.
    """
    signed = Signed.from_bytes(raw, limits.ATTESTATION_BYTES)
    contact = own_contact(signed, submitter, world.bundle.directory)
    said = of(verify(signed, tag, contact.key_at(now)))
    if said.recipient != contact.handle:
        raise UnknownSender(f"The {what} is not by whom the view was for.")
    if said.at > now + limits.CLOCK_SKEW:
        raise Stale(f"The {what} is dated in the future; check the clock of the machine that signed it.")
    sender = world.bundle.directory.contact(said.sender)
    if sender is None:
        raise UnknownSender
    return Word(said=said, signed=signed, sender=sender.agency)
