"""Whoever looks records up leaves a record: the auditors are audited.

Pure. What was asked is not kept, its digest is: whoever knows the question can show that it was asked, and the log of
look-ups tells nobody else what somebody is investigating. The record is stored before the answer is shown; where it
cannot be stored, nothing is shown.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from hashlib import sha256

from audit.record import LOOKED_UP, act_record
from broker.admit import Admitted, Draft, World
from broker.recordsdb import Query
from bus.subjects import OPERATOR
from messages import limits


class Deed(StrEnum):
    """What somebody did with records, and on the console with proposals and saved searches."""

    LOGGED_IN = "logged-in"
    SEARCHED = "searched"
    VIEWED = "viewed"
    EXPORTED = "exported"
    HANDED_IN = "handed-in"
    REVIEWED = "reviewed"
    FETCHED = "fetched"
    DISCARDED = "discarded"
    SAVED = "saved"
    FORGOTTEN = "forgotten"


def asked(query: Query, **further: str | int) -> bytes:
    """What was asked, in the one form that is hashed: JSON, names sorted, no spaces, conditions that count alone."""
    said: Mapping[str, object] = {k: v for k, v in asdict(query).items() if v not in ("", None)}
    return _form({**said, **further})


def viewed(index: int) -> bytes:
    """The same for one record."""
    return _form({"leaf": index})


def named(what: str, name: str) -> bytes:
    """The same for one thing that has a name of its own: a proposal's digest, the id of a saved search."""
    return _form({what: name})


def _form(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def look_up(who: str, deed: Deed, what: bytes, world: World, now: int, number: bytes) -> Admitted:
    """The entry by which the log learns that somebody (a handle) looked something up. `number`: 16 random bytes."""
    record = act_record(
        at=now,
        epoch=world.bundle.epoch,
        by=world.worker.handle,
        act=LOOKED_UP,
        subject=number,
        outcome=deed.value,
        digest=sha256(what).digest(),
        signer=who,
    )
    draft = Draft(sha256(number + record.digest).digest(), OPERATOR, world, now)
    return draft.told("q" + number.hex(), record, limits.LIFETIME)
