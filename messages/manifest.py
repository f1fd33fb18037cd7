"""The signed header: codes, times and random ids only, and salted digests of the descriptions.

Nothing in it was written by a human hand; a test enumerates its fields. Everything written (subject line, operation,
reasons, conditions) is the sealed `cover` section.
"""

from dataclasses import dataclass

from messages import cbor, ids, limits
from messages.cbor import Reader
from messages.errors import Malformed
from messages.ids import ContactHandle, MessageId
from messages.labels import Basis, Caveat, CrimeArea, EvidenceUse, HCode, Kind, Lineage, Pap, Purpose, Tlp, Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Axes 1 and 2: who may see it and what may be done with it."""

    tlp: Tlp
    h: HCode
    pap: Pap
    caveats: tuple[Caveat, ...] = ()
    rel_to: tuple[str, ...] = ()  # countries (ISO 3166-1 alpha-2) to which alone it may go; empty: no such limit

    def to_value(self) -> dict[str, object]:
        """The map that stands in the manifest."""
        return {
            "caveats": sorted(c.value for c in self.caveats),
            "h": self.h.value,
            "pap": self.pap.value,
            "rel_to": sorted(self.rel_to),
            "tlp": self.tlp.value,
        }

    @classmethod
    def read(cls, reader: Reader) -> "Handling":
        """Read it, or raise `Malformed`."""
        handling = cls(
            caveats=reader.codes("caveats", Caveat),
            h=reader.code("h", HCode),
            pap=reader.code("pap", Pap),
            rel_to=reader.codes("rel_to", ids.country, limits.COUNTRIES),
            tlp=reader.code("tlp", Tlp),
        )
        reader.end()
        return handling


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the sending contact signs. Times are milliseconds since the Unix epoch."""

    id: MessageId
    kind: Kind
    sender: ContactHandle
    purpose: Purpose
    basis: Basis
    area: CrimeArea
    handling: Handling
    urgency: Urgency
    lineage: Lineage
    evidence_use: EvidenceUse
    created: int
    expires: int
    exercise: bool
    epoch: int
    checkpoint: tuple[int, bytes] | None  # size and root of the newest log head the sender verified: gossip
    digests: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """The bytes to sign."""
        return cbor.dump(
            {
                "v": limits.VERSION,
                "id": self.id,
                "kind": self.kind.value,
                "sender": self.sender,
                "purpose": self.purpose.value,
                "basis": self.basis.value,
                "area": self.area.value,
                "handling": self.handling.to_value(),
                "urgency": self.urgency.value,
                "lineage": self.lineage.value,
                "evidence_use": self.evidence_use.value,
                "created": self.created,
                "expires": self.expires,
                "exercise": self.exercise,
                "epoch": self.epoch,
                "checkpoint": list(self.checkpoint) if self.checkpoint else None,
                "digests": list(self.digests),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Read it, or raise `Malformed`. Checks shape and bounds only, no times against a clock."""
        reader = Reader(cbor.load(data, limits.MANIFEST_BYTES, "manifest"), "manifest")
        reader.version()
        gossip = reader.value("checkpoint")
        manifest = cls(
            id=ids.message_id(reader.fixed("id", 16)),
            kind=reader.code("kind", Kind),
            sender=reader.code("sender", ids.contact_handle),
            purpose=reader.code("purpose", Purpose),
            basis=reader.code("basis", Basis),
            area=reader.code("area", CrimeArea),
            handling=Handling.read(reader.inner("handling")),
            urgency=reader.code("urgency", Urgency),
            lineage=reader.code("lineage", Lineage),
            evidence_use=reader.code("evidence_use", EvidenceUse),
            created=reader.number("created"),
            expires=reader.number("expires"),
            exercise=reader.flag("exercise"),
            epoch=reader.number("epoch"),
            checkpoint=read_checkpoint(gossip),
            digests=cbor.bytes_list(
                reader.items("digests", limits.DIGESTS), "digests of the manifest", limits.DIGEST, limits.DIGEST
            ),
        )
        reader.end()
        count = len(manifest.digests)
        if count < 4 or count & (count - 1) or list(manifest.digests) != sorted(set(manifest.digests)):
            raise Malformed("The digests of the manifest are not 4, 8, 16 … distinct ones in rising order.")
        if not manifest.created < manifest.expires <= manifest.created + limits.LIFETIME:
            raise Malformed("The manifest's expiry is not within ninety days after its creation.")
        return manifest


def read_checkpoint(value: object) -> tuple[int, bytes] | None:
    """Read a gossiped log head (size and root) or null, or raise `Malformed`."""
    if value is None:
        return None
    if (
        type(value) is list
        and len(value) == 2
        and type(value[0]) is int
        and 0 <= value[0] < 2**53
        and type(value[1]) is bytes
        and len(value[1]) == limits.DIGEST
    ):
        return value[0], value[1]
    raise Malformed("A gossiped checkpoint has the wrong form.")
