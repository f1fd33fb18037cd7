"""What a check of a log says: steps, breaks and notes, as plain values and as words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One thing that does not hold.

    `kind` is stable: tests and tools key on it, not on the prose. `index` is a leaf index for leaves, records and
    their order; the place in the store (`seq`) for entries; the line for deliveries; None where none can be named.
    """

    kind: str
    index: int | None
    where: str
    says: str

    def to_json(self) -> dict[str, object]:
        return {"kind": self.kind, "index": self.index, "where": self.where, "says": self.says}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the numbered checks of `audit.fsck`, and what it found, in words."""

    name: str
    holds: bool
    says: str

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "holds": self.holds, "says": self.says}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that `audit.fsck.check` found. The log holds if `first` is None."""

    log: str  # the log's name, "" where its key cannot be read
    key_id: str
    size: int  # leaves under the checkpoint
    root: bytes
    leaves: int
    records: int  # that are still held
    entries: int
    deliveries: int
    expired: tuple[int, ...]  # leaves whose record is no longer held
    unsequenced: int  # entries that are not in the log yet
    steps: tuple[Step, ...]
    breaks: tuple[Break, ...]
    notes: tuple[str, ...]

    @property
    def first(self) -> Break | None:
        """The break to look at first: the others may follow from it."""
        return self.breaks[0] if self.breaks else None

    @property
    def holds(self) -> bool:
        return not self.breaks

    def to_json(self) -> dict[str, object]:
        """The report as plain values; `breaks[0]` is the first."""
        return {
            "holds": self.holds,
            "log": self.log,
            "key_id": self.key_id,
            "size": self.size,
            "root": self.root.hex(),
            "leaves": self.leaves,
            "records": self.records,
            "entries": self.entries,
            "deliveries": self.deliveries,
            "expired": list(self.expired),
            "unsequenced": self.unsequenced,
            "steps": [step.to_json() for step in self.steps],
            "breaks": [item.to_json() for item in self.breaks],
            "notes": list(self.notes),
        }


def many(count: int, thing: str) -> str:
    """`1 leaf`, `2 leaves`, `3 entries`."""
    if count == 1:
        return f"1 {thing}"
    irregular = {
        "leaf": "leaves",
        "hash": "hashes",
        "entry": "entries",
        "delivery": "deliveries",
        "witness": "witnesses",
    }
    return f"{count} {irregular.get(thing, thing + 's')}"


def listed(indices: list[int], most: int = 12) -> str:
    """`1, 2, 3 …`, never an endless line."""
    return ", ".join(map(str, indices[:most])) + (" …" if len(indices) > most else "")
