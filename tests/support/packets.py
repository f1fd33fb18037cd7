"""Packets without a server: a log of what the broker admitted, which answers as brokers do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters import packets
from adapters.trust import AgencyTrust
from audit.checkpoint import Checkpoint, VerifierKey, sign_checkpoint
from audit.packet import Packet
from audit.record import leaf
from audit.tree import Tree, leaf_hash
from broker.admit import Admitted
from broker.trust import announce_epoch
from messages import cbor
from messages.evidence import Entry
from messages.signed import Signed
from tests.support.orchid import TaskForce


@dataclass
class Log:
    """The records of some admissions and of the epoch, as a log with a signed head."""

    force: TaskForce
    asker: str
    leaves: list[bytes] = field(default_factory=list)
    epoch: bool = True

    def add(self, *admitted: Admitted) -> None:
        for one in admitted:
            entry = Entry.from_bytes(Signed.from_bytes(one.entry).body)
            self.leaves += [leaf(salt, record) for salt, record in entry.records]

    async def ask(self, verb: str, data: bytes) -> bytes:
        """One question, answered as `broker.service` does."""
        if verb == "epoch":
            return self._epoch()
        if verb == "witnessed":
            return cbor.dump(None)
        hashes = [leaf_hash(one) for one in self.leaves]
        if data not in hashes:
            return cbor.dump(None)
        tree, broker = Tree(), self.force.broker
        tree.extend(self.leaves)
        key = VerifierKey.parse(broker.bundle.directory.operator.log_vkey)
        head = Checkpoint(origin=key.name, size=tree.size, root=tree.root())
        index = hashes.index(data)
        return cbor.dump(
            {
                "index": index,
                "size": tree.size,
                "proof": tree.inclusion_proof(index, tree.size),
                "checkpoint": sign_checkpoint(head, key, broker.log_signer.sign_note),
            }
        )

    def _epoch(self) -> bytes:
        place = self.force.broker.trust.place(self.force.agency(self.asker))
        if not self.epoch or place is None:
            return cbor.dump(None)
        statement, index, path = place
        told = announce_epoch(self.force.broker.trust.current.statement, self.force.world(), self.force.now)
        ((salt, record),) = Entry.from_bytes(Signed.from_bytes(told.entry).body).records
        if leaf(salt, record) not in self.leaves:
            self.add(told)
        return cbor.dump(
            {"statement": statement.to_bytes(), "index": index, "path": list(path), "salt": salt, "record": record}
        )


async def exported(force: TaskForce, address: str, bare: Packet, log: Log | None) -> bytes:
    """The packet that the agency of this address makes of it."""
    home = force.homes[address.partition("/")[0]]
    trust: AgencyTrust = home.trust
    ask = log.ask if log is not None else None
    return (await packets.export(bare, trust, home.agency.handle, home.bundle.directory, ask)).data


def parts(data: bytes) -> Sequence[bytes]:
    """The byte strings in a packet, outermost first: to change each of them."""
    found: list[bytes] = []

    def walk(value: object) -> None:
        if isinstance(value, bytes):
            found.append(value)
        elif isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(cbor.load(data, len(data)))
    return found
