"""Every error raised on purpose. Catch a branch; catch a leaf only to act on that leaf.

ShareError
├─ RemoteError          the peer sent what we will not take: record it, never retry
│  ├─ Malformed         the bytes do not parse
│  ├─ Unverified        they parse; the proof does not hold
│  │  └─ BundleRefused  the trust bundle that was offered is not one to trust: `why` names what is wrong
│  ├─ UnknownSender     the proof names somebody who is not a designated contact
│  ├─ Stale             the proof holds; it is too old, too early, or past its end
│  ├─ Replayed          the proof holds; this id has been used before, or by somebody else
│  ├─ ContentRefused    the content is not what its data type permits
│  ├─ Disagrees         the broker permitted what the recipient's own rules refuse, or for other reasons
│  │  └─ NewerEpoch     it was decided under a newer trust bundle than ours: fetch that, then look again
│  └─ Mislabelled       the content is not what its sender declared it to be
├─ LocalError           we or our operator asked for the impossible: fix the input or the configuration
│  ├─ BadInput          a file, an argument or an address that the person can mend
│  ├─ NotPermitted      policy refuses; nothing was sent, or nothing is shown
│  └─ KeyTrouble        a key is missing, locked, loosely kept or of the wrong kind
└─ DependencyError      bus, disk, guard or clock failed us: retrying may help

A refusal by policy is a `Decision`, not an error; `NotPermitted` is how the adapter tells the person who asked.
Text names ids and rules, never payload or key bytes (law 6). `code` is stable: audit records and tests key on it;
`says` is the sentence for a non-technical reader, as a rule's `@says` is.
"""

from typing import ClassVar


class ShareError(Exception):
    """Root of the tree. `str(error)` is one sentence for the person who sees it."""

    code: ClassVar[str] = "share"
    says: ClassVar[str] = "The request could not be carried out."

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.says)


class RemoteError(ShareError):
    """The peer sent what we will not take."""

    code = "remote"
    says = "What was received cannot be accepted."


class Malformed(RemoteError):
    """The bytes do not parse, or exceed a bound of `messages.limits`."""

    code = "malformed"
    says = "The bytes are not a Safeconduct message."


class Unverified(RemoteError):
    """A signature, digest, commitment or seal does not hold."""

    code = "unverified"
    says = "A signature or seal does not hold, so the message may have been forged or altered."


class BundleRefused(Unverified):
    """The trust bundle that was offered is not one to trust; the one before stays in use.

    `why`: expired, frozen, rolled-back, mixed, unsigned, not-for-us, too-large, unreadable, refused.
    """

    code = "bundle-refused"
    says = "The trust bundle that was offered does not hold, so the one before it stays in use."

    def __init__(self, why: str = "unreadable", sentence: str = "") -> None:
        super().__init__(sentence)
        self.why = why


class UnknownSender(RemoteError):
    """The sender is not in the directory of designated contacts, or is not of the submitting agency."""

    code = "undesignated-sender"
    says = "Only a designated contact of the task force may send, and only through its own agency."


class Stale(RemoteError):
    """Created in the future, expired, or admitted later than the kind allows (docs/design.md section 5, "fresh")."""

    code = "stale"
    says = "The message is too old, dated in the future, or past its expiry; a person has to look at it again."


class Replayed(RemoteError):
    """The id has been used for other bytes, or somebody else submits what another agency signed."""

    code = "replayed"
    says = "This message id was used before with other content, or the message was signed for another agency."


class ContentRefused(RemoteError):
    """A section does not fit its data type. Names the type and the field path, never the value."""

    code = "content"
    says = "The content does not fit its data type, and a field outside the catalogue is refused, never dropped."


class Disagrees(RemoteError):
    """The broker permitted what our own rules refuse, or for other reasons, or under another time or epoch."""

    code = "decision-differs"
    says = "The broker's decision is not the one that our own rules give; the message is kept aside for an officer."


class NewerEpoch(Disagrees):
    """The broker decided under a newer trust bundle than ours: fetch it, then look again. `epoch` is that one's."""

    code = "newer-epoch"
    says = "The message was admitted under a newer trust bundle than ours; it opens when that has been fetched."

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch


class Mislabelled(RemoteError):
    """The content has other roles or identity flags than its sender declared."""

    code = "mislabelled"
    says = "The content is not what its sender declared it to be; the message is kept aside for an officer."


class LocalError(ShareError):
    """We or our operator asked for the impossible."""

    code = "local"


class BadInput(LocalError):
    """The person's own file, argument or address is wrong. The sentence says what and what to do."""

    code = "bad-input"


class NotPermitted(LocalError):
    """Policy refuses what was asked. The sentence is the rule's."""

    code = "not-permitted"


class KeyTrouble(LocalError):
    """A key file is missing, has loose permissions, does not unlock, or holds another kind of key."""

    code = "key"


class DependencyError(ShareError):
    """NATS, the disk, the guard or the clock failed us; retrying may help."""

    code = "dependency"
    says = "A service this program depends on did not answer; try again."
