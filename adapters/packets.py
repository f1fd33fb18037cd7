"""A message of ours with all that proves it, as one file for somebody without a connection (docs/packet.md).

What goes in is what this agency holds: the envelope that it sent with the broker's evidence, or the view that it got
with stamp, record and its own retrieval; of its trust bundle of the epoch in which that was decided, the parts that
name who was involved; and, as far as the broker answers now, the log's proofs. `audit.packet` says what that proves.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from adapters.journal import Incoming, Outgoing
from adapters.trust import AgencyTrust
from audit import packet
from audit.checkpoint import MAX_NOTE_BYTES
from audit.packet import Packet, Proof, Stated
from keys.excerpts import excerpt, lines
from messages import cbor, limits, wire
from messages.cbor import Reader
from messages.directory import Directory
from messages.envelope import Delivery, GrantDetail, Opening
from messages.errors import BadInput, DependencyError, RemoteError, Unverified
from messages.evidence import Evidence, Stamp
from messages.ids import AgencyHandle
from messages.signed import Signed

Ask = Callable[[str, bytes], Awaitable[bytes]]

_STEPS: Final = 128


def of_sent(sent: Outgoing) -> tuple[Packet, int]:
    """What is known of a message that was sent, without trust bundle and proofs; raises `BadInput` where the broker has
    not answered yet.
    """
    if sent.evidence is None:
        raise BadInput("The broker has not answered about this message yet; try again when it has.")
    evidence = Evidence.from_bytes(Signed.from_bytes(sent.evidence).body)
    return _bare(packet.SENT, sent.data, evidence.epoch, evidence=sent.evidence), evidence.epoch


def of_received(incoming: Incoming, retrieval: bytes | None) -> tuple[Packet, int]:
    """The same of a view that was received; raises `BadInput` where it is gone."""
    if not incoming.delivery:
        raise BadInput("This message is not here any more.")
    stamp = Stamp.from_bytes(Delivery.from_bytes(incoming.delivery).stamp.body)
    return _bare(packet.RECEIVED, incoming.delivery, stamp.epoch, retrieval=retrieval), stamp.epoch


def _bare(
    kind: str, message: bytes, epoch: int, *, evidence: bytes | None = None, retrieval: bytes | None = None
) -> Packet:
    return Packet(
        kind=kind,
        message=message,
        evidence=evidence,
        retrieval=retrieval,
        epoch=epoch,
        audience="",
        roots=(),
        top=b"",
        lists={},
        files=(),
        stated=None,
        proofs=(),
    )


def involved(bare: Packet, directory: Directory) -> tuple[set[AgencyHandle], set[str]]:
    """Agencies whose parts of the trust bundle are needed, and ids of the agreements that the grants rest on."""
    if bare.kind == packet.SENT:
        envelope = wire.decode(bare.message)
        openings, papers, people = envelope.openings, envelope.attestations, [envelope.manifest.sender]
    else:
        delivery = Delivery.from_bytes(bare.message)
        view = wire.decode_view(delivery.view)
        openings, papers, people = view.openings, view.attestations, [view.manifest.sender]
    grants = list(_grants(openings))
    handles = [*map(str, people), *(str(g.recipient) for g in grants), *(p.by for p in papers)]
    found = {contact.agency for handle in handles if (contact := directory.contact(handle)) is not None}
    return found, {g.agreement for g in grants}


def _grants(openings: Iterable[Opening]) -> Iterable[GrantDetail]:
    for opening in openings:
        try:
            yield GrantDetail.from_bytes(opening.detail or b"")
        except RemoteError:
            continue  # of a section, or withheld


def trusted(bare: Packet, trust: AgencyTrust, audience: AgencyHandle, directory: Directory) -> Packet:
    """The packet with the parts of the trust bundle of its epoch; raises `BadInput` where they are not kept here."""
    agencies, agreements = involved(bare, directory)
    root = (trust.copy.folder / "root.json").read_bytes()
    found = excerpt(trust.copy.repository, root, trust.copy.audience, bare.epoch, agencies, agreements)
    return replace(bare, audience=audience, roots=found.roots, top=found.top, lists=found.lists, files=found.files)


async def proved(made: Packet, trust: AgencyTrust, ask: Ask) -> Packet:
    """The packet with what the broker's log proves now of what it was promised; less where it does not answer."""
    listed = lines(trust.copy.repository, made.epoch, made.top)
    stated, leaves = await _stated(made, listed, ask), _leaves(made)
    if stated is not None:
        leaves.append(packet.leaf_of(stated))
    proofs = [found for leaf in dict.fromkeys(leaves) if (found := await _proof(leaf, ask)) is not None]
    return replace(made, stated=stated, proofs=tuple(proofs))


