"""What is owed is found through the database and read from the records themselves."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from audit.record import (
    ERASURE_CONFIRMED,
    RECALL_ORDERED,
    RETRIEVAL,
    VIEW_ACKNOWLEDGED,
    ActRecord,
    Record,
    read_record,
)
from broker.console.reading import Reading
from broker.projecting import Remembered
from broker.recordsdb import line_of, opened
from messages import cbor
from tests.broker.test_dues import CONSENT, VIEW, act, order
from tests.broker.test_recordsdb import DESK, OTHER, T0, A, B, agency_of

RECALLED, UNOPENED = bytes([1]) * 16, bytes([2]) * 16


def retrieval(message: bytes) -> Record:
    return Record(
        type=RETRIEVAL, at=T0 + 3, epoch=1, by="w" + "b" * 12, agency=B, message=message, submission=bytes(32),
        manifest=bytes(32), sender=DESK, recipient=OTHER, kind="RFI", outcome="retrieved", rules=(), sections=(),
        view=VIEW,
    )  # fmt: skip


def asking(message: bytes, at: int, **changes: Any) -> Record:
    said: dict[str, Any] = {"type": "decision", "at": at, "agency": A, "outcome": "permitted", "rules": ("SC-01",)}
    return replace(retrieval(message), **(said | changes))


class Port:
    """A log's records."""

    def __init__(self, records: list[Record | ActRecord]) -> None:
        self.records = records

    async def record(self, index: int) -> bytes:
        return cbor.dump({"salt": bytes(32), "record": self.records[index].to_bytes()})


@pytest.mark.asyncio
async def test_what_is_owed_is_what_the_records_leave_open(tmp_path: Path) -> None:
    recall = {"agency": A, "outcome": "recalled", "signer": DESK}
    back = {"kind": "RFI-RESPONSE", "agency": B, "sender": OTHER, "recipient": DESK}
    records: list[Record | ActRecord] = [
        order(at=T0 + 1),
        order(at=T0 + 2, view=bytes(32)),
        act(ERASURE_CONFIRMED, agency=B, outcome="erased", at=T0 + 4),
        retrieval(RECALLED),
        act(RECALL_ORDERED, subject=RECALLED, at=T0 + 5, **recall),
        act(RECALL_ORDERED, subject=UNOPENED, at=T0 + 6, **recall),
        act(VIEW_ACKNOWLEDGED, subject=RECALLED, agency=B, outcome="rejected", ground="content", at=T0 + 7),
        asking(bytes([3]) * 16, T0 + 8),
        asking(bytes([4]) * 16, T0 + 9, **back),
        asking(bytes([5]) * 16, T0 + 10),
    ]
    assert [read_record(one.to_bytes()) for one in records] == records
    directory = SimpleNamespace(home_of=agency_of)
    with opened(tmp_path / "records.db") as db:
        db.take(0, len(records), [line_of(n, one) for n, one in enumerate(records)], agency_of)
        reading = Reading.__new__(Reading)
        reading.db, reading._acts = db, Remembered(cast("Any", Port(records)))
        reading.home = cast("Any", SimpleNamespace(bundle=SimpleNamespace(directory=directory)))
        owed = await reading.owed()
        assert owed.erasures == [records[1]] and owed.rejected == [records[6]]
        assert owed.recalls == [records[4]], "a copy that was never opened was taken away"
        assert [line.index for line in owed.requests] == [9]
        word = act(VIEW_ACKNOWLEDGED, subject=RECALLED, agency=B, outcome="deleted", at=T0 + 11)
        erased = act(ERASURE_CONFIRMED, subject=CONSENT, view=bytes(32), agency=B, outcome="not-here", at=T0 + 12)
        later = [word, erased, asking(bytes([6]) * 16, T0 + 13, **back)]
        records += later
        db.take(10, 13, [line_of(10 + n, one) for n, one in enumerate(later)], agency_of)
        owed = await reading.owed()
        assert (owed.erasures, owed.recalls, owed.requests, owed.rejected) == ([], [], [], [records[6]])