def _leaves(made: Packet) -> list[bytes]:
    if made.evidence is not None:
        evidence = Evidence.from_bytes(Signed.from_bytes(made.evidence).body)
        return [evidence.leaf, *(o.leaf for o in evidence.outcomes)]
    return [Stamp.from_bytes(Delivery.from_bytes(made.message).stamp.body).leaf]


async def _stated(made: Packet, listed: tuple[str, ...], ask: Ask) -> Stated | None:
    value = cbor.load(await ask("epoch", cbor.dump(made.epoch)), limits.ENVELOPE_BYTES, "epoch")
    if value is None:
        return None  # it was not in force at this broker, or not logged yet
    reader = Reader(value, "epoch")
    stated = Stated(
        statement=reader.raw("statement", 1, limits.ATTESTATION_BYTES),
        index=reader.number("index"),
        path=tuple(cbor.bytes_list(reader.items("path", 64), "path", limits.DIGEST, limits.DIGEST)),
        lines=listed,
        salt=reader.fixed("salt", limits.DIGEST),
        record=reader.raw("record", 1, limits.ATTESTATION_BYTES),
    )
    reader.end()
    return stated


async def _proof(leaf: bytes, ask: Ask) -> Proof | None:
    for verb in ("witnessed", "proof"):  # to the head that witnesses cosigned, or where it does not reach to the newest
        value = cbor.load(await ask(verb, leaf), limits.ENVELOPE_BYTES, "proof")
        if value is not None:
            break
    else:
        return None
    reader = Reader(value, "proof")
    proof = Proof(
        leaf=leaf,
        index=reader.number("index"),
        size=reader.number("size"),
        path=tuple(cbor.bytes_list(reader.items("proof", _STEPS), "proof", limits.DIGEST, limits.DIGEST)),
        head=reader.raw("checkpoint", 1, MAX_NOTE_BYTES),
    )
    reader.end()
    return proof


@dataclass(frozen=True, slots=True)
class Exported:
    """A packet's bytes, and why the log's answers are not in it, as a sentence; None where they are."""

    data: bytes
    lacks: str | None


async def export(
    bare: Packet, trust: AgencyTrust, audience: AgencyHandle, directory: Directory, ask: Ask | None
) -> Exported:
    """The packet, checked before anybody gets it; raises `BadInput`, or `Unverified` where it does not hold.

    The log's proofs are not in it without `ask`, where nobody answers, and where the answer is nonsense or a lie: a
    broker must not be able to keep an agency from exporting what it has already signed.
    """
    made = trusted(bare, trust, audience, directory)
    if ask is None:
        lacks = "The broker cannot be reached; the log's proofs are not in it."
    else:
        try:
            return Exported(_held(await proved(made, trust, ask)), None)
        except DependencyError:
            lacks = "The broker does not answer about its log; the log's proofs are not in it."
        except RemoteError as error:
            lacks = f"What the broker answered about its log does not hold, so the log's proofs are not in it: {error}"
    return Exported(_held(made), lacks)


def _held(made: Packet) -> bytes:
    """Its bytes, or `Unverified`: nobody gets a packet that whoever checks it would refuse."""
    data = packet.write(made)
    verdict = packet.check(data)
    if not verdict.holds:
        raise Unverified(f"The packet would not hold: {verdict.steps[-1].says}")
    return data
